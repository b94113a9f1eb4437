//! One connection of an event stream over HTTP/1.1, read as a browser's `EventSource` reads it (WHATWG HTML, section 9.2).

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long a server may take for its head. Longer than its own deadline of 30 s.
const HEAD_MAX: Duration = Duration::from_secs(40);
/// How long a look for the next message takes at most.
const LOOK_MAX: Duration = Duration::from_millis(100);
const HEADERS_MAX: usize = 32;
/// What is not a message yet; longer ones are none of ours.
const UNREAD_BYTES_MAX: usize = 4 << 20;

/// A stream that was begun.
pub(crate) struct EventStream {
    stream: TcpStream,
    body: Body,
}

/// What a look found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Message(Message),
    /// Nothing yet.
    Nothing,
    /// The stream is over, in whatever way.
    End,
}

/// One message of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// Empty for plain messages.
    pub(crate) name: String,
    /// The id that was told last.
    pub(crate) id: String,
    pub(crate) data: String,
}

/// Why there is no stream.
pub(crate) enum Unopened {
    /// No answer came: `EventSource` tries again by itself.
    Lost(io::Error),
    /// The answer was no stream: `EventSource` gives up.
    Refused { status: u16, retry_after: Option<Duration> },
}

impl fmt::Display for Unopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(why) => write!(f, "no answer came: {why}"),
            Self::Refused { status, .. } => write!(f, "the answer is {status}"),
        }
    }
}

/// The body of an answer, as far as it has come.
#[derive(Debug, Default)]
struct Body {
    /// Chunks of the transfer.
    wire: Vec<u8>,
    /// Lines.
    text: Vec<u8>,
    /// The message that the lines so far make.
    message: Message,
    /// After how long to come back, where the stream says so.
    retry: Option<Duration>,
    is_over: bool,
}

impl EventStream {
    /// Asks for the stream at a path, from behind `last_id` on where there is one.
    pub(crate) fn open(
        address: SocketAddr,
        path: &str,
        last_id: Option<&str>,
    ) -> Result<Self, Unopened> {
        let mut stream = connect(address).map_err(Unopened::Lost)?;
        let last_id = last_id.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        let text = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\
             cache-control: no-store\r\n{last_id}\r\n"
        );
        stream.write_all(text.as_bytes()).map_err(Unopened::Lost)?;
        let (until, mut bytes) = (Instant::now() + HEAD_MAX, Vec::new());
        loop {
            if let Some((begin, head)) = read_head(&bytes).map_err(Unopened::Lost)? {
                let Head { status: 200, is_stream: true, .. } = head else {
                    let Head { status, retry_after, .. } = head;
                    return Err(Unopened::Refused { status, retry_after });
                };
                let wire = bytes.split_off(begin);
                return Ok(Self { stream, body: Body { wire, ..Body::default() } });
            }
            match take(&mut stream, &mut bytes) {
                Ok(Some(0)) => return Err(Unopened::Lost(io::ErrorKind::UnexpectedEof.into())),
                Ok(None) if Instant::now() >= until => {
                    return Err(Unopened::Lost(io::ErrorKind::TimedOut.into()));
                }
                Ok(_) => {}
                Err(error) => return Err(Unopened::Lost(error)),
            }
        }
    }

    /// Looks for the next message, for a tenth of a second at most.
    pub(crate) fn next(&mut self) -> Came {
        loop {
            match self.body.next() {
                Ok(Some(message)) => return Came::Message(message),
                Ok(None) if self.body.is_over => return Came::End,
                Ok(None) => {}
                Err(_) => return Came::End,
            }
            match take(&mut self.stream, &mut self.body.wire) {
                Ok(None) => return Came::Nothing,
                Ok(Some(0)) | Err(_) => return Came::End,
                Ok(Some(_)) => {}
            }
        }
    }

    /// After how long to come back, where the stream has said so.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.body.retry
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, CONNECT_MAX)?;
    // While nobody listens, the system may connect a socket to itself.
    if stream.local_addr()? == address {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LOOK_MAX))?;
    stream.set_write_timeout(Some(CONNECT_MAX))?;
    Ok(stream)
}

