use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use parking_lot::Mutex;
use tenure_store::{Unit, UnitOutcome, UnitSink};
use tenure_types::ActorId;
use tokio::sync::Notify;

/// The most units that may wait. The runtime has at most one in flight for each actor.
const QUEUE_UNITS_MAX: usize = 65_536;
/// The most units of one batch.
const BATCH_UNITS_MAX: usize = 1_024;
/// The most bytes of one batch; a single unit may have more.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// How many units are looked at for one batch.
const LOOK_MAX: usize = 4 * BATCH_UNITS_MAX;

/// A unit that waits, and who hears what becomes of it: once, also where its lane is cut off.
pub(crate) struct Waiting {
    pub(crate) unit: Arc<Unit>,
    sink: Option<Arc<dyn UnitSink>>,
}

impl Waiting {
    pub(crate) fn settle(mut self, outcome: UnitOutcome) {
        if let Some(sink) = self.sink.take() {
            sink.settled(self.unit.token, outcome);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(sink) = self.sink.take() {
            let reason = "the engine ended while its batch was under way".into();
            sink.settled(self.unit.token, UnitOutcome::Unknown { reason });
        }
    }
}

/// Why the queue takes no more units, and what becomes of those in it.
#[derive(Clone)]
pub(crate) enum Refusal {
    /// The store closes in order: what waits is still committed.
    Closing,
    /// The incarnation was fenced: what waits is answered so.
    Fenced(Box<str>),
}

/// Units on their way to the lanes.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Notify,
    /// For who waits for a refusal.
    refused: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// Whose units are with a lane: others of theirs wait, so that they are committed in order.
    flying: HashSet<ActorId, RandomState>,
    /// Whether a batch with entries is with a lane: one at a time, because they lock what the
    /// positions of a feed are counted with.
    is_appending: bool,
    refusal: Option<Refusal>,
}

impl Queue {
    /// Queues a unit, or says at once what becomes of it.
    pub(crate) fn push(
        &self,
        unit: Arc<Unit>,
        sink: Arc<dyn UnitSink>,
    ) -> Result<(), (Arc<dyn UnitSink>, UnitOutcome)> {
        let mut state = self.state.lock();
        if let Some(refusal) = &state.refusal {
            return Err((sink, refusal.outcome()));
        }
        if state.waiting.len() >= QUEUE_UNITS_MAX {
            return Err((sink, UnitOutcome::Unknown { reason: "the commit queue is full".into() }));
        }
        state.waiting.push_back(Waiting { unit, sink: Some(sink) });
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes no more units. The first refusal stands, except that a fence overrides a closing.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        let mut state = self.state.lock();
        if !matches!(state.refusal, Some(Refusal::Fenced(_))) {
            state.refusal = Some(refusal);
        }
        let fenced = match &state.refusal {
            Some(fence @ Refusal::Fenced(_)) => Some(fence.outcome()),
            _ => None,
        };
        let refused = fenced.map(|outcome| (std::mem::take(&mut state.waiting), outcome));
        drop(state);
        if let Some((waiting, outcome)) = refused {
            waiting.into_iter().for_each(|it| it.settle(outcome.clone()));
        }
        self.refused.notify_waiters();
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    /// Answers what waits although no lane is left that could take it.
    pub(crate) fn abandon(&self) {
        let waiting = std::mem::take(&mut self.state.lock().waiting);
        let outcome = Refusal::Closing.outcome();
        waiting.into_iter().for_each(|it| it.settle(outcome.clone()));
    }

    /// Waits until it takes nothing because of a fence; for ever where it is closed in order.
    pub(crate) async fn fenced(&self) -> Box<str> {
        loop {
            let refused = self.refused.notified();
            match self.refusal() {
                Some(Refusal::Fenced(reason)) => return reason,
                Some(Refusal::Closing) | None => refused.await,
            }
        }
    }

    /// Why it takes nothing, if so.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.state.lock().refusal.clone()
    }

    /// The next batch; `None` when the queue was refused and nothing waits. What is taken is given
    /// back to [`Queue::landed`].
    pub(crate) async fn next(&self) -> Option<Vec<Waiting>> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state.lock();
                let batch = state.take();
                if !batch.is_empty() {
                    let is_more = !state.waiting.is_empty();
                    drop(state);
                    if is_more {
                        self.changed.notify_one();
                    }
                    return Some(batch);
                }
                if state.refusal.is_some() && state.waiting.is_empty() {
                    drop(state);
                    // The other lanes end too.
                    self.changed.notify_one();
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Says that a lane is done with these units, which are settled after that.
    pub(crate) fn landed(&self, batch: &[Waiting]) {
        let mut state = self.state.lock();
        for Waiting { unit, .. } in batch {
            state.flying.remove(&unit.actor);
            state.is_appending &= unit.entries.is_empty();
        }
        let is_more = !state.waiting.is_empty() || state.refusal.is_some();
        drop(state);
        if is_more {
            self.changed.notify_one();
        }
    }
}

impl State {
    fn take(&mut self) -> Vec<Waiting> {
        let (mut batch, mut left, mut bytes) = (Vec::new(), VecDeque::new(), 0);
        let was_appending = self.is_appending;
        // A unit that stays behind keeps the later ones of its actor behind it.
        let mut behind: HashSet<ActorId, RandomState> = HashSet::default();
        for _ in 0..self.waiting.len().min(LOOK_MAX) {
            let Some(next) = self.waiting.pop_front() else { break };
            let unit = &next.unit;
            let is_full = batch.len() >= BATCH_UNITS_MAX
                || (!batch.is_empty() && bytes + unit.bytes() > BATCH_BYTES_MAX);
            if is_full {
                self.waiting.push_front(next);
                break;
            }
            let appends = !unit.entries.is_empty();
            let waits = (appends && was_appending)
                || self.flying.contains(&unit.actor)
                || behind.contains(&unit.actor);
            if waits {
                behind.insert(unit.actor.clone());
                left.push_back(next);
                continue;
            }
            self.flying.insert(unit.actor.clone());
            self.is_appending |= appends;
            bytes += unit.bytes();
            batch.push(next);
        }
        while let Some(next) = left.pop_back() {
            self.waiting.push_front(next);
        }
        batch
    }
}

impl Refusal {
    /// What the queue says once a batch met the fence.
    pub(crate) fn met_by(outcomes: &[UnitOutcome]) -> Option<Self> {
        outcomes.iter().find_map(|outcome| match outcome {
            UnitOutcome::Fenced { reason } => Some(Refusal::Fenced(reason.clone())),
            _ => None,
        })
    }

    pub(crate) fn reason(&self) -> &str {
        match self {
            Refusal::Closing => "the store is closed",
            Refusal::Fenced(reason) => reason,
        }
    }

    fn outcome(&self) -> UnitOutcome {
        UnitOutcome::Fenced { reason: self.reason().into() }
    }
}
