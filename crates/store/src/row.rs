//! The stored form of an actor's head: a self-describing row with a checksum. [`beside`] has that of
//! the rows beside it, [`feed`] those of feeds.
//!
//! ```text
//! offset  bytes  what
//!      0      4  "TNR" and the row format's version, 2
//!      4      1  codec of the state, else zero
//!      5      1  content: 0 state, 1 journaled, 2 deleted
//!      6      1  kinds of rows that may lie beside the head
//!      7      1  1 where an event log follows, 2 where an activation has it open, 4 where a life
//!                follows
//!      8      4  schema version of the state, else zero
//!     12      8  version
//!     20     16  tenure: view, sequence
//!     36     16  token: incarnation, sequence
//!     52      8  Unix time in milliseconds
//!     60      4  length of what comes next
//!     64      n  the state; or the offset in the snapshot; or until when the head is kept
//!   64+n     16  event log: epoch, offset; if there is one
//!            16  tenure of the activation that has it open: view, sequence; if one has
//!             8  life; if there is one
//!             8  xxh3-64 of the actor's name (type, zero byte, key, zero byte) and all bytes before
//! ```
//! Numbers are little-endian. The checksum covers the actor's name, so that a row which got under
//! another actor's name is found as well. Format 1, which is still read, is that of a state without
//! rows beside it and without events: but for the number of the format the two are the same.

pub mod beside;
pub mod feed;

use std::fmt;

use tenure_types::{ActorId, Incarnation, Tenure, Token, Version};
use xxhash_rust::xxh3::Xxh3Default;

use crate::{Content, Encoded, EventLog, StoreError, Stored, Unit};

const MAGIC: [u8; 3] = *b"TNR";
const FORMAT: u8 = 2;
const HEAD_BYTES: usize = 64;
const CHECKSUM_BYTES: usize = 8;

const STATE: u8 = 0;
const JOURNALED: u8 = 1;
const DELETED: u8 = 2;

const HAS_LOG: u8 = 1;
const HAS_OPEN: u8 = 2;
const HAS_LIFE: u8 = 4;

/// Whose row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The name of the actor's type.
    pub type_name: &'a str,
    /// The actor's key.
    pub key: &'a str,
}

/// What an engine notes in a head about the rows beside it, for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// A bit for each kind of row that may be there.
    pub kinds: u8,
    /// Tells the rows of an actor from those of its earlier lives, which ended with its deletion.
    pub life: u64,
}

/// Appends the head row of `unit` to `out`.
///
/// # Panics
/// If the state is 4 GiB or larger; engines refuse units far below that.
pub fn encode(unit: &Unit, beside: Beside, out: &mut Vec<u8>) {
    let start = out.len();
    let number = match unit.content {
        Content::Journaled { snapshot: number } | Content::Deleted { until_ms: number } => number,
        Content::State(_) => 0,
    };
    let number = number.to_le_bytes();
    let (kind, codec, schema, content) = match &unit.content {
        Content::State(state) => (STATE, state.codec, state.schema, state.bytes.as_slice()),
        Content::Journaled { .. } => (JOURNALED, 0, 0, number.as_slice()),
        Content::Deleted { .. } => (DELETED, 0, 0, number.as_slice()),
    };
    let length = u32::try_from(content.len()).expect("units are bounded far below 4 GiB");
    let (log, life) = (unit.log, beside.life);
    let sections = (if log == EventLog::default() { 0 } else { HAS_LOG })
        | (if log.open.is_some() { HAS_OPEN } else { 0 })
        | (if life > 0 { HAS_LIFE } else { 0 });
    out.reserve(HEAD_BYTES + content.len() + 40 + CHECKSUM_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[FORMAT, codec, kind, beside.kinds, sections]);
    out.extend_from_slice(&schema.to_le_bytes());
    let mut write = |numbers: &[u64]| {
        numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    };
    write(&[unit.version.0, unit.tenure.view, unit.tenure.sequence]);
    write(&[unit.token.incarnation.0, unit.token.sequence, unit.written_at_ms]);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(content);
    let mut write = |numbers: &[u64]| {
        numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    };
    if sections & HAS_LOG != 0 {
        write(&[log.epoch, log.offset]);
    }
    if let Some(open) = log.open {
        write(&[open.view, open.sequence]);
    }
    if life > 0 {
        write(&[life]);
    }
    let checksum = checksum((&unit.actor).into(), &[], &out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// Reads and checks a head row. Rows beside it are not in what is given.
///
/// # Errors
/// [`StoreError::Corrupt`] if any byte was changed, added or lost, [`StoreError::Newer`] if the
/// row's format is not known.
pub fn decode<'a>(owner: impl Into<Owner<'a>>, row: &[u8]) -> Result<(Stored, Beside), StoreError> {
    let owner = owner.into();
    let corrupt = |detail: &str| corrupt(&record_of(owner), detail);
    let row = check(owner, row)?;
    let sections = row[7];
    let mut rest = Reader(&row[HEAD_BYTES..]);
    let content = rest.take(u32_at(row, 60) as usize);
    let log = if sections & HAS_LOG != 0 { rest.numbers() } else { Some([0, 0]) };
    let open = (sections & HAS_OPEN != 0).then(|| rest.numbers());
    let life = if sections & HAS_LIFE != 0 { rest.numbers() } else { Some([0]) };
    let (Some(content), Some([epoch, offset]), Some([life]), true) =
        (content, log, life, open.is_none_or(|open| open.is_some()))
    else {
        return Err(corrupt("its length is not the one it states"));
    };
    let number = <[u8; 8]>::try_from(content).map(u64::from_le_bytes);
    let content = match (row[5], number) {
        (STATE, _) => {
            let bytes = content.to_vec();
            Content::State(Encoded { schema: u32_at(row, 8), codec: row[4], bytes })
        }
        (JOURNALED, Ok(snapshot)) => Content::Journaled { snapshot },
        (DELETED, Ok(until_ms)) => Content::Deleted { until_ms },
        _ => return Err(corrupt("its content is of no known kind")),
    };
    if !rest.0.is_empty() {
        return Err(corrupt("its length is not the one it states"));
    }
    let open = open.flatten().map(|[view, sequence]| Tenure { view, sequence });
    let token = Token { incarnation: Incarnation(u64_at(row, 36)), sequence: u64_at(row, 44) };
    let stored = Stored {
        version: Version(u64_at(row, 12)),
        tenure: Tenure { view: u64_at(row, 20), sequence: u64_at(row, 28) },
        token,
        written_at_ms: u64_at(row, 52),
        log: EventLog { epoch, offset, open },
        content,
        rows: Vec::new(),
    };
    Ok((stored, Beside { kinds: row[6], life }))
}

/// What is left of a row whose checksum matches.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn numbers<const N: usize>(&mut self) -> Option<[u64; N]> {
        let bytes = self.take(N * 8)?;
        Some(std::array::from_fn(|n| u64_at(bytes, n * 8)))
    }
}

