//! Opening, closing, locking.

use std::sync::Arc;

use tenure_store::{Store, StoreError, UnitOutcome, UnitSink};
use tenure_types::{Incarnation, Token, Version};

use super::support::{Node, actor, folder, wait, wait_until};
use crate::{EmbeddedConfig, EmbeddedStore};

#[test]
fn a_second_engine_is_told_who_has_the_store() {
    let folder = folder();
    let node = Node::start(folder.path());
    let second = EmbeddedStore::new(folder.path());
    let error = wait(second.open()).expect_err("the store is locked");
    let StoreError::Locked { holder, .. } = &error else { panic!("it is locked, not {error}") };
    assert_eq!(**holder, format!("process {}", std::process::id()));
    assert_eq!(node.commit("a", 0), UnitOutcome::Committed, "the first is not disturbed");
    node.close();
    assert_eq!(wait(second.open()), Ok(Incarnation(2)), "a close lets go of the store");
    assert_eq!(wait(second.close()), Ok(()));
}

#[test]
fn a_dropped_engine_lets_go_and_keeps_what_it_answered() {
    let folder = folder();
    for expected in 0..5 {
        let config = EmbeddedConfig::new(folder.path());
        let mut opened = None;
        // The engine before ends on its own threads.
        wait_until("the store is let go", || match Node::try_start(config.clone()) {
            Ok(node) => {
                opened = Some(node);
                true
            }
            Err(StoreError::Locked { .. }) => false,
            Err(error) => panic!("{error}"),
        });
        let node = opened.expect("it was opened");
        let version = node.version("a").expect("it loads").map_or(0, |version| version.0);
        assert_eq!(version, expected);
        assert_eq!(node.commit("a", expected), UnitOutcome::Committed);
        drop(node);
    }
}

#[test]
fn processes_that_are_started_meanwhile_do_not_keep_the_store_locked() {
    let folder = folder();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                std::process::Command::new("true").status().expect("a process starts");
            }
        });
        let mut node = Node::start(folder.path());
        let reopened: Vec<_> = (0..100).map(|_| node.reopen()).collect();
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(reopened.into_iter().collect::<Result<Vec<_>, _>>().map(drop), Ok(()));
    });
}

#[test]
fn unit_sinks_that_panic_hurt_nobody_else() {
    struct Panics;
    impl UnitSink for Panics {
        fn settled(self: Arc<Self>, _: Token, _: UnitOutcome) {
            panic!("a sink of the test");
        }
    }
    let folder = folder();
    let node = Node::start(folder.path());
    node.store.submit(Arc::new(node.unit("a", 0)), Arc::new(Panics));
    assert_eq!(node.commit("b", 0), UnitOutcome::Committed);
    assert_eq!(node.version("a"), Ok(Some(Version(1))));
    node.close();
}

#[test]
fn a_half_made_store_is_made_anew() {
    let folder = folder();
    std::fs::create_dir_all(folder.path().join("data.new/tree/keyspaces")).expect("a folder");
    std::fs::write(folder.path().join("data.new/tree/0.jnl"), b"half").expect("a file");
    let node = Node::start(folder.path());
    assert_eq!(node.commit("a", 0), UnitOutcome::Committed);
    node.close();
    assert!(!folder.path().join("data.new").exists());
}

#[test]
fn a_store_of_a_newer_format_is_not_touched() {
    let folder = folder();
    Node::start(folder.path()).close();
    let path = folder.path().join("data/progress");
    let mut bytes = std::fs::read(&path).expect("the progress file is there");
    bytes[7] = 2;
    std::fs::write(&path, bytes).expect("it can be written");
    let store = EmbeddedStore::new(folder.path());
    let error = wait(store.open()).expect_err("it is too new");
    assert!(matches!(error, StoreError::Newer { .. }), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_an_io_error() {
    let folder = folder();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").expect("a file");
    let error = wait(EmbeddedStore::new(&file).open()).expect_err("it is a file");
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn loads_see_what_was_committed_before_them_whatever_is_remembered() {
    // More actors than one generation of remembered heads, so that some are forgotten again.
    let folder = folder();
    let node = Node::start(folder.path());
    let actors: Vec<_> = (0..3_000).map(|n| format!("{n}")).collect();
    for round in 0..3 {
        let flying: Vec<_> = actors.iter().map(|key| node.submit(node.unit(key, round))).collect();
        let loads: Vec<_> = actors.iter().map(|key| node.store.load(&actor(key))).collect();
        for load in loads {
            let version = wait(load).expect("it loads").map_or(0, |stored| stored.version.0);
            assert!(version == round || version == round + 1, "{version} in round {round}");
        }
        for submitted in flying {
            assert_eq!(wait(submitted), UnitOutcome::Committed);
        }
    }
    node.close();
}
