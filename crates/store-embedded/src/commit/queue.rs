use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tenure_store::{Unit, UnitOutcome, UnitSink};

use super::errand::Errand;

/// The most units that may wait for the committing thread. The runtime has at most one unit in
/// flight for each actor, so this bounds the actors that wait for the disk.
const QUEUE_UNITS_MAX: usize = 65_536;

/// The most errands that may wait for the committing thread.
const QUEUE_ERRANDS_MAX: usize = 64;

/// How long the committing thread keeps looking for work before it parks, where there is another
/// processor to make that work on. Waking a thread on a sleeping core takes about 30 us, so a
/// caller who commits one thing after another is heard before the thread parks.
const SPIN: Duration = Duration::from_micros(50);

/// A unit that waits, and who hears what becomes of it.
pub(crate) struct Waiting {
    pub(crate) unit: Arc<Unit>,
    pub(crate) sink: Arc<dyn UnitSink>,
}

/// Why the queue takes no more units, and what becomes of those in it.
#[derive(Clone)]
pub(crate) enum Refusal {
    /// The store closes in order: what waits is still committed.
    Closing,
    /// The incarnation was fenced: what waits is answered so.
    Fenced(Box<str>),
}

impl Refusal {
    pub(crate) fn reason(&self) -> &str {
        match self {
            Refusal::Closing => "the store is closed",
            Refusal::Fenced(reason) => reason,
        }
    }
}

/// What the committing thread finds.
pub(super) enum Found {
    /// Units or errands.
    Work,
    Refused(Refusal),
}

/// Units on their way to the committing thread.
pub(crate) struct CommitQueue {
    state: Mutex<State>,
    /// The number of waiting units, plus one when the queue is refused: what a spinning thread
    /// looks at without taking the lock.
    signs: AtomicUsize,
    spin: Duration,
}

struct State {
    waiting: Vec<Waiting>,
    errands: Vec<Errand>,
    refusal: Option<Refusal>,
    /// The committing thread, while it is parked or about to be.
    parked: Option<Thread>,
}

impl CommitQueue {
    pub(crate) fn new() -> Self {
        let state = State { waiting: Vec::new(), errands: Vec::new(), refusal: None, parked: None };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let spin = if processors > 1 { SPIN } else { Duration::ZERO };
        Self { state: Mutex::new(state), signs: AtomicUsize::new(0), spin }
    }

    /// Queues a unit, or says at once what becomes of it.
    pub(crate) fn push(
        &self,
        unit: Arc<Unit>,
        sink: Arc<dyn UnitSink>,
    ) -> Result<(), (Arc<dyn UnitSink>, UnitOutcome)> {
        let mut state = self.state.lock();
        if let Some(refusal) = &state.refusal {
            let reason = refusal.reason().into();
            return Err((sink, UnitOutcome::Fenced { reason }));
        }
        if state.waiting.len() >= QUEUE_UNITS_MAX {
            return Err((sink, UnitOutcome::Unknown { reason: "the commit queue is full".into() }));
        }
        state.waiting.push(Waiting { unit, sink });
        self.signal(state);
        Ok(())
    }

    /// Queues an errand; `false` if there is no room or the queue is refused.
    pub(crate) fn push_errand(&self, errand: Errand) -> bool {
        let mut state = self.state.lock();
        if state.refusal.is_some() || state.errands.len() >= QUEUE_ERRANDS_MAX {
            return false;
        }
        state.errands.push(errand);
        self.signal(state);
        true
    }

    /// Takes no more units. The first refusal stands, except that a fence overrides a closing.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        let mut state = self.state.lock();
        if !matches!(state.refusal, Some(Refusal::Fenced(_))) {
            state.refusal = Some(refusal);
        }
        self.signal(state);
    }

    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.state.lock().refusal.clone()
    }

    /// Whether nothing waits and nothing was refused, as far as can be seen without the lock.
    pub(super) fn is_quiet(&self) -> bool {
        self.signs.load(Ordering::Relaxed) == 0
    }

    fn signal(&self, mut state: parking_lot::MutexGuard<'_, State>) {
        self.signs.fetch_add(1, Ordering::Relaxed);
        let parked = state.parked.take();
        drop(state);
        if let Some(thread) = parked {
            thread.unpark();
        }
    }

    /// Waits for work and moves what waits to the ends of `into` and `errands`. Called by one thread
    /// only. The errands are to be done after the units: those were there first, or are as good as.
    ///
    /// A closing queue is drained first: [`Found::Refused`] is said when it is empty.
    pub(super) fn wait(&self, into: &mut Vec<Waiting>, errands: &mut Vec<Errand>) -> Found {
        let began = Instant::now();
        loop {
            if self.signs.load(Ordering::Relaxed) > 0
                && let Some(found) = self.take(into, errands, false)
            {
                return found;
            }
            if began.elapsed() < self.spin {
                std::hint::spin_loop();
                continue;
            }
            if let Some(found) = self.take(into, errands, true) {
                return found;
            }
            std::thread::park();
        }
    }

    /// Takes what is there; if that is nothing and `parks`, notes that the thread parks now.
    fn take(
        &self,
        into: &mut Vec<Waiting>,
        errands: &mut Vec<Errand>,
        parks: bool,
    ) -> Option<Found> {
        let mut state = self.state.lock();
        self.signs.store(0, Ordering::Relaxed);
        let has_errands = !state.errands.is_empty();
        errands.append(&mut state.errands);
        if !state.waiting.is_empty() || has_errands {
            if into.is_empty() {
                std::mem::swap(into, &mut state.waiting);
            } else {
                into.append(&mut state.waiting);
            }
            return Some(Found::Work);
        }
        if let Some(refusal) = state.refusal.clone() {
            return Some(Found::Refused(refusal));
        }
        state.parked = parks.then(std::thread::current);
        None
    }
}
