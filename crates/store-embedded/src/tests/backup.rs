//! Copies: what is in them, and what becomes of a bad one.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use parking_lot::Mutex;
use tenure_store::{
    Append, Content, CursorError, Encoded, FeedFrom, Row, RowChange, RowKey, Store, StoreError,
    UnitOutcome,
};
use tenure_types::{FeedName, Incarnation, NUMBER_MAX, Version};

use super::support::{Node, actor, damage_row, fast_folder as folder, wait};
use crate::{Backup, EmbeddedConfig, UNFINISHED, restore, verify};

/// Where a copy goes.
#[derive(Clone, Default)]
struct Copy(Arc<Mutex<Vec<u8>>>);

impl Write for Copy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn back_up(node: &Node) -> Vec<u8> {
    let copy = Copy::default();
    let bytes = wait(node.store.back_up(Box::new(copy.clone()))).expect("a copy is made");
    let copy = std::mem::take(&mut *copy.0.lock());
    assert_eq!(bytes, copy.len() as u64);
    copy
}

fn restore_in(folder: &Path, mut copy: &[u8]) -> Result<Backup, StoreError> {
    restore(&EmbeddedConfig::new(folder), &mut copy)
}

/// A store with states, journals, reminders, outcomes and deleted actors.
fn filled(folder: &Path) -> Node {
    let node = Node::start(folder);
    for n in 0..40 {
        let key = format!("a{n}");
        for expected in 0..3 {
            let mut unit = node.unit(&key, expected);
            let value = Encoded { schema: 1, codec: 1, bytes: vec![n; 900] };
            let put = |key, due_ms| RowChange::Put(Row { key, value: value.clone(), due_ms });
            unit.rows.push(put(RowKey::Reminder(format!("r{expected}").into()), Some(5_000)));
            unit.rows.push(put(RowKey::Outcome(format!("k{expected}").into()), None));
            assert_eq!(wait(node.submit(unit)), UnitOutcome::Committed);
        }
        if n % 10 == 0 {
            let mut unit = node.unit(&key, 3);
            unit.content = Content::Deleted { until_ms: NUMBER_MAX };
            assert_eq!(wait(node.submit(unit)), UnitOutcome::Committed);
        }
    }
    node
}

#[test]
fn a_restored_store_has_its_feeds_and_refuses_cursors_from_before() {
    let (from, to) = (folder(), folder());
    let node = Node::start(from.path());
    let name = FeedName::new("said").expect("a good name");
    let say = |node: &Node, expected| {
        let mut unit = node.unit("a", expected);
        let data = format!("{expected}").into_bytes();
        unit.entries.push(Append { feed: name.clone(), data });
        assert_eq!(wait(node.submit(unit)), UnitOutcome::Committed);
    };
    let read = |node: &Node, from| wait(node.store.read_feed(&name, from, 100));
    say(&node, 0);
    let copy = back_up(&node);
    say(&node, 1);
    let before = read(&node, FeedFrom::Oldest).expect("it is read");
    assert_eq!(before.entries.len(), 2);
    restore_in(to.path(), &copy).expect("it is restored");
    let restored = Node::start(to.path());
    let page = read(&restored, FeedFrom::Oldest).expect("it is read");
    assert_eq!(page.entries, before.entries[..1]);
    // The position comes again, with another entry.
    say(&restored, 1);
    let error = read(&restored, FeedFrom::After(before.next.clone()));
    assert_eq!(error, Err(CursorError::OtherStore.into()));
    assert_eq!(read(&restored, FeedFrom::After(page.next)).expect("it goes on").entries.len(), 1);
    restored.close();
    // The store that went on takes its own.
    assert!(read(&node, FeedFrom::After(before.next)).is_ok());
    node.close();
}

