//! A WebSocket that calls methods: the JSON protocol of Centrifuge, as pages speak it.

use std::fmt::Display;
use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::Said;

const BUFFER_BYTES: usize = 4096;

pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    commands: u32,
    answer: Utf8Bytes,
}

#[derive(Deserialize)]
struct Answer<'a> {
    id: Option<u32>,
    #[serde(borrow)]
    rpc: Option<Data<'a>>,
    error: Option<Failed>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Failed {
    code: u32,
    message: String,
}

impl Socket {
    pub(crate) async fn open(at: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(at).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default();
        let config = config.read_buffer_size(BUFFER_BYTES).write_buffer_size(0);
        let url = format!("ws://{at}/connection/websocket");
        let (stream, _) = client_async_with_config(url, stream, Some(config)).await?;
        let mut socket = Self { stream, commands: 1, answer: Utf8Bytes::default() };
        socket.stream.send(Message::text(r#"{"id":1,"connect":{}}"#)).await?;
        socket.receive().await?;
        ensure!(socket.answer.contains("\"connect\""), "{}", socket.answer);
        Ok(socket)
    }

    pub(crate) async fn call(
        &mut self,
        method: &impl Display,
        data: &str,
    ) -> anyhow::Result<Said<'_>> {
        self.commands += 1;
        let id = self.commands;
        let text = format!(r#"{{"id":{id},"rpc":{{"method":"{method}","data":{data}}}}}"#);
        self.stream.send(Message::text(text)).await?;
        self.receive().await?;
        let answer: Answer<'_> = serde_json::from_str(&self.answer)?;
        ensure!(answer.id == Some(id), "an answer to something else: {}", self.answer);
        if let Some(Failed { code, message }) = answer.error {
            return Ok(Said::Refused { code, message });
        }
        let rpc = answer.rpc.with_context(|| format!("no reply: {}", self.answer))?;
        Ok(Said::Reply(rpc.data.get().as_bytes()))
    }

    /// The next message that is no ping.
    async fn receive(&mut self) -> anyhow::Result<()> {
        loop {
            match self.stream.next().await.context("the service closed the socket")?? {
                Message::Text(text) if text.as_str() == "{}" => {
                    self.stream.send(Message::text("{}")).await?;
                }
                Message::Text(text) => {
                    self.answer = text;
                    return Ok(());
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => bail!("not text: {other:?}"),
            }
        }
    }
}
