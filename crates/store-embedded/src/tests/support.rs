//! What the tests of the engine share.

use std::future::Future;
use std::io::Read;
use std::ops::Bound::Included;
use std::os::unix::fs::MetadataExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tenure_store::conformance::{Submitted, submit};
use tenure_store::row;
use tenure_store::{
    Content, Encoded, EventLog, RowKey, Store, StoreError, Stored, Unit, UnitOutcome,
};
use tenure_types::{ActorId, ActorTypeName, FeedName, Incarnation, Key, Tenure, Token, Version};

use crate::failure::wait_until_closed;
use crate::integrity::{self, BatchRecord, Progress, ProgressState};
use crate::keys::{self, Prefix};
use crate::rows::{Batch, Rows};
use crate::{EmbeddedConfig, EmbeddedStore};

/// Waits for `future` on this thread.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime for the test").block_on(future)
}

/// Waits until `is_so`, without a bound on how slow the machine may be but that of patience.
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not come to pass that {what}");
        std::thread::yield_now();
    }
}

pub(super) fn actor(key: &str) -> ActorId {
    ActorId {
        actor_type: ActorTypeName::new("cart").expect("a good name"),
        key: Key::new(key).expect("a good key"),
    }
}

/// The content that is a state of these bytes.
pub(super) fn state(bytes: Vec<u8>) -> Content {
    Content::State(Encoded { schema: 1, codec: 1, bytes })
}

/// The bytes of the state that was stored.
pub(super) fn body_of(stored: &Stored) -> &[u8] {
    &stored.content.state().expect("a state is stored").bytes
}

pub(super) fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

/// A folder in memory, where syncs cost nothing, if there is such a place.
pub(super) fn fast_folder() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap_or_else(|_| folder())
}

/// A store that is open, and the units of its incarnation.
pub(super) struct Node {
    pub(super) store: EmbeddedStore,
    pub(super) incarnation: Incarnation,
}

impl Node {
    pub(super) fn start(folder: &Path) -> Self {
        Self::try_start(EmbeddedConfig::new(folder)).expect("the store opens")
    }

    pub(super) fn try_start(config: EmbeddedConfig) -> Result<Self, StoreError> {
        let store = EmbeddedStore::with_config(config);
        let incarnation = wait(store.open())?;
        Ok(Self { store, incarnation })
    }

    pub(super) fn reopen(&mut self) -> Result<(), StoreError> {
        self.incarnation = wait(self.store.open())?;
        Ok(())
    }

    pub(super) fn unit(&self, key: &str, expected: u64) -> Unit {
        Unit {
            actor: actor(key),
            expected: Version(expected),
            version: Version(expected + 1),
            tenure: Tenure { view: self.incarnation.0, sequence: 1 },
            token: Token { incarnation: self.incarnation, sequence: expected + 1 },
            written_at_ms: 0,
            log: EventLog::default(),
            content: state(format!("{key} at {}", expected + 1).into_bytes()),
            rows: Vec::new(),
            entries: Vec::new(),
        }
    }

    pub(super) fn submit(&self, unit: Unit) -> Submitted {
        submit(&self.store, Arc::new(unit))
    }

    pub(super) fn commit(&self, key: &str, expected: u64) -> UnitOutcome {
        wait(self.submit(self.unit(key, expected)))
    }

    pub(super) fn load(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        wait(self.store.load(&actor(key)))
    }

    pub(super) fn version(&self, key: &str) -> Result<Option<Version>, StoreError> {
        Ok(self.load(key)?.map(|stored| stored.version))
    }

    pub(super) fn close(self) {
        wait(self.store.close()).expect("the store closes");
    }
}

/// Flips a bit of the head of `actor`, or of the row beside it that `key` names, as a fault of
/// memory would: everything around it is right.
pub(super) fn damage_row(folder: &Path, actor: &ActorId, key: Option<&RowKey>) {
    change_tree(folder, |rows, batch| {
        let (stored, beside) = rows.head(actor).expect("the row is well").expect("it is there");
        let mut bytes = Vec::new();
        let Some(key) = key else {
            row::encode(&unit_of(actor, stored), beside, &mut bytes);
            let last = bytes.len() - 9;
            bytes[last] ^= 4;
            return batch.put_head(actor, &bytes);
        };
        let found = rows.view().row(actor, beside.life, key);
        let found = found.expect("the row is well").expect("it is there");
        row::beside::encode(actor, beside.life, &found, &mut bytes);
        bytes[24] ^= 4;
        batch.put(&Prefix::of(actor, beside.life).row(key), &bytes);
    });
}

