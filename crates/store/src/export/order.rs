//! What holds of the records of a file together.

use tenure_types::{ActorTypeName, Key, NUMBER_MAX, Version};

use super::{Actor, EXPORT_TYPES_MAX, Record};
use crate::row::Owner;
use crate::walk::Course;
use crate::{Content, ROW_BYTES_MAX, Row, RowKey, StoreError, UNIT_BYTES_MAX};

/// Follows the records of a file: both who writes one and who reads it take none that breaks a rule.
#[derive(Debug, Default)]
pub(super) struct Order {
    course: Course,
    /// How many types there were so far.
    types: usize,
    last: Option<(Box<str>, Key)>,
    last_row: Option<RowKey>,
}

impl Order {
    /// Takes the next record.
    ///
    /// # Errors
    /// Which rule it breaks.
    pub(super) fn take(&mut self, record: &Record) -> Result<(), String> {
        match record {
            Record::Actor(actor) => self.actor(actor),
            Record::Row(row) => self.row(row),
        }
    }

    /// Says that nothing follows.
    ///
    /// # Errors
    /// What the last actor lacks.
    pub(super) fn end(&mut self) -> Result<(), String> {
        self.course.end().map_err(lack)
    }

    /// The last actor, for people.
    pub(super) fn last(&self) -> Option<String> {
        self.last.as_ref().map(|(type_name, key)| format!("{type_name}/{key}"))
    }

    fn actor(&mut self, actor: &Actor) -> Result<(), String> {
        let Actor { type_name, key, version, events, content } = actor;
        ActorTypeName::check(type_name).map_err(|error| error.to_string())?;
        if self.last.as_ref().is_some_and(|last| (&last.0, &last.1) >= (type_name, key)) {
            return Err(format!("{type_name}/{key} does not come after the actor before it"));
        }
        let number = match content {
            Content::State(state) if state.bytes.len() > UNIT_BYTES_MAX => {
                return Err(format!("the state of {type_name}/{key} is longer than any"));
            }
            Content::State(_) => 0,
            Content::Journaled { snapshot } if snapshot <= events => *snapshot,
            Content::Journaled { .. } | Content::Deleted { .. } => {
                return Err(format!("{type_name}/{key} has no state that an actor may have"));
            }
        };
        if *version == Version::NONE || version.0.max(*events).max(number) > NUMBER_MAX {
            return Err(format!("{type_name}/{key} has a number that none may have"));
        }
        // Actors of one type follow each other.
        self.types += usize::from(self.last.as_ref().is_none_or(|last| last.0 != *type_name));
        if self.types > EXPORT_TYPES_MAX {
            return Err(format!("there are actors of more than {EXPORT_TYPES_MAX} types"));
        }
        self.course.head(Owner { type_name, key }, key, content, *events).map_err(lack)?;
        self.last = Some((type_name.clone(), key.clone()));
        self.last_row = None;
        Ok(())
    }

    fn row(&mut self, row: &Row) -> Result<(), String> {
        let of = || self.last().unwrap_or_else(|| "nobody".to_owned());
        row.key.check().map_err(|why| format!("a row of {}: {why}", of()))?;
        let offset = match row.key {
            RowKey::Journal(offset) | RowKey::Event(offset) => offset,
            RowKey::Snapshot | RowKey::Outcome(_) | RowKey::Reminder(_) => 0,
        };
        let is_reminder = matches!(row.key, RowKey::Reminder(_));
        if offset.max(row.due_ms.unwrap_or(0)) > NUMBER_MAX
            || row.value.bytes.len() > ROW_BYTES_MAX
            || (row.due_ms.is_some() && !is_reminder)
            || !self.course.wants(&row.key)
        {
            return Err(format!("a row of {} is none that it may have", of()));
        }
        if self.last_row.as_ref().is_some_and(|last| *last >= row.key) {
            return Err(format!("a row of {} does not come after the one before it", of()));
        }
        self.course.row(&row.key).map_err(lack)?;
        self.last_row = Some(row.key.clone());
        Ok(())
    }
}

/// What is missing, without the advice that is for stores.
fn lack(error: StoreError) -> String {
    match error {
        StoreError::Corrupt { what, detail } => {
            let detail = detail.split(';').next().unwrap_or_default();
            format!("{what} cannot be there so: {detail}")
        }
        error => error.to_string(),
    }
}
