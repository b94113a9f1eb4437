//! Who may commit: joins and fences, between two batches.

use tenure_types::{Incarnation, NUMBER_MAX};

use super::batch::BatchWriter;
use crate::failure::TreeError;

impl BatchWriter {
    /// Lets `incarnation` commit beside others, or says why not.
    ///
    /// # Errors
    /// As [`BatchWriter::commit`].
    pub(super) fn join(
        &mut self,
        incarnation: Incarnation,
    ) -> Result<Result<(), Box<str>>, TreeError> {
        let mut fences = self.fences.read().clone();
        if let Err(reason) = check(incarnation).and_then(|()| fences.join(incarnation)) {
            return Ok(Err(reason));
        }
        self.count_up_to(fences.highest())?;
        *self.fences.write() = fences;
        Ok(Ok(()))
    }

    /// Ends `incarnation`. No unit is in the middle of being committed: this thread would do it.
    ///
    /// # Errors
    /// As [`BatchWriter::commit`].
    pub(super) fn fence(
        &mut self,
        incarnation: Incarnation,
    ) -> Result<Result<(), Box<str>>, TreeError> {
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
