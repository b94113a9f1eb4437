use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::PATIENCE;

/// A connection that writes whatever a test wants.
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, received: Vec::new() }
    }

    pub(crate) fn ask(&mut self, request: &str) -> Response {
        self.write(request.as_bytes());
        self.response()
    }

    #[track_caller]
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Writes although the server may have closed already.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// The next response.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        let end = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break end;
            }
            assert!(self.receive(), "closed before a response: {:?}", self.text());
        };
        let head = String::from_utf8(self.received[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut response = Response { status, headers, body: String::new() };
        if response.header("transfer-encoding") == Some("chunked") {
            response.body = self.chunks(end + 4);
            return response;
        }
        let length = response.header("content-length").map_or(0, |n| n.parse().unwrap());
        let whole = end + 4 + length;
        while self.received.len() < whole {
            assert!(self.receive(), "closed inside a response: {:?}", self.text());
        }
        let rest = self.received.split_off(whole);
        response.body = String::from_utf8(self.received.split_off(end + 4)).unwrap();
        self.received = rest;
        response
    }

    /// A body in chunks, to its end.
    fn chunks(&mut self, mut at: usize) -> String {
        let mut body = Vec::new();
        loop {
            let line = loop {
                match find(&self.received[at..], b"\r\n") {
                    Some(end) => break at..at + end,
                    None => assert!(self.receive(), "closed inside a response: {:?}", self.text()),
                }
            };
            let size = std::str::from_utf8(&self.received[line.clone()]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            let (start, end) = (line.end + 2, line.end + 2 + size);
            while self.received.len() < end + 2 {
                assert!(self.receive(), "closed inside a response: {:?}", self.text());
            }
            body.extend_from_slice(&self.received[start..end]);
            at = end + 2;
            if size == 0 {
                self.received.drain(..at);
                return String::from_utf8(body).unwrap();
            }
        }
    }

    /// Whether the server closes without another byte, in whatever way.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) -> bool {
        !self.receive() && self.received.is_empty()
    }

    /// Everything up to the connection's end.
    pub(crate) fn rest(&mut self) -> String {
        while self.receive() {}
        self.text()
    }

    /// Ends the client's half of the connection.
    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    #[track_caller]
    fn receive(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => {
                self.received.extend_from_slice(&buffer[..length]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("no answer in time; so far: {:?}", self.text())
            }
            Err(_) => false,
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body, read as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Checks that this is a problem with this status and code; gives its detail.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let json = self.json();
        assert_eq!(json["status"], status, "{json}");
        assert_eq!(json["code"], code, "{json}");
        json["detail"].as_str().unwrap().to_owned()
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// A request with a JSON body.
pub(crate) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: t\r\n\r\n")
}
