//! What engines share in reading: which rows must be there, and how much is answered at a time.

use tenure_types::Key;

use crate::row::Owner;
use crate::row::beside::describe;
use crate::{
    Content, EVENTS_BYTES_MAX, Encoded, HEADS_BYTES_MAX, Row, RowKey, StoreError, Stored,
    StoredHead,
};

/// Checks that a load found the snapshot and the journal that the head speaks of, in order and
/// without a gap.
///
/// # Errors
/// [`StoreError::Corrupt`] names what is missing.
pub fn check_loaded(owner: Owner<'_>, stored: &Stored) -> Result<(), StoreError> {
    let Content::Journaled { snapshot } = stored.content else { return Ok(()) };
    if snapshot > 0 && !stored.rows.iter().any(|row| row.key == RowKey::Snapshot) {
        return Err(missing(owner, &RowKey::Snapshot));
    }
    let mut journal = Journal::new(owner, snapshot, stored.log.offset);
    for row in &stored.rows {
        if let RowKey::Journal(offset) = row.key {
            journal.follow(offset)?;
        }
    }
    journal.end()
}

/// Follows the offsets of a journal.
pub(crate) struct Journal<'a> {
    owner: Owner<'a>,
    /// The last offset that was followed, or the one before the first.
    at: u64,
    last: u64,
}

impl<'a> Journal<'a> {
    /// Of the events after `after`, up to `last`.
    pub(crate) fn new(owner: Owner<'a>, after: u64, last: u64) -> Self {
        Self { owner, at: after, last }
    }

    pub(crate) fn follow(&mut self, offset: u64) -> Result<(), StoreError> {
        if offset > self.last {
            let detail = format!("the last event is {}; restore a backup", self.last).into();
            let what = describe(self.owner, &RowKey::Journal(offset)).into();
            return Err(StoreError::Corrupt { what, detail });
        }
        if self.at.checked_add(1) != Some(offset) {
            return Err(self.gap());
        }
        self.at = offset;
        Ok(())
    }

    pub(crate) fn end(&self) -> Result<(), StoreError> {
        if self.at < self.last { Err(self.gap()) } else { Ok(()) }
    }

    fn gap(&self) -> StoreError {
        missing(self.owner, &RowKey::Journal(self.at.saturating_add(1)))
    }
}

pub(crate) fn missing(owner: Owner<'_>, key: &RowKey) -> StoreError {
    StoreError::Corrupt {
        what: describe(owner, key).into(),
        detail: "it is missing; restore a backup".into(),
    }
}

/// The answer of [`Store::events`](crate::Store::events) while it is read, row by row.
pub struct Events<'a> {
    found: Vec<(u64, Encoded)>,
    limit: usize,
    bytes: usize,
    /// Where the events are a journal: it is followed from the snapshot on, because what was before
    /// it may be gone.
    journal: Option<Journal<'a>>,
}

impl<'a> Events<'a> {
    /// Of the actor whose head this is, after offset `after`.
    #[must_use]
    pub fn new(owner: Owner<'a>, head: &Stored, after: u64, limit: usize) -> Self {
        let journal = match head.content {
            Content::Journaled { snapshot } => {
                Some(Journal::new(owner, after.max(snapshot), head.log.offset))
            }
            Content::State(_) | Content::Deleted { .. } => None,
        };
        Self { found: Vec::new(), limit, bytes: 0, journal }
    }

    /// Whether the answer has room for another event.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.found.len() < self.limit && self.bytes < EVENTS_BYTES_MAX
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names an event of a journal that should come before it.
    pub fn push(&mut self, row: Row) -> Result<(), StoreError> {
        let (RowKey::Journal(offset) | RowKey::Event(offset)) = row.key else { return Ok(()) };
        if let Some(journal) = &mut self.journal
            && offset > journal.at
        {
            journal.follow(offset)?;
        }
        self.bytes += row.value.bytes.len();
        self.found.push((offset, row.value));
        Ok(())
    }

    /// The answer, after the last row there is.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names an event of a journal that should have come.
    pub fn end(self) -> Result<Vec<(u64, Encoded)>, StoreError> {
        if let Some(journal) = &self.journal {
            journal.end()?;
        }
        Ok(self.found)
    }

    /// The answer, where more rows may follow.
    #[must_use]
    pub fn full(self) -> Vec<(u64, Encoded)> {
        self.found
    }
}

/// Gathers one page of heads.
#[derive(Debug)]
pub struct Heads {
    found: Vec<StoredHead>,
    limit: usize,
    bytes: usize,
}

impl Heads {
    /// A page of at most `limit`.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { found: Vec::new(), limit, bytes: 0 }
    }

    /// Whether there is room for one more.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.found.len() < self.limit && self.bytes < HEADS_BYTES_MAX
    }

    /// Adds the next one.
    pub fn push(&mut self, key: Key, stored: Result<Stored, StoreError>) {
        self.bytes += stored.as_ref().map_or(0, |stored| stored.content.bytes());
        self.found.push(StoredHead { key, stored });
    }

    /// The page.
    #[must_use]
    pub fn end(self) -> Vec<StoredHead> {
        self.found
    }
}
