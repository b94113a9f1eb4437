//! What engines share in walking over everything that actors are: what is shown of it, in which order, and
//! how it is checked on the way.

use std::collections::VecDeque;

use tenure_types::{BoxFuture, Key};

use crate::reading::{Journal, missing};
use crate::row::Owner;
use crate::{
    Content, Row, RowKey, StoreError, Stored, WALK_PAGE_BYTES_MAX, WALK_PAGE_MAX, Walk, Walked,
};

/// Gathers the pages of a walk from what an engine finds, and checks it.
#[derive(Debug, Default)]
pub struct Pages {
    course: Course,
    page: Vec<Walked>,
    bytes: usize,
}

impl Pages {
    /// Whether the page has room for another entry.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.page.len() < WALK_PAGE_MAX && self.bytes < WALK_PAGE_BYTES_MAX
    }

    /// Takes the next head. Gives whether rows beside it are shown at all.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names what the actor before it lacks.
    pub fn head(&mut self, owner: Owner<'_>, key: Key, stored: Stored) -> Result<bool, StoreError> {
        self.course.head(owner, &key, &stored.content, stored.log.offset)?;
        if matches!(stored.content, Content::Deleted { .. }) {
            return Ok(false);
        }
        self.bytes += stored.content.bytes();
        self.page.push(Walked::Actor { type_name: owner.type_name.into(), key, stored });
        Ok(true)
    }

    /// Whether the row of this name is shown of the last head.
    #[must_use]
    pub fn wants(&self, key: &RowKey) -> bool {
        self.course.wants(key)
    }

    /// Takes the next row of the last head, if it is shown.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names a row that should come before it.
    pub fn row(&mut self, row: Row) -> Result<(), StoreError> {
        if self.wants(&row.key) {
            self.course.row(&row.key)?;
            self.bytes += row.value.bytes.len();
            self.page.push(Walked::Row(row));
        }
        Ok(())
    }

    /// Says that nothing comes any more.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names what the last actor lacks.
    pub fn end(&mut self) -> Result<(), StoreError> {
        self.course.end()
    }

    /// The page; the next one begins.
    #[must_use]
    pub fn take(&mut self) -> Vec<Walked> {
        self.bytes = 0;
        std::mem::take(&mut self.page)
    }
}

/// Follows heads and rows, and knows which rows belong to a head and whether one is missing.
#[derive(Debug, Default)]
pub(crate) struct Course {
    last: Option<Last>,
}

/// The head that came last.
#[derive(Debug)]
struct Last {
    type_name: Box<str>,
    key: Key,
    content: Shape,
    /// The offset of the last event of the journal that came.
    at: u64,
    end: u64,
}

/// What is to be known of a [`Content`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    State,
    Journaled { snapshot: u64, has_it: bool },
    Deleted,
}

impl Course {
    /// The next head, whose log ends with the event `end`.
    pub(crate) fn head(
        &mut self,
        owner: Owner<'_>,
        key: &Key,
        content: &Content,
        end: u64,
    ) -> Result<(), StoreError> {
        self.end()?;
        let (content, at) = match *content {
            Content::State(_) => (Shape::State, end),
            Content::Journaled { snapshot } => {
                (Shape::Journaled { snapshot, has_it: false }, snapshot)
            }
            Content::Deleted { .. } => (Shape::Deleted, end),
        };
        let type_name = owner.type_name.into();
        self.last = Some(Last { type_name, key: key.clone(), content, at, end });
        Ok(())
    }

    /// Whether the row of this name belongs to what the last head is.
    pub(crate) fn wants(&self, key: &RowKey) -> bool {
        let Some(last) = &self.last else { return false };
        match (key, last.content) {
            (_, Shape::Deleted) => false,
            (RowKey::Outcome(_) | RowKey::Reminder(_), _)
            | (RowKey::Event(_), Shape::State)
            | (RowKey::Journal(_), Shape::Journaled { .. }) => true,
            (RowKey::Snapshot, Shape::Journaled { snapshot, .. }) => snapshot > 0,
            (RowKey::Journal(_) | RowKey::Snapshot, Shape::State)
            | (RowKey::Event(_), Shape::Journaled { .. }) => false,
        }
    }

    /// The next row that belongs to the last head.
    pub(crate) fn row(&mut self, key: &RowKey) -> Result<(), StoreError> {
        let Some(last) = &mut self.last else { return Ok(()) };
        match key {
            // What is before the snapshot may be gone.
            RowKey::Journal(offset) if *offset > last.at => {
                let owner = Owner { type_name: &last.type_name, key: &last.key };
                let mut journal = Journal::new(owner, last.at, last.end);
                journal.follow(*offset)?;
                last.at = *offset;
            }
            RowKey::Snapshot => {
                if let Shape::Journaled { has_it, .. } = &mut last.content {
                    *has_it = true;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Nothing more comes of the last head.
    pub(crate) fn end(&mut self) -> Result<(), StoreError> {
        let Some(last) = self.last.take() else { return Ok(()) };
        let Shape::Journaled { snapshot, has_it } = last.content else { return Ok(()) };
        let owner = Owner { type_name: &last.type_name, key: &last.key };
        if snapshot > 0 && !has_it {
            return Err(missing(owner, &RowKey::Snapshot));
        }
        Journal::new(owner, last.at, last.end).end()
    }
}

/// A walk over what was gathered before: for engines that have everything in memory.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) rest: VecDeque<Walked>,
    /// What the walk meets after that.
    pub(crate) end: Result<(), StoreError>,
}

impl Gathered {
    fn page(&mut self) -> Result<Vec<Walked>, StoreError> {
        if self.rest.is_empty() {
            return self.end.clone().map(|()| Vec::new());
        }
        let (mut page, mut bytes) = (Vec::new(), 0);
        while page.len() < WALK_PAGE_MAX && bytes < WALK_PAGE_BYTES_MAX {
            let Some(walked) = self.rest.pop_front() else { break };
            bytes += match &walked {
                Walked::Actor { stored, .. } => stored.content.bytes(),
                Walked::Row(row) => row.value.bytes.len(),
            };
            page.push(walked);
        }
        Ok(page)
    }
}

impl Walk for Gathered {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Walked>, StoreError>> {
        Box::pin(std::future::ready(self.page()))
    }
}