/// Everything but the checksum of a row that is as it was written.
fn check<'a>(owner: Owner<'_>, row: &'a [u8]) -> Result<&'a [u8], StoreError> {
    let what = || record_of(owner);
    if row.len() < HEAD_BYTES + CHECKSUM_BYTES {
        return Err(corrupt(&what(), &format!("only {} bytes are left of it", row.len())));
    }
    if row[..3] != MAGIC {
        return Err(corrupt(&what(), "it does not begin as a record"));
    }
    if row[3] > FORMAT {
        return Err(newer(what(), row[3], FORMAT));
    }
    if row[3] == 0 {
        return Err(corrupt(&what(), "its format number is not one that was ever written"));
    }
    without_checksum(owner, &[], row).ok_or_else(|| corrupt(&what(), "its checksum does not match"))
}

/// A row without the checksum that it ends with; `None` if that is not the one of its bytes.
fn without_checksum<'a>(owner: Owner<'_>, place: &[u8], row: &'a [u8]) -> Option<&'a [u8]> {
    let (content, stated) = row.split_last_chunk::<CHECKSUM_BYTES>()?;
    (checksum(owner, place, content) == u64::from_le_bytes(*stated)).then_some(content)
}

/// The checksum of a row at `place` beside the head, which is the empty place.
fn checksum(owner: Owner<'_>, place: &[u8], content: &[u8]) -> u64 {
    let (type_name, key) = (owner.type_name.as_bytes(), owner.key.as_bytes());
    let parts = [type_name, &[0], key, &[0], place, content];
    // Small rows, nearly all of them, are hashed in one go from the stack, which is several times
    // faster than in parts.
    let mut joined = [0_u8; 512];
    let mut length = 0;
    for part in parts {
        let Some(place) = joined.get_mut(length..length + part.len()) else {
            let mut hasher = Xxh3Default::new();
            parts.iter().for_each(|part| hasher.update(part));
            return hasher.digest();
        };
        place.copy_from_slice(part);
        length += part.len();
    }
    xxhash_rust::xxh3::xxh3_64(&joined[..length])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn record_of(owner: Owner<'_>) -> String {
    format!("the record of {owner}")
}

fn corrupt(what: &str, detail: &str) -> StoreError {
    StoreError::Corrupt { what: what.into(), detail: format!("{detail}; restore a backup").into() }
}

fn newer(what: String, found: u8, known: u8) -> StoreError {
    StoreError::Newer {
        what: what.into(),
        detail: format!(
            "its format is {found}, this program knows up to {known}; run the newer one"
        )
        .into(),
    }
}

impl<'a> From<&'a ActorId> for Owner<'a> {
    fn from(actor: &'a ActorId) -> Self {
        Self { type_name: actor.actor_type.as_str(), key: actor.key.as_str() }
    }
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.type_name, self.key)
    }
}

#[cfg(test)]
mod tests;
