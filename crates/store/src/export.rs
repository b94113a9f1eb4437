//! The file in which actors go from one store to another, whatever the engines.
//!
//! ```text
//!  8  "tnr-exp" and the number of the format, 1
//! records, each
//!  1  kind: 1 an actor, 2 a row beside the last actor, 3 the end
//!  4  bytes of the body
//!     body
//!  8  xxh3-64 of the place at which the record begins (8 bytes), and of all its bytes before
//!
//! an actor
//!  1  0 where it is a state, 1 where it follows from a journal
//!  1  codec of the state, else zero
//!  2  bytes of the type's name
//!  2  bytes of the key
//!  4  schema version of the state, else zero
//!  8  version
//!  8  number of the last event; zero where there is none
//!     the type's name, the key
//!     the state; or the event that the snapshot holds (8 bytes), zero where there is none
//!
//! a row
//!  1  1 where it has a due time
//!  1  codec
//!  2  bytes of the row's name
//!  4  schema version
//!  8  due time in Unix milliseconds, else zero
//!     the row's name as in `row::beside`, the value
//!
//! the end
//!  8  how many actors
//!  8  how many rows
//! 16  xxh3-128 of all bytes before this record
//! ```
//! Numbers are little-endian. Actors come in the order of type and key, the rows of each in the order of their
//! names, all of them once, and there is one way to write each. So stores with the same actors
//! have equal files. What belongs to a store and not to an actor is not in it: tenures, tokens, incarnations, times of
//! writing, epochs of event logs, actors that are deleted, feeds.
//!
//! An event log whose activation may have lost events (`open`) is begun anew by whoever loads it; its kept events are
//! left out and its number is zero.

mod compare;
mod import;
mod order;
mod read;
mod record;
mod write;

pub use compare::{Difference, compare};
pub use import::{Import, check_empty, import};
pub use read::Reader;
pub use record::{Actor, Record};
pub use write::{Writer, export};

use crate::UNIT_BYTES_MAX;

/// The most bytes of a record's body: a state or a row, and names.
pub const RECORD_BYTES_MAX: usize = UNIT_BYTES_MAX + (4 << 10);
/// The most types in a file.
pub const EXPORT_TYPES_MAX: usize = 4_096;

/// What a file begins with, before the number of its format.
pub const EXPORT_MAGIC: &[u8; 7] = b"tnr-exp";
/// The format that is written.
const FORMAT: u8 = 1;

/// The kinds of records.
const ACTOR: u8 = 1;
const ROW: u8 = 2;
const END: u8 = 3;

/// Bytes of a record before its body, and behind it.
const FRAME_HEAD_BYTES: usize = 5;
const CHECKSUM_BYTES: usize = 8;
/// Bytes of the body of the end.
const END_BYTES: usize = 32;

/// What a whole file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many actors.
    pub actors: u64,
    /// How many rows beside them.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The digest of all that comes before the end: files with the same actors have the same.
    pub digest: u128,
}

/// The checksum of a record that begins at `place`.
fn checksum(place: u64, parts: [&[u8]; 2]) -> [u8; CHECKSUM_BYTES] {
    let mut sum = xxhash_rust::xxh3::Xxh3Default::new();
    sum.update(&place.to_le_bytes());
    parts.iter().for_each(|part| sum.update(part));
    sum.digest().to_le_bytes()
}

#[cfg(test)]
mod tests;
