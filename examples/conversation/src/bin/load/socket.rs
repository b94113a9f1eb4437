//! One WebSocket of a participant, as a page has it: the JSON protocol of Centrifuge.

use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than the node's own deadline, which says more.
const REPLY_MAX: Duration = Duration::from_secs(40);

pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    commands: u32,
}

/// What an answer that is no reply says.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) is_temporary: bool,
    pub(crate) message: String,
}

impl Socket {
    /// Connects, and follows a conversation as its page does.
    pub(crate) async fn open(url: &str, topic: &str) -> anyhow::Result<Self> {
        let (stream, _) =
            timeout(REPLY_MAX, connect_async(url)).await.context("no handshake")??;
        let mut socket = Self { stream, commands: 0 };
        for (name, value) in [("connect", json!({})), ("subscribe", json!({"channel": topic}))] {
            if let Err(refusal) = socket.command(name, &value).await? {
                bail!("{name}: {}", refusal.message);
            }
        }
        Ok(socket)
    }

    /// Calls an actor. The outer error is that of the connection.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        data: &Value,
    ) -> anyhow::Result<Result<Value, Refusal>> {
        let answer = self.command("rpc", &json!({"method": method, "data": data})).await?;
        Ok(answer.map(|mut rpc| rpc["data"].take()))
    }

    async fn command(
        &mut self,
        name: &str,
        value: &Value,
    ) -> anyhow::Result<Result<Value, Refusal>> {
        self.commands += 1;
        let command = json!({"id": self.commands, name: value}).to_string();
        self.stream.send(Message::text(command)).await?;
        let answer = timeout(REPLY_MAX, self.answer(name)).await;
        answer.with_context(|| format!("no answer to {name}"))?
    }

    async fn answer(&mut self, name: &str) -> anyhow::Result<Result<Value, Refusal>> {
        loop {
            let message = self.stream.next().await.context("the node has closed the socket")??;
            let Message::Text(text) = message else { continue };
            for line in text.lines() {
                let mut reply: Value = serde_json::from_str(line)?;
                if reply == json!({}) {
                    self.stream.send(Message::text("{}")).await?;
                } else if reply["id"] == self.commands {
                    let error = &reply["error"];
                    if error.is_null() {
                        return Ok(Ok(reply[name].take()));
                    }
                    return Ok(Err(Refusal {
                        is_temporary: error["temporary"] == true,
                        message: error["message"].as_str().unwrap_or("no reason").to_owned(),
                    }));
                }
            }
        }
    }
}
