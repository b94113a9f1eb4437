//! What nodes say to each other of actors at one that are followed at another.

mod form;

use tenure_actor::{EventBytes, EventPage};
use tenure_types::ActorId;

/// The most events that are told at a time.
pub const BATCH_EVENTS_MAX: usize = 256;
/// The most bytes of them; one event may have more.
pub const BATCH_BYTES_MAX: usize = 256 << 10;

/// The most events of one answer to who reads them.
pub(crate) const PAGE_EVENTS_MAX: usize = 1_000;

/// What is told of an actor to a node that follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// From now on everything is told.
    Begun,
    /// It has published these, in this order, each the next one of its log.
    Events {
        /// Numbers the log.
        epoch: u64,
        /// The number of the first of these events.
        first: u64,
        /// The events, encoded.
        events: Vec<EventBytes>,
    },
    /// It has published more than was kept.
    Gap,
    /// It lives there no more. Nothing follows.
    Left,
}

/// What is said of actors that are followed at another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Following {
    /// Tell the sender what this actor publishes, for half a minute; or go on with it.
    Follow {
        /// Counts the places that the sender asked to be told by.
        number: u64,
        /// Whose events.
        actor: ActorId,
    },
    /// Do not tell any more.
    Unfollow {
        /// Which of the sender's questions.
        number: u64,
    },
    /// Something of an actor that the receiver follows.
    Told {
        /// Which of the receiver's questions.
        number: u64,
        /// Counts what is told: the next one follows when this one is heard.
        batch: u64,
        /// What.
        news: News,
    },
    /// What was told has come.
    Heard {
        /// Which of the sender's questions.
        number: u64,
        /// What.
        batch: u64,
    },
    /// What has this actor published after that?
    Read {
        /// Counts the sender's reads.
        number: u64,
        /// Whose events.
        actor: ActorId,
        /// The log that the reader knows.
        epoch: u64,
        /// Up to where.
        offset: u64,
    },
    /// What it has published.
    Page {
        /// Which of the receiver's reads.
        number: u64,
        /// `None`: it cannot be read there now.
        page: Option<EventPage>,
    },
}

impl Following {
    /// What kind of message it is, for counters and traces.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Follow { .. } => "follow",
            Self::Unfollow { .. } => "unfollow",
            Self::Told { .. } => "told",
            Self::Heard { .. } => "heard",
            Self::Read { .. } => "read",
            Self::Page { .. } => "page",
        }
    }
}
