use std::sync::mpsc::SyncSender;

use tenure_store::{StoreError, Trimmed};
use tenure_types::{Incarnation, NUMBER_MAX};

use super::batch::BatchWriter;
use crate::answer::Answerer;
use crate::failure::TreeError;
use crate::feeds::TrimPlan;

/// What the committing thread does beside units, after those that were submitted before.
pub(crate) enum Errand {
    /// Removes entries of a feed.
    Trim(WaitingTrim),
    /// Lets an incarnation commit beside others. Refused with the reason why it may not.
    Join { incarnation: Incarnation, answer: SyncSender<Result<(), Box<str>>> },
    /// Ends an incarnation.
    Fence { incarnation: Incarnation, answer: SyncSender<Result<(), Box<str>>> },
    /// Nothing: its answer says that what was submitted before is committed.
    Flush { answer: SyncSender<Result<(), Box<str>>> },
}

/// A trim that waits, and who hears of it.
pub(crate) struct WaitingTrim {
    pub(crate) plan: TrimPlan,
    pub(crate) answer: Answerer<Result<Trimmed, StoreError>>,
}

impl BatchWriter {
    /// Does one errand and answers it, unless it fails: who waits hears nothing then.
    ///
    /// # Errors
    /// As [`BatchWriter::commit`].
    pub(super) fn run(&mut self, errand: Errand) -> Result<(), TreeError> {
        match errand {
            Errand::Trim(WaitingTrim { plan, answer }) => {
                let trimmed = self.trim(&plan)?;
                answer.answer(Ok(trimmed));
            }
            // Who gave up waiting for an answer does not hear it.
            Errand::Join { incarnation, answer } => drop(answer.send(self.join(incarnation)?)),
            Errand::Fence { incarnation, answer } => drop(answer.send(self.fence(incarnation)?)),
            Errand::Flush { answer } => drop(answer.send(Ok(()))),
        }
        Ok(())
    }

    fn join(&mut self, incarnation: Incarnation) -> Result<Result<(), Box<str>>, TreeError> {
        let mut fences = self.fences.read().clone();
        if let Err(reason) = check(incarnation).and_then(|()| fences.join(incarnation)) {
            return Ok(Err(reason));
        }
        self.count_up_to(fences.highest())?;
        *self.fences.write() = fences;
        Ok(Ok(()))
    }

    /// No unit is in the middle of being committed: this thread would do it.
    fn fence(&mut self, incarnation: Incarnation) -> Result<Result<(), Box<str>>, TreeError> {
        if let Err(reason) = check(incarnation) {
            return Ok(Err(reason));
        }
        let mut fences = self.fences.read().clone();
        fences.fence(incarnation);
        self.count_up_to(fences.highest())?;
        *self.fences.write() = fences;
        Ok(Ok(()))
    }

    /// Makes it durable that incarnations up to `highest` were seen: the next opening fences them all.
    fn count_up_to(&mut self, highest: Incarnation) -> Result<(), TreeError> {
        if highest <= self.incarnation {
            return Ok(());
        }
        self.rows.wait_for_room()?;
        self.incarnation = highest;
        let mut batch = self.rows.batch(1);
        batch.put_incarnation(highest);
        self.write(batch)
    }
}

fn check(incarnation: Incarnation) -> Result<(), Box<str>> {
    match incarnation.0 <= NUMBER_MAX {
        true => Ok(()),
        false => Err(format!("incarnations are at most {NUMBER_MAX}").into()),
    }
}
