//! The stored form of a row beside a head.
//!
//! ```text
//! offset  bytes  what
//!      0      4  "TNB" and the row format's version, 1
//!      4      1  codec of the value
//!      5      1  1 where the row has a due time
//!      6      2  zero
//!      8      4  schema version of the value
//!     12      8  due time in Unix milliseconds, else zero
//!     20      4  length of the value
//!     24      n  value
//!   24+n      8  xxh3-64 of the actor's name (type, zero byte, key, zero byte), the life (8 bytes),
//!                the length of the row's name (2 bytes), the row's name, and all bytes before
//! ```
//! Numbers are little-endian. A row's name is its kind, 1 to 5 in the order of [`RowKey`], and then
//! nothing, an offset (8 bytes, big-endian, so that names are ordered as keys are) or a text. The
//! checksum covers it, so that a row which got under another name is found as well.

use super::{Owner, checksum, corrupt, newer, u32_at, u64_at, without_checksum};
use crate::{Encoded, Row, RowKey, StoreError};

const MAGIC: [u8; 3] = *b"TNB";
const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 24;
const CHECKSUM_BYTES: usize = 8;

/// What tells the kinds of rows apart, the first byte of a row's name.
pub mod kind {
    /// An event that the state follows from.
    pub const JOURNAL: u8 = 1;
    /// The state after one of them.
    pub const SNAPSHOT: u8 = 2;
    /// An event that is kept for clients.
    pub const EVENT: u8 = 3;
    /// What became of a call.
    pub const OUTCOME: u8 = 4;
    /// A reminder.
    pub const REMINDER: u8 = 5;
}

/// The bit of this kind in [`super::Beside::kinds`].
#[must_use]
pub fn bit(kind: u8) -> u8 {
    1 << (kind - 1)
}

/// The kind of the row that `key` names.
#[must_use]
pub fn kind_of(key: &RowKey) -> u8 {
    match key {
        RowKey::Journal(_) => kind::JOURNAL,
        RowKey::Snapshot => kind::SNAPSHOT,
        RowKey::Event(_) => kind::EVENT,
        RowKey::Outcome(_) => kind::OUTCOME,
        RowKey::Reminder(_) => kind::REMINDER,
    }
}

/// Appends the name of a row to `out`. Names are ordered as keys are.
pub fn write_name(key: &RowKey, out: &mut Vec<u8>) {
    out.push(kind_of(key));
    match key {
        RowKey::Journal(offset) | RowKey::Event(offset) => {
            out.extend_from_slice(&offset.to_be_bytes());
        }
        RowKey::Snapshot => {}
        RowKey::Outcome(name) | RowKey::Reminder(name) => out.extend_from_slice(name.as_bytes()),
    }
}

/// The key of the row that has this name; `None` if no row has.
#[must_use]
pub fn read_name(name: &[u8]) -> Option<RowKey> {
    let (kind, id) = name.split_first()?;
    let offset = || Some(u64::from_be_bytes(id.try_into().ok()?));
    let text = || Some(std::str::from_utf8(id).ok()?.into());
    match *kind {
        kind::JOURNAL => offset().map(RowKey::Journal),
        kind::SNAPSHOT => id.is_empty().then_some(RowKey::Snapshot),
        kind::EVENT => offset().map(RowKey::Event),
        kind::OUTCOME => text().map(RowKey::Outcome),
        kind::REMINDER => text().map(RowKey::Reminder),
        _ => None,
    }
}

/// Appends the stored form of `row` to `out`.
///
/// # Panics
/// If the value is 4 GiB or larger; engines refuse units far below that.
pub fn encode<'a>(owner: impl Into<Owner<'a>>, life: u64, row: &Row, out: &mut Vec<u8>) {
    let start = out.len();
    let Encoded { schema, codec, bytes } = &row.value;
    let length = u32::try_from(bytes.len()).expect("units are bounded far below 4 GiB");
    out.reserve(HEAD_BYTES + bytes.len() + CHECKSUM_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[FORMAT, *codec, u8::from(row.due_ms.is_some()), 0, 0]);
    out.extend_from_slice(&schema.to_le_bytes());
    out.extend_from_slice(&row.due_ms.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
    let checksum = checksum(owner.into(), &place(life, &row.key), &out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// Reads and checks the row of the actor that `key` names.
///
/// # Errors
/// [`StoreError::Corrupt`] if any byte was changed, added or lost, [`StoreError::Newer`] if the
/// row's format is not known.
pub fn decode<'a>(
    owner: impl Into<Owner<'a>>,
    life: u64,
    key: RowKey,
    row: &[u8],
) -> Result<Row, StoreError> {
    let owner = owner.into();
    let wrong = |detail: &str| Err(corrupt(&describe(owner, &key), detail));
    if row.len() < HEAD_BYTES + CHECKSUM_BYTES {
        return wrong(&format!("only {} bytes are left of it", row.len()));
    }
    if row[..3] != MAGIC {
        return wrong("it does not begin as a row");
    }
    if row[3] > FORMAT {
        return Err(newer(describe(owner, &key), row[3], FORMAT));
    }
    let Some(content) = without_checksum(owner, &place(life, &key), row) else {
        return wrong("its checksum does not match");
    };
    let bytes = &content[HEAD_BYTES..];
    if row[3] == 0 || row[5] > 1 || u32_at(row, 20) as usize != bytes.len() {
        return wrong("it states what no row does");
    }
    let due_ms = (row[5] == 1).then(|| u64_at(row, 12));
    let value = Encoded { schema: u32_at(row, 8), codec: row[4], bytes: bytes.to_vec() };
    Ok(Row { key, value, due_ms })
}

/// What the checksum covers besides the actor's name and the row's bytes.
fn place(life: u64, key: &RowKey) -> Vec<u8> {
    let mut place = Vec::with_capacity(64);
    place.extend_from_slice(&life.to_le_bytes());
    place.extend_from_slice(&[0, 0]);
    write_name(key, &mut place);
    let length = place.len() - 10;
    let length = u16::try_from(length).expect("names are bounded far below 64 KiB");
    place[8..10].copy_from_slice(&length.to_le_bytes());
    place
}

/// The row in words, for errors.
pub(crate) fn describe(owner: Owner<'_>, key: &RowKey) -> String {
    match key {
        RowKey::Journal(offset) => format!("event {offset} in the journal of {owner}"),
        RowKey::Snapshot => format!("the snapshot of {owner}"),
        RowKey::Event(offset) => format!("event {offset} of {owner}"),
        RowKey::Outcome(name) => format!("the outcome {name:?} of {owner}"),
        RowKey::Reminder(name) => format!("the reminder {name:?} of {owner}"),
    }
}

#[cfg(test)]
mod tests;
