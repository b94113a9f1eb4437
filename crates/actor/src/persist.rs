use std::num::NonZeroU32;
use std::time::Duration;

/// When an actor's state is saved, seen from the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Persist {
    /// Never: state lives as long as its activation.
    Volatile,
    /// Before the reply: what a caller was told is durable.
    WriteThrough,
    /// Behind the reply: a crash loses at most `max_delay` and one flush of acknowledged turns.
    WriteBehind {
        /// How old the oldest unsaved turn may become before replies wait for it.
        max_delay: Duration,
    },
    /// As events, before the reply; the state follows from them.
    EventSourced {
        /// After how many events a snapshot of the state is stored with them.
        snapshot_every: NonZeroU32,
    },
}

impl Persist {
    /// Whether replies wait for the store.
    #[must_use]
    pub const fn is_durable(self) -> bool {
        matches!(self, Persist::WriteThrough | Persist::EventSourced { .. })
    }

    /// Whether the store keeps the actor at all.
    #[must_use]
    pub const fn is_stored(self) -> bool {
        !matches!(self, Persist::Volatile)
    }

    /// The word used in configuration, metrics and pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Persist::Volatile => "volatile",
            Persist::WriteThrough => "write_through",
            Persist::WriteBehind { .. } => "write_behind",
            Persist::EventSourced { .. } => "event_sourced",
        }
    }
}
