use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tenure_store::{UNIT_ROWS_MAX, UnitOutcome};

use super::batch::BatchWriter;
use super::errand::{Errand, WaitingTrim};
use super::queue::{Found, Refusal, Waiting};
use crate::failure::{Fault, TreeError};
use crate::serving::Serving;

/// The most units, bytes and rows beside heads in one batch. They bound the time until its first unit is
/// answered, and the memory that a batch needs beside its units.
const BATCH_UNITS_MAX: usize = 1_024;
const BATCH_BYTES_MAX: usize = 8 << 20;
const BATCH_ROWS_MAX: usize = UNIT_ROWS_MAX;

/// How often what deleted actors left is thought of while units always wait.
const BATCHES_PER_SWEEP: usize = 64;

/// How the committing thread ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything submitted was committed.
    Orderly,
    /// The incarnation was fenced while the disk was well.
    Fenced,
    /// A write or sync failed.
    Failed(Fault),
}

/// The one thread that writes.
pub(crate) struct Committer {
    serving: Arc<Serving>,
    writer: BatchWriter,
    waiting: Vec<Waiting>,
    /// Those that came with the units in `waiting`, to be done after them.
    errands: Vec<Errand>,
    batches_since_sweep: usize,
}

impl Committer {
    pub(crate) fn new(serving: Arc<Serving>, writer: BatchWriter) -> Self {
        let (waiting, errands) = (Vec::new(), Vec::new());
        Self { serving, writer, waiting, errands, batches_since_sweep: 0 }
    }

    /// Commits batch after batch until the queue is refused.
    pub(crate) fn run(mut self) -> (End, BatchWriter) {
        let end = loop {
            if let Err(error) = self.remove_leftovers() {
                break self.fail(&error, Vec::new());
            }
            if self.waiting.is_empty() {
                if let Err(error) = self.run_errands() {
                    break self.fail(&error, Vec::new());
                }
                match self.serving.queue.wait(&mut self.waiting, &mut self.errands) {
                    Found::Work => {}
                    Found::Refused(Refusal::Closing) => break End::Orderly,
                    Found::Refused(Refusal::Fenced(_)) => break End::Fenced,
                }
            }
            if let Some(Refusal::Fenced(_)) = self.serving.queue.refusal() {
                break End::Fenced;
            }
            if self.waiting.is_empty() {
                continue;
            }
            let rest = self.waiting.split_off(batch_len(&self.waiting));
            let mut batch = std::mem::replace(&mut self.waiting, rest);
            match self.writer.commit(&batch) {
                Ok(outcomes) => {
                    let left = batch.split_off(outcomes.len());
                    self.waiting.splice(0..0, left);
                    settle(batch, outcomes);
                }
                Err(error) => break self.fail(&error, batch),
            }
        };
        self.refuse_rest();
        (end, self.writer)
    }

    /// Removes what deleted actors left: all of it while nobody waits, a little now and then while
    /// somebody always does.
    fn remove_leftovers(&mut self) -> Result<(), TreeError> {
        if !self.writer.has_leftovers() {
            return Ok(());
        }
        self.batches_since_sweep += 1;
        if self.batches_since_sweep >= BATCHES_PER_SWEEP {
            self.batches_since_sweep = 0;
            self.writer.remove_leftovers()?;
        }
        let queue = &self.serving.queue;
        while self.writer.has_leftovers()
            && self.waiting.is_empty()
            && self.errands.is_empty()
            && queue.is_quiet()
            && queue.refusal().is_none()
        {
            self.writer.remove_leftovers()?;
        }
        Ok(())
    }

    /// Does what else was asked; what a failure leaves is answered by nobody.
    fn run_errands(&mut self) -> Result<(), TreeError> {
        for errand in std::mem::take(&mut self.errands) {
            match errand {
                Errand::Trim(WaitingTrim { plan, answer }) => {
                    answer.answer(Ok(self.writer.trim(&plan)?));
                }
                // Who gave up waiting for an answer does not hear it.
                Errand::Join { incarnation, answer } => {
                    drop(answer.send(self.writer.join(incarnation)?));
                }
                Errand::Fence { incarnation, answer } => {
                    drop(answer.send(self.writer.fence(incarnation)?));
                }
                Errand::Flush { answer } => drop(answer.send(Ok(()))),
            }
        }
        Ok(())
    }

    /// Refuses everything from now on; the units of `batch` are answered with what waits.
    fn fail(&mut self, error: &TreeError, batch: Vec<Waiting>) -> End {
        let reason = format!("a commit failed: {}", error.detail);
        tracing::error!(%reason, "the store stops until it is opened again");
        self.serving.queue.refuse(Refusal::Fenced(reason.into()));
        self.waiting.splice(0..0, batch);
        End::Failed(error.fault)
    }

    /// Answers what is left: nothing of it becomes durable any more.
    fn refuse_rest(&mut self) {
        while let Found::Work = self.serving.queue.wait(&mut self.waiting, &mut self.errands) {}
        self.errands.clear();
        let Some(refusal) = self.serving.queue.refusal() else { return };
        let rest = std::mem::take(&mut self.waiting);
        let fenced = UnitOutcome::Fenced { reason: refusal.reason().into() };
        let outcomes = vec![fenced; rest.len()];
        settle(rest, outcomes);
    }
}

/// How many of the waiting units, at least one, form the next batch.
fn batch_len(waiting: &[Waiting]) -> usize {
    let (mut bytes, mut rows) = (0, 0);
    let fits = waiting.iter().take(BATCH_UNITS_MAX).take_while(|waiting| {
        bytes += waiting.unit.bytes();
        rows += waiting.unit.len_beside();
        bytes <= BATCH_BYTES_MAX && rows <= BATCH_ROWS_MAX
    });
    fits.count().max(1).min(waiting.len())
}

fn settle(batch: Vec<Waiting>, outcomes: Vec<UnitOutcome>) {
    for (Waiting { unit, sink }, outcome) in batch.into_iter().zip(outcomes) {
        let token = unit.token;
        // The body is freed before the sink's owner goes on to make the next one.
        drop(unit);
        // One broken sink must not keep all others from their answers.
        if catch_unwind(AssertUnwindSafe(|| sink.settled(token, outcome))).is_err() {
            tracing::error!(%token, "the sink of a unit panicked");
        }
    }
}
