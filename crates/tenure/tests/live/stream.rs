use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::node::{Node, PATIENCE, request};

/// A client of an event stream.
pub(crate) struct Stream {
    reader: BufReader<TcpStream>,
}

/// One message of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: String,
}

impl Stream {
    /// Asks for a stream, and gives the problem where there is none.
    pub(crate) fn try_open(node: &Node, head: &str) -> Result<Self, (u16, String)> {
        let mut stream = node.connect(node.calls);
        stream.write_all(request(head, "keep-alive", "").as_bytes()).expect("it is sent");
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).expect("it comes in time") > 0, "{head}");
        }
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        if status == 200 {
            assert!(head.contains("text/event-stream"), "{head}");
            return Ok(Self { reader });
        }
        let head = head.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|it| it.lines().next());
        let mut body = vec![0; length.and_then(|it| it.parse().ok()).expect("a length")];
        reader.read_exact(&mut body).expect("it comes in time");
        Err((status, format!("{head}{}", String::from_utf8_lossy(&body))))
    }

    pub(crate) fn open(node: &Node, actor: &str) -> Self {
        let opened = Self::try_open(node, &format!("GET /v1/{actor}/events"));
        opened.unwrap_or_else(|refused| panic!("{refused:?}"))
    }

    pub(crate) fn resume(node: &Node, actor: &str, id: &str) -> Self {
        let head = format!("GET /v1/{actor}/events\nlast-event-id: {id}");
        Self::try_open(node, &head).unwrap_or_else(|refused| panic!("{refused:?}"))
    }

    /// The next line that is no frame of the transfer; `None` at the end.
    fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            match self.reader.read_line(&mut line) {
                Ok(0) | Err(_) => return None,
                // The last chunk.
                Ok(_) if line == "0\r\n" => return None,
                // The stream's own lines end with a line feed.
                Ok(_) if line.ends_with("\r\n") => {}
                Ok(_) => return Some(line.trim_end_matches('\n').to_owned()),
            }
        }
    }

    /// The next message; `None` at the end. Comments are heard as messages of that name.
    pub(crate) fn next(&mut self) -> Option<Heard> {
        let mut heard = Heard::default();
        loop {
            let line = self.line()?;
            match line.split_once(": ").unwrap_or((&line, "")) {
                ("", _) if heard == Heard::default() => {}
                ("", _) => return Some(heard),
                (":", _) => heard.name = "comment".to_owned(),
                ("event", name) => heard.name = name.to_owned(),
                ("id", id) => heard.id = id.to_owned(),
                ("data", data) => heard.data = data.to_owned(),
                ("retry", ms) => assert_eq!(ms, "1000"),
                _ => panic!("{line}"),
            }
        }
    }

    /// The next message that is no heartbeat.
    pub(crate) fn heard(&mut self) -> Heard {
        loop {
            match self.next() {
                Some(heard) if heard.name == "comment" => {}
                Some(heard) => return heard,
                None => panic!("it ended within {PATIENCE:?}"),
            }
        }
    }

    /// The number that the next event says.
    pub(crate) fn number(&mut self) -> u64 {
        self.heard().number()
    }
}

impl Heard {
    pub(crate) fn number(&self) -> u64 {
        assert_eq!(self.name, "", "{self:?}");
        let said: serde_json::Value = serde_json::from_str(&self.data).expect("it is JSON");
        said["n"].as_u64().expect("a number")
    }
}
