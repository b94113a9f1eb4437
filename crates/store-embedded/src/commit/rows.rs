//! What a unit changes beside its head.

use std::collections::BTreeMap;

use hashbrown::HashSet;
use tenure_store::row::beside::{self, bit, kind, kind_of};
use tenure_store::row::{Beside, Owner};
use tenure_store::{Content, RowChange, RowKey, StoreError, Unit};
use tenure_types::ActorId;

use crate::keys::{self, Prefix};
use crate::rows::{Batch, Rows};

/// The actors that a batch changes rows of, or deletes. The next change of one of them must see
/// what this one stored: it belongs into the next batch.
#[derive(Default)]
pub(super) struct Touched {
    actors: HashSet<ActorId, foldhash::fast::FixedState>,
}

impl Touched {
    pub(super) fn note(&mut self, unit: &Unit) {
        if touches(unit) {
            self.actors.insert(unit.actor.clone());
        }
    }

    /// Whether `unit` has to wait for the next batch.
    pub(super) fn conflicts_with(&self, unit: &Unit) -> bool {
        !self.actors.is_empty() && touches(unit) && self.actors.contains(&unit.actor)
    }
}

fn touches(unit: &Unit) -> bool {
    !unit.rows.is_empty() || matches!(unit.content, Content::Deleted { .. })
}

/// When the first of the reminders that `unit` puts is due.
pub(super) fn first_due(unit: &Unit) -> Option<u64> {
    let due = unit.rows.iter().filter_map(|change| match change {
        RowChange::Put(row) => row.due_ms,
        RowChange::Delete(_) => None,
    });
    due.min()
}

/// Adds to `batch` what `unit` changes beside the head, and gives what the head then notes of it.
/// `number` is the batch's.
///
/// # Errors
/// A row that must be read cannot be; nothing was added.
pub(super) fn change(
    rows: &Rows,
    unit: &Unit,
    before: Beside,
    number: u64,
    batch: &mut Batch,
) -> Result<Beside, StoreError> {
    match unit.content {
        Content::Deleted { until_ms } => delete(rows, unit, before, (number, until_ms), batch),
        _ if unit.rows.is_empty() => Ok(before),
        _ => change_rows(rows, unit, before, number, batch),
    }
}

/// Ends the actor's life: its rows are found no more, and removed later.
fn delete(
    rows: &Rows,
    unit: &Unit,
    before: Beside,
    (number, until_ms): (u64, u64),
    batch: &mut Batch,
) -> Result<Beside, StoreError> {
    let owner = Owner::from(&unit.actor);
    if before.kinds & bit(kind::REMINDER) != 0 {
        for row in rows.view().reminders(&unit.actor, before.life)? {
            if let (RowKey::Reminder(name), Some(due_ms)) = (&row.key, row.due_ms) {
                batch.remove(keys::due(due_ms, owner, name));
            }
        }
    }
    if before.kinds != 0 {
        batch.put_index(&keys::ended(number, owner, before.life));
    }
    batch.put_index(&keys::deleted(until_ms, owner));
    Ok(Beside::default())
}

fn change_rows(
    rows: &Rows,
    unit: &Unit,
    before: Beside,
    number: u64,
    batch: &mut Batch,
) -> Result<Beside, StoreError> {
    let actor = &unit.actor;
    let owner = Owner::from(actor);
    let changes = unit.changes();
    // All is read before anything is added.
    let mut due_before = BTreeMap::new();
    if before.kinds & bit(kind::REMINDER) != 0 {
        let view = rows.view();
        for key in changes.keys().filter(|key| kind_of(key) == kind::REMINDER) {
            let row = view.row(actor, before.life, key)?;
            due_before.extend(row.and_then(|row| row.due_ms).map(|due_ms| (*key, due_ms)));
        }
    }
    let mut after = before;
    if before.kinds == 0 {
        after.life = number;
    }
    let prefix = Prefix::of(actor, after.life);
    let mut bytes = Vec::new();
    for (key, change) in changes {
        let due_ms = match change {
            RowChange::Put(row) => {
                after.kinds |= bit(kind_of(key));
                bytes.clear();
                beside::encode(actor, after.life, row, &mut bytes);
                batch.put(&prefix.row(key), &bytes);
                row.due_ms
            }
            RowChange::Delete(_) => {
                if before.kinds & bit(kind_of(key)) != 0 {
                    batch.remove(prefix.row(key));
                }
                None
            }
        };
        if let RowKey::Reminder(name) = key {
            change_due(owner, name, due_before.get(key).copied(), due_ms, batch);
        }
    }
    if after.kinds == 0 {
        after.life = 0;
    }
    Ok(after)
}

/// Moves a reminder in the index of what is due.
fn change_due(
    owner: Owner<'_>,
    name: &str,
    before: Option<u64>,
    after: Option<u64>,
    batch: &mut Batch,
) {
    if before == after {
        return;
    }
    if let Some(due_ms) = before {
        batch.remove(keys::due(due_ms, owner, name));
    }
    if let Some(due_ms) = after {
        batch.put_index(&keys::due(due_ms, owner, name));
    }
}
