use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};

use parking_lot::Mutex;
use tenure_store::{MemoryDisk, MemoryStore, Store, StoreError, Unit, UnitOutcome, UnitSink};
use tenure_types::{Incarnation, Tasks, Token};

use crate::clock::SimClock;
use crate::tasks::SimTasks;

/// The server's disk, and that of its standby.
pub(super) struct Lines {
    tasks: Arc<SimTasks>,
    clock: Arc<SimClock>,
    state: Mutex<State>,
    /// Entries of feeds whose units a fence refused.
    entries_fenced: AtomicU64,
    /// How often each unit came, and how many came three times.
    came: Mutex<BTreeMap<Token, u32>>,
    came_thrice: AtomicU64,
}

struct State {
    disk: MemoryDisk,
    standby: Option<Standby>,
    sessions: Vec<Arc<Session>>,
}

/// A copy that is behind.
struct Standby {
    disk: MemoryDisk,
    lag: usize,
    /// What it has not done yet, in the order in which it was committed.
    behind: VecDeque<Operation>,
    is_applying: bool,
}

/// What a standby does after its server.
enum Operation {
    Open(Arc<Session>),
    Join(Arc<Session>, Incarnation),
    Fence(Arc<Session>, Incarnation),
    Unit(Arc<Session>, Arc<Unit>),
}

/// What one process has at the server: an engine, and one at the standby.
pub(super) struct Session {
    lines: Arc<Lines>,
    engine: Mutex<Arc<dyn Store>>,
    at_standby: Mutex<Option<Arc<dyn Store>>>,
}

impl Lines {
    pub(super) fn new(
        tasks: Arc<SimTasks>,
        clock: Arc<SimClock>,
        disk: MemoryDisk,
        lag: Option<usize>,
    ) -> Arc<Self> {
        let standby = lag.map(|lag| Standby {
            disk: MemoryDisk::new(),
            lag,
            behind: VecDeque::new(),
            is_applying: false,
        });
        let state = Mutex::new(State { disk, standby, sessions: Vec::new() });
        let (entries_fenced, came_thrice) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { tasks, clock, state, entries_fenced, came: Mutex::default(), came_thrice })
    }

    pub(super) fn disk(&self) -> MemoryDisk {
        self.state.lock().disk.clone()
    }

    pub(super) fn came_thrice(&self) -> u64 {
        self.came_thrice.load(Ordering::Relaxed)
    }

    fn comes(&self, unit: &Unit) {
        let mut came = self.came.lock();
        let times = came.entry(unit.token).or_default();
        *times += 1;
        self.came_thrice.fetch_add(u64::from(*times == 3), Ordering::Relaxed);
    }

    pub(super) fn entries_fenced(&self) -> u64 {
        self.entries_fenced.load(Ordering::Relaxed)
    }

    fn engine(&self, disk: &MemoryDisk) -> Arc<dyn Store> {
        let tasks = Arc::clone(&self.tasks) as Arc<dyn Tasks>;
        Arc::new(MemoryStore::with_clock(disk.clone(), tasks, self.clock.clone()))
    }

    /// The standby takes over; gives how much of what was committed it does not have.
    pub(super) fn promote(&self) -> usize {
        let mut state = self.state.lock();
        let Some(standby) = state.standby.take() else { return 0 };
        state.disk = standby.disk;
        let sessions = std::mem::take(&mut state.sessions);
        drop(state);
        for session in sessions {
            if let Some(engine) = session.at_standby.lock().take() {
                *session.engine.lock() = engine;
            }
        }
        let lost = standby.behind.len();
        drop(standby.behind);
        lost
    }

    fn replicate(self: &Arc<Self>, operation: Operation) {
        let mut state = self.state.lock();
        let Some(standby) = &mut state.standby else {
            drop(state);
            return drop(operation);
        };
        standby.behind.push_back(operation);
        let begins = standby.behind.len() > standby.lag && !standby.is_applying;
        standby.is_applying |= begins;
        drop(state);
        if begins {
            let lines = Arc::clone(self);
            self.tasks.spawn("standby", Box::pin(async move { lines.apply().await }));
        }
    }

    /// Does what is more than `lag` behind, one after the other.
    async fn apply(self: Arc<Self>) {
        loop {
            let operation = {
                let mut state = self.state.lock();
                let Some(standby) = &mut state.standby else { return };
                if standby.behind.len() <= standby.lag {
                    standby.is_applying = false;
                    return;
                }
                standby.behind.pop_front()
            };
            match operation {
                Some(Operation::Open(session)) => {
                    if let Some(engine) = session.standby() {
                        drop(engine.open().await);
                    }
                }
                Some(Operation::Join(session, incarnation)) => {
                    if let Some(engine) = session.standby() {
                        drop(engine.join(incarnation).await);
                    }
                }
                Some(Operation::Fence(session, incarnation)) => {
                    if let Some(engine) = session.standby() {
                        drop(engine.fence(incarnation).await);
                    }
                }
                Some(Operation::Unit(session, unit)) => {
                    if let Some(engine) = session.standby() {
                        drop(commit(&*engine, unit).await);
                    }
                }
                None => return,
            }
        }
    }
}

