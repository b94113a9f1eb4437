//! A lean HTTP/1.1 client: one keep-alive connection, one request at a time.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const RESPONSE_BYTES_MAX: usize = 4096;

pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    response: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::new(), response: vec![0; RESPONSE_BYTES_MAX] })
    }

    /// Adds one to the entity `key` and reads the answer to its end.
    pub(crate) async fn add(&mut self, key: usize) -> anyhow::Result<()> {
        self.request.clear();
        write!(
            self.request,
            "POST /v1/tally/k{key}/add HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n\
             content-type: application/json\r\ncontent-length: 1\r\n\r\n1"
        )?;
        self.stream.write_all(&self.request).await?;
        let mut length = 0;
        while !is_whole(&self.response[..length])? {
            ensure!(length < RESPONSE_BYTES_MAX, "the response is too long");
            let read = self.stream.read(&mut self.response[length..]).await?;
            ensure!(read > 0, "the server closed the connection");
            length += read;
        }
        Ok(())
    }
}

/// Whether a response is there with its whole body; it must be a 200 with a length.
fn is_whole(response: &[u8]) -> anyhow::Result<bool> {
    let Some(head_len) = response.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(false);
    };
    let head = std::str::from_utf8(&response[..head_len])?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
    let length = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.with_context(|| format!("no content-length: {head}"))?;
    Ok(response.len() >= head_len + 4 + length)
}