#[test]
fn a_restored_store_has_everything_and_goes_on() {
    let (from, to) = (folder(), folder());
    let node = filled(from.path());
    let copy = back_up(&node);
    let backup = restore_in(to.path(), &copy).expect("it is restored");
    assert_eq!((backup.incarnation, backup.bytes), (node.incarnation, copy.len() as u64));
    let restored = Node::start(to.path());
    assert_eq!(restored.incarnation, Incarnation(node.incarnation.0 + 1));
    for n in 0..41 {
        let key = format!("a{n}");
        assert_eq!(restored.load(&key), node.load(&key), "{key}");
    }
    let due = |node: &Node| wait(node.store.due(u64::MAX, None, 1_000)).expect("they are listed");
    assert_eq!(due(&restored), due(&node));
    assert_eq!(due(&restored).len(), 36 * 3);
    // A new life of a deleted actor finds nothing of the one before.
    for (key, expected) in [("a0", 4), ("a1", 3), ("new", 0)] {
        assert_eq!(restored.commit(key, expected), UnitOutcome::Committed, "{key}");
    }
    assert_eq!(restored.load("a0").expect("it is read").expect("it is there").rows, []);
    restored.close();
    let again = Node::start(to.path());
    assert_eq!(again.version("a1"), Ok(Some(Version(4))));
    // Copying what was copied gives the same actors.
    let (third, copy) = (folder(), back_up(&again));
    restore_in(third.path(), &copy).expect("it is restored");
    let third = Node::start(third.path());
    assert_eq!(third.load("a7"), again.load("a7"));
}

#[test]
fn a_copy_made_under_load_is_of_one_moment() {
    const ACTORS: u64 = 20;
    let (from, to) = (folder(), folder());
    let node = Node::start(from.path());
    let stop = AtomicBool::new(false);
    let (sender, committed) = mpsc::channel();
    let (copy, at_least) = std::thread::scope(|scope| {
        // Actors are committed in turn: their versions say how far the moment had come.
        scope.spawn(|| {
            let mut turn = 0;
            while !stop.load(Ordering::Relaxed) {
                let key = format!("a{}", turn % ACTORS);
                assert_eq!(node.commit(&key, turn / ACTORS), UnitOutcome::Committed);
                turn += 1;
                sender.send(turn).expect("the test waits");
            }
        });
        let begun = committed.iter().find(|turn| *turn > 3 * ACTORS).expect("it commits");
        let copy = back_up(&node);
        stop.store(true, Ordering::Relaxed);
        (copy, begun)
    });
    restore_in(to.path(), &copy).expect("it is restored");
    let restored = Node::start(to.path());
    let versions: Vec<u64> = (0..ACTORS)
        .map(|n| restored.version(&format!("a{n}")).expect("it is read").map_or(0, |it| it.0))
        .collect();
    let turns: u64 = versions.iter().sum();
    for (n, version) in versions.iter().enumerate() {
        let expected = (turns + ACTORS - 1 - n as u64) / ACTORS;
        assert_eq!(*version, expected, "actor {n} after {turns} turns: {versions:?}");
    }
    assert!(turns >= at_least, "what was acknowledged before is in it: {turns} of {at_least}");
}

#[test]
fn a_copy_that_is_cut_or_altered_leaves_no_store() {
    let from = folder();
    let node = Node::start(from.path());
    for n in 0..3 {
        node.commit(&format!("a{n}"), 0);
    }
    let copy = back_up(&node);
    let to = folder();
    let refused = |copy: &[u8], what: &str| {
        let error = restore_in(to.path(), copy).expect_err(what);
        assert!(matches!(error, StoreError::Corrupt { .. }), "{what}: {error}");
        let mut rest = copy;
        assert_eq!(verify(&mut rest), Err(error), "{what}: both say the same");
        assert_eq!(to.path().read_dir().expect("a folder").count(), 0, "{what}: nothing is left");
    };
    for end in 0..copy.len() {
        refused(&copy[..end], &format!("cut after {end} bytes"));
    }
    for at in 0..copy.len() {
        let mut altered = copy.clone();
        altered[at] ^= 1;
        refused(&altered, &format!("byte {at} altered"));
    }
    refused(&[&copy[..], b"x"].concat(), "something appended");
    refused(b"", "nothing");
    let deep = to.path().join("new/folder");
    restore_in(&deep, &copy[..copy.len() - 1]).expect_err("it is cut");
    assert!(!to.path().join("new").exists(), "the folders that were made for it are gone");
    let verified = verify(&mut &copy[..]).expect("the whole copy is found whole");
    let restored = restore_in(to.path(), &copy).expect("and is taken after all");
    assert_eq!(verified, restored);
    assert_eq!(Node::start(to.path()).version("a2"), Ok(Some(Version(1))));
}

