//! Removes what deleted actors left, a little at a time.
//!
//! A deletion notes the life that ended, if it had rows, and the time until which the head is kept.
//! The rows of an ended life are found by nobody, whatever becomes of the actor, because its next
//! life has another number. So they can be removed at any time, and in any number of batches.

use std::ops::Bound::{Excluded, Included};

use fjall::Slice;
use tenure_store::Content;

use crate::failure::{Fault, TreeError};
use crate::keys::{self, HeadKey};
use crate::view::View;

/// The most rows of ended lives, notes of them included, and the most notes of deleted actors, for
/// one batch.
const ROWS_MAX: usize = 256;
const NOTES_MAX: usize = 64;

/// What may be left. It is found out again after every start.
pub(crate) struct Sweep {
    /// Whether rows of ended lives may be there.
    has_rows: bool,
    /// A batch before which no life ended that has rows. What was removed in the tree must be
    /// passed again by whoever reads there, until tables are merged: this and the two below keep
    /// the sweep from it.
    next_batch: u64,
    /// The last row that was removed.
    removed: Option<Slice>,
    /// When the next head may be forgotten, if one may ever be.
    next_ms: Option<u64>,
    /// What time it was for the last unit.
    now_ms: u64,
    /// Something could not be read: it stays until the next start at least. It is in nobody's way.
    has_failed: bool,
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            has_rows: true,
            next_batch: 0,
            removed: None,
            next_ms: Some(0),
            now_ms: 0,
            has_failed: false,
        }
    }
}

impl Sweep {
    /// Notes the time at which a unit was made: the engine has no other clock for what is kept
    /// until then.
    pub(super) fn note_time(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
    }

    pub(super) fn note_deleted(&mut self, until_ms: u64) {
        self.has_rows = true;
        self.next_ms = Some(self.next_ms.map_or(until_ms, |next_ms| next_ms.min(until_ms)));
    }

    /// Whether something may be left to remove.
    pub(super) fn is_due(&self) -> bool {
        !self.has_failed && (self.has_rows || self.next_head_ms().is_some())
    }

    /// When the next head may be forgotten, if it may be by now.
    fn next_head_ms(&self) -> Option<u64> {
        self.next_ms.filter(|next_ms| *next_ms <= self.now_ms)
    }

    /// The keys that the next batch is to remove.
    pub(super) fn next(&mut self, view: &View) -> Vec<Slice> {
        let mut keys = Vec::new();
        if let Err(error) = self.collect(view, &mut keys) {
            tracing::warn!(error = %error.detail, "what deleted actors left is not removed");
            self.has_failed = true;
        }
        keys
    }

    fn collect(&mut self, view: &View, keys: &mut Vec<Slice>) -> Result<(), TreeError> {
        if self.has_rows {
            self.collect_rows(view, keys)?;
        }
        if let Some(from_ms) = self.next_head_ms() {
            self.collect_heads(view, from_ms, keys)?;
        }
        Ok(())
    }

    /// Collects rows of ended lives.
    fn collect_rows(&mut self, view: &View, keys: &mut Vec<Slice>) -> Result<(), TreeError> {
        let notes =
            (Included(keys::ended_from(self.next_batch)), Excluded(keys::ENDED_END.to_vec()));
        let mut notes = view.scan(notes)?;
        while keys.len() < ROWS_MAX {
            let Some((note, value)) = notes.next()? else {
                (self.has_rows, self.removed) = (false, None);
                return Ok(());
            };
            let read = keys::read_ended(&note).filter(|_| *value == keys::index_value(&note));
            let (number, rows) = read.ok_or_else(damaged)?;
            self.next_batch = number;
            if self.collect_life(view, rows, keys)? {
                // With the last of its rows the note has done its work.
                keys.push(note);
            }
        }
        Ok(())
    }

    /// Collects the rows whose keys begin with `rows`, and says whether those were all.
    fn collect_life(
        &mut self,
        view: &View,
        rows: Vec<u8>,
        keys: &mut Vec<Slice>,
    ) -> Result<bool, TreeError> {
        let end = Excluded(keys::after(&rows));
        let passed = self.removed.take().filter(|removed| removed.starts_with(&rows));
        let from = passed.map_or(Included(rows), |removed| Excluded(removed.to_vec()));
        let mut scan = view.scan((from, end))?;
        while keys.len() < ROWS_MAX {
            let Some((key, _)) = scan.next()? else { return Ok(true) };
            self.removed = Some(key.clone());
            keys.push(key);
        }
        Ok(false)
    }

