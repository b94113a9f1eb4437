//! Several incarnations on one folder: what outlives its process, and its disk's failures.

use std::sync::Arc;

use tempfile::TempDir;
use tenure_store::conformance::submit;
use tenure_store::{Append, FeedFrom, FeedKeep, Store, StoreError, Trimmed, Unit, UnitOutcome};
use tenure_types::{FeedName, Incarnation, Tenure, Token, Version};

use super::support::{actor, folder, state, wait};
use crate::failure::injected::Injected;
use crate::{EmbeddedConfig, EmbeddedStore};

/// A store that has joined.
struct Joined {
    store: EmbeddedStore,
    incarnation: Incarnation,
}

impl Joined {
    fn join(store: EmbeddedStore, number: u64) -> Result<Self, StoreError> {
        let incarnation = Incarnation(number);
        wait(store.join(incarnation)).map(|()| Self { store, incarnation })
    }

    fn of(base: &EmbeddedStore, number: u64) -> Self {
        Self::join(base.share(), number).expect("it joins")
    }

    fn unit(&self, key: &str, expected: u64, entry: Option<&str>) -> Unit {
        let data = |text: &str| Append { feed: feed(), data: text.as_bytes().to_vec() };
        Unit {
            actor: actor(key),
            expected: Version(expected),
            version: Version(expected + 1),
            tenure: Tenure { view: self.incarnation.0, sequence: 1 },
            token: Token { incarnation: self.incarnation, sequence: expected + 1 },
            written_at_ms: 1_000 + expected,
            log: tenure_store::EventLog::default(),
            content: state(vec![1]),
            rows: Vec::new(),
            entries: entry.map(data).into_iter().collect(),
        }
    }

    fn commit(&self, key: &str, expected: u64, entry: Option<&str>) -> UnitOutcome {
        wait(submit(&self.store, Arc::new(self.unit(key, expected, entry))))
    }
}

fn feed() -> FeedName {
    FeedName::new("moves").expect("a good name")
}

fn entries(store: &EmbeddedStore) -> Vec<String> {
    let page = wait(store.read_feed(&feed(), FeedFrom::Oldest, 1_000)).expect("a page");
    page.entries.into_iter().map(|it| String::from_utf8(it.data).expect("text")).collect()
}

fn is_unavailable<T>(refused: &Result<T, StoreError>) -> bool {
    matches!(refused, Err(StoreError::Unavailable { .. }))
}

#[test]
fn what_was_seen_is_known_and_fenced_after_every_kind_of_end() {
    for is_closed in [true, false] {
        let folder = folder();
        let base = EmbeddedStore::new(folder.path());
        assert_eq!(wait(base.host()), Ok(Incarnation(0)), "nothing was seen yet");
        let (four, two) = (Joined::of(&base, 4), Joined::of(&base, 2));
        assert_eq!(wait(base.host()), Ok(Incarnation(4)));
        assert_eq!(four.commit("a", 0, None), UnitOutcome::Committed);
        assert_eq!(wait(two.store.fence(Incarnation(9))), Ok(()));
        assert_eq!(wait(base.host()), Ok(Incarnation(9)), "who was fenced counts");
        assert!(is_unavailable(&wait(base.load(&actor("a")))), "who hosts does not read");
        // A copy of the folder as it is now is what a killed process leaves.
        let copy = TempDir::new().expect("a folder");
        super::support::Image::take_calm(folder.path()).write(copy.path());
        let path = if is_closed {
            for store in [&four.store, &two.store, &base] {
                assert_eq!(wait(store.close()), Ok(()));
            }
            folder.path()
        } else {
            copy.path()
        };
        let base = EmbeddedStore::new(path);
        assert_eq!(wait(base.host()), Ok(Incarnation(9)), "closed: {is_closed}");
        for number in [1, 2, 4, 9] {
            let again = Joined::join(base.share(), number);
            assert!(again.is_err(), "{number} is over, closed: {is_closed}");
        }
        let ten = Joined::of(&base, 10);
        assert_eq!(ten.commit("a", 1, None), UnitOutcome::Committed);
    }
}