/// Flips a bit of the first entry of `feed`.
pub(super) fn damage_entry(folder: &Path, feed: &FeedName) {
    change_tree(folder, |rows, batch| {
        let key = keys::entry(feed, 1, 1);
        let range = (Included(key.clone()), Included(key.clone()));
        let found = rows.view().scan(range).and_then(|mut scan| scan.next());
        let (_, row) = found.expect("it can be read").expect("it is there");
        let mut row = row.to_vec();
        row[20] ^= 1;
        batch.put(&key, &row);
    });
}

/// Changes rows behind the back of the engine, in a batch as it writes them.
pub(super) fn change_tree(folder: &Path, change: impl FnOnce(&Rows, &mut Batch)) {
    let data = folder.join("data");
    wait_until_closed(&data).expect("the store is closed");
    let verified = integrity::verify(&data).expect("the store is well");
    let rows = Rows::open(&EmbeddedConfig::new(folder), &data.join(integrity::TREE));
    let rows = rows.expect("the tree opens");
    let mut batch = rows.batch(1);
    change(&rows, &mut batch);
    let incarnation = Incarnation(verified.incarnation_min);
    let number = verified.batch + 1;
    let record = BatchRecord { number, incarnation };
    batch.commit(record).expect("the batch is written");
    drop(rows);
    wait_until_closed(&data).expect("the tree closes");
    let mut progress = Progress::open(&data).expect("the progress file opens");
    progress.note(record).expect("the progress file is written");
    progress.mark(ProgressState::Stopped, number).expect("the progress file is written");
}

fn unit_of(actor: &ActorId, stored: Stored) -> Unit {
    Unit {
        actor: actor.clone(),
        expected: Version::NONE,
        version: stored.version,
        tenure: stored.tenure,
        token: stored.token,
        written_at_ms: stored.written_at_ms,
        log: stored.log,
        content: stored.content,
        rows: Vec::new(),
        entries: Vec::new(),
    }
}

/// The files of a store that is not running, or has nothing in flight: what a killed process
/// leaves.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) files: Vec<ImageFile>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct ImageFile {
    pub(super) name: PathBuf,
    /// Without the zeros at its end: journals are 64 MiB long and nearly empty.
    pub(super) bytes: Vec<u8>,
    pub(super) length: usize,
}

impl Image {
    /// Of a store that runs: waits until the tree's threads leave the files alone.
    pub(super) fn take_calm(folder: &Path) -> Self {
        let mut last = None;
        wait_until("the tree's threads rest", || {
            let before = std::mem::replace(&mut last, catch_unwind(|| Self::take(folder)).ok());
            before.is_some() && before == last
        });
        last.expect("an image was taken")
    }

    pub(super) fn take(folder: &Path) -> Self {
        let read = |path: PathBuf| {
            let file = std::fs::File::open(&path).expect("the file can be opened");
            let found = file.metadata().expect("the file is there");
            let length = found.len() as usize;
            // What was never written lies at the end.
            let mut bytes = Vec::new();
            let read = file.take(found.blocks() * 512).read_to_end(&mut bytes);
            read.expect("the file can be read");
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            bytes.truncate(end);
            let name = path.strip_prefix(folder).expect("it is in the folder").to_owned();
            ImageFile { name, bytes, length }
        };
        Self { files: files(folder).into_iter().map(read).collect() }
    }

    pub(super) fn write(&self, folder: &Path) {
        for keyspace in ["0", "1"] {
            let tables = folder.join("data/tree/keyspaces").join(keyspace).join("tables");
            std::fs::create_dir_all(tables).expect("a folder");
        }
        for file in &self.files {
            let path = folder.join(&file.name);
            std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("a folder");
            std::fs::write(&path, &file.bytes).expect("the file can be written");
            let opened = std::fs::OpenOptions::new().write(true).open(&path);
            let set = opened.and_then(|opened| opened.set_len(file.length as u64));
            set.expect("the file gets its length");
        }
    }
}

/// Every file in `folder` and the folders in it, in a fixed order.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
