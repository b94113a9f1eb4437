//! What deleted actors leave, and rows that an earlier version of the program wrote.

use std::ops::Bound::Unbounded;

use tenure_store::{
    Content, Encoded, Row, RowChange, RowKey, Store, StoreError, Unit, UnitOutcome,
};
use tenure_types::{NUMBER_MAX, Version};

use super::history::History;
use super::support::{Node, actor, body_of, change_tree, fast_folder as folder, wait, wait_until};
use crate::keys::{self, HeadKey};

/// The first bytes of the keys of all rows, with how many there are of each.
fn census(node: &Node) -> Vec<(u8, usize)> {
    let count = node.store.view(|view| {
        let mut scan = view.scan((Unbounded, Unbounded)).expect("the tree can be read");
        let mut count: Vec<(u8, usize)> = Vec::new();
        while let Some((key, _)) = scan.next().expect("the tree can be read") {
            match count.last_mut() {
                Some((first, rows)) if *first == key[0] => *rows += 1,
                _ => count.push((key[0], 1)),
            }
        }
        Ok(count)
    });
    count.expect("the store is open")
}

fn wait_for_census(node: &Node, expected: &[(u8, usize)]) {
    wait_until(&format!("the tree holds {expected:?}"), || census(node) == expected);
}

fn commit(node: &Node, unit: Unit) {
    assert_eq!(wait(node.submit(unit)), UnitOutcome::Committed);
}

fn deletion(node: &Node, key: &str, expected: u64, until_ms: u64) -> Unit {
    Unit { content: Content::Deleted { until_ms }, ..node.unit(key, expected) }
}

fn put(key: RowKey) -> RowChange {
    let value = Encoded { schema: 1, codec: 1, bytes: vec![7; 20] };
    RowChange::Put(Row { key, value, due_ms: None })
}

#[test]
fn the_rows_of_ended_lives_are_removed_whatever_comes_after() {
    const EVENTS: u64 = 1_500;
    let folder = folder();
    let mut node = Node::start(folder.path());
    for (key, expected) in [("dead", 0), ("alive", 0), ("alive", 3)] {
        let mut unit = node.unit(key, expected);
        unit.rows = (1..=EVENTS).map(|n| put(RowKey::Event(n))).collect();
        commit(&node, unit);
        commit(&node, deletion(&node, key, expected + 1, NUMBER_MAX));
        if key == "alive" {
            let mut unit = node.unit(key, expected + 2);
            unit.rows = vec![put(RowKey::Event(1)), put(RowKey::Event(2))];
            commit(&node, unit);
        }
    }
    // Two of the engine's own, two heads with two rows beside one, and two deletions, of which one
    // is outdated and kept until its time.
    let expected = [(0, 3), (1, 2 + 2), (4, 2)];
    // A start in the middle goes on.
    node.reopen().expect("the store opens again");
    wait_for_census(&node, &expected);
    node.reopen().expect("the store opens again");
    assert_eq!(census(&node), expected);
    let version = |key| node.version(key).expect("it loads");
    assert_eq!((version("dead"), version("alive")), (Some(Version(2)), Some(Version(6))));
}

#[test]
fn heads_of_deleted_actors_are_forgotten_after_their_time() {
    let folder = folder();
    let mut node = Node::start(folder.path());
    let at = |unit: Unit, now_ms| Unit { written_at_ms: now_ms, ..unit };
    for n in 0..200 {
        let key = format!("{n}");
        commit(&node, at(node.unit(&key, 0), 10));
        commit(&node, at(deletion(&node, &key, 1, 100), 10));
    }
    commit(&node, at(node.unit("alive", 0), 10));
    commit(&node, at(deletion(&node, "alive", 1, 100), 10));
    commit(&node, at(node.unit("alive", 2), 10));
    commit(&node, at(node.unit("longer", 0), 10));
    commit(&node, at(deletion(&node, "longer", 1, 100), 10));
    commit(&node, at(deletion(&node, "longer", 2, 300), 10));
    commit(&node, at(node.unit("clock", 0), 99));
    node.reopen().expect("the store opens again");
    commit(&node, at(node.unit("clock", 1), 99));
    wait_for_census(&node, &[(0, 3), (1, 203), (4, 203)]);
    commit(&node, at(node.unit("clock", 2), 100));
    wait_for_census(&node, &[(0, 3), (1, 3), (4, 1)]);
    assert_eq!(node.version("7"), Ok(None));
    assert_eq!(node.version("alive"), Ok(Some(Version(3))));
    assert_eq!(node.version("longer"), Ok(Some(Version(3))));
    // A late writer meets its conflict, and a new one does not.
    let late = wait(node.submit(deletion(&node, "7", 2, 100)));
    assert!(matches!(late, UnitOutcome::Conflict { version: Version::NONE, .. }), "{late:?}");
    commit(&node, at(node.unit("7", 0), 100));
    commit(&node, at(node.unit("clock", 3), 300));
    wait_for_census(&node, &[(0, 3), (1, 3)]);
    assert_eq!(node.version("longer"), Ok(None));
}

