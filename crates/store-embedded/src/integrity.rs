//! What is checked before anything is served.
//!
//! The tree checks its blocks by checksums when they are read, and rows carry their own. What
//! neither can notice is that something is *missing*: a journal that was cut, a journal file or a
//! table that is gone, bytes in the middle of a journal at which the tree would silently stop
//! reading. For that every batch writes a [`BatchRecord`] with a number that grows by one, in the
//! same keyspace as the rows, so that a table holds rows and number of the same moment; and the
//! [`Progress`] file, written in place after each batch was synced and before it is answered,
//! remembers the last number outside of the tree.
//!
//! [`verify`] follows the numbers from the tables through the journals to the progress file. It
//! runs before the tree opens, because the tree cuts journals at the first byte it cannot read,
//! and it changes nothing but the torn end of a batch that was never answered.

mod batch_record;
mod contents;
mod journal;
mod layout;
mod progress;
mod scan;
mod source;
mod tables;

pub(crate) use batch_record::BatchRecord;
pub(crate) use progress::{Progress, ProgressState};

use std::path::Path;

use tenure_store::StoreError;

use crate::failure;

pub(crate) use tables::verify_tables;

/// The folder of the tree and the progress file, in the folder `data` of the store.
pub(crate) const TREE: &str = "tree";

/// What a store holds that passed every check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The number of the last batch.
    pub(crate) batch: u64,
    /// An incarnation that was certainly handed out.
    pub(crate) incarnation_min: u64,
    /// Whether everything is in tables, and the journals may go.
    pub(crate) is_emptied: bool,
}

/// Checks the store in `data` and cuts the torn end of its journal, if there is one.
///
/// # Errors
/// [`StoreError::Corrupt`] names the file and what is wrong; nothing was changed.
pub(crate) fn verify(data: &Path) -> Result<Verified, StoreError> {
    let progress = progress::read(data)?;
    let tree = data.join(TREE);
    layout::check(&tree)?;
    if progress.state == ProgressState::Running {
        // A sync that failed before the crash may have left bytes in the page cache that never
        // reached the disk. What is read must be what is stored.
        failure::evict_journals(&tree)?;
    }
    let persisted = tables::last_batch(&tree)?;
    let is_emptied = progress.state == ProgressState::Emptied;
    let batch = if is_emptied {
        expect_last(&tree, persisted.number, progress)?;
        persisted.number
    } else {
        follow_journals(data, persisted, progress)?
    };
    Ok(Verified { batch, incarnation_min: progress.incarnation, is_emptied })
}

/// The last batch, as the journals have it.
fn follow_journals(
    data: &Path,
    persisted: tables::Persisted,
    progress: progress::Noted,
) -> Result<u64, StoreError> {
    let scan = scan::journals(&data.join(TREE), persisted)?;
    let is_orderly = progress.state != ProgressState::Running;
    if let (true, Some(cut)) = (is_orderly, scan.cuts.first()) {
        return Err(damaged_end(cut, "the store was stopped in order, so no batch was unfinished"));
    }
    let batch = scan.last.max(persisted.number);
    expect_last(&scan.last_file, batch, progress)?;
    for cut in &scan.cuts {
        scan::cut(data, cut)?;
    }
    Ok(batch)
}

/// Compares the last batch that was found, in `place`, with the last one noted.
fn expect_last(place: &Path, batch: u64, progress: progress::Noted) -> Result<(), StoreError> {
    let is_orderly = progress.state != ProgressState::Running;
    if batch < progress.number || (is_orderly && batch > progress.number) {
        return Err(StoreError::Corrupt {
            what: place.display().to_string().into(),
            detail: format!(
                "the last batch found is {batch} and {} was acknowledged; restore a backup",
                progress.number
            )
            .into(),
        });
    }
    Ok(())
}

/// Notes durably that everything up to batch `number` is in tables, so that the journals may go.
/// `false`, and nothing is noted, when it is not.
///
/// # Errors
/// [`StoreError`]; then the journals are needed.
pub(crate) fn note_emptied(
    data: &Path,
    progress: &mut Progress,
    number: u64,
) -> Result<bool, StoreError> {
    let is_emptied = tables::last_batch(&data.join(TREE))?.number == number;
    if is_emptied {
        progress.mark(ProgressState::Emptied, number)?;
    }
    Ok(is_emptied)
}

/// Removes the journals of a tree that has everything in tables.
///
/// # Errors
/// [`StoreError::Io`].
pub(crate) fn remove_journals(tree: &Path) -> Result<(), StoreError> {
    for path in failure::journals(tree)? {
        std::fs::remove_file(&path).map_err(|error| failure::io("removing", &path, &error))?;
    }
    failure::sync_folder(tree)
}

fn damaged_end(cut: &scan::Cut, why: &str) -> StoreError {
    StoreError::Corrupt {
        what: cut.path.display().to_string().into(),
        detail: format!("nothing can be read from byte {} on, and {why}; restore a backup", cut.at)
            .into(),
    }
}