#[test]
fn the_folder_is_let_go_of_with_the_last_and_close_commits_what_was_submitted() {
    let folder = folder();
    let base = EmbeddedStore::new(folder.path());
    let (one, two) = (Joined::of(&base, 1), Joined::of(&base, 2));
    let waiting: Vec<_> = (0..200)
        .map(|n| submit(&one.store, Arc::new(one.unit(&format!("a{n}"), 0, None))))
        .collect();
    assert_eq!(wait(one.store.close()), Ok(()));
    for n in 0..200 {
        let stored = wait(two.store.load(&actor(&format!("a{n}"))));
        assert!(stored.is_ok_and(|it| it.is_some()), "a{n} was committed before the close ended");
    }
    assert!(waiting.into_iter().all(|it| wait(it) == UnitOutcome::Committed));
    let late = one.commit("late", 0, None);
    assert!(matches!(late, UnitOutcome::Fenced { .. }), "a closed store takes nothing: {late:?}");
    let other = EmbeddedStore::new(folder.path());
    assert!(matches!(wait(other.open()), Err(StoreError::Locked { .. })), "the second one is open");
    assert_eq!(wait(two.store.close()), Ok(()));
    assert_eq!(wait(other.open()), Ok(Incarnation(3)));
    assert!(is_unavailable(&wait(other.share().join(Incarnation(7)))), "it is open for one alone");
}

#[test]
fn those_that_had_joined_go_on_after_the_disk_failed() {
    let folder = folder();
    let config = EmbeddedConfig::new(folder.path());
    let faults = config.faults.clone();
    let base = EmbeddedStore::with_config(config);
    let (one, two) = (Joined::of(&base, 1), Joined::of(&base, 2));
    let three = Joined::of(&base, 3);
    assert_eq!(wait(one.store.fence(Incarnation(3))), Ok(()));
    assert_eq!(one.commit("a", 0, None), UnitOutcome::Committed);
    faults.set(Injected::Write);
    let failed = one.commit("a", 1, None);
    assert!(matches!(failed, UnitOutcome::Fenced { .. }), "{failed:?}");
    let failed = two.commit("b", 0, None);
    assert!(matches!(failed, UnitOutcome::Fenced { .. }), "{failed:?}");
    for joined in [&two, &one] {
        assert_eq!(wait(joined.store.join(joined.incarnation)), Ok(()), "it goes on");
    }
    assert_eq!(one.commit("a", 1, None), UnitOutcome::Committed);
    assert_eq!(two.commit("b", 0, None), UnitOutcome::Committed);
    assert!(
        is_unavailable(&wait(three.store.join(Incarnation(3)))),
        "a fence outlives the failure"
    );
    assert!(is_unavailable(&wait(base.share().join(Incarnation(2)))), "a number is one run's");
}

#[test]
fn trims_take_the_oldest_of_all_stripes() {
    let folder = folder();
    let base = EmbeddedStore::new(folder.path());
    let nodes = [Joined::of(&base, 1), Joined::of(&base, 2)];
    let texts: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    for (n, text) in (0..).zip(&texts) {
        let outcome = nodes[(n / 3 % 2) as usize].commit("a", n, Some(text));
        assert_eq!(outcome, UnitOutcome::Committed);
    }
    assert_eq!(entries(&nodes[1].store), texts);
    let keep = FeedKeep { since_ms: 1_007, bytes_max: u64::MAX };
    let trimmed = wait(nodes[0].store.trim_feed(&feed(), keep)).expect("it is trimmed");
    assert_eq!((trimmed.entries, trimmed.has_more), (7, false));
    assert_eq!(
        entries(&nodes[1].store),
        texts[7..],
        "the oldest went, whichever stripe they were in"
    );
    let info = wait(base.share().feeds());
    assert!(info.is_err(), "a store that is not open lists nothing");
    let info = wait(nodes[0].store.feeds()).expect("they are listed");
    assert_eq!((info[0].entries, info[0].oldest_ms), (13, Some(1_007)));
    let keep = FeedKeep { since_ms: 0, bytes_max: 0 };
    let trimmed = wait(nodes[0].store.trim_feed(&feed(), keep)).expect("it is trimmed");
    assert_eq!(trimmed.bytes, info[0].bytes, "bytes that are counted are bytes that go");
    let nothing = wait(nodes[0].store.trim_feed(&feed(), keep));
    assert_eq!(nothing, Ok(Trimmed::default()));
}

#[test]
fn a_store_that_is_shared_is_read_beside() {
    let folder = folder();
    let base = EmbeddedStore::new(folder.path());
    let one = Joined::of(&base, 1);
    assert_eq!(one.commit("a", 0, None), UnitOutcome::Committed);
    let reader = base.share();
    assert_eq!(wait(reader.open_to_read()), Ok(true));
    assert!(wait(reader.load(&actor("a"))).is_ok_and(|it| it.is_some()));
    assert_eq!(wait(reader.close()), Ok(()));
    assert_eq!(one.commit("a", 1, None), UnitOutcome::Committed, "nobody was fenced for it");
}
