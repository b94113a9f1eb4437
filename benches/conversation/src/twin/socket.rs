//! The twin's WebSocket: a request and its reply as JSON, in the same envelope as ours, so that one client drives both.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::{Refusal, Store};
use crate::job::{Made, Submitted};

/// What axum keeps for each socket; its default is 128 KiB.
const BUFFER_BYTES: usize = 4096;

#[derive(Deserialize)]
struct Command<'a> {
    id: u32,
    #[serde(borrow)]
    rpc: Option<Rpc<'a>>,
}

#[derive(Deserialize)]
struct Rpc<'a> {
    #[serde(borrow)]
    method: &'a str,
    data: Made,
}

#[derive(Serialize)]
struct Reply {
    id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    rpc: Option<Data>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect: Option<Connected>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failed>,
}

#[derive(Serialize)]
struct Data {
    data: Submitted,
}

#[derive(Serialize)]
struct Connected {}

#[derive(Serialize)]
struct Failed {
    code: u16,
    message: String,
}

pub(super) async fn upgrade(
    State(store): State<Arc<Store>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade.read_buffer_size(BUFFER_BYTES).write_buffer_size(0);
    upgrade.on_upgrade(move |socket| serve(socket, store))
}

async fn serve(mut socket: WebSocket, store: Arc<Store>) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let Ok(command) = serde_json::from_str::<Command<'_>>(&text) else { return };
        let reply = answer(&store, command).await;
        let text = serde_json::to_string(&reply).expect("a reply is JSON");
        if socket.send(Message::text(text)).await.is_err() {
            return;
        }
    }
}

async fn answer(store: &Store, command: Command<'_>) -> Reply {
    let mut reply = Reply { id: command.id, rpc: None, connect: None, error: None };
    let Some(rpc) = command.rpc else {
        reply.connect = Some(Connected {});
        return reply;
    };
    let submitted = match key_of(rpc.method) {
        Some(key) => store.submit(key, rpc.data).await,
        None => Err(Refusal::new(axum::http::StatusCode::NOT_FOUND, "there is no such method")),
    };
    match submitted {
        Ok(data) => reply.rpc = Some(Data { data }),
        Err(error) => {
            reply.error = Some(Failed { code: error.status.as_u16(), message: error.message });
        }
    }
    reply
}

fn key_of(method: &str) -> Option<&str> {
    method.strip_prefix("participant/")?.strip_suffix("/submit")
}

#[cfg(test)]
mod tests {
    use super::key_of;

    #[test]
    fn a_method_names_its_participant() {
        assert_eq!(key_of("participant/films.ada/submit"), Some("films.ada"));
        assert_eq!(key_of("participant/films.ada/other"), None);
    }
}
