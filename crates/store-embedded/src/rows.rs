//! The tree that holds every row.

use std::path::Path;
use std::time::Duration;

use fjall::{AbstractTree, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Slice};
use tenure_store::row::{self, Beside};
use tenure_store::{StoreError, Stored, reading};
use tenure_types::{ActorId, Incarnation};

use crate::EmbeddedConfig;
#[cfg(test)]
use crate::failure::injected::{FaultSwitch, Injected};
use crate::failure::{TreeError, contain};
use crate::integrity::BatchRecord;
use crate::keys::{self, BATCH_KEY, FEED_STORE_KEY, HeadKey, INCARNATION_KEY};
use crate::view::View;

/// The one keyspace. With a second one an idle keyspace would pin journal files (fjall#288), and
/// a table would no longer hold rows and batch record of the same moment.
const KEYSPACE: &str = "rows";

/// The tree cannot have a smaller bound on its journals.
const JOURNAL_BYTES_MIN: u64 = 64 << 20;

/// Table files that are kept open; a process has 1,024 descriptors unless it asks for more.
const OPEN_TABLES_MAX: usize = 256;

/// From these on a write waits for tables to be written or merged. The tree itself would wait at
/// 4 and 30, and for ever if its threads had died of a full disk.
const SEALED_MEMTABLES_MAX: usize = 3;
const FRESH_TABLES_MAX: usize = 28;
const THREADS_POLL: Duration = Duration::from_millis(1);

/// The open tree. Clones share it; it closes when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Rows {
    keyspace: Keyspace,
    database: Database,
    #[cfg(test)]
    faults: FaultSwitch,
}

/// Rows that become durable together.
pub(crate) struct Batch {
    batch: fjall::OwnedWriteBatch,
    keyspace: Keyspace,
    #[cfg(test)]
    fault: Option<Injected>,
}

impl Rows {
    /// Opens or creates the tree in `folder`.
    pub(crate) fn open(config: &EmbeddedConfig, folder: &Path) -> Result<Self, TreeError> {
        contain(|| {
            let database = Database::builder(folder)
                .cache_size(config.cache_bytes)
                .worker_threads(config.table_threads.max(2))
                .max_journaling_size(config.journal_bytes_max.max(JOURNAL_BYTES_MIN))
                .max_cached_files(Some(OPEN_TABLES_MAX))
                .manual_journal_persist(true)
                // Rows are checked by their own checksums, and most are small: compressing them
                // in the journal costs the committing thread more than it saves. The check of the
                // journals relies on it.
                .journal_compression(fjall::CompressionType::None)
                .open()?;
            let keyspace = database.keyspace(KEYSPACE, || {
                KeyspaceCreateOptions::default()
                    .max_memtable_size(config.memtable_bytes_max)
                    .manual_journal_persist(true)
            })?;
            // Without journals the tree forgets to go on from the sequence number of its tables,
            // and new rows would be older than those.
            if let Some(seqno) = keyspace.tree.get_highest_persisted_seqno() {
                let supervisor = &database.supervisor;
                supervisor.seqno.fetch_max(seqno + 1);
                supervisor.snapshot_tracker.set(supervisor.seqno.get());
            }
            fjall::Result::Ok(Self {
                keyspace,
                database,
                #[cfg(test)]
                faults: config.faults.clone(),
            })
        })
    }

    /// Reads and checks the head of `actor`.
    pub(crate) fn head(&self, actor: &ActorId) -> Result<Option<(Stored, Beside)>, StoreError> {
        let mut key = HeadKey::new();
        let found = contain(|| self.keyspace.get(key.of(actor)))
            .map_err(|error| error.reading(&format!("the record of {actor}")))?;
        found.map(|row| row::decode(actor, &row)).transpose()
    }

    /// Reads and checks what a load answers. Where nothing lies beside the head, that is one read.
    pub(crate) fn load(&self, actor: &ActorId) -> Result<Option<(Stored, Beside)>, StoreError> {
        match self.head(actor)? {
            // Its rows must be of the same moment.
            Some((_, beside)) if beside.kinds != 0 => self.view().load(actor),
            Some((stored, beside)) => {
                reading::check_loaded(actor.into(), &stored)?;
                Ok(Some((stored, beside)))
            }
            None => Ok(None),
        }
    }

    /// All rows as they are now.
    pub(crate) fn view(&self) -> View {
        View::new(&self.database, &self.keyspace)
    }

    /// The highest incarnation that was handed out.
    pub(crate) fn incarnation(&self) -> Result<Incarnation, StoreError> {
        let what = "the incarnation of the store";
        let Some(bytes) = self.own(INCARNATION_KEY, what)? else { return Ok(Incarnation(0)) };
        match <[u8; 8]>::try_from(&*bytes) {
            Ok(bytes) => Ok(Incarnation(u64::from_le_bytes(bytes))),
            Err(_) => Err(corrupt(what, "its length is wrong")),
        }
    }

