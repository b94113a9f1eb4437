use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use serde_json::value::RawValue;
use tenure_protocol::session::Position;

use super::connection::Connection;
use super::words::{push, subscribed};
use crate::session::{Follower, Item, Published, Who};

/// The protocol's code for: subscribe again, what you know is not enough to go on.
const INSUFFICIENT_STATE: u16 = 2500;

/// One socket's end of following one topic.
pub(super) struct Subscription {
    pub(super) connection: Weak<Connection>,
    pub(super) channel: String,
    /// Numbers it among those of its socket, so that a late end meets its own.
    pub(super) number: u64,
    /// The command to be answered.
    pub(super) command: u32,
    pub(super) was_recovering: bool,
    /// What `#[attach]` has answered, as JSON.
    pub(super) initial: Mutex<Option<Box<RawValue>>>,
}

impl Follower for Subscription {
    fn answer(&self, at: Position, recovered: bool, events: &[Arc<Published>]) {
        let Some(connection) = self.connection.upgrade() else { return };
        let initial = self.initial.lock().take();
        let initial = initial.as_deref();
        // Who begins anew is told where its initial value stands; what came after that follows.
        let (at, told) = match events.first().filter(|_| !recovered) {
            Some(first) => (Position { offset: first.at.offset - 1, ..at }, &[][..]),
            None => (at, events),
        };
        let reply = subscribed(self.command, at, told, self.was_recovering, recovered, initial);
        connection.client().push(Item::Text(reply));
        for event in events.iter().filter(|_| !recovered) {
            connection.client().push(Item::Event(Arc::clone(event)));
        }
    }

    fn deliver(&self, event: &Arc<Published>) {
        if let Some(connection) = self.connection.upgrade() {
            connection.client().push(Item::Event(Arc::clone(event)));
        }
    }

    fn reset(&self) {
        let Some(connection) = self.connection.upgrade() else { return };
        if connection.forget(&self.channel, self.number) {
            let code =
                serde_json::json!({ "code": INSUFFICIENT_STATE, "reason": "insufficient state" });
            connection.client().push(Item::Text(push(&self.channel, "unsubscribe", &code)));
        }
    }

    fn who(&self) -> Who {
        let connection = self.connection.upgrade();
        connection.map_or_else(
            || Who { connection: String::new(), user: None },
            |connection| {
                let client = connection.client();
                Who { connection: client.id.clone(), user: client.user().map(str::to_owned) }
            },
        )
    }
}
