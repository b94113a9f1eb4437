//! One HTTP/1.1 connection to a server on this machine, and what is known of a call over it.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::Deserialize;

/// How long a server may be silent. Longer than its own deadline of 30 s, which says more.
const SILENCE_MAX: Duration = Duration::from_secs(40);
const CONNECT_MAX: Duration = Duration::from_secs(5);
const HEADERS_MAX: usize = 32;
/// Longer replies are none of ours.
const REPLY_BYTES_MAX: usize = 1 << 20;

/// A connection that is opened when it is needed and again after it broke.
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    patience: Duration,
    retry_after: Option<Duration>,
}

/// A call as it is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The method of HTTP.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// JSON.
    pub body: &'a str,
    /// Sent as `Idempotency-Key`.
    pub key: Option<&'a str>,
    /// Sent as `If-Match`.
    pub tag: Option<&'a str>,
    /// Asks for a reply that waits until its turn is durable.
    pub durable: bool,
}

/// What a call was answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The body.
    pub body: String,
    /// Whether the reply is the remembered one of an earlier call with the same key.
    pub was_replayed: bool,
    /// Which state of its actor the turn left or met.
    pub tag: Option<String>,
}

/// Why a server says that a call is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of HTTP.
    pub status: u16,
    /// The stable word: the application's own, or one of Tenure's.
    pub code: String,
    /// The problem in words.
    pub detail: String,
}

/// Where a client goes away in the middle of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// So many bytes before it has sent everything; nothing is sent where there are fewer.
    Sending(usize),
    /// So much later than it has sent everything, without reading.
    Waiting(Duration),
    /// When it has read so many bytes.
    Replying(usize),
}

/// Why a call brought no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It was certainly not executed: nobody was reached, or the server says so.
    NotExecuted(String),
    /// Nobody can say whether it was executed.
    Unknown(String),
    /// The server says that the call is wrong.
    Refused(Refusal),
}

/// A reply as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) reply: Reply,
    /// Whether the connection goes on.
    pub(crate) keeps: bool,
    /// After how long the call may be made again.
    pub(crate) retry_after: Option<Duration>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: String,
    detail: String,
    outcome: String,
    retryable: bool,
}

impl Connection {
    /// A connection to `address`, not opened yet.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let (buffer, patience) = (Vec::new(), SILENCE_MAX);
        Self { address, stream: None, buffer, patience, retry_after: None }
    }

    /// The same, which a server may keep waiting this long and no longer.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// After how long the last call may be made again, where its answer said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Makes a call and gives the body of its reply.
    ///
    /// # Errors
    /// [`Failure`] says what is known of the call.
    pub fn call(&mut self, method: &str, path: &str, body: &str) -> Result<String, Failure> {
        let request = Request { method, path, body, ..Request::default() };
        self.ask(&request, None).map(|reply| reply.body)
    }

    /// Makes a call, and goes away in the middle of it if there is a `cut`.
    ///
    /// # Errors
    /// [`Failure`] says what is known of the call.
    pub fn ask(&mut self, request: &Request<'_>, cut: Option<Cut>) -> Result<Reply, Failure> {
        self.retry_after = None;
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect().map_err(|error| Failure::NotExecuted(error.to_string()))?,
        };
        let Request { method, path, body, key, tag, durable } = *request;
        let length = body.len();
        let key = key.map(|key| format!("idempotency-key: {key}\r\n")).unwrap_or_default();
        let tag = tag.map(|tag| format!("if-match: {tag}\r\n")).unwrap_or_default();
        let prefer = if durable { "prefer: wait=durable\r\n" } else { "" };
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{key}{tag}\
             {prefer}content-length: {length}\r\n\r\n{body}",
            self.address
        );
        if let Some(cut) = cut {
            // What became of it is not known, and with a failure less still.
            let _ = leave(&mut stream, text.as_bytes(), cut);
            return Err(Failure::Unknown("the client went away".to_owned()));
        }
        // A part of it may have been sent: not even a failed write proves that nothing happened.
        let answered = stream
            .write_all(text.as_bytes())
            .and_then(|()| self.read_reply(&mut stream))
            .map_err(|error| Failure::Unknown(error.to_string()))?;
        self.stream = answered.keeps.then_some(stream);
        self.retry_after = answered.retry_after;
        match answered.status {
            200 => Ok(answered.reply),
            status => Err(understand(status, &answered.reply.body)),
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, CONNECT_MAX)?;
        // While nobody listens, the system may connect a socket to itself.
        if stream.local_addr()? == self.address {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(self.patience))?;
        Ok(stream)
    }

    fn read_reply(&mut self, stream: &mut TcpStream) -> io::Result<Answered> {
        self.buffer.clear();
        let mut chunk = [0; 4096];
        loop {
            if let Some(reply) = parse(&self.buffer)? {
                return Ok(reply);
            }
            let count = match stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.buffer.extend_from_slice(&chunk[..count]);
            if self.buffer.len() > REPLY_BYTES_MAX {
                return Err(invalid("the reply is too long"));
            }
        }
    }
}

