//! The actors of the campaigns' server: ledgers that count turns, one type for each way to be
//! durable.

use clap::ValueEnum;
use tenure::prelude::*;

use crate::build::{self, Build};

/// How many MiB a server fills before it serves.
pub const BALLAST_VARIABLE: &str = "CAMPAIGN_BALLAST_MIB";
/// How many ids are remembered.
const RECENT_MAX: usize = 16;
/// The `max_delay` of [`BehindLedger`].
pub const BEHIND_DELAY: std::time::Duration = std::time::Duration::from_millis(200);

/// How the ledgers of a campaign are kept durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// A reply leaves when its turn is durable.
    #[default]
    WriteThrough,
    /// A reply leaves when its turn's event is durable; the state follows from the events.
    EventSourced,
    /// A reply leaves at once, and its turn is durable at most 200 ms and a flush later.
    WriteBehind,
}

/// How many turns there were, and which were the last.
#[tenure::data]
#[derive(Clone, Default)]
pub struct Entries {
    count: u64,
    /// The newest last.
    recent: Vec<u64>,
    /// The wrapping sum of [`digest`] of every id.
    #[serde(default)]
    digest: u64,
    /// The same, kept by the newer build since an older one stored this last; else zero.
    #[serde(default, skip_serializing_if = "build::is_left_out", deserialize_with = "build::read")]
    copy: u64,
}

/// A ledger whose turns are durable before their replies.
#[tenure::data]
#[derive(Default)]
pub struct Ledger {
    entries: Entries,
}

/// A ledger whose turns are events.
#[tenure::data]
#[derive(Default)]
pub struct EventLedger {
    entries: Entries,
}

/// A ledger whose turns are durable after their replies.
#[tenure::data]
#[derive(Default)]
pub struct BehindLedger {
    entries: Entries,
}

/// A ledger that is never stored.
#[derive(Default)]
pub struct VolatileLedger {
    entries: Entries,
}

/// What happens to an [`EventLedger`], and what the others publish.
#[tenure::data]
#[derive(Clone)]
pub struct Added {
    id: u64,
    /// What the newer build says more: the id's [`digest`].
    #[serde(default, skip_serializing_if = "build::is_left_out", deserialize_with = "build::read")]
    mark: u64,
}

/// A number that a set of ids shares with no other set that a mistake would make of it.
#[must_use]
pub fn digest(id: u64) -> u64 {
    crate::seed::Seeded::new(id).next()
}

impl Mode {
    /// The name of its actor type in paths.
    #[must_use]
    pub fn actor_type(self) -> &'static str {
        match self {
            Mode::WriteThrough => "ledger",
            Mode::EventSourced => "event_ledger",
            Mode::WriteBehind => "behind_ledger",
        }
    }
}

impl Entries {
    /// Whether `id` is all that was ever added.
    #[must_use]
    pub fn is_only(&self, id: u64) -> bool {
        self.count == 1 && self.recent == [id]
    }

    /// How many turns there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    fn add(&mut self, id: u64) -> u64 {
        self.count += 1;
        if self.recent.len() == RECENT_MAX {
            self.recent.remove(0);
        }
        self.recent.push(id);
        let is_whole = self.copy == 0 || self.copy == self.digest;
        assert!(is_whole, "the field of the newer build is not as it was stored");
        self.digest = self.digest.wrapping_add(digest(id));
        if Build::now() == Build::Newer {
            self.copy = self.digest;
        }
        self.count
    }
}

impl Added {
    fn new(id: u64) -> Self {
        Self { id, mark: digest(id) }
    }
}

#[actor(events = Added)]
impl Ledger {
    /// Counts the turn `id`; gives its number.
    pub fn add(&mut self, id: u64) -> u64 {
        self.entries.add(id)
    }

    /// The same, and tells who follows.
    pub fn tell(&mut self, cx: &mut Context<Self>, id: u64) -> u64 {
        cx.emit(Added::new(id));
        self.entries.add(id)
    }

