use std::sync::Arc;

use tenure_store::{StoreError, UnitOutcome, row};
use tenure_types::{Incarnation, Token, Version};

use super::heads::{Head, Heads};
use super::queue::Waiting;
use crate::failure::TreeError;
use crate::rows::Rows;

/// Checks and writes batches. Lives on the committing thread.
pub(super) struct BatchWriter {
    pub(super) rows: Rows,
    pub(super) heads: Arc<Heads>,
    pub(super) incarnation: Incarnation,
    /// Rows are encoded here.
    pub(super) scratch: Vec<u8>,
}

impl BatchWriter {
    /// Commits every unit that may be committed, all in one batch, and says what became of each,
    /// in order.
    ///
    /// # Errors
    /// The batch could not be written or synced: nothing is known of any unit, and nothing may be
    /// written by this incarnation again.
    pub(super) fn commit(&mut self, units: &[Waiting]) -> Result<Vec<UnitOutcome>, TreeError> {
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
            batch.commit()?;
            self.heads.settle(units.iter().map(|waiting| &waiting.unit.actor));
        }
        Ok(outcomes)
    }

    /// `Committed` if the unit may be written, else what it is answered.
    fn check(&self, unit: &tenure_store::Unit) -> UnitOutcome {
        let incarnation = unit.token.incarnation;
        if incarnation != self.incarnation {
            let reason = format!("incarnation {incarnation} is not {}", self.incarnation).into();
            return UnitOutcome::Fenced { reason };
        }
        match self.head(unit) {
            Ok((version, _)) if version == unit.expected => UnitOutcome::Committed,
            Ok((version, token)) => UnitOutcome::Conflict { version, token },
            Err(error) => UnitOutcome::Unknown { reason: error.to_string().into() },
        }
    }

    fn head(&self, unit: &tenure_store::Unit) -> Result<Head, StoreError> {
        if let Some(head) = self.heads.get(&unit.actor) {
            return Ok(head);
        }
        let stored = self.rows.get(&unit.actor)?;
        let head = stored.map_or((Version::NONE, Token::default()), |s| (s.version, s.token));
        self.heads.set(&unit.actor, head);
        Ok(head)
    }
}
