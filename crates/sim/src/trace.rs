use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tenure_types::{ActorId, Instant};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The most events that [`Keep::All`] keeps. Later ones still count in the hash.
const EVENTS_MAX: usize = 1 << 20;

/// Which events a trace keeps to be read. All of them count in its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The first million.
    All,
    /// The last so many: what led to a failure.
    Last(usize),
    /// None: the fastest.
    Nothing,
}

/// Is shown every event as it happens.
pub type Listener = Box<dyn FnMut(&Event) + Send>;

/// Everything that happened in a simulation, in order. Clones are the same trace.
#[derive(Clone)]
pub struct Trace(Arc<Mutex<Log>>);

struct Log {
    keep: Keep,
    events: VecDeque<Event>,
    listener: Option<Listener>,
    hash: u64,
    len: u64,
}

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The true virtual time.
    pub at: Instant,
    /// What it was.
    pub what: Happening,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        /// When it is due, by the clock of its node.
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
    /// A part of the simulated world did something.
    Marked {
        /// What.
        what: &'static str,
        /// Of which kind.
        of: &'static str,
        /// Who, to whom, how much.
        numbers: [u64; 3],
    },
    /// A test said something.
    Noted(Box<str>),
}

impl Happening {
    /// A number that tells this happening, at `at` and after all those that gave `hash`, from others.
    fn mix(&self, at: Instant, hash: u64) -> u64 {
        let words = |kind: u64, numbers: [u64; 3]| {
            let mut bytes = [0; 40];
            let words = [kind, at.as_nanos(), numbers[0], numbers[1], numbers[2]];
            for (into, word) in bytes.chunks_exact_mut(8).zip(words) {
                into.copy_from_slice(&word.to_le_bytes());
            }
            xxh3_64_with_seed(&bytes, hash)
        };
        let text = |text: &str, hash: u64| xxh3_64_with_seed(text.as_bytes(), hash);
        match self {
            Happening::Polled { task, .. } => words(1, [*task, 0, 0]),
            Happening::Spawned { task, name } => text(name, words(2, [*task, 0, 0])),
            Happening::Ended { task } => words(3, [*task, 0, 0]),
            Happening::Slept { until } => words(4, [until.as_nanos(), 0, 0]),
            Happening::Killed { group } => words(5, [u64::from(*group), 0, 0]),
            Happening::Store { operation, actor, number } => {
                let hash = text(operation, words(6, [*number, u64::from(actor.is_some()), 0]));
                let Some(actor) = actor else { return hash };
                text(actor.key.as_str(), text(actor.actor_type.as_str(), hash))
            }
            Happening::Marked { what, of, numbers } => text(of, text(what, words(7, *numbers))),
            Happening::Noted(note) => text(note, words(8, [note.len() as u64, 0, 0])),
        }
    }
}

impl Trace {
    /// A trace of nothing yet.
    pub(crate) fn new(keep: Keep) -> Self {
        let log = Log { keep, events: VecDeque::new(), listener: None, hash: 0, len: 0 };
        Self(Arc::new(Mutex::new(log)))
    }

    /// Appends an event.
    pub(crate) fn push(&self, at: Instant, what: Happening) {
        let mut log = self.0.lock();
        let log = &mut *log;
        log.hash = what.mix(at, log.hash);
        log.len += 1;
        let room = match log.keep {
            Keep::All => EVENTS_MAX,
            Keep::Last(len) => {
                if log.events.len() >= len.max(1) {
                    log.events.pop_front();
                }
                len
            }
            Keep::Nothing => 0,
        };
        if log.listener.is_none() && log.events.len() >= room {
            return;
        }
        let event = Event { at, what };
        if let Some(listener) = &mut log.listener {
            listener(&event);
        }
        if log.events.len() < room {
            log.events.push_back(event);
        }
    }

    /// Shows every event from now on to `listener`, which must not use the trace.
    pub fn listen(&self, listener: Listener) {
        self.0.lock().listener = Some(listener);
    }

    /// A hash over all events so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.0.lock().hash
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

    /// The last events that were kept, at most `len` of them, a line each.
    #[must_use]
    pub fn tail(&self, len: usize) -> String {
        let log = self.0.lock();
        let from = log.events.len().saturating_sub(len);
        log.events.range(from..).map(|event| format!("{event}\n")).collect()
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ", self.at)?;
        match &self.what {
            Happening::Spawned { task, name } => write!(f, "spawn {name} #{task}"),
            Happening::Polled { task, name } => write!(f, "poll {name} #{task}"),
            Happening::Ended { task } => write!(f, "end #{task}"),
            Happening::Slept { until } => write!(f, "sleep until {until:?}"),
            Happening::Killed { group } => write!(f, "kill group {group}"),
            Happening::Store { operation, actor: Some(actor), number } => {
                write!(f, "store {operation} {actor} {number}")
            }
            Happening::Store { operation, actor: None, number } => {
                write!(f, "store {operation} {number}")
            }
            Happening::Marked { what, of, numbers: [a, b, c] } => {
                write!(f, "{what} {of} {a} {b} {c}")
            }
            Happening::Noted(note) => f.write_str(note),
        }
    }
}

impl fmt::Debug for Trace {
    /// The last events, for a failing test.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} events, hash {:016x}", self.len(), self.hash())?;
        f.write_str(&self.tail(40))
    }
}