impl Session {
    pub(super) fn begin(lines: &Arc<Lines>) -> Arc<Self> {
        let mut state = lines.state.lock();
        let engine = Mutex::new(lines.engine(&state.disk));
        let at_standby = state.standby.as_ref().map(|standby| lines.engine(&standby.disk));
        let at_standby = Mutex::new(at_standby);
        let session = Arc::new(Self { lines: Arc::clone(lines), engine, at_standby });
        if state.standby.is_some() {
            state.sessions.push(Arc::clone(&session));
        }
        session
    }

    pub(super) fn engine(&self) -> Arc<dyn Store> {
        Arc::clone(&self.engine.lock())
    }

    fn standby(&self) -> Option<Arc<dyn Store>> {
        self.at_standby.lock().clone()
    }

    pub(super) async fn open(self: Arc<Self>) -> Result<Incarnation, StoreError> {
        let opened = self.engine().open().await;
        if opened.is_ok() {
            let lines = Arc::clone(&self.lines);
            lines.replicate(Operation::Open(self));
        }
        opened
    }

    pub(super) async fn join(self: Arc<Self>, incarnation: Incarnation) -> Result<(), StoreError> {
        let joined = self.engine().join(incarnation).await;
        if joined.is_ok() {
            let lines = Arc::clone(&self.lines);
            lines.replicate(Operation::Join(self, incarnation));
        }
        joined
    }

    pub(super) async fn fence(self: Arc<Self>, incarnation: Incarnation) -> Result<(), StoreError> {
        let fenced = self.engine().fence(incarnation).await;
        if fenced.is_ok() {
            let lines = Arc::clone(&self.lines);
            lines.replicate(Operation::Fence(self, incarnation));
        }
        fenced
    }
}

/// Commits a unit at the server, and lets the standby follow.
pub(super) async fn submit(session: Arc<Session>, unit: Arc<Unit>) -> UnitOutcome {
    session.lines.comes(&unit);
    let engine = session.engine();
    let outcome = commit(&*engine, Arc::clone(&unit)).await;
    if matches!(outcome, UnitOutcome::Fenced { .. }) {
        let entries = unit.entries.len() as u64;
        session.lines.entries_fenced.fetch_add(entries, Ordering::Relaxed);
    }
    if outcome == UnitOutcome::Committed {
        let lines = Arc::clone(&session.lines);
        lines.replicate(Operation::Unit(session, unit));
    }
    outcome
}

/// What became of one unit, and who waits for it.
#[derive(Default)]
struct Outcome(Mutex<(Option<UnitOutcome>, Option<Waker>)>);

impl UnitSink for Outcome {
    fn settled(self: Arc<Self>, _: Token, outcome: UnitOutcome) {
        let mut state = self.0.lock();
        state.0 = Some(outcome);
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

async fn commit(engine: &dyn Store, unit: Arc<Unit>) -> UnitOutcome {
    let sink = Arc::new(Outcome::default());
    engine.submit(unit, Arc::clone(&sink) as Arc<dyn UnitSink>);
    poll_fn(move |cx| {
        let mut state = sink.0.lock();
        if let Some(outcome) = state.0.take() {
            return Poll::Ready(outcome);
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    })
    .await
}
