//! A lean HTTP/1.1 client: one keep-alive connection, one request at a time.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Said;

const RESPONSE_BYTES_MAX: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Http {
    stream: TcpStream,
    request: Vec<u8>,
    response: Vec<u8>,
}

/// The head of a response.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    /// Where the body begins.
    len: usize,
    status: u16,
    body_len: usize,
}

impl Http {
    pub(crate) async fn open(at: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(at).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::new(), response: vec![0; 4096] })
    }

    /// Sends JSON and reads the response to its end.
    pub(crate) async fn post(
        &mut self,
        path: &impl Display,
        body: &str,
    ) -> anyhow::Result<Said<'_>> {
        self.request.clear();
        write!(
            self.request,
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len(),
        )?;
        self.stream.write_all(&self.request).await?;
        let mut len = 0;
        let head = loop {
            if len == self.response.len() {
                ensure!(len < RESPONSE_BYTES_MAX, "the response is too long");
                self.response.resize(len * 2, 0);
            }
            let read = self.stream.read(&mut self.response[len..]).await?;
            ensure!(read > 0, "the service closed the connection");
            len += read;
            if let Some(head) = head(&self.response[..len])?
                && len >= head.len + head.body_len
            {
                break head;
            }
        };
        let body = &self.response[head.len..head.len + head.body_len];
        if head.status == 200 {
            return Ok(Said::Reply(body));
        }
        let message = String::from_utf8_lossy(body).into_owned();
        Ok(Said::Refused { code: head.status.into(), message })
    }
}

/// The head of a response, if it is there to its end.
fn head(response: &[u8]) -> anyhow::Result<Option<Head>> {
    let Some(len) = response.windows(4).position(|it| it == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&response[..len])?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.with_context(|| format!("no status: {text}"))?;
    let body_len = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let body_len = body_len.with_context(|| format!("no content-length: {text}"))?;
    Ok(Some(Head { len: len + 4, status, body_len }))
}

/// Reads a page, waiting for it.
pub(crate) fn get(at: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = std::net::TcpStream::connect_timeout(&at, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    ensure!(text.starts_with("HTTP/1.1 200"), "{path}: {}", text.lines().next().unwrap_or(""));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Head, head};

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let whole = b"HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\n\r\nnow";
        let expected = Head { len: 44, status: 409, body_len: 3 };
        assert_eq!(head(whole).expect("it is well-formed"), Some(expected));
        assert_eq!(head(&whole[..30]).expect("it may go on"), None);
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
