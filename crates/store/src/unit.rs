use std::collections::BTreeMap;

use tenure_types::{ActorId, FeedName, NUMBER_MAX, Tenure, Token, Version};

use crate::beside::{Encoded, EventLog, RowChange, RowKey};

/// The largest state of a unit, in bytes.
pub const UNIT_BYTES_MAX: usize = 4 << 20;

/// The most bytes of the values that a unit puts beside the head and of its entries, in all.
pub const ROW_BYTES_MAX: usize = 4 << 20;

/// The most changes beside the head and entries in one unit.
pub const UNIT_ROWS_MAX: usize = 16_384;

/// What one actor commits: atomic and durable, or absent.
///
/// It holds one changed state and what the turns left beside it. The version that must be stored
/// before (`expected`) and the one stored after (`version`) may lie more than one apart: a unit
/// covers every turn since the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Whose state it is.
    pub actor: ActorId,
    /// The version that must be stored now; [`Version::NONE`] when nothing may be.
    pub expected: Version,
    /// The version stored with this unit, greater than `expected`.
    pub version: Version,
    /// The right under which the turns ran.
    pub tenure: Tenure,
    /// Names this unit for ever; its incarnation is checked against the fence.
    pub token: Token,
    /// Unix time in milliseconds, for people, and for an engine that forgets what was deleted.
    pub written_at_ms: u64,
    /// Where the actor's events stand after this unit.
    pub log: EventLog,
    /// What becomes of the state.
    pub content: Content,
    /// What changes beside the head, in order: of two changes of one row the later one counts. At
    /// most [`UNIT_ROWS_MAX`].
    pub rows: Vec<RowChange>,
    /// What is appended to feeds, in order. An entry's index is its place in here.
    pub entries: Vec<Append>,
}

/// What a unit appends to a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Which feed. It begins with its first entry.
    pub feed: FeedName,
    /// The entry as JSON, at least one byte; opaque to engines.
    pub data: Vec<u8>,
}

impl Unit {
    /// Bytes of the state, of the rows that are put and of the entries.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.content.bytes() + self.row_bytes()
    }

    /// Says whether an engine takes the unit, before anything stored is looked at.
    ///
    /// # Errors
    /// What the unit is answered: [`UnitOutcome::TooLarge`] or [`UnitOutcome::Invalid`].
    pub fn check(&self) -> Result<(), UnitOutcome> {
        check_bytes(self.content.bytes(), UNIT_BYTES_MAX)?;
        let invalid = |reason: String| {
            let reason = format!("a unit of {}: {reason}", self.actor).into();
            UnitOutcome::Invalid { reason }
        };
        if self.number_max() > NUMBER_MAX {
            return Err(invalid(format!("it has a number above {NUMBER_MAX}")));
        }
        if let Content::Journaled { snapshot } = self.content
            && snapshot > self.log.offset
        {
            let last = self.log.offset;
            return Err(invalid(format!(
                "its snapshot is of event {snapshot}, the last is {last}"
            )));
        }
        if self.rows.is_empty() && self.entries.is_empty() {
            return Ok(());
        }
        check_bytes(self.row_bytes(), ROW_BYTES_MAX)?;
        let rows = self.len_beside();
        if rows > UNIT_ROWS_MAX {
            let what = format!("it changes {rows} rows and entries, more than {UNIT_ROWS_MAX}");
            return Err(invalid(what));
        }
        if let Some(empty) = self.entries.iter().find(|it| it.data.is_empty()) {
            return Err(invalid(format!("an entry of the feed {} is empty", empty.feed)));
        }
        self.rows.iter().try_for_each(RowChange::check).map_err(invalid)
    }

    /// What becomes of each row, where it is changed more than once as well.
    #[must_use]
    pub fn changes(&self) -> BTreeMap<&RowKey, &RowChange> {
        self.rows.iter().map(|change| (change.key(), change)).collect()
    }

    /// How many rows beside the head it changes and how many entries it appends, together.
    #[must_use]
    pub fn len_beside(&self) -> usize {
        self.rows.len() + self.entries.len()
    }

    /// The largest of the numbers that engines may keep apart from the encoded head.
    fn number_max(&self) -> u64 {
        let token = self.token.incarnation.0.max(self.token.sequence);
        let content = match self.content {
            Content::Journaled { snapshot: number } | Content::Deleted { until_ms: number } => {
                number
            }
            Content::State(_) => 0,
        };
        let head = self.version.0.max(self.written_at_ms).max(self.log.offset);
        let rows = self.rows.iter().map(RowChange::number_max).max();
        head.max(token).max(content).max(rows.unwrap_or(0))
    }

    fn row_bytes(&self) -> usize {
        let entries: usize = self.entries.iter().map(|entry| entry.data.len()).sum();
        self.rows.iter().map(RowChange::bytes).sum::<usize>() + entries
    }
}

