//! A store made from a copy, and a copy checked without one.

use std::io::{ErrorKind, Read};

use tenure_store::StoreError;
use tenure_types::Incarnation;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::EmbeddedConfig;
use crate::backup::{Backup, FAILED, FRAME_BYTES_MAX, MAGIC, REASON_BYTES_MAX};
use crate::failure::TreeError;
use crate::integrity::BatchRecord;
use crate::keys::{BATCH_KEY, FEED_STORE_KEY, INCARNATION_KEY};
use crate::open;
use crate::rows::{Batch, Rows};

/// What was being done, in the [`StoreError::Io`] of a copy that the node's own store could not finish.
pub const UNFINISHED: &str = "copying the node's store";

/// Makes a store in the folder of `config` from a copy. Nothing is there until all of it is: a copy
/// that is cut short or altered leaves no store.
///
/// # Errors
/// [`StoreError::Corrupt`] when `copy` is no whole copy, [`StoreError::Io`] when the folder has a store
/// already, or the disk fails.
pub fn restore(config: &EmbeddedConfig, copy: &mut dyn Read) -> Result<Backup, StoreError> {
    let mut reader = Reader { copy, sums: Xxh3::new(), rows: 0, bytes: 0 };
    reader.magic()?;
    let mut restored = None;
    open::create_with(config, |rows| {
        let (backup, last) = fill(rows, &mut reader)?;
        restored = Some(backup);
        Ok(last)
    })?;
    Ok(restored.expect("a store was made of it"))
}

/// Reads a copy to its end and checks that it is whole, as [`restore`] would, without making a store.
/// It reads nothing beyond the end but one byte, to see that nothing is there.
///
/// # Errors
/// [`StoreError::Corrupt`] when `copy` is no whole copy, [`StoreError::Io`] when it cannot be read, or says
/// itself why the store could not finish it ([`UNFINISHED`]).
pub fn verify(copy: &mut dyn Read) -> Result<Backup, StoreError> {
    let mut reader = Reader { copy, sums: Xxh3::new(), rows: 0, bytes: 0 };
    reader.magic()?;
    let mut last_key = Vec::new();
    while let Some(frame) = reader.frame()? {
        reader.rows_of(&frame, &mut last_key, |_, _| {})?;
    }
    let (_, incarnation) = reader.end()?;
    Ok(Backup { rows: reader.rows, incarnation, bytes: reader.bytes })
}

/// Puts all rows in. Batches are numbered from where the copy was made: rows refer to those numbers.
fn fill(rows: &Rows, reader: &mut Reader<'_>) -> Result<(Backup, BatchRecord), StoreError> {
    let tree = |error: TreeError| error.reading("the store that is made");
    let mut last_key = Vec::new();
    // What cannot be known before the end is put in with the last batch.
    let mut number = 0;
    let mut held: Option<Vec<u8>> = None;
    while let Some(frame) = reader.frame()? {
        if let Some(frame) = held.replace(frame) {
            number += 1;
            rows.wait_for_room().map_err(tree)?;
            let record = BatchRecord { number, incarnation: Incarnation(0) };
            batch_of(rows, &frame, &mut last_key, reader)?.commit(record).map_err(tree)?;
        }
    }
    let (batch, incarnation) = reader.end()?;
    let record = BatchRecord { number: batch.max(number) + 1, incarnation };
    let mut last = batch_of(rows, &held.unwrap_or_default(), &mut last_key, reader)?;
    last.put_incarnation(incarnation);
    last.commit(record).map_err(tree)?;
    let backup = Backup { rows: reader.rows, incarnation, bytes: reader.bytes };
    Ok((backup, record))
}

