use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use parking_lot::Mutex;
use tenure_types::{ActorId, Instant};
use xxhash_rust::xxh3::Xxh3Default;

/// How many events are kept. Later ones still count in the hash.
const EVENTS_MAX: usize = 1 << 20;

/// Everything that happened in a simulation, in order. Clones are the same trace.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
    events: Vec<Event>,
    hasher: Xxh3Default,
    len: u64,
}

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// The virtual time.
    pub at: Instant,
    /// What it was.
    pub what: Happening,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// A task began.
    Spawned {
        /// Its number; tasks are counted from 1.
        task: u64,
        /// Its name.
        name: &'static str,
    },
    /// A task was polled.
    Polled {
        /// Its number; 0 is the future that the simulation runs.
        task: u64,
        /// Its name.
        name: &'static str,
    },
    /// A task ended.
    Ended {
        /// Its number.
        task: u64,
    },
    /// A timer was set.
    Slept {
        /// When it is due.
        until: Instant,
    },
    /// The tasks of one node were dropped.
    Killed {
        /// Which node.
        group: u32,
    },
    /// The store was asked something, or answered.
    Store {
        /// What was asked or answered.
        operation: &'static str,
        /// For which actor, if for one.
        actor: Option<ActorId>,
        /// The version, or the incarnation where there is no actor.
        number: u64,
    },
    /// A test said something.
    Noted(Box<str>),
}

impl Trace {
    /// Appends an event.
    pub(crate) fn push(&self, at: Instant, what: Happening) {
        let event = Event { at, what };
        let mut log = self.0.lock();
        let log = &mut *log;
        event.hash(&mut log.hasher);
        log.len += 1;
        if log.events.len() < EVENTS_MAX {
            log.events.push(event);
        }
    }

    /// A hash over all events so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.0.lock().hasher.finish()
    }

    /// How many events there were.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.lock().len
    }

    /// Whether nothing has happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of the events that were kept are `wanted`.
    pub fn count(&self, wanted: impl Fn(&Happening) -> bool) -> usize {
        self.0.lock().events.iter().filter(|event| wanted(&event.what)).count()
    }

    /// The first place where two traces differ, with what either says there.
    #[must_use]
    pub fn difference(&self, other: &Trace) -> Option<String> {
        let (ours, theirs) = (self.0.lock().events.clone(), other.0.lock().events.clone());
        let longer = ours.len().max(theirs.len());
        let at = (0..longer).find(|&at| ours.get(at) != theirs.get(at))?;
        Some(format!("event {at}: {:?} and {:?}", ours.get(at), theirs.get(at)))
    }
}

impl fmt::Debug for Trace {
    /// The last events, for a failing test.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = self.0.lock();
        writeln!(f, "{} events, hash {:016x}", log.len, log.hasher.finish())?;
        let from = log.events.len().saturating_sub(40);
        log.events[from..]
            .iter()
            .try_for_each(|event| writeln!(f, "{:?} {:?}", event.at, event.what))
    }
}