fn check_bytes(bytes: usize, bytes_max: usize) -> Result<(), UnitOutcome> {
    if bytes > bytes_max {
        return Err(UnitOutcome::TooLarge { bytes, bytes_max });
    }
    Ok(())
}

/// The state of a stored actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The encoded state, at most [`UNIT_BYTES_MAX`] bytes.
    State(Encoded),
    /// The state follows from the snapshot and the journal beside the head: without a gap every
    /// event after `snapshot` up to the last one of the [`EventLog`].
    Journaled {
        /// The offset of the last event that the snapshot holds; zero where there is none.
        snapshot: u64,
    },
    /// The actor was deleted. Every row beside the head goes with the unit that says so, also one
    /// that the same unit puts; version, tenure and event log stay until then, so that a late
    /// writer still meets its conflict. A unit that follows begins a new life without rows.
    Deleted {
        /// Unix time in milliseconds from which nothing of the actor need be kept. Time is told by
        /// [`Unit::written_at_ms`] of the units that the engine is given.
        until_ms: u64,
    },
}

impl Content {
    /// The state, where the head holds it.
    #[must_use]
    pub fn state(&self) -> Option<&Encoded> {
        match self {
            Content::State(state) => Some(state),
            Content::Journaled { .. } | Content::Deleted { .. } => None,
        }
    }

    /// Bytes of the encoded state.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.state().map_or(0, |state| state.bytes.len())
    }
}

/// What became of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitOutcome {
    /// It is durable and visible to loads.
    Committed,
    /// The stored version is not the expected one; nothing was written. A `token` equal to the
    /// unit's own means that it had been committed by an earlier submission.
    Conflict {
        /// The version that is stored.
        version: Version,
        /// The token of the unit that stored it.
        token: Token,
    },
    /// The state or the rows are larger than their bound; nothing was written, and the same unit
    /// will never be accepted.
    TooLarge {
        /// The length of the state, or of all rows, in bytes.
        bytes: usize,
        /// The bound in bytes.
        bytes_max: usize,
    },
    /// The unit breaks a rule of the contract: a row's name is empty or too long, for example.
    /// Nothing was written, and the same unit will never be accepted.
    Invalid {
        /// Which rule, for logs and errors.
        reason: Box<str>,
    },
    /// What is stored of the actor cannot be read, so there is nothing to compare the unit with:
    /// it was damaged, or a newer program wrote it. This submission wrote nothing, what is stored
    /// is as it was, and submitting again does not help. Whether an earlier submission that was
    /// answered `Unknown` had committed is not known.
    Corrupt {
        /// Which record, and what is wrong with it, for logs and errors.
        reason: Box<str>,
    },
    /// The engine cannot tell. Resolved only by submitting the same unit again until the answer
    /// is another one.
    Unknown {
        /// What happened, for logs and errors.
        reason: Box<str>,
    },
    /// The unit's incarnation can commit nothing any more. Whether this unit became durable
    /// before is what loads under the next incarnation say; it will not become so later.
    Fenced {
        /// What happened, for logs and errors.
        reason: Box<str>,
    },
}
