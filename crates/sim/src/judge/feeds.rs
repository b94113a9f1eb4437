use std::collections::{BTreeMap, BTreeSet};

use tenure_types::{Instant, Version};

use super::cast::{ActorNo, ClientNo};
use super::violation::{JudgeName, Record, Violations};

/// How many entries, and how many readings of them, are kept. Later ones are counted.
const ENTRIES_MAX: usize = 1 << 19;

/// An entry of a feed by whose it is: the actor, its version, and the index among the entries of that turn.
type Place = (u32, ActorNo, Version, u32);

/// A turn that was acknowledged as durable, or whose effect was seen, appended an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// The number of the feed.
    pub feed: u32,
    /// Whose turn.
    pub actor: ActorNo,
    /// Its version.
    pub version: Version,
    /// Which of its entries, from 0.
    pub index: u32,
    /// A digest of what it says.
    pub content: u64,
    /// When it was known.
    pub at: Instant,
}

/// A reader was given an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeedRead {
    /// Who.
    pub reader: ClientNo,
    /// What.
    pub entry: Appended,
}

/// Where a reader stands: the last entry of each actor.
type Standing = BTreeMap<(u32, ActorNo), (Version, u32, Instant)>;

#[derive(Clone, Debug, Default)]
struct Reader {
    now: Standing,
    kept: Standing,
    has: BTreeSet<Place>,
    has_missed: bool,
}

/// Readers of feeds miss nothing that was durable, see the entries of one actor by version and index, and,
/// where they go on from the cursor that they kept, nothing twice.
#[derive(Clone, Debug)]
pub struct Feeds {
    entries: BTreeMap<Place, (u64, Instant)>,
    readers: BTreeMap<ClientNo, Reader>,
    readings: usize,
    not_kept: u64,
    found: Violations,
}

impl Default for Feeds {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            readers: BTreeMap::new(),
            readings: 0,
            not_kept: 0,
            found: Violations::new(JudgeName::Feeds),
        }
    }
}

impl Feeds {
    /// An entry is surely in the feed.
    pub fn appended(&mut self, entry: Appended) {
        self.agree(entry, "an entry says something else than its turn appended");
    }

    /// A reader is given an entry.
    pub fn read(&mut self, FeedRead { reader, entry }: FeedRead) {
        self.agree(entry, "two readers were told different things of one entry");
        let state = self.readers.entry(reader).or_default();
        let place = (entry.version, entry.index, entry.at);
        if let Some(last) = state.now.insert((entry.feed, entry.actor), place)
            && (last.0, last.1) >= (entry.version, entry.index)
        {
            let what = "a reader was given an entry twice, or out of order";
            let (one, other) =
                (Record::new(last.2, &(reader, last.0, last.1)), Record::new(entry.at, &entry));
            self.found.add(entry.actor, what, one, other);
        }
        if self.readings < ENTRIES_MAX {
            let is_new = state.has.insert((entry.feed, entry.actor, entry.version, entry.index));
            self.readings += usize::from(is_new);
        } else {
            self.not_kept += 1;
        }
    }

    /// A reader stored its cursor, with the results of all that it has read.
    pub fn kept(&mut self, reader: ClientNo) {
        let state = self.readers.entry(reader).or_default();
        state.kept = state.now.clone();
    }

    /// A reader goes on from the cursor that it stored last.
    pub fn restarted(&mut self, reader: ClientNo) {
        let state = self.readers.entry(reader).or_default();
        state.now = state.kept.clone();
    }

    /// A reader was told that its cursor is too old: it misses something, and knows.
    pub fn was_told_gone(&mut self, reader: ClientNo) {
        self.readers.entry(reader).or_default().has_missed = true;
    }

    /// At the end of a run: a reader that began at the beginning of `feed` was told that it has everything.
    pub fn caught_up(&mut self, reader: ClientNo, feed: u32, at: Instant) {
        let state = self.readers.entry(reader).or_default();
        if state.has_missed || self.not_kept > 0 {
            return;
        }
        for (place, &(_, known)) in self.entries.iter().filter(|(place, _)| place.0 == feed) {
            if !state.has.contains(place) {
                let end = Record::new(at, &(reader, "has everything"));
                self.found.add(place.1, "a reader missed an entry", Record::new(known, place), end);
            }
        }
    }

