use std::sync::Arc;

use parking_lot::RwLock;
use tenure_store::row::{self, Beside};
use tenure_store::{Content, Fences, StoreError, Trimmed, Unit, UnitOutcome};
use tenure_types::Incarnation;

use super::heads::{Head, Heads};
use super::queue::Waiting;
use super::rows::{self, Touched};
use super::sweep::Sweep;
use crate::failure::TreeError;
use crate::feeds::{Feeds, TrimPlan};
use crate::integrity::{BatchRecord, Progress};
use crate::load::DueFloor;
use crate::rows::{Batch, Rows};

/// Checks and writes batches. Lives on the committing thread.
pub(crate) struct BatchWriter {
    pub(crate) rows: Rows,
    pub(crate) heads: Arc<Heads>,
    pub(crate) due_floor: Arc<DueFloor>,
    /// Who may commit. Only this thread changes it.
    pub(crate) fences: Arc<RwLock<Fences>>,
    /// The highest incarnation that is counted durably.
    pub(crate) incarnation: Incarnation,
    /// The number of the last batch.
    pub(crate) number: u64,
    pub(crate) progress: Progress,
    /// What deleted actors left.
    pub(crate) sweep: Sweep,
    /// What was appended for others.
    pub(crate) feeds: Feeds,
    /// Heads are encoded here.
    pub(crate) scratch: Vec<u8>,
}

impl BatchWriter {
    /// Makes the incarnation durable, before anything is served under it, and with it the number
    /// of the store's feeds, which a new store has none of. So earlier stripes are closed.
    ///
    /// # Errors
    /// Whether it was counted is then not known; the next `open` counts on either way.
    pub(crate) fn count_incarnation(&mut self, feed_store: u64) -> Result<(), TreeError> {
        let mut batch = self.rows.batch(1);
        batch.put_incarnation(self.incarnation);
        batch.put_feed_store(feed_store);
        self.write(batch)
    }

    /// Commits every unit that may be committed, all in one batch, and says what became of each,
    /// in order. The first that must see what another one of the batch stores, and all after it,
    /// are left for the next batch: there are fewer outcomes than units then.
    ///
    /// # Errors
    /// The batch could not be written or synced: nothing is known of any unit, and nothing may be
    /// written by this incarnation again.
    pub(super) fn commit(&mut self, units: &[Waiting]) -> Result<Vec<UnitOutcome>, TreeError> {
        self.rows.wait_for_room()?;
        let mut batch = self.rows.batch(units.len());
        let mut outcomes = Vec::with_capacity(units.len());
        let mut touched = Touched::default();
        let mut accepted = 0;
        for Waiting { unit, .. } in units {
            if touched.conflicts_with(unit) {
                break;
            }
            match self.add(unit, &mut batch) {
                Ok(()) => {
                    accepted += 1;
                    touched.note(unit);
                    outcomes.push(UnitOutcome::Committed);
                }
                Err(outcome) => outcomes.push(outcome),
            }
        }
        if accepted > 0 {
            self.feeds.end_batch(&mut batch);
            self.write(batch)?;
            let units = &units[..outcomes.len()];
            self.heads.settle(units.iter().map(|waiting| &waiting.unit.actor));
            self.note(units);
        }
        Ok(outcomes)
    }

    /// Notes what a batch made due and what it deleted. Heads of deleted actors are not remembered: what forgets them in
    /// the tree does not look at `heads`.
    fn note(&mut self, units: &[Waiting]) {
        for Waiting { unit, .. } in units {
            self.sweep.note_time(unit.written_at_ms);
            if let Some(due_ms) = rows::first_due(unit) {
                self.due_floor.lower(due_ms);
            }
            if let Content::Deleted { until_ms } = unit.content {
                self.heads.forget(&unit.actor);
                self.sweep.note_deleted(until_ms);
            }
        }
    }

    pub(super) fn write(&mut self, batch: Batch) -> Result<(), TreeError> {
        self.number += 1;
        let record = BatchRecord { number: self.number, incarnation: self.incarnation };
        batch.commit(record)?;
        self.progress.note(record)?;
        Ok(())
    }

    /// Adds `unit` to the batch, or says what it is answered; nothing of it was added then.
    fn add(&mut self, unit: &Unit, batch: &mut Batch) -> Result<(), UnitOutcome> {
        let before = self.check(unit)?;
        self.feeds.check(unit)?;
        let changed = rows::change(&self.rows, unit, before, self.number + 1, batch);
        let beside = changed.map_err(|error| error.unit_outcome())?;
        self.scratch.clear();
        row::encode(unit, beside, &mut self.scratch);
        batch.put_head(&unit.actor, &self.scratch);
        self.feeds.append(unit, self.number + 1, batch);
        let (version, token) = (unit.version, unit.token);
        self.heads.set(&unit.actor, Head { version, token, beside });
        Ok(())
    }

    /// What lies beside the head of the unit's actor if the unit may be written, else what it is
    /// answered.
    fn check(&self, unit: &Unit) -> Result<Beside, UnitOutcome> {
        if let Some(reason) = self.fences.read().refusal(unit.token.incarnation) {
            return Err(UnitOutcome::Fenced { reason });
        }
        match self.head(unit) {
            Ok(Head { version, beside, .. }) if version == unit.expected => Ok(beside),
            Ok(Head { version, token, .. }) => Err(UnitOutcome::Conflict { version, token }),
            Err(error) => Err(error.unit_outcome()),
        }
    }

    fn head(&self, unit: &Unit) -> Result<Head, StoreError> {
        if let Some(head) = self.heads.get(&unit.actor) {
            return Ok(head);
        }
        let Some((stored, beside)) = self.rows.head(&unit.actor)? else {
            self.heads.set(&unit.actor, Head::default());
            return Ok(Head::default());
        };
        let head = Head { version: stored.version, token: stored.token, beside };
        if !matches!(stored.content, Content::Deleted { .. }) {
            self.heads.set(&unit.actor, head);
        }
        Ok(head)
    }

    /// Trims a feed, in a batch of its own.
    ///
    /// # Errors
    /// As [`BatchWriter::commit`].
    pub(super) fn trim(&mut self, plan: &TrimPlan) -> Result<Trimmed, TreeError> {
        self.rows.wait_for_room()?;
        let mut batch = self.rows.batch(0);
        match self.feeds.trim(plan, &mut batch) {
            Some(trimmed) => self.write(batch).map(|()| trimmed),
            // Somebody else was faster; there may be more by now.
            None => Ok(Trimmed { has_more: true, ..Trimmed::default() }),
        }
    }

    /// Whether something of deleted actors may be left to remove.
    pub(super) fn has_leftovers(&self) -> bool {
        self.sweep.is_due()
    }

    /// Removes a little of what deleted actors left, in a batch of its own.
    ///
    /// # Errors
    /// As [`BatchWriter::commit`].
    pub(super) fn remove_leftovers(&mut self) -> Result<(), TreeError> {
        let keys = self.sweep.next(&self.rows.view());
        if keys.is_empty() {
            return Ok(());
        }
        self.rows.wait_for_room()?;
        let mut batch = self.rows.batch(keys.len());
        keys.into_iter().for_each(|key| batch.remove(key));
        self.write(batch)
    }
}
