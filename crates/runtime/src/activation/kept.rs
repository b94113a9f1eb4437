//! What an activation keeps beside its state, and what of it is stored beside the head.

use std::collections::BTreeMap;

use tenure_store::{EventLog, Row, RowKey};

use super::opening::Opening;
use super::outcomes::Outcomes;
use super::reminder_row::{self, Reminder};
use super::window::Window;

/// What an activation keeps beside its state. Most have nothing of it.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    /// Where the actor's events stand.
    pub(crate) log: EventLog,
    /// Whether the store knows that events of this activation may be lost: before that none leaves.
    pub(crate) opening: Opening,
    /// The last events, where the store does not have them at once.
    pub(crate) window: Window,
    /// The events of the window that an earlier activation has stored, first and last.
    pub(crate) stored_window: Option<(u64, u64)>,
    /// The last event that was told to who follows.
    pub(crate) published: u64,
    /// What became of calls with idempotency keys.
    pub(crate) outcomes: Outcomes,
    /// Reminders by name.
    pub(crate) reminders: BTreeMap<Box<str>, Reminder>,
    /// The offset of the last event in the stored snapshot.
    pub(crate) snapshot: u64,
}

impl Kept {
    /// What is kept of an actor that was just loaded; `None` if that is nothing.
    ///
    /// # Errors
    /// Says which row makes no sense.
    pub(crate) fn load(log: EventLog, snapshot: u64, rows: Vec<Row>) -> Result<Self, String> {
        let mut kept = Self { log, snapshot, published: log.offset, ..Self::default() };
        for row in rows {
            match row.key {
                RowKey::Outcome(key) => kept.outcomes.load(key, &row.value.bytes)?,
                RowKey::Reminder(name) => {
                    let due_ms = row.due_ms.ok_or("a reminder without a time")?;
                    let reminder = reminder_row::decode(due_ms, &row.value.bytes)?;
                    kept.reminders.insert(name, reminder);
                }
                RowKey::Journal(_) | RowKey::Snapshot | RowKey::Event(_) => {}
            }
        }
        kept.outcomes.loaded();
        Ok(kept)
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let reminders = self.reminders.values().map(|it| it.delivery.body.len()).sum::<usize>();
        self.window.bytes() + self.outcomes.bytes() + reminders
    }

    /// Whether there is nothing to keep.
    pub(crate) fn is_empty(&self) -> bool {
        self.log == EventLog::default()
            && self.outcomes.is_empty()
            && self.reminders.is_empty()
            && self.snapshot == 0
    }
}
