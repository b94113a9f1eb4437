//! Drives the pipelines: submits units, and passes outcomes on to who waits.

use std::sync::Arc;
use std::time::Duration;

use tenure_actor::Ticket;
use tenure_store::{Unit, UnitOutcome};
use tenure_types::{CallError, Outcome, Planted, Token};

use super::pipeline::{Loss, Settled};
use crate::activation::Activation;
use crate::runtime::Runtime;
use crate::turn::word::{FLUSH, LOST, MOVING, PAUSED, QUEUED, RESET, UNSAVED, Word};

/// The pause before a unit of unknown outcome is submitted again; doubles up to the second one.
const AGAIN_AFTER: Duration = Duration::from_millis(20);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(2);

impl Runtime {
    pub(crate) fn submit(&self, activation: &Arc<Activation>, unit: Arc<Unit>) {
        let sink = Arc::clone(activation);
        self.store.submit(unit, sink);
    }

    /// Takes the outcome of a unit. Runs on the engine's thread: it only passes on.
    pub(crate) fn take_outcome(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        token: Token,
        outcome: UnitOutcome,
    ) {
        let now = self.clock.now();
        // The flags change together with the pipeline, under its lock.
        let (settled, word, dirty) = activation.with_cold(|cold| {
            let bytes = cold.pipeline.in_flight_bytes();
            let settled = cold.pipeline.settled(token, outcome, now);
            self.count_uncommitted(bytes, cold.pipeline.in_flight_bytes());
            let mut dirty = None;
            let word = match &settled {
                Settled::Durable { next: None, .. } if cold.dirty.is_none() => {
                    activation.word.clear(UNSAVED | PAUSED)
                }
                Settled::Durable { .. } => activation.word.clear(PAUSED),
                Settled::Again { .. } => activation.word.set(PAUSED),
                Settled::Lost { why, .. } => {
                    cold.overtaken =
                        self.cluster.is_some() && matches!(why, Loss::Overtaken { .. });
                    dirty = cold.dirty.take();
                    activation.word.set(RESET | LOST);
                    activation.word.clear(UNSAVED | PAUSED | FLUSH)
                }
                Settled::Stale => activation.word.read(),
            };
            (settled, word, dirty)
        });
        match settled {
            Settled::Durable { done, ticket, next, took, behind } => {
                behind.into_iter().for_each(|entry| self.behind.gone(entry));
                self.meters.units.increment();
                self.meters.commit_time.observe(took);
                // Before a later unit can be settled: events leave in their order.
                self.release_unit(activation, &done);
                // The body is freed before the next one is made.
                drop(done);
                if let Some(unit) = next {
                    self.submit(activation, unit);
                }
                self.settle_durable(activation, &ticket);
                self.publish_window(activation);
            }
            Settled::Again { unit, attempts } => self.submit_again(activation, unit, attempts),
            Settled::Lost { in_flight, pending, submitted_before, why, mut behind } => {
                behind.extend(dirty.map(|dirty| dirty.entry));
                for entry in behind {
                    self.behind.gone(entry);
                    self.meters.behind_lost.increment();
                }
                let error = self.note_loss(activation, token, submitted_before, &why);
                fail(activation, &in_flight, pending, error);
            }
            Settled::Stale => return,
        }
        self.wake_mailbox(activation, word);
    }

    /// Keeps the account of what is on its way: an actor had `before` bytes and has `after`.
    pub(crate) fn count_uncommitted(&self, before: usize, after: usize) {
        if before != after {
            self.meters.uncommitted_bytes.add(after as i64 - before as i64);
        }
    }

    /// Turns that were kept waiting by the commit go on, on a task: not on the engine's thread.
    fn wake_mailbox(self: &Arc<Self>, activation: &Arc<Activation>, word: Word) {
        if word.has(QUEUED | RESET | MOVING) && !word.is_held() && !word.has(PAUSED) {
            self.hand_over(activation);
        }
    }

    fn submit_again(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        unit: Arc<Unit>,
        attempts: u32,
    ) {
        let doublings = attempts.saturating_sub(2).min(16);
        let pause = (AGAIN_AFTER * (1 << doublings)).min(AGAIN_AFTER_MAX);
        tracing::warn!(actor = %unit.actor, ?pause, attempts, "a unit's outcome is not known");
        let (runtime, activation) = (Arc::clone(self), Arc::clone(activation));
        let again = async move {
            runtime.tasks.sleep_until(runtime.clock.now() + pause).await;
            if Planted::ReadBack.is_planted() {
                let outcome = runtime.read_back(&unit).await;
                return runtime.take_outcome(&activation, unit.token, outcome);
            }
            runtime.submit(&activation, unit);
        };
        self.tasks.spawn("submit-again", Box::pin(again));
    }

    /// Concludes from what is stored now what became of a unit, which no read can say. For a
    /// planted bug alone.
    async fn read_back(&self, unit: &Unit) -> UnitOutcome {
        match self.store.load(&unit.actor).await {
            Ok(Some(stored)) if stored.token == unit.token => UnitOutcome::Committed,
            Ok(stored) => {
                let stored = stored.map(|it| (it.version, it.token)).unwrap_or_default();
                UnitOutcome::Conflict { version: stored.0, token: stored.1 }
            }
            Err(error) => UnitOutcome::Unknown { reason: error.to_string().into() },
        }
    }

    /// Counts and logs a loss, and gives what the turns of the unit end in.
    fn note_loss(
        self: &Arc<Self>,
        activation: &Activation,
        token: Token,
        submitted_before: bool,
        why: &Loss,
    ) -> CallError {
        let id = activation.id();
        let storage =
            |detail: String, outcome| CallError::Storage { detail: detail.into(), outcome };
        let submitted_before = submitted_before && !Planted::ReadBack.is_planted();
        let outcome =
            if submitted_before { Outcome::Unknown } else { activation.outcome_unsaved() };
        match why {
            Loss::Overtaken { stored, by } => {
                self.meters.conflicts.increment();
                tracing::error!(actor = %id, %stored, %by, "another writer's state is stored");
                let detail =
                    format!("{id} was written by another node; its state here was discarded");
                storage(detail, outcome)
            }
            Loss::TooLarge { bytes, bytes_max } => CallError::TooLarge {
                detail: format!("the state of {id} has {bytes} bytes, more than {bytes_max}")
                    .into(),
            },
            Loss::Invalid { reason } => {
                self.meters.failures.increment();
                tracing::error!(actor = %id, reason, "the store refused a unit");
                storage(format!("{id} could not be saved: {reason}"), outcome)
            }
            Loss::Damaged { reason } => {
                self.meters.failures.increment();
                tracing::error!(actor = %id, reason, "a unit met a record that cannot be read");
                let detail = format!("{id} could not be saved: {reason}").into();
                CallError::Damaged { detail, outcome }
            }
            Loss::Fenced { reason } => {
                self.meters.failures.increment();
                self.store_lost(token.incarnation, reason);
                storage(format!("{id} could not be saved: {reason}"), Outcome::Unknown)
            }
        }
    }
}

/// Answers the turns of a unit that was lost, and those that came after it.
fn fail(activation: &Activation, in_flight: &Ticket, pending: Option<Ticket>, error: CallError) {
    in_flight.settle(Err(error));
    if let Some(pending) = pending {
        let id = activation.id();
        pending.settle(Err(CallError::Storage {
            detail: format!("{id} was not saved: the state before it could not be").into(),
            outcome: activation.outcome_unsaved(),
        }));
    }
}