    /// The number that tells this store's cursors from those of others, if it has one by now.
    pub(crate) fn feed_store(&self) -> Result<Option<u64>, StoreError> {
        let what = "the number of the store's feeds";
        let Some(bytes) = self.own(FEED_STORE_KEY, what)? else { return Ok(None) };
        match <[u8; 8]>::try_from(&*bytes) {
            Ok(bytes) => Ok(Some(u64::from_le_bytes(bytes))),
            Err(_) => Err(corrupt(what, "its length is wrong")),
        }
    }

    /// The number of the last batch.
    pub(crate) fn last_batch(&self) -> Result<u64, StoreError> {
        self.view().last_batch()
    }

    fn own(&self, key: &[u8], what: &str) -> Result<Option<Slice>, StoreError> {
        contain(|| self.keyspace.get(key)).map_err(|error| error.reading(what))
    }

    /// An empty batch with room for `units` rows.
    pub(crate) fn batch(&self, units: usize) -> Batch {
        let batch = fjall::OwnedWriteBatch::with_capacity(self.database.clone(), units + 2);
        Batch {
            batch,
            keyspace: self.keyspace.clone(),
            #[cfg(test)]
            fault: [Injected::Write, Injected::Sync, Injected::Panic]
                .into_iter()
                .find(|fault| self.faults.take(*fault)),
        }
    }

    /// Waits until a batch can be written without waiting inside of the tree.
    ///
    /// # Errors
    /// The tree has failed and takes nothing any more.
    pub(crate) fn wait_for_room(&self) -> Result<(), TreeError> {
        while self.keyspace.sealed_memtable_count() >= SEALED_MEMTABLES_MAX
            || self.keyspace.l0_table_count() >= FRESH_TABLES_MAX
        {
            self.wait_for_threads()?;
        }
        Ok(())
    }

    /// Puts every row into tables.
    ///
    /// # Errors
    /// The tree has failed and takes nothing any more.
    pub(crate) fn flush(&self) -> Result<(), TreeError> {
        #[cfg(test)]
        if self.faults.take(Injected::Flush) {
            return Err(std::io::Error::other("a fault of the test").into());
        }
        contain(|| self.keyspace.rotate_memtable())?;
        while self.keyspace.sealed_memtable_count() > 0 {
            self.wait_for_threads()?;
        }
        Ok(())
    }

    fn wait_for_threads(&self) -> Result<(), TreeError> {
        // Writes nothing; an error says that the tree's threads have died.
        contain(|| self.database.persist(PersistMode::Buffer))?;
        std::thread::sleep(THREADS_POLL);
        Ok(())
    }
}

impl Batch {
    /// Adds the head of `actor`.
    pub(crate) fn put_head(&mut self, actor: &ActorId, row: &[u8]) {
        let mut key = HeadKey::new();
        self.insert(key.of(actor), row);
    }

    /// Adds a row beside a head.
    pub(crate) fn put(&mut self, key: &[u8], row: &[u8]) {
        self.insert(key, row);
    }

    /// Adds an entry of an index.
    pub(crate) fn put_index(&mut self, key: &[u8]) {
        self.insert(key, &keys::index_value(key));
    }

    /// Removes a row, if it is there.
    pub(crate) fn remove(&mut self, key: impl Into<Slice>) {
        self.batch.remove(&self.keyspace, key);
    }

    /// Adds the row of the highest incarnation handed out.
    pub(crate) fn put_incarnation(&mut self, incarnation: Incarnation) {
        self.insert(INCARNATION_KEY, &incarnation.0.to_le_bytes());
    }

    /// Adds the row of the number that tells this store's cursors from those of others.
    pub(crate) fn put_feed_store(&mut self, number: u64) {
        self.insert(FEED_STORE_KEY, &number.to_le_bytes());
    }

    fn insert(&mut self, key: &[u8], value: &[u8]) {
        self.batch.insert(&self.keyspace, Slice::from(key), Slice::from(value));
    }

    /// Makes the rows durable, then visible. `record` numbers the batch, one more than the last.
    pub(crate) fn commit(mut self, record: BatchRecord) -> Result<(), TreeError> {
        self.insert(BATCH_KEY, &record.encode());
        #[cfg(test)]
        if let Some(fault) = self.fault {
            return self.fail(fault);
        }
        let batch = self.batch.durability(Some(PersistMode::SyncData));
        contain(|| batch.commit())
    }

    #[cfg(test)]
    fn fail(self, fault: Injected) -> Result<(), TreeError> {
        contain(|| {
            match fault {
                Injected::Write | Injected::Flush => {}
                Injected::Sync => self.batch.durability(None).commit()?,
                Injected::Panic => panic!("a fault of the test"),
            }
            Err(fjall::Error::Io(std::io::Error::other("a fault of the test")))
        })
    }
}

fn corrupt(what: &str, detail: &str) -> StoreError {
    StoreError::Corrupt { what: what.into(), detail: format!("{detail}; restore a backup").into() }
}