/// Reads what there is; `None` where nothing came for a while.
fn take(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Option<usize>> {
    let mut chunk = [0; 16 << 10];
    match stream.read(&mut chunk) {
        Ok(count) if bytes.len() + count > UNREAD_BYTES_MAX => Err(invalid("it is too long")),
        Ok(count) => {
            bytes.extend_from_slice(&chunk[..count]);
            Ok(Some(count))
        }
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

struct Head {
    status: u16,
    /// Whether what follows is a stream, in chunks.
    is_stream: bool,
    retry_after: Option<Duration>,
}

/// Reads a head and its length, `None` while a part of it is missing.
fn read_head(bytes: &[u8]) -> io::Result<Option<(usize, Head)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(bytes).map_err(|error| invalid(&error.to_string()))?;
    let httparse::Status::Complete(length) = parsed else { return Ok(None) };
    let find = |name: &str| {
        let header = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()
    };
    let is_stream = find("content-type") == Some("text/event-stream")
        && find("transfer-encoding") == Some("chunked");
    let retry_after = find("retry-after").and_then(|text| text.parse().ok());
    let status = head.code.ok_or_else(|| invalid("the answer has no status"))?;
    let retry_after = retry_after.map(Duration::from_secs);
    Ok(Some((length, Head { status, is_stream, retry_after })))
}

impl Body {
    /// The next message that is here as a whole.
    fn next(&mut self) -> io::Result<Option<Message>> {
        loop {
            while let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line[..end]).into_owned();
                if let Some(message) = self.take_line(&line) {
                    return Ok(Some(message));
                }
            }
            if !self.take_chunk()? {
                return Ok(None);
            }
        }
    }

    /// Takes a chunk off the transfer, if one is here as a whole.
    fn take_chunk(&mut self) -> io::Result<bool> {
        let size = httparse::parse_chunk_size(&self.wire);
        let size = size.map_err(|_| invalid("a chunk has no size"))?;
        let httparse::Status::Complete((begin, size)) = size else { return Ok(false) };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > UNREAD_BYTES_MAX || self.text.len() + size > UNREAD_BYTES_MAX {
            return Err(invalid("a message is too long"));
        }
        let end = begin + size;
        if self.wire.len() < end + 2 {
            return Ok(false);
        }
        if size == 0 {
            self.is_over = true;
            return Ok(false);
        }
        self.text.extend_from_slice(&self.wire[begin..end]);
        self.wire.drain(..end + 2);
        Ok(true)
    }

    fn take_line(&mut self, line: &str) -> Option<Message> {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => {
                let id = self.message.id.clone();
                let message =
                    std::mem::replace(&mut self.message, Message { id, ..Message::default() });
                return (!message.data.is_empty()).then_some(message);
            }
            "event" => value.clone_into(&mut self.message.name),
            "id" => value.clone_into(&mut self.message.id),
            // No data of ours has more than one line.
            "data" => value.clone_into(&mut self.message.data),
            "retry" => self.retry = value.parse().ok().map(Duration::from_millis),
            _ => {}
        }
        None
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked(text: &str) -> String {
        format!("{:x}\r\n{text}\r\n", text.len())
    }

    #[test]
    fn messages_are_read_however_they_are_cut() {
        let mut wire = chunked("retry: 250\n\nevent: begin\nid: 7:0\nda");
        wire += &chunked("ta: null\n\n");
        wire += &chunked(":\n\nid: 7:1\ndata: {\"id\":5}\n\nid: 7:2\ndata:6\n\n");
        wire += "0\r\n\r\n";
        let message = |name: &str, id: &str, data: &str| Message {
            name: name.to_owned(),
            id: id.to_owned(),
            data: data.to_owned(),
        };
        let expected = [
            message("begin", "7:0", "null"),
            message("", "7:1", "{\"id\":5}"),
            message("", "7:2", "6"),
        ];
        for step in 1..wire.len() {
            let (mut body, mut came) = (Body::default(), Vec::new());
            for part in wire.as_bytes().chunks(step) {
                body.wire.extend_from_slice(part);
                while let Some(message) = body.next().expect("it is a stream") {
                    came.push(message);
                }
            }
            assert_eq!(came, expected, "{step} bytes at a time");
            assert_eq!((body.is_over, body.retry), (true, Some(Duration::from_millis(250))));
        }
    }

    #[test]
    fn a_head_says_whether_a_stream_follows() {
        let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                      transfer-encoding: chunked\r\n\r\n";
        for end in 0..stream.len() {
            assert!(read_head(&stream.as_bytes()[..end]).expect("it may become one").is_none());
        }
        let (begin, head) = read_head(stream.as_bytes()).expect("a head").expect("all of it");
        assert_eq!((begin, head.status, head.is_stream), (stream.len(), 200, true));
        let no = b"HTTP/1.1 503 X\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n";
        let (_, head) = read_head(no).expect("a head").expect("all of it");
        let waits = Some(Duration::from_secs(2));
        assert_eq!((head.status, head.is_stream, head.retry_after), (503, false, waits));
        assert!(read_head(b"SSH-2.0-x\r\n").is_err());
    }

    #[test]
    fn what_is_no_chunk_or_too_much_ends_a_stream() {
        for wire in [&b"xyz\r\n"[..], b"7fffffff\r\n", b"ffffffffffffffff\r\n"] {
            let mut body = Body { wire: wire.to_vec(), ..Body::default() };
            assert!(body.next().is_err(), "{wire:?}");
        }
    }
}
