//! How a gateway follows what actors publish.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tenure_types::{BoxFuture, CallError};

use crate::Target;

/// Shares the bytes of an event with all who read it.
pub type EventBytes = Arc<[u8]>;

/// A client that follows an actor's events, as its `#[attach]` and `#[detach]` methods see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Names the connection while it lasts. A client that comes back has another one.
    pub connection: String,
    /// Who it is, as its token's `sub` or its key says; `None` where nobody asked.
    pub user: Option<String>,
    /// What its token says of it besides; empty without one.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// What it sent with its wish to follow; null if nothing.
    #[serde(default)]
    pub data: Value,
}

/// Some of an actor's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// Numbers the actor's log of events; zero where it never published any. Another one than
    /// before says that events were lost, or that the actor began anew.
    pub epoch: u64,
    /// The offset of the last event that has left.
    pub offset: u64,
    /// Whether `events` goes on where the reader was. Otherwise it is empty, and the reader has
    /// to look at the actor's state afresh.
    pub recovered: bool,
    /// Encoded events by their offsets, in order, without a gap.
    pub events: Vec<(u64, EventBytes)>,
}

/// Is told what an actor publishes.
pub trait Watcher: Send + Sync + 'static {
    /// An event has left: the `offset`th of the log `epoch`. Those of one actor come in their order; one
    /// may come again. It is called on the thread of a turn or of an engine, and only passes on.
    fn published(&self, epoch: u64, offset: u64, event: &EventBytes);

    /// Something may have been published that was not told: whoever needs it reads it with
    /// [`Publications::events`]. In a cluster, when the actor begins to be followed at another place, and when more was
    /// published than was kept. As above, it only passes on.
    fn missed(&self);
}

/// Names one watcher of one actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WatchId(pub u64);

/// What actors publish: those of a node, or in a cluster all.
pub trait Publications: Send + Sync + 'static {
    /// Tells `watcher` what the actor publishes from now on, until [`Publications::unwatch`].
    fn watch(&self, target: &Target, watcher: Arc<dyn Watcher>) -> WatchId;

    /// Ends a watch. An event that is being told may still come.
    fn unwatch(&self, target: &Target, watch: WatchId);

    /// The events of an actor after `epoch` and `offset`, at most 1,000. Only what has left is
    /// shown: of durable actors what is durable.
    ///
    /// # Errors
    /// `NotFound` when this node does not run the type, `Storage` when the store cannot be read, `Unavailable` when the
    /// actor is not durable and cannot be reached where it lives.
    ///
    /// # Cancel safety
    /// The future is cancel safe.
    fn events(
        &self,
        target: Target,
        epoch: u64,
        offset: u64,
    ) -> BoxFuture<'static, Result<EventPage, CallError>>;
}
