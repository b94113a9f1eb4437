//! What a server acknowledged, kept outside of it, and the comparison with what it knows later.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::Instant;

use parking_lot::Mutex;
use serde::Deserialize;

/// What the server says of an actor: how many turns it counted, and the ids of the last ones, the
/// newest last.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Shown {
    /// How many turns; the version of the last one.
    pub count: u64,
    /// The ids of the last turns.
    pub recent: Vec<u64>,
}

/// Everything that was acknowledged since the last comparison, by actor.
pub struct Book {
    pages: Vec<Mutex<Page>>,
}

#[derive(Default)]
struct Page {
    /// The version at the last comparison.
    settled: u64,
    /// The highest version acknowledged.
    highest: u64,
    /// Acknowledged since then, by version.
    acknowledged: BTreeMap<u64, Acknowledged>,
    /// Turns that are under way, or whose outcome nobody knows.
    open: HashSet<u64>,
}

#[derive(Clone, Copy)]
struct Acknowledged {
    id: u64,
    at: Instant,
}

/// A turn that was begun.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    actor: usize,
    id: u64,
    /// What had been acknowledged before it began; its own version must be higher.
    floor: u64,
}

/// What is wrong with one actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// An acknowledged turn is gone, or another stands in its place.
    Lost {
        /// Which actor.
        actor: usize,
        /// The turn's version.
        version: u64,
        /// The turn's id.
        id: u64,
        /// How many turns the server counts.
        count: u64,
        /// When the client had its acknowledgement.
        at: Instant,
    },
    /// Something else that cannot be: a version given twice, a turn that nobody made.
    Wrong {
        /// Which actor.
        actor: usize,
        /// What it is.
        what: String,
    },
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Compared {
    /// What must not be.
    pub findings: Vec<Finding>,
    /// Turns of unknown outcome that turned out to have been executed.
    pub executed: u64,
}

impl Book {
    /// An empty book for `actors` actors.
    #[must_use]
    pub fn new(actors: usize) -> Self {
        Self { pages: (0..actors).map(|_| Mutex::default()).collect() }
    }

    /// How many actors there are.
    #[must_use]
    pub fn actors(&self) -> usize {
        self.pages.len()
    }

    /// Notes that the turn `id` is about to be asked for. Without an answer it stays open.
    #[must_use]
    pub fn begin(&self, actor: usize, id: u64) -> Begun {
        let mut page = self.pages[actor].lock();
        page.open.insert(id);
        Begun { actor, id, floor: page.highest }
    }

    /// Notes that a turn was not executed: it must never be seen.
    pub fn not_executed(&self, turn: Begun) {
        self.pages[turn.actor].lock().open.remove(&turn.id);
    }

    /// Notes that a turn was acknowledged at `at` as number `version` of its actor.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn acknowledge(&self, turn: Begun, version: u64, at: Instant) -> Result<(), Finding> {
        let Begun { actor, id, floor } = turn;
        let wrong = |what| Err(Finding::Wrong { actor, what });
        let mut page = self.pages[actor].lock();
        page.open.remove(&id);
        if version <= floor {
            return wrong(format!("turn {id} is number {version}, but began after {floor} ended"));
        }
        if let Some(other) = page.acknowledged.insert(version, Acknowledged { id, at }) {
            let other = other.id;
            return wrong(format!("turns {other} and {id} are both number {version}"));
        }
        page.highest = page.highest.max(version);
        Ok(())
    }

    /// The numbers and ids of the turns of an actor that were acknowledged since the last comparison, in order.
    #[must_use]
    pub fn acknowledged(&self, actor: usize) -> Vec<(u64, u64)> {
        let page = self.pages[actor].lock();
        page.acknowledged.iter().map(|(version, turn)| (*version, turn.id)).collect()
    }

    /// Compares an actor with what was acknowledged, while no turn of it can be under way any
    /// more, and begins a new page from what it shows.
    pub fn compare(&self, actor: usize, shown: &Shown) -> Compared {
        let mut page = self.pages[actor].lock();
        let page = std::mem::replace(
            &mut *page,
            Page { settled: shown.count, highest: shown.count, ..Page::default() },
        );
        let mut compared = Compared::default();
        compare_recent(actor, &page, shown, &mut compared.findings);
        let lost = |(&version, it): (&u64, &Acknowledged)| {
            let &Acknowledged { id, at } = it;
            Finding::Lost { actor, version, id, count: shown.count, at }
        };
        compared.findings.extend(page.acknowledged.range(shown.count + 1..).map(lost));
        let mut wrong = |what| compared.findings.push(Finding::Wrong { actor, what });
        if shown.count < page.settled {
            wrong(format!("it counts {}, but counted {} before", shown.count, page.settled));
            return compared;
        }
        // Versions are unique, so each number without an acknowledged turn needs one of its own.
        let known = page.acknowledged.range(..=shown.count).count() as u64;
        let unacknowledged = (shown.count - page.settled).saturating_sub(known);
        let open = page.open.len() as u64;
        if unacknowledged > open {
            wrong(format!("{unacknowledged} turns were not acknowledged, and {open} are open"));
        }
        compared.executed = unacknowledged;
        compared
    }
}

