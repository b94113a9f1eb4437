//! What followers of events and readers of feeds ask of nodes.

use tenure_actor::EventPage;
use tenure_store::{Cursor, FeedError, FeedPage};
use tenure_types::CallError;

use crate::cast::Who;

/// A subscriber asks for the events of an actor.
#[derive(Clone, Copy, Debug)]
pub struct Follow {
    /// Names the question among those of the subscriber.
    pub number: u64,
    /// Whose events.
    pub who: Who,
    /// The epoch and the offset that it has; `None` where it begins.
    pub after: Option<(u64, u64)>,
    /// Whether it is told by the node where the actor lives; else by the one that it asks.
    pub is_routed: bool,
}

/// A node tells a subscriber.
#[derive(Clone, Debug)]
pub struct Followed {
    /// Of which question.
    pub number: u64,
    /// What came of it.
    pub result: Result<Following, CallError>,
}

/// What a subscriber is told.
#[derive(Clone, Debug)]
pub struct Following {
    /// Where it begins, if it did not say so.
    pub from: (u64, u64),
    /// What follows.
    pub page: EventPage,
}

/// A reader asks for entries of the feed.
#[derive(Clone, Debug)]
pub struct Read {
    /// Names the question among those of the reader.
    pub number: u64,
    /// What it has read; `None` where it begins.
    pub after: Option<Cursor>,
    /// The most entries that it takes.
    pub limit: usize,
    /// How long the node may wait for an entry, in milliseconds.
    pub wait_ms: u64,
}

/// A node answers a reader.
#[derive(Clone, Debug)]
pub struct WasRead {
    /// Of which question.
    pub number: u64,
    /// What came of it; `None` where the node cannot read now.
    pub result: Option<Result<FeedPage, FeedError>>,
}