    /// At the end of a run: `entries` are all that turns of this actor appended, as its last state says.
    pub fn finally(&mut self, feed: u32, actor: ActorNo, entries: &[Appended], at: Instant) {
        entries.iter().for_each(|&entry| self.appended(entry));
        let places: BTreeSet<(Version, u32)> =
            entries.iter().map(|entry| (entry.version, entry.index)).collect();
        for (place, &(_, known)) in &self.entries {
            let is_of = (place.0, place.1) == (feed, actor);
            if is_of && !places.contains(&(place.2, place.3)) {
                let (told, end) = (Record::new(known, place), Record::new(at, &entries.last()));
                self.found.add(actor, "an entry of a turn that is not there", told, end);
            }
        }
    }

    /// How many entries and readings were not kept: past that nobody can say that a reader missed one.
    #[must_use]
    pub fn not_kept(&self) -> u64 {
        self.not_kept
    }

    /// What was found so far.
    #[must_use]
    pub fn found(&self) -> &Violations {
        &self.found
    }

    fn agree(&mut self, entry: Appended, what: &str) {
        let place = (entry.feed, entry.actor, entry.version, entry.index);
        if let Some(&(content, at)) = self.entries.get(&place) {
            if content != entry.content {
                let (one, other) = (Record::new(at, &content), Record::new(entry.at, &entry));
                self.found.add(entry.actor, what, one, other);
            }
        } else if self.entries.len() < ENTRIES_MAX {
            self.entries.insert(place, (entry.content, entry.at));
        } else {
            self.not_kept += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::staging::{A, at};
    use super::*;

    const R: ClientNo = ClientNo(1);
    const Q: ClientNo = ClientNo(2);

    fn entry(version: u64, index: u32) -> Appended {
        let content = version * 10 + u64::from(index);
        Appended { feed: 0, actor: A, version: Version(version), index, content, at: at(version) }
    }

    fn read(feeds: &mut Feeds, reader: ClientNo, version: u64, index: u32) {
        feeds.read(FeedRead { reader, entry: entry(version, index) });
    }

    fn three(feeds: &mut Feeds) {
        for (version, index) in [(1, 0), (2, 0), (2, 1)] {
            feeds.appended(entry(version, index));
            read(feeds, R, version, index);
        }
    }

    #[track_caller]
    fn finds(expected: &str, play: impl FnOnce(&mut Feeds)) {
        let mut feeds = Feeds::default();
        three(&mut feeds);
        assert_eq!(feeds.found().count(), 0);
        play(&mut feeds);
        let found: Vec<_> = feeds.found().first().iter().map(|one| &*one.what).collect();
        let is_found = found.iter().any(|what| what.contains(expected));
        assert_eq!(is_found, !found.is_empty(), "{expected}: {found:?}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{expected}: {found:?}");
    }

    #[test]
    fn good_readers_pass() {
        finds("", |feeds| feeds.caught_up(R, 0, at(9)));
        finds("", |feeds| {
            // What was unknown is there too, and a crashed reader reads on from where it had kept.
            read(feeds, R, 3, 0);
            feeds.kept(R);
            read(feeds, R, 4, 0);
            feeds.restarted(R);
            read(feeds, R, 4, 0);
            feeds.caught_up(R, 0, at(9));
        });
        finds("", |feeds| {
            feeds.was_told_gone(Q);
            read(feeds, Q, 2, 1);
            feeds.caught_up(Q, 0, at(9));
        });
        finds("", |feeds| feeds.caught_up(Q, 1, at(9)));
        finds("", |feeds| {
            let all = [entry(1, 0), entry(2, 0), entry(2, 1)];
            feeds.finally(0, A, &all, at(9));
            feeds.finally(1, A, &[], at(9));
        });
    }

    #[test]
    fn bad_readers_are_found() {
        finds("twice", |feeds| read(feeds, R, 2, 1));
        finds("twice", |feeds| read(feeds, R, 2, 0));
        finds("missed", |feeds| {
            read(feeds, Q, 1, 0);
            read(feeds, Q, 2, 1);
            feeds.caught_up(Q, 0, at(9));
        });
        finds("twice", |feeds| {
            feeds.kept(R);
            feeds.restarted(R);
            read(feeds, R, 2, 1);
        });
        finds("different things", |feeds| {
            let other = Appended { content: 7, ..entry(1, 0) };
            feeds.read(FeedRead { reader: Q, entry: other });
        });
        finds("missed", |feeds| {
            let all = [entry(1, 0), entry(2, 0), entry(2, 1), entry(3, 0)];
            feeds.finally(0, A, &all, at(9));
            feeds.caught_up(R, 0, at(9));
        });
        finds("is not there", |feeds| {
            feeds.finally(0, A, &[entry(1, 0), entry(2, 0)], at(9));
        });
        finds("something else", |feeds| feeds.appended(Appended { content: 7, ..entry(1, 0) }));
    }
}
