//! Damages what an embedded store has in its folder, as `store-embedded/src/keys.rs` lays it out.

use std::path::Path;
use std::time::Instant;

use fjall::{AbstractTree, Database, Keyspace, KeyspaceCreateOptions};
use tenure_store::RowKey;
use tenure_store::row::{self, beside};
use tenure_types::{ActorId, FeedName};

use super::support::PATIENCE;

/// The record of the last batch, which each table is to have.
const BATCH_KEY: [u8; 2] = [0, b'b'];

/// Turns a bit of the head of `actor`, or of the row beside it that `key` names.
pub(super) fn damage_row(folder: &Path, actor: &ActorId, key: Option<&RowKey>) {
    let name = actor.actor_type.as_str().as_bytes();
    let head = [&[1], name, &[0], actor.key.as_str().as_bytes()].concat();
    change(folder, |rows| {
        let mut bytes = get(rows, &head);
        let Some(key) = key else {
            let last = bytes.len() - 9;
            bytes[last] ^= 4;
            return (head, bytes);
        };
        let (_, it) = row::decode(actor, &bytes).expect("the head is well");
        let mut place = [&head[..], &[0], &it.life.to_be_bytes()].concat();
        beside::write_name(key, &mut place);
        let mut bytes = get(rows, &place);
        bytes[24] ^= 4;
        (place, bytes)
    });
}

/// Turns a bit of the first entry of `feed`.
pub(super) fn damage_entry(folder: &Path, feed: &FeedName) {
    let first = 1_u64.to_be_bytes();
    let place = [&[6], feed.as_str().as_bytes(), &[0], &first, &first].concat();
    change(folder, |rows| {
        let mut bytes = get(rows, &place);
        bytes[20] ^= 1;
        (place, bytes)
    });
}

fn get(rows: &Keyspace, key: &[u8]) -> Vec<u8> {
    rows.get(key).expect("it can be read").expect("it is there").to_vec()
}

/// Puts a row into the tables of a store that was closed in order, and has no journals.
fn change(folder: &Path, row: impl FnOnce(&Keyspace) -> (Vec<u8>, Vec<u8>)) {
    let database = Database::builder(folder.join("data/tree")).open().expect("the tree opens");
    let rows = database.keyspace("rows", KeyspaceCreateOptions::default).expect("it has rows");
    // As the engine does: without journals the tree begins to count anew.
    let persisted = rows.tree.get_highest_persisted_seqno().expect("there are tables");
    database.supervisor.seqno.fetch_max(persisted + 1);
    database.supervisor.snapshot_tracker.set(database.supervisor.seqno.get());
    let (key, value) = row(&rows);
    rows.insert(BATCH_KEY, get(&rows, &BATCH_KEY)).expect("it is written");
    rows.insert(key, value).expect("it is written");
    rows.rotate_memtable().expect("it is put into a table");
    let deadline = Instant::now() + PATIENCE;
    while rows.sealed_memtable_count() > 0 {
        assert!(Instant::now() < deadline, "the tree writes no table");
        std::thread::yield_now();
    }
}
