//! The store's engine, used directly: the baseline of what is durable.
//!
//! It is opened with the options of the embedded store, so that the two differ in nothing but what
//! the store adds.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode,
};
use tenure::{ActorId, Key};
use tenure_store::row::{self, Beside};
use tenure_store::{Content, Encoded, EventLog, Unit};
use tenure_types::{ActorTypeName, Incarnation, Tenure, Token, Version};

/// Where the embedded store keeps its tree, and the tree's one keyspace.
const TREE: &str = "data/tree";
const KEYSPACE: &str = "rows";

#[derive(Clone)]
pub(crate) struct Engine {
    database: Database,
    rows: Keyspace,
}

impl Engine {
    /// Opens or creates the tree of the store in `folder`.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let tree = folder.join(TREE);
        std::fs::create_dir_all(&tree)?;
        let database = Database::builder(tree)
            .cache_size(64 << 20)
            .worker_threads(2)
            .max_journaling_size(256 << 20)
            .manual_journal_persist(true)
            .journal_compression(CompressionType::None)
            .open()
            .context("the engine does not open")?;
        let rows = database.keyspace(KEYSPACE, || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(32 << 20)
                .manual_journal_persist(true)
        })?;
        Ok(Self { database, rows })
    }

    /// Commits one row, durable when it returns.
    pub(crate) fn commit(&self, key: &[u8], row: &[u8]) -> anyhow::Result<()> {
        let mut batch = OwnedWriteBatch::with_capacity(self.database.clone(), 1);
        batch.insert(&self.rows, key, row);
        batch.durability(Some(PersistMode::SyncData)).commit().context("the engine does not commit")
    }

    /// How many bytes the row of `key` has; `None` without one.
    pub(crate) fn get(&self, key: &[u8]) -> anyhow::Result<Option<usize>> {
        Ok(self.rows.get(key)?.map(|row| row.len()))
    }
}

/// The key of an actor's row, as the embedded store writes it.
pub(crate) fn row_key(type_name: &str, key: &str) -> Vec<u8> {
    [&[1], type_name.as_bytes(), &[0], key.as_bytes()].concat()
}

/// Writes the row that the store would write for this turn of `key`.
pub(crate) fn write_row(
    type_name: ActorTypeName,
    key: &str,
    version: u64,
    body: Vec<u8>,
    out: &mut Vec<u8>,
) {
    let unit = Arc::new(Unit {
        actor: ActorId { actor_type: type_name, key: Key::new(key).expect("a short text") },
        expected: Version(version - 1),
        version: Version(version),
        tenure: Tenure { view: 1, sequence: 1 },
        token: Token { incarnation: Incarnation(1), sequence: version },
        written_at_ms: 1_700_000_000_000 + version,
        log: EventLog::default(),
        content: Content::State(Encoded { schema: 1, codec: 1, bytes: body }),
        rows: Vec::new(),
        entries: Vec::new(),
    });
    out.clear();
    row::encode(&unit, Beside::default(), out);
}
