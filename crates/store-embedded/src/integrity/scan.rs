//! Follows the batch numbers from the tables through all journals.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use tenure_store::StoreError;

use super::batch_record::BatchRecord;
use super::journal::{Batch, JournalEnd, Verdict, read};
use super::source::{Source, is_zero};
use super::tables::Persisted;
use crate::failure;

/// Where the bytes of a torn batch are kept when they are cut from a journal.
const TORN_FILE: &str = "torn";
/// Sequence numbers of neighbouring batches differ by little: only tables that are written or
/// merged between them take some. A larger step is a damaged number.
const SEQNO_STEP_MAX: u64 = 1 << 20;

/// What the journals hold.
#[derive(Debug)]
pub(super) struct Scan {
    /// The number of the last batch in them; zero when there is none.
    pub(super) last: u64,
    /// The newest file.
    pub(super) last_file: PathBuf,
    /// The torn ends, oldest first.
    pub(super) cuts: Vec<Cut>,
}

/// The torn end of a journal.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) path: PathBuf,
    pub(super) at: u64,
}

/// Reads every journal. Damage that can have cost a batch is an error; the torn end of the one
/// that was being written is a [`Cut`].
///
/// # Errors
/// [`StoreError::Corrupt`] names the file, and what of it is missing.
pub(super) fn journals(tree: &Path, persisted: Persisted) -> Result<Scan, StoreError> {
    let files = list(tree)?;
    let Some(newest) = files.last().cloned() else {
        return Err(corrupt(&tree.join("*.jnl"), "there is no journal"));
    };
    let mut chain = Chain { persisted, last: None };
    let mut cuts = Vec::new();
    for path in files {
        let end = read(&path, |batch| chain.follow(batch))
            .map_err(|error| failure::io("reading", &path, &error))?
            .map_err(|detail| corrupt(&path, &detail))?;
        if let JournalEnd::Broken { at, records } = end {
            chain.end_in(&records).map_err(|detail| {
                corrupt(&path, &format!("nothing can be read at byte {at}, and {detail}"))
            })?;
            cuts.push(Cut { path, at });
        }
    }
    let last = chain.last.map_or(0, |batch| batch.record.number);
    if chain.last.is_some() && last < persisted.number {
        let detail = format!("it ends with batch {last}, the tables with {}", persisted.number);
        return Err(corrupt(&newest, &detail));
    }
    Ok(Scan { last, last_file: newest, cuts })
}

/// The batches so far, each following the one before.
struct Chain {
    persisted: Persisted,
    last: Option<Batch>,
}

impl Chain {
    fn follow(&mut self, batch: Batch) -> Verdict {
        let number = batch.record.number;
        match self.last {
            Some(last) => {
                let before = last.record;
                if number != before.number + 1 {
                    return Verdict::Gap(format!("batch {number} follows batch {}", before.number));
                }
                let step = batch.seqno.checked_sub(last.seqno);
                if !step.is_some_and(|step| (1..=SEQNO_STEP_MAX).contains(&step)) {
                    return Verdict::Unreadable;
                }
            }
            None if number > self.persisted.number + 1 => {
                return Verdict::Gap(format!(
                    "the journals begin with batch {number}, the tables end with {}",
                    self.persisted.number
                ));
            }
            None => {}
        }
        // The tree replays what is above the tables' sequence number. That must be exactly the
        // batches above the tables' batch.
        if let Some(seqno) = self.persisted.seqno
            && number.cmp(&self.persisted.number) != batch.seqno.cmp(&seqno)
        {
            return Verdict::Unreadable;
        }
        self.last = Some(batch);
        Verdict::Good
    }

    /// Judges a journal that cannot be read to its end, where `records` were found.
    fn end_in(&self, records: &[BatchRecord]) -> Result<(), String> {
        let lowest = records.iter().map(|record| record.number).min();
        let next = match self.last {
            Some(last) => last.record.number + 1,
            None => lowest.unwrap_or(0).min(self.persisted.number + 1),
        };
        match records.iter().map(|record| record.number).max() {
            // A batch is written only after the one before it was synced, so a torn one is last.
            Some(highest) if highest > next => {
                Err(format!("batches up to {highest} come after batch {}", next - 1))
            }
            _ => Ok(()),
        }
    }
}

/// Cuts the torn end off a journal. The tree would do so too, or refuse to open, depending on what
/// is torn. The bytes are kept in a file beside, for people.
///
/// # Errors
/// [`StoreError::Io`]; the journal is then as it was, or cut.
pub(super) fn cut(data: &Path, cut: &Cut) -> Result<(), StoreError> {
    let kept = data.join(TORN_FILE);
    let cut_off = || {
        let torn = torn_bytes(cut)?;
        fs::write(&kept, &torn)?;
        File::open(&kept)?.sync_all()?;
        let journal = OpenOptions::new().write(true).open(&cut.path)?;
        journal.set_len(cut.at)?;
        journal.sync_all()?;
        io::Result::Ok(torn.len())
    };
    let bytes =
        cut_off().map_err(|error| failure::io("cutting the torn end of", &cut.path, &error))?;
    tracing::warn!(
        journal = %cut.path.display(),
        at = cut.at,
        bytes,
        kept = %kept.display(),
        "the journal ended with a batch that was not finished and never acknowledged",
    );
    Ok(())
}

/// What is cut off, without the zeros that end it.
fn torn_bytes(cut: &Cut) -> io::Result<Vec<u8>> {
    const CHUNK_BYTES: usize = 64 << 10;
    let mut source = Source::open(&cut.path, cut.at)?;
    let (mut torn, mut length) = (Vec::new(), 0);
    while torn.len() < TORN_BYTES_MAX {
        let chunk = source.peek(CHUNK_BYTES)?;
        let taken = chunk.len();
        torn.extend_from_slice(chunk);
        if !is_zero(chunk) {
            length = torn.len();
        }
        source.skip(taken);
        if taken == 0 || source.is_hole_to_end() {
            break;
        }
    }
    torn.truncate(length);
    Ok(torn)
}

/// As much of a torn end as is kept.
const TORN_BYTES_MAX: usize = 16 << 20;

/// The journal files, oldest first.
fn list(tree: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let io_error = |error: io::Error| failure::io("listing", tree, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(tree).map_err(io_error)? {
        let path = entry.map_err(io_error)?.path();
        let is_journal = path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("jnl"));
        if !is_journal {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_suffix(".jnl")?.parse::<u64>().ok());
        match number {
            Some(number) if path.is_file() => found.push((number, path)),
            _ => return Err(corrupt(&path, "it is no journal")),
        }
    }
    found.sort_unstable();
    for pair in found.windows(2) {
        if let [(before, _), (after, path)] = pair
            && before + 1 != *after
        {
            return Err(corrupt(path, "the journal before it is missing"));
        }
    }
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn corrupt(path: &Path, detail: &str) -> StoreError {
    StoreError::Corrupt {
        what: path.display().to_string().into(),
        detail: format!("{detail}; restore a backup").into(),
    }
}
