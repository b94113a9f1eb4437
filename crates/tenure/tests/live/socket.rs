use std::collections::VecDeque;
use std::io::Write as _;
use std::net::TcpStream;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::handshake::HandshakeError;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use crate::node::Node;

/// A client that speaks the Centrifuge protocol, one message at a time.
pub(crate) struct Socket {
    ws: WebSocket<TcpStream>,
    next: u32,
    pushes: VecDeque<Value>,
    /// Whether pings are answered.
    pub(crate) answers: bool,
    pub(crate) pings: usize,
}

/// A publication: its number in the log, and what it says.
pub(crate) type Event = (u64, u64);

impl Socket {
    /// Opens a socket that has said nothing yet.
    pub(crate) fn open(node: &Node) -> Self {
        Self::open_with(node, &[]).unwrap_or_else(|refused| panic!("{refused:?}"))
    }

    pub(crate) fn open_with(
        node: &Node,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Box<Response<Option<Vec<u8>>>>> {
        let url = format!("ws://{}/connection/websocket", node.calls);
        let mut request = url.into_client_request().expect("a good request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a good header"));
        }
        match client(request, node.connect(node.calls)) {
            Ok((ws, _)) => {
                let pushes = VecDeque::new();
                Ok(Self { ws, next: 0, pushes, answers: true, pings: 0 })
            }
            Err(HandshakeError::Failure(Error::Http(response))) => Err(response),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a socket of nobody in particular.
    pub(crate) fn connected(node: &Node) -> Self {
        let mut socket = Self::open(node);
        let reply = socket.ask("connect", &json!({}));
        assert!(reply["connect"]["client"].is_string(), "{reply}");
        socket
    }

    pub(crate) fn connected_as(node: &Node, token: &str) -> Self {
        let mut socket = Self::open(node);
        let reply = socket.ask("connect", &json!({ "token": token }));
        assert!(reply["connect"]["client"].is_string(), "{reply}");
        socket
    }

    /// Sends a command, and gives its number.
    pub(crate) fn send(&mut self, name: &str, what: &Value) -> u32 {
        self.next += 1;
        self.text(&json!({ "id": self.next, name: what }).to_string());
        self.next
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.message(Message::text(text));
    }

    pub(crate) fn message(&mut self, message: Message) {
        // It may have ended: the test reads why.
        let _ = self.ws.send(message);
    }

    /// Writes bytes that may be no frame.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        let _ = self.ws.get_mut().write_all(bytes);
    }

    /// Sends a command and waits for its reply.
    pub(crate) fn ask(&mut self, name: &str, what: &Value) -> Value {
        let id = self.send(name, what);
        self.reply(id)
    }

    /// Waits for the reply to a command; what comes before it is kept.
    pub(crate) fn reply(&mut self, id: u32) -> Value {
        loop {
            let said = self.read().unwrap_or_else(|end| panic!("closed before a reply: {end:?}"));
            if said["id"] == id {
                return said;
            }
            assert!(said["id"].is_null(), "another reply: {said}");
            self.pushes.push_back(said);
        }
    }

    /// The next text; what the socket ended with, if it did. Pings are answered, and left out.
    pub(crate) fn read(&mut self) -> Result<Value, (u16, String)> {
        loop {
            match self.ws.read() {
                Ok(Message::Text(text)) if text.as_str() == "{}" => {
                    self.pings += 1;
                    if self.answers {
                        self.text("{}");
                    }
                }
                Ok(Message::Text(text)) => {
                    return Ok(serde_json::from_str(&text).expect("it is JSON"));
                }
                Ok(Message::Close(Some(end))) => {
                    return Err((end.code.into(), end.reason.to_string()));
                }
                Ok(_) => {}
                Err(error) => return Err((1006, error.to_string())),
            }
        }
    }

    /// Reads until so many pings have come.
    pub(crate) fn until_pings(&mut self, pings: usize) {
        while self.pings < pings {
            let read = self.ws.read();
            let Ok(Message::Text(text)) = read else { panic!("{read:?}") };
            assert_eq!(text.as_str(), "{}");
            self.pings += 1;
            self.text("{}");
        }
    }

    /// The next that nobody asked for.
    pub(crate) fn push(&mut self) -> Value {
        let said = self.pushes.pop_front().map_or_else(|| self.read(), Ok);
        let said = said.unwrap_or_else(|end| panic!("closed before a push: {end:?}"));
        assert!(said["push"].is_object(), "no push: {said}");
        said["push"].clone()
    }

    /// The next publication of a topic.
    pub(crate) fn event(&mut self, topic: &str) -> Event {
        let push = self.push();
        assert_eq!(push["channel"], topic, "{push}");
        event(&push["pub"])
    }

    /// How the socket ends, whatever comes before.
    pub(crate) fn end(&mut self) -> u16 {
        loop {
            if let Err((code, _)) = self.read() {
                return code;
            }
        }
    }

    pub(crate) fn subscribe(&mut self, topic: &str) -> Value {
        let reply = self.ask("subscribe", &json!({ "channel": topic }));
        assert!(reply["subscribe"].is_object(), "{reply}");
        reply["subscribe"].clone()
    }

    /// Follows a topic from where a reply said it stood.
    pub(crate) fn resume(&mut self, topic: &str, epoch: &Value, offset: u64) -> Value {
        let wish = json!({ "channel": topic, "recover": true, "epoch": epoch, "offset": offset });
        let reply = self.ask("subscribe", &wish);
        assert!(reply["subscribe"].is_object(), "{reply}");
        reply["subscribe"].clone()
    }

    /// What a call replied.
    pub(crate) fn rpc(&mut self, method: &str, data: &Value) -> Value {
        let reply = self.ask("rpc", &json!({ "method": method, "data": data }));
        assert!(reply["rpc"].is_object(), "{reply}");
        reply["rpc"]["data"].clone()
    }

    /// Asserts that the socket still answers.
    #[track_caller]
    pub(crate) fn is_well(&mut self) {
        let reply = self.ask("ping", &json!({}));
        assert!(reply["ping"].is_object(), "{reply}");
    }
}

pub(crate) fn event(publication: &Value) -> Event {
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{publication}"));
    (number(&publication["offset"]), number(&publication["data"]["n"]))
}

/// The publications of a reply.
pub(crate) fn events(reply: &Value) -> Vec<Event> {
    let publications = reply["publications"].as_array().map_or(&[][..], Vec::as_slice);
    publications.iter().map(event).collect()
}

/// Events that were said one by one from the first on.
pub(crate) fn numbered(numbers: std::ops::RangeInclusive<u64>) -> Vec<Event> {
    numbers.map(|n| (n, n)).collect()
}