#[test]
fn a_store_is_never_restored_over_another() {
    let (from, to) = (folder(), folder());
    let copy = back_up(&filled(from.path()));
    let other = Node::start(to.path());
    other.commit("mine", 0);
    let error = restore_in(to.path(), &copy).expect_err("it is open");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    other.close();
    let error = restore_in(to.path(), &copy).expect_err("there is a store");
    assert!(error.to_string().contains("choose another folder"), "{error}");
    assert_eq!(Node::start(to.path()).version("mine"), Ok(Some(Version(1))));
}

#[test]
fn a_damaged_record_is_copied_as_it_is_and_named_when_it_is_read() {
    let (from, to) = (folder(), folder());
    let node = Node::start(from.path());
    node.commit("good", 0);
    node.commit("bad", 0);
    node.close();
    damage_row(from.path(), &actor("bad"), None);
    let copy = back_up(&Node::start(from.path()));
    restore_in(to.path(), &copy).expect("it is restored");
    let restored = Node::start(to.path());
    assert_eq!(restored.version("good"), Ok(Some(Version(1))));
    assert!(matches!(restored.load("bad"), Err(StoreError::Corrupt { .. })));
}

#[test]
fn a_copy_of_a_damaged_store_says_why_it_ends() {
    let (from, to) = (folder(), folder());
    filled(from.path()).close();
    // A start would find some of it; a node that runs finds it when it reads.
    let node = Node::start(from.path());
    let tables = from.path().join("data/tree/keyspaces/1/tables");
    for table in tables.read_dir().expect("there are tables").flatten() {
        let mut bytes = std::fs::read(table.path()).expect("a table");
        for byte in bytes.iter_mut().step_by(512) {
            *byte ^= 1;
        }
        std::fs::write(table.path(), bytes).expect("it is written");
    }
    let copy = Copy::default();
    let failed = wait(node.store.back_up(Box::new(copy.clone()))).expect_err("it is damaged");
    assert!(matches!(failed, StoreError::Corrupt { .. }), "{failed}");
    let copy = copy.0.lock().clone();
    let detail = failed.to_string().into();
    let told = StoreError::Io { doing: UNFINISHED.into(), detail };
    assert_eq!(verify(&mut &copy[..]), Err(told.clone()));
    assert_eq!(restore_in(to.path(), &copy), Err(told));
    assert_eq!(to.path().read_dir().expect("a folder").count(), 0);
}

/// Takes some bytes, says so, and no more until it is told.
struct Stalled(mpsc::SyncSender<()>, mpsc::Receiver<()>);

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.send(()).is_ok() {
            let _ = self.1.recv();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_copy_ends_with_its_store() {
    let from = folder();
    let node = Node::start(from.path());
    let big = Content::State(Encoded { schema: 1, codec: 1, bytes: vec![7; 200_000] });
    for n in 0..10 {
        let unit = tenure_store::Unit { content: big.clone(), ..node.unit(&format!("a{n}"), 0) };
        assert_eq!(wait(node.submit(unit)), UnitOutcome::Committed);
    }
    let ((began, begins), (go, going)) = (mpsc::sync_channel(0), mpsc::channel());
    let stalled = Stalled(began, going);
    std::thread::scope(|scope| {
        let copy = scope.spawn(|| wait(node.store.back_up(Box::new(stalled))));
        begins.recv().expect("it has begun");
        drop(begins);
        let close = scope.spawn(|| wait(node.store.close()));
        // It refuses units from now on, and waits for the copy.
        while !matches!(node.commit("b", 0), UnitOutcome::Fenced { .. }) {}
        drop(go);
        let ended = copy.join().expect("it ends");
        assert!(matches!(ended, Err(StoreError::Unavailable { .. })), "{ended:?}");
        close.join().expect("it ends").expect("the store closes");
    });
}