/// Whatever units do, the tree holds what is stored and nothing else.
#[test]
fn nothing_is_left_in_the_tree() {
    let folder = folder();
    let mut node = Node::start(folder.path());
    let histories = [1, 2, 3, 5, 7].map(|n| History { n, scale: 1 });
    let mut versions = [0; 5];
    for round in 1..=4_u64 {
        for (history, version) in histories.iter().zip(&mut versions) {
            let flying: Vec<_> = (0..17 * round + history.n as u64)
                .map(|_| {
                    *version += 1;
                    node.submit(history.unit(&node, *version))
                })
                .collect();
            for submitted in flying {
                assert_eq!(wait(submitted), UnitOutcome::Committed);
            }
        }
        let all = || histories.iter().zip(versions);
        let beside: usize = all().map(|(it, version)| it.rows_beside(version)).sum();
        let due = all().flat_map(|(it, version)| it.due(version)).count();
        // All deletions of an actor are until the same time.
        let deleted = all().filter(|(it, version)| it.n != 2 && *version >= 64).count();
        let expected = [(0, 3), (1, histories.len() + beside), (2, due), (4, deleted)];
        let expected: Vec<_> = expected.into_iter().filter(|(_, rows)| *rows > 0).collect();
        wait_for_census(&node, &expected);
        node.reopen().expect("the store opens again");
        for (history, version) in all() {
            assert_eq!(history.check(&node), version);
        }
    }
}

/// Each of them has to wait for the next batch, and there are more than one batch takes.
#[test]
fn units_that_wait_for_the_next_batch_keep_their_order() {
    const UNITS: u64 = 3_000;
    let folder = folder();
    let node = Node::start(folder.path());
    let flying: Vec<_> = (0..UNITS)
        .map(|expected| {
            let mut unit = node.unit("alice", expected);
            unit.rows = vec![put(RowKey::Outcome("o".into()))];
            node.submit(unit)
        })
        .collect();
    for (expected, submitted) in flying.into_iter().enumerate() {
        assert_eq!(wait(submitted), UnitOutcome::Committed, "unit {expected}");
    }
    assert_eq!(node.version("alice"), Ok(Some(Version(UNITS))));
}

/// An index has no rows that could be decoded: its keys are what is checked.
#[test]
fn damaged_entries_of_the_list_of_what_is_due_are_named() {
    let folder = folder();
    let node = Node::start(folder.path());
    let due = |node: &Node, until_ms| wait(node.store.due(until_ms, None, 10));
    let mut unit = node.unit("alice", 0);
    let value = Encoded { schema: 1, codec: 1, bytes: Vec::new() };
    let key = RowKey::Reminder("tea".into());
    unit.rows = vec![RowChange::Put(Row { key, value, due_ms: Some(5) })];
    commit(&node, unit);
    node.close();
    let alice = actor("alice");
    let at_nine = keys::due(9, (&alice).into(), "tea");
    let no_entry = keys::due_from(12);
    for (key, value) in [(&at_nine, keys::index_value(b"another")), (&no_entry, [0; 8])] {
        change_tree(folder.path(), |_, batch| batch.put(key, &value));
        let node = Node::start(folder.path());
        assert_eq!(due(&node, 8).map(|due| due.len()), Ok(1), "what comes before is listed");
        for _ in 0..2 {
            let found = due(&node, 20);
            assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{found:?}");
        }
        node.close();
        change_tree(folder.path(), |_, batch| batch.remove(key.clone()));
    }
}

#[test]
fn rows_of_the_first_format_are_read_and_replaced() {
    // As format 1 wrote it of `cart/alice`, with a checksum of another implementation of XXH3.
    const ROW: &str = "544e5201010000000200000007000000000000000300000000000000040000000000000005\
        0000000000000063000000000000007b68e5cf8b01000004000000626f6479a29ab03f0db927c1";
    let row: Vec<_> = (0..ROW.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&ROW[at..at + 2], 16).expect("a hexadecimal number"))
        .collect();
    let folder = folder();
    Node::start(folder.path()).close();
    let alice = actor("alice");
    change_tree(folder.path(), |_, batch| batch.put(HeadKey::new().of(&alice), &row));
    let mut node = Node::start(folder.path());
    let stored = node.load("alice").expect("it loads").expect("it is there");
    assert_eq!((stored.version, body_of(&stored)), (Version(7), &b"body"[..]));
    node.reopen().expect("the store opens again");
    let mut unit = node.unit("alice", 7);
    unit.rows = vec![put(RowKey::Outcome("first".into()))];
    commit(&node, unit);
    let stored = node.load("alice").expect("it loads").expect("it is there");
    assert_eq!((stored.version, stored.rows.len()), (Version(8), 1));
}
