use std::sync::Arc;

use tenure_store::{StoreError, Unit, UnitOutcome, row};
use tenure_types::{Incarnation, Token, Version};

use super::heads::{Head, Heads};
use super::queue::Waiting;
use crate::failure::TreeError;
use crate::integrity::{BatchRecord, Progress};
use crate::rows::{Batch, Rows};

/// Checks and writes batches. Lives on the committing thread.
pub(crate) struct BatchWriter {
    pub(crate) rows: Rows,
    pub(crate) heads: Arc<Heads>,
    pub(crate) incarnation: Incarnation,
    /// The number of the last batch.
    pub(crate) number: u64,
    pub(crate) progress: Progress,
    /// Rows are encoded here.
    pub(crate) scratch: Vec<u8>,
}

impl BatchWriter {
    /// Makes the incarnation durable, before anything is served under it.
    ///
    /// # Errors
    /// Whether it was counted is then not known; the next `open` counts on either way.
    pub(crate) fn count_incarnation(&mut self) -> Result<(), TreeError> {
        let mut batch = self.rows.batch(1);
        batch.put_incarnation(self.incarnation);
        self.write(batch)
    }

    /// Commits every unit that may be committed, all in one batch, and says what became of each,
    /// in order.
    ///
    /// # Errors
    /// The batch could not be written or synced: nothing is known of any unit, and nothing may be
    /// written by this incarnation again.
    pub(super) fn commit(&mut self, units: &[Waiting]) -> Result<Vec<UnitOutcome>, TreeError> {
        self.rows.wait_for_room()?;
        let mut batch = self.rows.batch(units.len());
        let mut outcomes = Vec::with_capacity(units.len());
        let mut accepted = 0;
        for Waiting { unit, .. } in units {
            let outcome = self.check(unit);
            if outcome == UnitOutcome::Committed {
                accepted += 1;
                self.scratch.clear();
                row::encode(unit, &mut self.scratch);
                batch.put(&unit.actor, &self.scratch);
                self.heads.set(&unit.actor, (unit.version, unit.token));
            }
            outcomes.push(outcome);
        }
        if accepted > 0 {
            self.write(batch)?;
            self.heads.settle(units.iter().map(|waiting| &waiting.unit.actor));
        }
        Ok(outcomes)
    }

    fn write(&mut self, batch: Batch) -> Result<(), TreeError> {
        self.number += 1;
        let record = BatchRecord { number: self.number, incarnation: self.incarnation };
        batch.commit(record)?;
        self.progress.note(record)?;
        Ok(())
    }

    /// `Committed` if the unit may be written, else what it is answered.
    fn check(&self, unit: &Unit) -> UnitOutcome {
        let incarnation = unit.token.incarnation;
        if incarnation != self.incarnation {
            let current = self.incarnation;
            let reason = format!("incarnation {incarnation} was superseded by {current}").into();
            return UnitOutcome::Fenced { reason };
        }
        match self.head(unit) {
            Ok((version, _)) if version == unit.expected => UnitOutcome::Committed,
            Ok((version, token)) => UnitOutcome::Conflict { version, token },
            Err(error) => error.unit_outcome(),
        }
    }

    fn head(&self, unit: &Unit) -> Result<Head, StoreError> {
        if let Some(head) = self.heads.get(&unit.actor) {
            return Ok(head);
        }
        let stored = self.rows.get(&unit.actor)?;
        let head = stored.map_or((Version::NONE, Token::default()), |s| (s.version, s.token));
        self.heads.set(&unit.actor, head);
        Ok(head)
    }
}
