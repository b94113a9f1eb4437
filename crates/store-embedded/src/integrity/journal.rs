//! Reads one journal file of the tree, and takes nothing in it for granted.
//!
//! ```text
//! batch: 1, number of items u32, sequence number u64    (not covered by the checksum)
//!        item ..                                        (hashed as written)
//!        3, xxh3-64 of the items u64, "FJL" 3
//! item:  2, kind u8, compression u8, keyspace u64, key length u16, value length u32,
//!        stored length u32, key, value
//! ```
//! Numbers are little-endian. After the last batch the file ends, or holds zeros.

use std::io;
use std::path::Path;

use xxhash_rust::xxh3::Xxh3Default;

use super::batch_record::{BatchRecord, MAGIC};
use super::source::{Source, is_zero};
use crate::keys::BATCH_KEY;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const START_BYTES: usize = 13;
const ITEM_HEAD_BYTES: usize = 21;
const END_BYTES: usize = 13;
const TRAILER: &[u8] = b"FJL\x03";
/// No value is longer; a length beyond was damaged.
const VALUE_BYTES_MAX: usize = 8 << 20;

/// A batch that can be read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) record: BatchRecord,
    /// The tree's sequence number, which orders the versions of a row.
    pub(super) seqno: u64,
}

/// How a journal ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JournalEnd {
    /// With a whole batch, or with none at all.
    Whole,
    /// From `at`, where a batch should begin, nothing can be read; `records` are those of batches
    /// that were once there.
    Broken { at: u64, records: Vec<BatchRecord> },
}

/// What the reader of a journal says of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It follows the batch before.
    Good,
    /// It is not what was written, in a part that has no checksum.
    Unreadable,
    /// Others are missing.
    Gap(String),
}

/// Calls `each` for every batch in order, until one cannot be read. The inner error is that of a
/// [`Verdict::Gap`].
pub(super) fn read(
    path: &Path,
    mut each: impl FnMut(Batch) -> Verdict,
) -> io::Result<Result<JournalEnd, String>> {
    let mut source = Source::open(path, 0)?;
    loop {
        let at = source.offset();
        let batch = match source.peek(1)?.first().copied() {
            None => return Ok(Ok(JournalEnd::Whole)),
            Some(0) if source.is_zero_to_end()? => return Ok(Ok(JournalEnd::Whole)),
            // Zeros, and then something else.
            Some(0) => None,
            Some(_) => read_batch(&mut source)?,
        };
        match batch.map_or(Verdict::Unreadable, &mut each) {
            Verdict::Good => {}
            Verdict::Gap(detail) => return Ok(Err(detail)),
            Verdict::Unreadable => {
                let records = find_records(path, at)?;
                return Ok(Ok(JournalEnd::Broken { at, records }));
            }
        }
    }
}

/// Reads one batch; `None` when any byte of it is not as it was written.
fn read_batch(source: &mut Source) -> io::Result<Option<Batch>> {
    let start = source.peek(START_BYTES)?;
    if start.len() < START_BYTES || start[0] != START {
        return Ok(None);
    }
    let (items, seqno) = (u32_at(start, 1), u64_at(start, 5));
    source.skip(START_BYTES);
    let mut hasher = Xxh3Default::new();
    let mut record = None;
    for _ in 0..items {
        let Some(found) = read_item(source, &mut hasher)? else { return Ok(None) };
        record = found.or(record);
    }
    let end = source.peek(END_BYTES)?;
    let is_whole = end.len() == END_BYTES
        && end[0] == END
        && u64_at(end, 1) == hasher.digest()
        && end[9..] == *TRAILER;
    source.skip(if is_whole { END_BYTES } else { 0 });
    Ok(record.filter(|_| is_whole).map(|record| Batch { record, seqno }))
}

/// Reads one item and says what batch record it holds; the outer `None` when it cannot be read.
#[expect(clippy::option_option, reason = "an item that cannot be read is not one without a record")]
fn read_item(
    source: &mut Source,
    hasher: &mut Xxh3Default,
) -> io::Result<Option<Option<BatchRecord>>> {
    let head = source.peek(ITEM_HEAD_BYTES)?;
    if head.len() < ITEM_HEAD_BYTES || head[0] != ITEM || head[2] != 0 {
        return Ok(None);
    }
    let key_bytes = usize::from(u16::from_le_bytes([head[11], head[12]]));
    let (value_bytes, stored_bytes) = (u32_at(head, 13) as usize, u32_at(head, 17) as usize);
    if value_bytes != stored_bytes || value_bytes > VALUE_BYTES_MAX {
        return Ok(None);
    }
    let length = ITEM_HEAD_BYTES + key_bytes + value_bytes;
    let item = source.peek(length)?;
    if item.len() < length {
        return Ok(None);
    }
    hasher.update(item);
    let (key, value) = item[ITEM_HEAD_BYTES..].split_at(key_bytes);
    let record = (key == BATCH_KEY).then(|| BatchRecord::decode(value)).flatten();
    source.skip(length);
    Ok(Some(record))
}

/// Looks for batch records at any offset from `at` on.
fn find_records(path: &Path, at: u64) -> io::Result<Vec<BatchRecord>> {
    const WINDOW_BYTES: usize = 64 << 10;
    let mut source = Source::open(path, at)?;
    let mut records = Vec::new();
    loop {
        let window = source.peek(WINDOW_BYTES)?;
        if window.len() < BatchRecord::BYTES {
            return Ok(records);
        }
        let length = window.len();
        // A record may begin in one window and end in the next.
        let starts = length - BatchRecord::BYTES + 1;
        if is_zero(window) {
            source.skip(length);
            if source.is_hole_to_end() {
                return Ok(records);
            }
            continue;
        }
        for start in (0..starts).filter(|start| window[*start] == MAGIC[0]) {
            records.extend(BatchRecord::decode(&window[start..start + BatchRecord::BYTES]));
        }
        source.skip(starts);
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