    /// Everything that is known.
    pub fn show(&self) -> Entries {
        self.entries.clone()
    }
}

#[actor(persist = event_sourced(snapshot_every = 100), events = Added)]
impl EventLedger {
    fn apply(&mut self, event: &Added) {
        let is_whole = event.mark == 0 || event.mark == digest(event.id);
        assert!(is_whole, "the field of the newer build is not as it was recorded");
        self.entries.add(event.id);
    }

    /// Counts the turn `id`; gives its number.
    pub fn add(&self, cx: &mut Context<Self>, id: u64) -> u64 {
        cx.record(Added::new(id));
        self.entries.count + 1
    }

    /// The same: whoever follows is told of every turn.
    pub fn tell(&self, cx: &mut Context<Self>, id: u64) -> u64 {
        self.add(cx, id)
    }

    /// Everything that is known.
    pub fn show(&self) -> Entries {
        self.entries.clone()
    }
}

#[actor(persist = write_behind(max_delay = "200ms"), events = Added)]
impl BehindLedger {
    /// Counts the turn `id`; gives its number.
    pub fn add(&mut self, id: u64) -> u64 {
        self.entries.add(id)
    }

    /// The same, and tells who follows.
    pub fn tell(&mut self, cx: &mut Context<Self>, id: u64) -> u64 {
        cx.emit(Added::new(id));
        self.entries.add(id)
    }

    /// Everything that is known.
    pub fn show(&self) -> Entries {
        self.entries.clone()
    }
}

#[actor(persist = volatile, events = Added)]
impl VolatileLedger {
    /// Counts the turn `id`; gives its number.
    pub fn add(&mut self, id: u64) -> u64 {
        self.entries.add(id)
    }

    /// The same, and tells who follows.
    pub fn tell(&mut self, cx: &mut Context<Self>, id: u64) -> u64 {
        cx.emit(Added::new(id));
        self.entries.add(id)
    }

    /// Everything that is known.
    pub fn show(&self) -> Entries {
        self.entries.clone()
    }
}

/// [`BehindLedger`] as it must not be: it waits ten times as long.
pub mod late {
    use tenure::prelude::*;

    use super::Entries;

    /// Goes by the name of the ledger that it is the broken form of.
    #[tenure::data]
    #[derive(Default)]
    pub struct BehindLedger {
        entries: Entries,
    }

    #[actor(persist = write_behind(max_delay = "2s"))]
    impl BehindLedger {
        /// Counts the turn `id`; gives its number.
        pub fn add(&mut self, id: u64) -> u64 {
            self.entries.add(id)
        }

        /// Everything that is known.
        pub fn show(&self) -> Entries {
            self.entries.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, for the build is of the whole process.
    #[test]
    fn each_build_reads_what_the_other_stored() {
        let stored = |entries: &Entries| serde_json::to_value(entries).unwrap();
        let (mut entries, added) = (Entries::default(), Added::new(7));
        Build::Newer.begin();
        entries.add(7);
        let (newer, event) = (stored(&entries), serde_json::to_value(&added).unwrap());
        assert_eq!((&newer["copy"], &event["mark"]), (&digest(7).into(), &digest(7).into()));

        Build::Older.begin();
        let mut entries: Entries = serde_json::from_value(newer).unwrap();
        assert_eq!(entries.add(8), 2, "it counts on");
        let older = stored(&entries);
        assert_eq!(older.get("copy"), None, "it has no such field");
        assert_eq!(serde_json::from_value::<Added>(event).unwrap().mark, 0);

        Build::Newer.begin();
        let mut entries: Entries = serde_json::from_value(older).unwrap();
        assert_eq!((entries.add(9), entries.copy), (3, entries.digest));
        let mut torn = stored(&entries);
        torn["count"] = 4.into();
        torn["digest"] = 5.into();
        let mut torn: Entries = serde_json::from_value(torn).unwrap();
        let noticed = std::panic::catch_unwind(move || torn.add(10));
        Build::Older.begin();
        assert!(noticed.is_err(), "a field that does not belong to the rest is noticed");
    }
}
