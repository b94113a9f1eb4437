//! What a stream says, and a stream as its topic sees it.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tenure_protocol::session::Position;

use crate::session::{Client, Close, Follower, Item, Published, Who};

/// How long a client waits before it comes back, in milliseconds.
const RETRY_MS: u32 = 1_000;

/// One client's end of a stream.
pub(super) struct Stream {
    client: Arc<Client>,
    was_recovering: bool,
    initial: Mutex<Option<Vec<u8>>>,
}

impl Stream {
    pub(super) fn new(client: Arc<Client>, was_recovering: bool) -> Self {
        Self { client, was_recovering, initial: Mutex::new(None) }
    }

    pub(super) fn begin(&self, initial: Option<Vec<u8>>) {
        *self.initial.lock() = initial;
    }
}

impl Follower for Stream {
    fn answer(&self, at: Position, recovered: bool, events: &[Arc<Published>]) {
        let initial = self.initial.lock().take();
        let mut text = format!("retry: {RETRY_MS}\n\n");
        if !recovered {
            // Where the stream begins: with what the actor answered, or with nothing. A client that
            // was there before learns so that it has to begin anew.
            let data = initial.and_then(|json| String::from_utf8(json).ok());
            let data = data.unwrap_or_else(|| "null".to_owned());
            let name = if self.was_recovering { "reset" } else { "begin" };
            let begins = events.first().map_or(at.offset, |event| event.at.offset - 1);
            let at = Position { offset: begins, ..at };
            text.push_str(&format!("event: {name}\nid: {at}\ndata: {data}\n\n"));
        }
        self.client.push(Item::Text(text.into()));
        for event in events {
            self.client.push(Item::Event(Arc::clone(event)));
        }
    }

    fn deliver(&self, event: &Arc<Published>) {
        self.client.push(Item::Event(Arc::clone(event)));
    }

    fn reset(&self) {
        // It comes back with its last id, and is told then.
        self.client.close(Close::INSUFFICIENT_STATE);
    }

    fn who(&self) -> Who {
        let user = self.client.user().map(str::to_owned);
        Who { connection: self.client.id.clone(), user }
    }
}

/// An event as a stream has it. JSON has no line breaks of its own.
pub(super) fn event(event: &Published) -> Bytes {
    let mut out = Vec::with_capacity(event.data.len() + 48);
    out.extend_from_slice(b"id: ");
    out.extend_from_slice(event.at.to_string().as_bytes());
    out.extend_from_slice(b"\ndata: ");
    out.extend_from_slice(&event.data);
    out.extend_from_slice(b"\n\n");
    out.into()
}