/// Checks the last ids: each is the acknowledged one, or an open one that was executed once.
fn compare_recent(actor: usize, page: &Page, shown: &Shown, findings: &mut Vec<Finding>) {
    let mut open = page.open.clone();
    let newest_first = shown.recent.iter().rev();
    let versions = (page.settled + 1..=shown.count).rev();
    for (version, &id) in versions.zip(newest_first) {
        match page.acknowledged.get(&version) {
            Some(expected) if expected.id == id => {}
            Some(&Acknowledged { id, at }) => {
                findings.push(Finding::Lost { actor, version, id, count: shown.count, at });
            }
            None if open.remove(&id) => {}
            None => {
                let what = format!("number {version} is turn {id}, which nobody has open");
                findings.push(Finding::Wrong { actor, what });
            }
        }
    }
}

impl Finding {
    /// Where nothing but the newest turns of an actor went: when the lost one was acknowledged.
    #[must_use]
    pub fn lost_end(&self) -> Option<Instant> {
        match self {
            Finding::Lost { version, count, at, .. } if version > count => Some(*at),
            _ => None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Lost { actor, version, id, count, .. } => write!(
                f,
                "LOST: ledger/{actor} acknowledged turn {id:#x} as number {version}, and now \
                 counts {count}"
            ),
            Finding::Wrong { actor, what } => write!(f, "WRONG: ledger/{actor}: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns 10 and 11 acknowledged at `at` as 1 and 2, turn 12 open.
    fn book_at(at: Instant) -> Book {
        let book = Book::new(1);
        for (id, version) in [(10, 1), (11, 2)] {
            let turn = book.begin(0, id);
            book.acknowledge(turn, version, at).expect("versions grow");
        }
        let _open = book.begin(0, 12);
        book
    }

    fn book() -> Book {
        book_at(Instant::now())
    }

    fn shown(count: u64, recent: &[u64]) -> Shown {
        Shown { count, recent: recent.to_vec() }
    }

    #[test]
    fn an_open_turn_may_have_been_executed_or_not() {
        for (state, executed) in [(shown(2, &[10, 11]), 0), (shown(3, &[10, 11, 12]), 1)] {
            let compared = book().compare(0, &state);
            assert_eq!((compared.findings, compared.executed), (vec![], executed), "{state:?}");
        }
    }

    #[test]
    fn what_was_acknowledged_is_missed() {
        let at = Instant::now();
        let lost = |version, id, count| Finding::Lost { actor: 0, version, id, count, at };
        let findings = |shown| book_at(at).compare(0, &shown).findings;
        assert_eq!(findings(shown(1, &[10])), [lost(2, 11, 1)]);
        assert_eq!(findings(shown(0, &[])), [lost(1, 10, 0), lost(2, 11, 0)]);
        assert_eq!(lost(2, 11, 1).lost_end(), Some(at));
        // The last turn went, and the open one came in its place.
        assert_eq!(findings(shown(2, &[10, 12])), [lost(2, 11, 2)]);
        assert_eq!(lost(2, 11, 2).lost_end(), None);
    }

    #[test]
    fn turns_that_nobody_made_are_seen() {
        let wrong = |state| {
            let findings = book().compare(0, &state).findings;
            assert!(!findings.is_empty(), "{state:?}");
            assert!(findings.iter().all(|f| matches!(f, Finding::Wrong { .. })), "{findings:?}");
        };
        wrong(shown(3, &[10, 11, 99]));
        wrong(shown(4, &[10, 11, 12, 12]));
        wrong(shown(9, &[]));
    }

    #[test]
    fn a_turn_that_was_not_executed_must_not_be_seen() {
        let book = Book::new(1);
        let turn = book.begin(0, 7);
        book.not_executed(turn);
        assert_eq!(book.compare(0, &shown(1, &[7])).findings.len(), 2);
    }

    #[test]
    fn versions_are_unique_and_follow_real_time() {
        let book = Book::new(1);
        let (first, second) = (book.begin(0, 1), book.begin(0, 2));
        book.acknowledge(first, 5, Instant::now()).expect("the first one");
        assert!(book.acknowledge(second, 5, Instant::now()).is_err(), "given twice");
        let late = book.begin(0, 3);
        assert!(
            book.acknowledge(late, 4, Instant::now()).is_err(),
            "it began after 5 had been acknowledged"
        );
    }

    #[test]
    fn a_new_page_begins_where_the_last_one_ended() {
        let book = book();
        assert!(book.compare(0, &shown(3, &[10, 11, 12])).findings.is_empty());
        assert!(book.compare(0, &shown(3, &[10, 11, 12])).findings.is_empty());
        assert_eq!(book.compare(0, &shown(2, &[10, 11])).findings.len(), 1);
    }
}
