//! Copies of a store: everything that is stored at one moment, as one stream of bytes.
//!
//! ```text
//!  8  magic
//! frames, each
//!  4  bytes of rows in it, zero in the last one
//!  8  xxh3-64 of those rows
//!     rows, each: 4 bytes of the key, 4 bytes of the value, key, value
//! at the end
//!  8  number of the last batch
//!  8  incarnation
//!  8  how many rows
//!  8  xxh3-64 of all checksums of frames, and of the three numbers before
//! ```
//! A copy that the store could not finish has, where a frame would begin, `ff ff ff ff`, the length of a
//! text in 4 bytes, and the text: why.
//! Numbers are little-endian. Keys come in order, each once.

use std::io::{self, Write};
use std::ops::Bound::Unbounded;

use tenure_store::StoreError;
use tenure_types::Incarnation;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::commit::CommitQueue;
use crate::view::View;

pub(crate) const MAGIC: &[u8; 8] = b"tnr-bak1";
/// A frame is written when it has so many bytes; one more row may still join it.
/// Stands where a frame's length would, before the reason why a copy was not finished.
pub(crate) const FAILED: u32 = u32::MAX;
/// The longest such reason.
pub(crate) const REASON_BYTES_MAX: usize = 4 << 10;
/// A frame is written when it has so many bytes; one more row may still join it.
const FRAME_BYTES: usize = 256 << 10;
/// No frame has more: a record is at most 16 MiB.
pub(crate) const FRAME_BYTES_MAX: usize = 32 << 20;

/// What a copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// How many rows, those that the engine keeps for itself among them.
    pub rows: u64,
    /// The last incarnation that the store had handed out.
    pub incarnation: Incarnation,
    /// Bytes of the copy.
    pub bytes: u64,
}

/// Writes all rows of `view`. Stops with an error once `queue` takes nothing any more: the store
/// must be able to end.
pub(crate) fn write(
    view: &View,
    (batch, incarnation): (u64, Incarnation),
    queue: &CommitQueue,
    out: &mut dyn Write,
) -> Result<Backup, StoreError> {
    let mut copy = Copy { out, frame: Vec::new(), sums: Xxh3::new(), rows: 0, bytes: 0 };
    copy.put(MAGIC).map_err(|error| writing(&error))?;
    if let Err(error) = copy.add_all(view, queue) {
        // Who reads must not take this for a connection that was cut. Where nobody can be told, nobody is.
        let _ = copy.fail(&error.to_string());
        return Err(error);
    }
    copy.end(batch, incarnation).map_err(|error| writing(&error))
}

struct Copy<'a> {
    out: &'a mut dyn Write,
    frame: Vec<u8>,
    sums: Xxh3,
    rows: u64,
    bytes: u64,
}

impl Copy<'_> {
    fn add_all(&mut self, view: &View, queue: &CommitQueue) -> Result<(), StoreError> {
        let reading = "the rows for a backup";
        let mut scan = view.scan((Unbounded, Unbounded)).map_err(|error| error.reading(reading))?;
        while let Some((key, value)) = scan.next().map_err(|error| error.reading(reading))? {
            self.add(&key, &value).map_err(|error| writing(&error))?;
            if self.frame.is_empty()
                && let Some(refusal) = queue.refusal()
            {
                return Err(StoreError::Unavailable { detail: refusal.reason().into() });
            }
        }
        Ok(())
    }

    /// Says why there is no more.
    fn fail(&mut self, why: &str) -> io::Result<()> {
        let why = &why.as_bytes()[..why.floor_char_boundary(REASON_BYTES_MAX)];
        self.put(&FAILED.to_le_bytes())?;
        self.put(&(why.len() as u32).to_le_bytes())?;
        self.put(why)?;
        self.out.flush()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn add(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        for length in [key.len(), value.len()] {
            let length = u32::try_from(length).map_err(io::Error::other)?;
            self.frame.extend_from_slice(&length.to_le_bytes());
        }
        self.frame.extend_from_slice(key);
        self.frame.extend_from_slice(value);
        self.rows += 1;
        if self.frame.len() < FRAME_BYTES { Ok(()) } else { self.frame() }
    }

    fn frame(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.frame);
        let length = u32::try_from(rows.len()).map_err(io::Error::other)?;
        let sum = xxh3_64(&rows).to_le_bytes();
        self.sums.update(&sum);
        self.put(&length.to_le_bytes())?;
        self.put(&sum)?;
        self.put(&rows)?;
        self.frame = rows;
        self.frame.clear();
        Ok(())
    }

    fn end(mut self, batch: u64, incarnation: Incarnation) -> Result<Backup, io::Error> {
        if !self.frame.is_empty() {
            self.frame()?;
        }
        // The last frame is empty.
        self.frame()?;
        for number in [batch, incarnation.0, self.rows] {
            self.sums.update(&number.to_le_bytes());
            self.put(&number.to_le_bytes())?;
        }
        let sum = self.sums.digest();
        self.put(&sum.to_le_bytes())?;
        self.out.flush()?;
        Ok(Backup { rows: self.rows, incarnation, bytes: self.bytes })
    }
}

fn writing(error: &io::Error) -> StoreError {
    StoreError::Io { doing: "writing a backup".into(), detail: error.to_string().into() }
}
