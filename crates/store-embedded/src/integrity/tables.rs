use std::path::Path;

use lsm_tree::{AbstractTree, Config, SeqNo, SequenceNumberCounter};
use tenure_store::StoreError;

use super::BatchRecord;
use crate::failure::contain;
use crate::rows::BATCH_KEY;

/// The last batch whose rows are all in tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Persisted {
    /// Its number; zero when there are no tables.
    pub(super) number: u64,
    /// Its sequence number in the tree.
    pub(super) seqno: Option<SeqNo>,
}

/// Opens the tables without the journals and reads what they end with.
///
/// # Errors
/// [`StoreError::Corrupt`] when one is missing, too short or cannot be read.
pub(super) fn last_batch(tree: &Path) -> Result<Persisted, StoreError> {
    // The tree's own keyspace is opened only to see that it can be.
    open(&tree.join("keyspaces/0"))?;
    let folder = tree.join("keyspaces/1");
    let (record, seqno) = open(&folder)?;
    let record = match record {
        Some(bytes) => BatchRecord::decode(&bytes).map(|record| record.number),
        None => Some(0),
    };
    match record {
        Some(number) if (number > 0) == seqno.is_some() => Ok(Persisted { number, seqno }),
        _ => Err(StoreError::Corrupt {
            what: format!("the tables in {}", folder.display()).into(),
            detail: "they have no record of the batches they hold; restore a backup".into(),
        }),
    }
}

type LastBatch = (Option<lsm_tree::Slice>, Option<SeqNo>);

fn open(folder: &Path) -> Result<LastBatch, StoreError> {
    let read = || {
        let (next, visible) = (SequenceNumberCounter::default(), SequenceNumberCounter::default());
        let tables = Config::new(folder, next, visible).open()?;
        let record = tables.get(BATCH_KEY, SeqNo::MAX)?;
        lsm_tree::Result::Ok((record, tables.get_highest_persisted_seqno()))
    };
    contain(read).map_err(|error| error.reading(&format!("the tables in {}", folder.display())))
}
