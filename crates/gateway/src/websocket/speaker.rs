use std::sync::Arc;

use tenure_actor::host::HostHandle;
use tenure_types::{BoxFuture, Instant};
use tokio_tungstenite::tungstenite::Message;

use crate::centrifuge::{Connection, publication};
use crate::session::{Client, Close, Form, Item, SessionConfig};

/// What the messages of a socket mean.
pub(super) trait Speaker: Send + Sync + 'static {
    fn client(&self) -> &Arc<Client>;

    fn host(&self) -> &HostHandle;

    fn config(&self) -> &SessionConfig;

    /// Whether the client has said who it is.
    fn is_connected(&self) -> bool;

    /// When the socket ends unless the client does something about it.
    fn expires_at(&self) -> Option<Instant>;

    /// Takes a text or binary message. Gives what is to be driven to its end.
    ///
    /// # Errors
    /// Why the socket is to be closed.
    fn receive(self: &Arc<Self>, message: &Message) -> Result<Vec<BoxFuture<'static, ()>>, Close>;

    /// Asks the client for a word.
    fn ping(&self);

    /// What is written of an item.
    fn write(item: &Item) -> Message;

    /// The socket has ended.
    fn ended(&self);
}

impl Speaker for Connection {
    fn client(&self) -> &Arc<Client> {
        self.client()
    }

    fn host(&self) -> &HostHandle {
        self.host()
    }

    fn config(&self) -> &SessionConfig {
        self.config()
    }

    fn is_connected(&self) -> bool {
        self.is_connected()
    }

    fn expires_at(&self) -> Option<Instant> {
        self.expires_at()
    }

    fn receive(self: &Arc<Self>, message: &Message) -> Result<Vec<BoxFuture<'static, ()>>, Close> {
        match message {
            Message::Text(text) => self.receive(text),
            _ => Err(Close::BAD_REQUEST),
        }
    }

    fn ping(&self) {
        self.client().push(Item::Text(bytes::Bytes::from_static(b"{}")));
    }

    /// Shared by all sockets, where it is an event.
    fn write(item: &Item) -> Message {
        let bytes = match item {
            Item::Text(text) => text,
            Item::Event(event) => event.form(Form::Centrifuge, publication),
        };
        // It was made of texts.
        Message::Text(bytes.clone().try_into().unwrap_or_default())
    }

    fn ended(&self) {
        self.ended();
    }
}