    /// Collects heads of deleted actors whose time has passed.
    fn collect_heads(
        &mut self,
        view: &View,
        from_ms: u64,
        keys: &mut Vec<Slice>,
    ) -> Result<(), TreeError> {
        let notes = (Included(keys::deleted_from(from_ms)), Excluded(keys::DELETED_END.to_vec()));
        let mut scan = view.scan(notes)?;
        for _ in 0..NOTES_MAX {
            let Some((note, value)) = scan.next()? else {
                self.next_ms = None;
                return Ok(());
            };
            let read = keys::read_deleted(&note).filter(|_| *value == keys::index_value(&note));
            let (until_ms, owner) = read.ok_or_else(damaged)?;
            self.next_ms = Some(until_ms);
            if until_ms > self.now_ms {
                return Ok(());
            }
            // An actor that lives again, or was deleted again, outdates its note. A damaged head
            // stays, to be named.
            let content = Content::Deleted { until_ms };
            if view.head(owner).is_ok_and(|head| head.is_some_and(|(it, _)| it.content == content))
            {
                keys.push(Slice::from(HeadKey::new().of(owner)));
            }
            keys.push(note);
        }
        Ok(())
    }
}

fn damaged() -> TreeError {
    let detail = "a note of what was deleted does not match its checksum".into();
    TreeError { fault: Fault::Damage, detail }
}

#[cfg(test)]
mod tests {
    use tenure_store::RowKey;
    use tenure_store::row::Owner;
    use tenure_types::Incarnation;

    use super::*;
    use crate::EmbeddedConfig;
    use crate::integrity::BatchRecord;
    use crate::keys::Prefix;
    use crate::rows::{Batch, Rows};

    fn owner(key: &str) -> Owner<'_> {
        Owner { type_name: "cart", key }
    }

    fn commit(rows: &Rows, number: u64, fill: impl FnOnce(&mut Batch)) {
        let mut batch = rows.batch(0);
        fill(&mut batch);
        let record = BatchRecord { number, incarnation: Incarnation(1) };
        batch.commit(record).expect("the batch is written");
    }

    /// Removes until nothing is left, and says in how many batches.
    fn steps(sweep: &mut Sweep, rows: &Rows) -> u64 {
        let mut steps = 0;
        while sweep.is_due() {
            let keys = sweep.next(&rows.view());
            assert!(keys.len() <= ROWS_MAX + 1 + 2 * NOTES_MAX, "{} keys at a time", keys.len());
            commit(rows, 100 + steps, |batch| keys.into_iter().for_each(|key| batch.remove(key)));
            steps += 1;
            assert!(steps < 100, "the sweep comes to an end");
        }
        steps
    }

    #[test]
    fn a_sweep_takes_little_at_a_time_and_ends() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let rows = Rows::open(&EmbeddedConfig::new(folder.path()), folder.path());
        let rows = rows.expect("the tree opens");
        let mut sweep = Sweep::default();
        assert_eq!(steps(&mut sweep, &rows), 1, "one look at an empty tree is enough");
        commit(&rows, 1, |batch| {
            for (life, events) in [(1, 0), (2, 10), (3, 600), (4, 10)] {
                let prefix = Prefix::of(owner("a"), life);
                (1..=events).for_each(|n| batch.put(&prefix.row(&RowKey::Event(n)), b"event"));
                batch.put_index(&keys::ended(7, owner("a"), life));
            }
            // No heads are stored to these.
            (0..100).for_each(|n| batch.put_index(&keys::deleted(50, owner(&format!("{n}")))));
            batch.put_index(&keys::deleted(90, owner("later")));
        });
        sweep.note_deleted(50);
        assert!(sweep.is_due());
        let taken = steps(&mut sweep, &rows);
        assert!((3..=4).contains(&taken), "620 rows and 4 notes took {taken} batches");
        sweep.note_time(50);
        let taken = steps(&mut sweep, &rows);
        assert!((2..=3).contains(&taken), "100 notes took {taken} batches");
        sweep.note_time(89);
        assert!(!sweep.is_due(), "nothing is to be forgotten before its time");
        sweep.note_time(90);
        assert!(steps(&mut sweep, &rows) <= 2);
        sweep.note_time(u64::MAX);
        assert!(!sweep.is_due(), "nothing is left");
        // What is noted behind what was removed is found.
        sweep.note_time(10);
        commit(&rows, 2, |batch| batch.put_index(&keys::deleted(5, owner("early"))));
        sweep.note_deleted(5);
        let keys = sweep.next(&rows.view());
        assert_eq!(keys, [Slice::from(keys::deleted(5, owner("early")))]);
    }

    #[test]
    fn a_damaged_note_ends_the_sweep_and_removes_nothing() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let rows = Rows::open(&EmbeddedConfig::new(folder.path()), folder.path());
        let rows = rows.expect("the tree opens");
        let row = Prefix::of(owner("a"), 3).row(&RowKey::Snapshot);
        commit(&rows, 1, |batch| {
            batch.put(&row, b"lives");
            batch.put(&keys::ended(7, owner("a"), 3), &keys::index_value(b"another life"));
        });
        let mut sweep = Sweep::default();
        assert_eq!(sweep.next(&rows.view()), [] as [Slice; 0]);
        sweep.note_deleted(0);
        assert!(!sweep.is_due());
    }
}
