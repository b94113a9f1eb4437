//! What is stored beside an actor's head: rows of their own, changed in the same unit.

use tenure_types::{Key, Tenure};

/// The longest name of a reminder or key of an outcome, in bytes.
pub const ROW_NAME_BYTES_MAX: usize = 256;

/// Encoded bytes that say how to read them; opaque to engines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The schema version of the bytes.
    pub schema: u32,
    /// A codec id of the layer above.
    pub codec: u8,
    /// The encoded value.
    pub bytes: Vec<u8>,
}

/// Where an actor's events stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventLog {
    /// Numbers the log; another one says that events were lost or the actor began anew. Zero where
    /// there never was an event.
    pub epoch: u64,
    /// The number of the last event; the first one has number 1.
    pub offset: u64,
    /// The activation that lets events leave before they are durable: if it is still set when the
    /// actor is loaded, some may be lost.
    pub open: Option<Tenure>,
}

/// Names one row beside a head.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// An event that the state follows from, by its offset, which is at least 1.
    Journal(u64),
    /// The state after the event that the head's content names.
    Snapshot,
    /// An event that is kept for clients who resume, by its offset, which is at least 1.
    Event(u64),
    /// What became of a call, by its idempotency key: 1 to [`ROW_NAME_BYTES_MAX`] bytes.
    Outcome(Box<str>),
    /// A reminder, by its name: 1 to [`ROW_NAME_BYTES_MAX`] bytes.
    Reminder(Box<str>),
}

/// One row as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub key: RowKey,
    /// Its value.
    pub value: Encoded,
    /// When it wants to be looked at, in Unix milliseconds: a reminder's due time. No other row has
    /// one, and a reminder without one is not listed by [`Store::due`](crate::Store::due).
    pub due_ms: Option<u64>,
}

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowChange {
    /// Makes or replaces a row.
    Put(Row),
    /// Removes a row, if it is there, and its due time.
    Delete(RowKey),
}

/// Something that is due. A hint: what is stored of the actor decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When, in Unix milliseconds.
    pub due_ms: u64,
    /// The name of the actor's type. A text, because the program that reads it may not have the
    /// type any more.
    pub type_name: Box<str>,
    /// Which actor of that type.
    pub key: Key,
    /// The reminder's name.
    pub reminder: Box<str>,
}

impl RowKey {
    /// Says what rule the key breaks, if it breaks one.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            RowKey::Snapshot => Ok(()),
            RowKey::Journal(0) | RowKey::Event(0) => Err("event offsets begin with 1".to_owned()),
            RowKey::Journal(_) | RowKey::Event(_) => Ok(()),
            RowKey::Outcome(name) => check_name("an idempotency key", name),
            RowKey::Reminder(name) => check_name("the name of a reminder", name),
        }
    }
}

fn check_name(what: &str, name: &str) -> Result<(), String> {
    match name.len() {
        1..=ROW_NAME_BYTES_MAX => Ok(()),
        bytes => Err(format!("{what} has 1 to {ROW_NAME_BYTES_MAX} bytes, not {bytes}")),
    }
}

impl RowChange {
    /// The row's name.
    #[must_use]
    pub fn key(&self) -> &RowKey {
        match self {
            RowChange::Put(row) => &row.key,
            RowChange::Delete(key) => key,
        }
    }

    /// Bytes of the value that is put.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            RowChange::Put(row) => row.value.bytes.len(),
            RowChange::Delete(_) => 0,
        }
    }

    /// The largest number in it.
    pub(crate) fn number_max(&self) -> u64 {
        let offset = match self.key() {
            RowKey::Journal(offset) | RowKey::Event(offset) => *offset,
            RowKey::Snapshot | RowKey::Outcome(_) | RowKey::Reminder(_) => 0,
        };
        match self {
            RowChange::Put(row) => offset.max(row.due_ms.unwrap_or(0)),
            RowChange::Delete(_) => offset,
        }
    }

    /// Says what rule the change breaks, if it breaks one.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.key().check()?;
        match self {
            RowChange::Put(Row { key, due_ms: Some(_), .. })
                if !matches!(key, RowKey::Reminder(_)) =>
            {
                Err("only reminders have a due time".to_owned())
            }
            _ => Ok(()),
        }
    }
}
