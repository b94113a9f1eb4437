//! Rows that somebody changed by hand: named, and never overwritten.

use std::sync::Arc;

use tenure_store::{Content, Encoded, EventLog, UnitOutcome};
use tenure_store::{FeedError, FeedFrom, Row, RowChange, RowKey, Store, StoreError, Unit};
use tenure_types::Incarnation;

use super::support::Database;
use super::work::{Shape, actor, fate, feed, open, unit};
use crate::{PostgresConfig, PostgresStore};

/// Three versions of `alice`, the last of the shape.
async fn filled(database: &Database, shape: Shape) -> (PostgresConfig, PostgresStore, Incarnation) {
    let config = database.config();
    let store = PostgresStore::new(config.clone());
    let incarnation = open(&store).await;
    for version in 1..=3 {
        let unit = unit(&actor("alice"), version, incarnation, shape);
        assert_eq!(fate(&store, &unit).await.0, UnitOutcome::Committed);
    }
    (config, store, incarnation)
}

fn named(error: &StoreError, parts: &[&str]) {
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    for part in parts {
        assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_heads_are_named_and_stay() {
    let database = Database::start();
    for (change, parts, is_corrupt) in [
        ("version = 7", vec!["record of cart/alice", "changed by hand", "version 7", "3"], false),
        ("sequence = 9", vec!["record of cart/alice", "changed by hand"], false),
        ("head = set_byte(head, 40, 255)", vec!["cart/alice", "checksum"], true),
        ("head = '\\x01'", vec!["cart/alice", "only 1 bytes"], true),
        ("head = set_byte(head, 40, 255), sum = 'mine'", vec!["cart/alice", "checksum"], true),
    ] {
        let (config, store, incarnation) = filled(&database, Shape::Rows).await;
        database.sql(&config, &format!("UPDATE actors SET {change}"));
        let all = || {
            let heads = database.sql(&config, "SELECT * FROM actors");
            (heads, database.sql(&config, "SELECT * FROM rows ORDER BY 1, 2, 3, 4, 5"))
        };
        let before = all();
        named(&store.load(&actor("alice")).await.expect_err(change), &parts);
        let heads = store.heads("cart", None, 10).await.expect("other heads are listed");
        named(heads[0].stored.as_ref().expect_err(change), &parts);
        // The unit that a node which knows version 3 would submit.
        let next = unit(&actor("alice"), 4, incarnation, Shape::Rows);
        let (outcome, _) = fate(&store, &next).await;
        match &outcome {
            UnitOutcome::Corrupt { reason } => {
                assert!(is_corrupt && reason.contains("cart/alice"), "{change}: {reason}");
            }
            UnitOutcome::Conflict { .. } if change.starts_with("version") => {}
            UnitOutcome::Committed if change.starts_with("sequence") => continue,
            other => panic!("{change}: {other:?}"),
        }
        assert_eq!(all(), before, "{change}: nothing was overwritten");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_events_of_a_journal_are_named() {
    let database = Database::start();
    let config = database.config();
    let store = PostgresStore::new(config.clone());
    let incarnation = open(&store).await;
    let cart = actor("alice");
    for version in 1..=4 {
        let mut unit = Unit::clone(&unit(&cart, version, incarnation, Shape::Heads));
        unit.content = Content::Journaled { snapshot: 0 };
        unit.log = EventLog { epoch: 5, offset: version, open: None };
        let value = Encoded { schema: 1, codec: 1, bytes: b"event".to_vec() };
        let row = Row { key: RowKey::Journal(version), value, due_ms: None };
        unit.rows.push(RowChange::Put(row));
        assert_eq!(fate(&store, &Arc::new(unit)).await.0, UnitOutcome::Committed);
    }
    for gone in [4, 2, 1] {
        database.sql(&config, &format!("DELETE FROM journal WHERE seq = {gone}"));
        let parts = [&*format!("event {gone}"), "cart/alice", "missing", "restore a backup"];
        named(&store.load(&cart).await.expect_err("it has a gap"), &parts);
        named(&store.events(&cart, 0, 100).await.expect_err("it has a gap"), &parts);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_stripes_are_named_and_their_entries_stay() {
    let database = Database::start();
    // The only stripe, the last of two, the first of two.
    for (openings, gone) in [(1, 1), (2, 2), (2, 1)] {
        let (config, store, mut incarnation) = filled(&database, Shape::Entries).await;
        if openings == 2 {
            incarnation = open(&store).await;
            let unit = unit(&actor("alice"), 4, incarnation, Shape::Entries);
            assert_eq!(fate(&store, &unit).await.0, UnitOutcome::Committed);
        }
        let at = 2 + openings;
        database.sql(&config, &format!("DELETE FROM stripes WHERE number = {gone}"));
        let entries = || database.sql(&config, "SELECT * FROM entries ORDER BY 1, 2, 3");
        let before = entries();
        let check = async || match store.read_feed(&feed(), FeedFrom::Oldest, 100).await {
            Err(FeedError::Store(error)) => named(&error, &["orders", "missing", "backup"]),
            other => panic!("stripe {gone} of {openings}: {other:?}"),
        };
        check().await;
        let next = unit(&actor("alice"), at + 1, incarnation, Shape::Entries);
        let (outcome, _) = fate(&store, &next).await;
        let is_named = matches!(&outcome, UnitOutcome::Corrupt { reason }
            if reason.contains("duplicate key"));
        assert!(is_named || (openings, gone) == (2, 1), "stripe {gone} of {openings}: {outcome:?}");
        if is_named {
            assert_eq!(entries(), before, "nothing was overwritten");
        }
        check().await;
        // What appends nothing goes on.
        let bob = unit(&actor("bob"), 1, incarnation, Shape::Heads);
        assert_eq!(fate(&store, &bob).await.0, UnitOutcome::Committed);
    }
}
