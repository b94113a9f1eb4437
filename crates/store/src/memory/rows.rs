use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::ops::RangeBounds;

use tenure_types::{ActorId, Key, Token, Version};

use crate::reading::{self, Events, Heads};
use crate::row::{self, Beside, Owner, beside};
use crate::walk::Gathered;
use crate::{
    Content, Due, Encoded, Pages, Row, RowChange, RowKey, StoreError, Stored, StoredHead, Unit,
    Walked,
};

/// The most deleted actors that are forgotten after a batch.
const FORGET_MAX: usize = 16;

/// Everything that is stored, in its stored form.
#[derive(Default)]
pub(super) struct Rows {
    heads: BTreeMap<ActorId, Vec<u8>>,
    beside: BTreeMap<ActorId, BTreeMap<RowKey, Vec<u8>>>,
    due: BTreeSet<Due>,
    /// Deleted actors by the time until which they are kept. An actor that lives again may still
    /// be among them.
    deleted: BTreeSet<(u64, ActorId)>,
}

impl Rows {
    /// What a load reads.
    pub(super) fn load(&self, actor: &ActorId) -> Result<Option<Stored>, StoreError> {
        let Some(mut stored) = self.head(actor)? else { return Ok(None) };
        if let Content::Journaled { snapshot } = stored.content {
            let first = snapshot.checked_add(1).map_or(RowKey::Snapshot, RowKey::Journal);
            let last = if snapshot > 0 { RowKey::Snapshot } else { RowKey::Journal(u64::MAX) };
            self.collect(actor, first..=last, &mut stored.rows)?;
        }
        if !matches!(stored.content, Content::Deleted { .. }) {
            // Reminders come after outcomes, and nothing after them.
            self.collect(actor, RowKey::Outcome("".into()).., &mut stored.rows)?;
        }
        reading::check_loaded(actor.into(), &stored)?;
        Ok(Some(stored))
    }

    fn collect(
        &self,
        actor: &ActorId,
        range: impl RangeBounds<RowKey>,
        into: &mut Vec<Row>,
    ) -> Result<(), StoreError> {
        let Some(rows) = self.beside.get(actor) else { return Ok(()) };
        for (key, row) in rows.range(range) {
            into.push(beside::decode(actor, 0, key.clone(), row)?);
        }
        Ok(())
    }

    fn head(&self, actor: &ActorId) -> Result<Option<Stored>, StoreError> {
        let row = self.heads.get(actor);
        row.map(|row| row::decode(actor, row).map(|(stored, _)| stored)).transpose()
    }

    /// What a unit of `actor` is compared with.
    pub(super) fn version(&self, actor: &ActorId) -> Result<(Version, Token), StoreError> {
        let stored = self.head(actor)?;
        Ok(stored.map_or((Version::NONE, Token::default()), |it| (it.version, it.token)))
    }

    /// Stores a unit; on an error nothing is changed.
    pub(super) fn apply(&mut self, unit: &Unit) -> Result<(), StoreError> {
        let actor = &unit.actor;
        let changes = unit.changes();
        // All is read before anything is changed.
        let mut outdated = Vec::new();
        let reminders = RowKey::Reminder("".into());
        let rows = self.beside.get(actor).into_iter();
        for (key, row) in rows.flat_map(|rows| rows.range(&reminders..)) {
            let is_deleted = matches!(unit.content, Content::Deleted { .. });
            if is_deleted || changes.contains_key(key) {
                outdated.extend(due_of(actor, key, row)?);
            }
        }
        for due in &outdated {
            self.due.remove(due);
        }
        if let Content::Deleted { until_ms } = unit.content {
            self.beside.remove(actor);
            self.deleted.insert((until_ms, actor.clone()));
        } else {
            changes.into_values().for_each(|change| self.change(actor, change));
        }
        let mut row = Vec::new();
        row::encode(unit, Beside::default(), &mut row);
        self.heads.insert(actor.clone(), row);
        Ok(())
    }

    fn change(&mut self, actor: &ActorId, change: &RowChange) {
        match change {
            RowChange::Put(row) => {
                let mut bytes = Vec::new();
                beside::encode(actor, 0, row, &mut bytes);
                let rows = self.beside.entry(actor.clone()).or_default();
                rows.insert(row.key.clone(), bytes);
                self.due.extend(due(actor, &row.key, row.due_ms));
            }
            RowChange::Delete(key) => {
                let Some(rows) = self.beside.get_mut(actor) else { return };
                rows.remove(key);
            }
        }
    }

