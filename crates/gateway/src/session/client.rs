use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tenure_protocol::session::{Allowance, Outbox, OutboxBounds, Rate};
use tenure_types::Instant;

use super::published::Published;

/// Why a session ends: what its client is told. The codes are those of the Centrifuge protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

impl Close {
    pub(crate) const SHUTDOWN: Self = Self { code: 3001, reason: "shutdown" };
    pub(crate) const EXPIRED: Self = Self { code: 3005, reason: "connection expired" };
    pub(crate) const SLOW: Self = Self { code: 3008, reason: "slow" };
    pub(crate) const NO_PONG: Self = Self { code: 3012, reason: "no pong" };
    pub(crate) const TOO_MANY_REQUESTS: Self = Self { code: 3013, reason: "too many requests" };
    pub(crate) const INVALID_TOKEN: Self = Self { code: 3500, reason: "invalid token" };
    pub(crate) const BAD_REQUEST: Self = Self { code: 3501, reason: "bad request" };
    pub(crate) const STALE: Self = Self { code: 3502, reason: "stale" };
    pub(crate) const FORCED: Self = Self { code: 3503, reason: "force disconnect" };
    pub(crate) const CONNECTION_LIMIT: Self = Self { code: 3504, reason: "connection limit" };
    /// What it knows is not enough to go on.
    pub(crate) const INSUFFICIENT_STATE: Self = Self { code: 3010, reason: "insufficient state" };

    /// Whether the client first gets what waits for it. A slow one must: it comes back for the rest, and
    /// if it had got nothing, there would be as much again.
    pub(crate) fn comes_last(self) -> bool {
        matches!(self, Self::SHUTDOWN | Self::SLOW | Self::EXPIRED)
    }
}

/// What is written to a client.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Text(Bytes),
    Event(Arc<Published>),
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Item::Text(text) => text.len(),
            // What its protocol adds is little.
            Item::Event(event) => event.data.len() + event.topic.len() + 64,
        }
    }
}

/// A session as others see it: what is to be written to it, and whether it is to end.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) remote: SocketAddr,
    pub(crate) began: Instant,
    /// Which protocol it speaks.
    pub(crate) protocol: &'static str,
    user: OnceLock<Option<String>>,
    /// What the sessions of its user may send together.
    commands_of_user: OnceLock<Arc<Mutex<Allowance>>>,
    bounds: OutboxBounds,
    state: Mutex<State>,
    waker: AtomicWaker,
}

#[derive(Default)]
struct State {
    outbox: Outbox<Item>,
    close: Option<Close>,
}

impl Client {
    pub(crate) fn new(
        id: String,
        remote: SocketAddr,
        protocol: &'static str,
        began: Instant,
        bounds: OutboxBounds,
    ) -> Self {
        let (user, commands_of_user) = (OnceLock::new(), OnceLock::new());
        let (state, waker) = (Mutex::default(), AtomicWaker::new());
        Self { id, remote, began, protocol, user, commands_of_user, bounds, state, waker }
    }

    /// Who it is, once it has said so.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.get()?.as_deref()
    }

    pub(super) fn set_user(&self, user: Option<String>) {
        // A session has one user; who refreshes its token stays who it was.
        let _ = self.user.set(user);
    }

    pub(super) fn share(&self, commands: Arc<Mutex<Allowance>>) {
        let _ = self.commands_of_user.set(commands);
    }

    /// Takes one command off what the sessions of its user may send together.
    pub(crate) fn take_of_user(&self, rate: Rate, now: Instant) -> Result<(), Duration> {
        self.commands_of_user.get().map_or(Ok(()), |commands| commands.lock().take(rate, now))
    }

    /// Puts something behind what waits to be written. A client that does not take it is closed.
    pub(crate) fn push(&self, item: Item) {
        let bytes = item.bytes();
        let mut state = self.state.lock();
        if state.close.is_none() && state.outbox.push(item, bytes, self.bounds).is_err() {
            state.close = Some(Close::SLOW);
        }
        drop(state);
        self.waker.wake();
    }

    /// Takes the next thing to write.
    pub(crate) fn pop(&self) -> Option<Item> {
        self.state.lock().outbox.pop()
    }

    /// Ends the session; the first reason counts.
    pub(crate) fn close(&self, close: Close) {
        self.state.lock().close.get_or_insert(close);
        self.waker.wake();
    }

    /// Why the session is to end, if it is.
    pub(crate) fn closing(&self) -> Option<Close> {
        self.state.lock().close
    }

    /// Whoever drives the session is woken when there is something to do.
    pub(crate) fn wake_for(&self, cx: &Context<'_>) {
        self.waker.register(cx.waker());
    }
}