/// Does a part of a call.
fn leave(stream: &mut TcpStream, text: &[u8], cut: Cut) -> io::Result<()> {
    let missing = match cut {
        Cut::Sending(missing) => missing.min(text.len()),
        Cut::Waiting(_) | Cut::Replying(_) => 0,
    };
    stream.write_all(&text[..text.len() - missing])?;
    match cut {
        Cut::Sending(_) => {}
        Cut::Waiting(time) => std::thread::sleep(time),
        Cut::Replying(bytes) => stream.read_exact(&mut vec![0; bytes])?,
    }
    Ok(())
}

/// Reads a whole reply, `None` while a part of it is missing.
pub(crate) fn parse(bytes: &[u8]) -> io::Result<Option<Answered>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(bytes).map_err(|error| invalid(&error.to_string()))?;
    let httparse::Status::Complete(begin) = parsed else { return Ok(None) };
    let find = |name: &str| {
        let header = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()
    };
    let length = find("content-length").and_then(|text| text.parse::<usize>().ok());
    let length = length.ok_or_else(|| invalid("the reply has no content-length"))?;
    let Some(body) = bytes.get(begin..begin.saturating_add(length)) else { return Ok(None) };
    let keeps = find("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close"));
    let status = head.code.ok_or_else(|| invalid("the reply has no status"))?;
    let body = String::from_utf8_lossy(body).into_owned();
    let was_replayed = find("idempotency-replayed") == Some("true");
    let tag = find("etag").map(str::to_owned);
    let retry_after = find("retry-after").and_then(|text| text.parse().ok());
    let retry_after = retry_after.map(Duration::from_secs);
    Ok(Some(Answered { status, reply: Reply { body, was_replayed, tag }, keeps, retry_after }))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Reads a problem (RFC 9457).
fn understand(status: u16, body: &str) -> Failure {
    let problem: Problem = serde_json::from_str(body).unwrap_or_default();
    let Problem { code, detail, outcome, retryable } = problem;
    match (outcome.as_str(), retryable) {
        ("not-executed", true) => Failure::NotExecuted(format!("{status}: {detail}")),
        ("not-executed" | "executed", _) => Failure::Refused(Refusal { status, code, detail }),
        _ => Failure::Unknown(format!("{status}: {detail}")),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_when_it_is_whole() {
        let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n42";
        for end in 0..reply.len() {
            assert!(parse(&reply[..end]).unwrap().is_none(), "{end}");
        }
        let whole = Reply { body: "42".to_owned(), was_replayed: false, tag: None };
        let answered = Answered { status: 200, reply: whole, keeps: true, retry_after: None };
        assert_eq!(parse(reply).unwrap(), Some(answered));
        let last = b"HTTP/1.1 503 X\r\nConnection: close\r\nIdempotency-Replayed: true\r\nETag: \"1-2\"\r\n\
                     Retry-After: 3\r\ncontent-length: 0\r\n\r\n";
        let tag = Some("\"1-2\"".to_owned());
        let empty = Reply { body: String::new(), was_replayed: true, tag };
        let retry_after = Some(Duration::from_secs(3));
        let answered = Answered { status: 503, reply: empty, keeps: false, retry_after };
        assert_eq!(parse(last).unwrap(), Some(answered));
        assert!(parse(b"SSH-2.0-x\r\n").is_err());
    }

    #[test]
    fn a_failure_is_only_as_certain_as_the_server_says() {
        let problem = r#"{"detail":"d","outcome":"not-executed","retryable":true}"#;
        assert_eq!(understand(503, problem), Failure::NotExecuted("503: d".to_owned()));
        let problem = r#"{"detail":"d","outcome":"unknown","retryable":false}"#;
        assert_eq!(understand(504, problem), Failure::Unknown("504: d".to_owned()));
        assert_eq!(understand(500, "oops"), Failure::Unknown("500: ".to_owned()));
        let problem = r#"{"code":"c","detail":"d","outcome":"not-executed","retryable":false}"#;
        let (code, detail) = ("c".to_owned(), "d".to_owned());
        let refusal = Refusal { status: 400, code, detail };
        assert_eq!(understand(400, problem), Failure::Refused(refusal));
    }
}
