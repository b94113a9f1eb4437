use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use tenure_transport::{
    Class, Credit, Direction, Event, Frame, Inbound, PeerIdentity, SendError, Transport,
};

use super::channel::{Channel, Told};
use crate::message::{kind, read_number};

/// What a client does with its lanes: the store is asked over bulk lanes, the table over control lanes, so
/// that no heartbeat waits behind states.
pub(super) struct Link {
    server: PeerIdentity,
    patience: Duration,
    /// Set once, before there is a peer.
    way: OnceLock<Way>,
    store: Channel,
    table: Channel,
}

struct Way {
    /// The transport has this link.
    transport: Weak<Transport>,
    /// Where the server is to dial.
    address: Bytes,
}

impl Link {
    pub(super) fn new(server: PeerIdentity, patience: Duration) -> Self {
        let (store, table) = (Channel::new(), Channel::new());
        Self { server, patience, way: OnceLock::new(), store, table }
    }

    pub(super) fn begin(&self, transport: &Arc<Transport>, address: String) {
        let transport = Arc::downgrade(transport);
        self.way.get_or_init(|| Way { transport, address: address.into() });
    }

    /// Asks the store.
    pub(super) fn ask_store(&self, request: &[u8], told: Told) {
        self.store.ask(request, told, |body| self.send(Class::Bulk, kind::REQUEST, body));
    }

    /// Asks the table.
    pub(super) fn ask_table(&self, request: &[u8], told: Told) {
        self.table.ask(request, told, |body| self.send(Class::Control, kind::REQUEST, body));
    }

    pub(super) fn give_up(&self) {
        self.store.give_up(self.patience);
        self.table.give_up(self.patience);
    }

    pub(super) fn end(&self) {
        self.store.end();
        self.table.end();
    }

    fn channel(&self, class: Class) -> Option<&Channel> {
        match class {
            Class::Bulk => Some(&self.store),
            Class::Control => Some(&self.table),
            Class::Call => None,
        }
    }

    fn send(&self, class: Class, kind: u8, body: Bytes) -> Result<(), SendError> {
        let transport = self.way.get().and_then(|way| way.transport.upgrade());
        let transport = transport.ok_or(SendError::NotAPeer)?;
        transport.send(&self.server, Frame { class, kind, body })
    }

    /// Tells the server where to dial. Where that is lost the lane is lost too, and it is told again.
    fn announce(&self) {
        let Some(way) = self.way.get() else { return };
        if let Err(error) = self.send(Class::Control, kind::HERE, way.address.clone()) {
            tracing::debug!(%error, "the server is told later where this process listens");
        }
    }
}

impl Inbound for Link {
    fn received(&self, _from: &PeerIdentity, frame: Frame, _credit: Credit<'_>) {
        let class = frame.class;
        let (Some(channel), Some((number, part))) = (self.channel(class), read_number(&frame.body))
        else {
            return;
        };
        let send = |body| self.send(class, kind::REQUEST, body);
        match frame.kind {
            kind::PART => channel.heard(number, part, false, send),
            kind::END => channel.heard(number, part, true, send),
            _ => {}
        }
    }

    fn happened(&self, event: Event) {
        match event {
            Event::LaneUp { class, direction, .. } => {
                if (class, direction) == (Class::Control, Direction::Outbound) {
                    self.announce();
                }
                if let Some(channel) = self.channel(class) {
                    channel.up(direction, |body| self.send(class, kind::REQUEST, body));
                }
            }
            Event::LaneLost { class, direction, end, .. } => {
                if let Some(channel) = self.channel(class) {
                    channel.lost(direction, &format!("the way to the server broke: {end}"));
                }
            }
            Event::DialFailed { class, error, .. } => {
                tracing::debug!(%class, %error, "the server of the store is not reached");
            }
            _ => {}
        }
    }
}
