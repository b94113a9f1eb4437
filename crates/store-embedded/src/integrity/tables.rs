use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use lsm_tree::{AbstractTree, AnyTree, Config, SeqNo, SequenceNumberCounter};
use tenure_store::StoreError;
use xxhash_rust::xxh3::Xxh3Default;

use super::BatchRecord;
use crate::failure::{self, contain};
use crate::keys::BATCH_KEY;

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
        let tables = open_tables(folder)?;
        let record = tables.get(BATCH_KEY, SeqNo::MAX)?;
        lsm_tree::Result::Ok((record, tables.get_highest_persisted_seqno()))
    };
    contain(read).map_err(|error| error.reading(&format!("the tables in {}", folder.display())))
}

fn open_tables(folder: &Path) -> lsm_tree::Result<AnyTree> {
    let (next, visible) = (SequenceNumberCounter::default(), SequenceNumberCounter::default());
    Config::new(folder, next, visible).open()
}

/// Reads every table to its end and compares it with the checksum noted when it was written. Takes
/// as long as the disk needs to read the whole store, so it is done only to find out what stopped
/// the tree's own threads.
///
/// # Errors
/// [`StoreError::Corrupt`] names the first damaged table.
pub(crate) fn verify_tables(tree: &Path) -> Result<(), StoreError> {
    for keyspace in ["keyspaces/0", "keyspaces/1"] {
        let folder = tree.join(keyspace);
        let opened = contain(|| open_tables(&folder));
        let opened = opened.map_err(|error| error.reading(&folder.display().to_string()))?;
        for table in opened.current_version().iter_tables() {
            let path: &Path = &table.path;
            let checksum = checksum(path).map_err(|error| failure::io("reading", path, &error))?;
            if checksum != table.checksum().into_u128() {
                return Err(StoreError::Corrupt {
                    what: path.display().to_string().into(),
                    detail: "its checksum is not the one noted when it was written, and the tree \
                             cannot merge it; restore a backup"
                        .into(),
                });
            }
        }
    }
    Ok(())
}

fn checksum(path: &Path) -> io::Result<u128> {
    let mut file = File::open(path)?;
    let mut hasher = Xxh3Default::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.digest128()),
            length => hasher.update(&buffer[..length]),
        }
    }
}