    /// Forgets a few deleted actors whose time has passed at `now_ms`.
    pub(super) fn forget(&mut self, now_ms: u64) {
        for _ in 0..FORGET_MAX {
            match self.deleted.first() {
                Some((until_ms, _)) if *until_ms <= now_ms => {}
                _ => return,
            }
            let Some((until_ms, actor)) = self.deleted.pop_first() else { return };
            // A damaged head stays, to be named.
            let is_deleted = |stored: &Stored| stored.content == Content::Deleted { until_ms };
            if self.head(&actor).is_ok_and(|stored| stored.as_ref().is_some_and(is_deleted)) {
                self.heads.remove(&actor);
            }
        }
    }

    pub(super) fn events(
        &self,
        actor: &ActorId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Encoded)>, StoreError> {
        let Some(head) = self.head(actor)? else { return Ok(Vec::new()) };
        let range = match head.content {
            Content::Journaled { .. } => {
                (Excluded(RowKey::Journal(after)), Included(RowKey::Journal(u64::MAX)))
            }
            Content::State(_) => {
                (Excluded(RowKey::Event(after)), Included(RowKey::Event(u64::MAX)))
            }
            Content::Deleted { .. } => return Ok(Vec::new()),
        };
        let mut events = Events::new(Owner::from(actor), &head, after, limit);
        if let Some(rows) = self.beside.get(actor) {
            for (key, row) in rows.range(range) {
                if !events.has_room() {
                    return Ok(events.full());
                }
                events.push(beside::decode(actor, 0, key.clone(), row)?)?;
            }
        }
        if events.has_room() { events.end() } else { Ok(events.full()) }
    }

    pub(super) fn due(&self, until_ms: u64, after: Option<Due>, limit: usize) -> Vec<Due> {
        let due = self.due.range((after.map_or(Unbounded, Excluded), Unbounded));
        due.take_while(|due| due.due_ms <= until_ms).take(limit).cloned().collect()
    }

    pub(super) fn types(&self) -> Vec<Box<str>> {
        let mut types: Vec<Box<str>> = Vec::new();
        for actor in self.heads.keys() {
            let name = actor.actor_type.as_str();
            if types.last().is_none_or(|last| **last != *name) {
                types.push(name.into());
            }
        }
        types
    }

    pub(super) fn heads(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Vec<StoredHead> {
        let mut page = Heads::new(limit);
        let of_type = self.heads.iter().filter(|(actor, _)| actor.actor_type.as_str() == type_name);
        for (actor, row) in
            of_type.filter(|(actor, _)| after.is_none_or(|after| actor.key > *after))
        {
            if !page.has_room() {
                break;
            }
            page.push(actor.key.clone(), row::decode(actor, row).map(|(stored, _)| stored));
        }
        page.end()
    }

    /// What a walk shows.
    pub(super) fn walk(&self) -> Gathered {
        let mut rest = VecDeque::new();
        let end = self.walk_into(&mut rest);
        Gathered { rest, end }
    }

    fn walk_into(&self, into: &mut VecDeque<Walked>) -> Result<(), StoreError> {
        let mut pages = Pages::default();
        for (actor, head) in &self.heads {
            let (stored, _) = row::decode(actor, head)?;
            pages.head(actor.into(), actor.key.clone(), stored)?;
            for (key, row) in self.beside.get(actor).into_iter().flatten() {
                if pages.wants(key) {
                    pages.row(beside::decode(actor, 0, key.clone(), row)?)?;
                }
                into.extend(pages.take());
            }
            into.extend(pages.take());
        }
        pages.end()
    }

    /// Flips a bit of a stored row, the head where there is no `key`. Returns whether there is one.
    pub(super) fn damage(&mut self, actor: &ActorId, key: Option<&RowKey>, at: usize) -> bool {
        let row = match key {
            None => self.heads.get_mut(actor),
            Some(key) => self.beside.get_mut(actor).and_then(|rows| rows.get_mut(key)),
        };
        let Some(row) = row else { return false };
        let at = at % row.len();
        row[at] ^= 1;
        true
    }
}

/// The entry of a stored row in the index of what is due.
fn due_of(actor: &ActorId, key: &RowKey, row: &[u8]) -> Result<Option<Due>, StoreError> {
    match key {
        RowKey::Reminder(_) => {
            let row = beside::decode(actor, 0, key.clone(), row)?;
            Ok(due(actor, key, row.due_ms))
        }
        _ => Ok(None),
    }
}

fn due(actor: &ActorId, key: &RowKey, due_ms: Option<u64>) -> Option<Due> {
    let RowKey::Reminder(reminder) = key else { return None };
    let (type_name, key): (Box<str>, Key) = (actor.actor_type.as_str().into(), actor.key.clone());
    Some(Due { due_ms: due_ms?, type_name, key, reminder: reminder.clone() })
}