fn batch_of(
    rows: &Rows,
    frame: &[u8],
    last_key: &mut Vec<u8>,
    reader: &mut Reader<'_>,
) -> Result<Batch, StoreError> {
    let mut batch = rows.batch(64);
    reader.rows_of(frame, last_key, |key, value| {
        // The engine's own rows are written anew. Cursors that were given out since the copy was made
        // are of another store: stripes and positions will come again, with other entries.
        if ![BATCH_KEY, INCARNATION_KEY, FEED_STORE_KEY].contains(&key) {
            batch.put(key, value);
        }
    })?;
    Ok(batch)
}

fn row(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (lengths, rest) = bytes.split_at_checked(8)?;
    let length = |at: usize| u32::from_le_bytes(lengths[at..at + 4].try_into().expect("4 bytes"));
    let (key, rest) = rest.split_at_checked(length(0) as usize)?;
    let (value, rest) = rest.split_at_checked(length(4) as usize)?;
    Some((key, value, rest))
}

struct Reader<'a> {
    copy: &'a mut dyn Read,
    sums: Xxh3,
    rows: u64,
    bytes: u64,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.bytes += bytes.len() as u64;
        self.copy.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => corrupt("it is cut short"),
            _ => StoreError::Io {
                doing: "reading a backup".into(),
                detail: error.to_string().into(),
            },
        })
    }

    fn magic(&mut self) -> Result<(), StoreError> {
        match self.take()? == *MAGIC {
            true => Ok(()),
            false => Err(corrupt("it does not begin as a backup does")),
        }
    }

    /// Shows each row of a frame and counts it. `last_key` is that of the row before, in any frame.
    fn rows_of(
        &mut self,
        frame: &[u8],
        last_key: &mut Vec<u8>,
        mut show: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), StoreError> {
        let mut rest = frame;
        while !rest.is_empty() {
            let (key, value, after) =
                row(rest).ok_or_else(|| corrupt("a row in it is cut short"))?;
            if key <= &**last_key {
                return Err(corrupt("its rows are not in order"));
            }
            last_key.clear();
            last_key.extend_from_slice(key);
            self.rows += 1;
            show(key, value);
            rest = after;
        }
        Ok(())
    }

    /// The rows of the next frame; `None` after the last.
    fn frame(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let length = u32::from_le_bytes(self.take()?);
        if length == FAILED {
            return Err(self.reason()?);
        }
        let length = length as usize;
        let sum: [u8; 8] = self.take()?;
        if length > FRAME_BYTES_MAX {
            return Err(corrupt("a frame of it is longer than any"));
        }
        let mut rows = vec![0; length];
        self.fill(&mut rows)?;
        if xxh3_64(&rows).to_le_bytes() != sum {
            return Err(corrupt("a frame of it does not match its checksum"));
        }
        self.sums.update(&sum);
        Ok((length > 0).then_some(rows))
    }

    /// Why the store could not finish the copy.
    fn reason(&mut self) -> Result<StoreError, StoreError> {
        let length = u32::from_le_bytes(self.take()?) as usize;
        if length > REASON_BYTES_MAX {
            return Err(corrupt("a frame of it is longer than any"));
        }
        let mut why = vec![0; length];
        self.fill(&mut why)?;
        let why = String::from_utf8_lossy(&why).into_owned();
        Ok(StoreError::Io { doing: UNFINISHED.into(), detail: why.into() })
    }

    /// What stands at the end: the last batch and the incarnation.
    fn end(&mut self) -> Result<(u64, Incarnation), StoreError> {
        let mut numbers = [0; 3];
        for number in &mut numbers {
            let bytes: [u8; 8] = self.take()?;
            self.sums.update(&bytes);
            *number = u64::from_le_bytes(bytes);
        }
        if u64::from_le_bytes(self.take()?) != self.sums.digest() {
            return Err(corrupt("its end does not match its checksum"));
        }
        if self.copy.read(&mut [0]).is_ok_and(|read| read > 0) {
            return Err(corrupt("something follows its end"));
        }
        Ok((numbers[0], Incarnation(numbers[1])))
    }
}

fn corrupt(detail: &str) -> StoreError {
    StoreError::Corrupt { what: "the backup".into(), detail: detail.into() }
}
