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
}

/// Checks the store in `data` and cuts the torn end of its journal, if there is one.
///
/// # Errors
/// [`StoreError::Corrupt`] names the file and what is wrong; nothing was changed.
pub(crate) fn verify(data: &Path) -> Result<Verified, StoreError> {
    let progress = progress::read(data)?;
    let tree = data.join(TREE);
    layout::check(&tree)?;
    let is_orderly = progress.state == ProgressState::Stopped;
    if !is_orderly {
        // A sync that failed before the crash may have left bytes in the page cache that never
        // reached the disk. What is read must be what is stored.
        failure::evict_journals(&tree)?;
    }
    let persisted = tables::last_batch(&tree)?;
    let scan = scan::journals(&tree, persisted)?;
    let batch = scan.last.max(persisted.number);
    if let (true, Some(cut)) = (is_orderly, scan.cuts.first()) {
        return Err(damaged_end(cut, "the store was stopped in order, so no batch was unfinished"));
    }
    if batch < progress.number || (is_orderly && batch > progress.number) {
        return Err(StoreError::Corrupt {
            what: scan.last_file.display().to_string().into(),
            detail: format!(
                "the last batch found is {batch} and {} was acknowledged; restore a backup",
                progress.number
            )
            .into(),
        });
    }
    for cut in &scan.cuts {
        scan::cut(data, cut)?;
    }
    Ok(Verified { batch, incarnation_min: progress.incarnation })
}

fn damaged_end(cut: &scan::Cut, why: &str) -> StoreError {
    StoreError::Corrupt {
        what: cut.path.display().to_string().into(),
        detail: format!("nothing can be read from byte {} on, and {why}; restore a backup", cut.at)
            .into(),
    }
}
