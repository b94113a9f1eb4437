//! Reads the rows of one moment: a batch is seen whole or not at all.

use std::ops::Bound::{self, Excluded, Included};

use fjall::{Database, Guard, Keyspace, Readable, Slice, Snapshot};
use tenure_store::reading::{self, Events, Heads};
use tenure_store::row::beside::{self, bit, kind};
use tenure_store::row::{self, Beside, Owner};
use tenure_store::{Content, Due, Encoded, Row, RowKey, StoreError, Stored, StoredHead};
use tenure_types::{ActorId, Key};

use crate::failure::{TreeError, contain};
use crate::integrity::BatchRecord;
use crate::keys::{self, HeadKey, Prefix};

/// The tree as it was when this was made.
pub(crate) struct View {
    snapshot: Snapshot,
    keyspace: Keyspace,
}

impl View {
    pub(crate) fn new(database: &Database, keyspace: &Keyspace) -> Self {
        Self { snapshot: database.snapshot(), keyspace: keyspace.clone() }
    }

    /// The number of the last batch.
    pub(crate) fn last_batch(&self) -> Result<u64, StoreError> {
        let what = "the record of the last batch";
        let found = contain(|| self.snapshot.get(&self.keyspace, keys::BATCH_KEY));
        let Some(bytes) = found.map_err(|error| error.reading(what))? else { return Ok(0) };
        let record = BatchRecord::decode(&bytes).ok_or_else(|| StoreError::Corrupt {
            what: what.into(),
            detail: "it has no meaning; restore a backup".into(),
        });
        record.map(|record| record.number)
    }

    /// Reads the head of an actor.
    pub(crate) fn head<'a>(
        &self,
        owner: impl Into<Owner<'a>>,
    ) -> Result<Option<(Stored, Beside)>, StoreError> {
        let owner = owner.into();
        let mut key = HeadKey::new();
        let found = contain(|| self.snapshot.get(&self.keyspace, key.of(owner)))
            .map_err(|error| error.reading(&format!("the record of {owner}")))?;
        found.map(|row| row::decode(owner, &row)).transpose()
    }

    /// Reads what a load answers.
    pub(crate) fn load(&self, actor: &ActorId) -> Result<Option<(Stored, Beside)>, StoreError> {
        let Some((mut stored, beside)) = self.head(actor)? else { return Ok(None) };
        let prefix = Prefix::of(actor, beside.life);
        let has = |kind: u8| beside.kinds & bit(kind) != 0;
        if let Content::Journaled { snapshot } = stored.content
            && (has(kind::JOURNAL) || has(kind::SNAPSHOT))
        {
            let first = snapshot.checked_add(1).map_or(RowKey::Snapshot, RowKey::Journal);
            let end = if snapshot > 0 { kind::SNAPSHOT + 1 } else { kind::SNAPSHOT };
            let range = (Included(prefix.row(&first)), Excluded(prefix.kind(end)));
            self.rows(actor, beside.life, range, |row| stored.rows.push(row))?;
        }
        if has(kind::OUTCOME) || has(kind::REMINDER) {
            let end = prefix.kind(kind::REMINDER + 1);
            let range = (Included(prefix.kind(kind::OUTCOME)), Excluded(end));
            self.rows(actor, beside.life, range, |row| stored.rows.push(row))?;
        }
        reading::check_loaded(actor.into(), &stored)?;
        Ok(Some((stored, beside)))
    }

    /// Reads the reminders of an actor.
    pub(crate) fn reminders(&self, actor: &ActorId, life: u64) -> Result<Vec<Row>, StoreError> {
        let prefix = Prefix::of(actor, life);
        let range =
            (Included(prefix.kind(kind::REMINDER)), Excluded(prefix.kind(kind::REMINDER + 1)));
        let mut reminders = Vec::new();
        self.rows(actor, life, range, |row| reminders.push(row))?;
        Ok(reminders)
    }

    /// Reads a row beside a head.
    pub(crate) fn row(
        &self,
        actor: &ActorId,
        life: u64,
        key: &RowKey,
    ) -> Result<Option<Row>, StoreError> {
        let found = contain(|| self.snapshot.get(&self.keyspace, Prefix::of(actor, life).row(key)))
            .map_err(|error| error.reading(&rows_of(actor)))?;
        found.map(|row| beside::decode(actor, life, key.clone(), &row)).transpose()
    }

    /// Reads what [`tenure_store::Store::events`] answers.
    pub(crate) fn events(
        &self,
        actor: &ActorId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Encoded)>, StoreError> {
        let Some((head, beside)) = self.head(actor)? else { return Ok(Vec::new()) };
        let prefix = Prefix::of(actor, beside.life);
        let (from, kind) = match head.content {
            Content::Journaled { .. } => (RowKey::Journal(after), kind::JOURNAL),
            Content::State(_) => (RowKey::Event(after), kind::EVENT),
            Content::Deleted { .. } => return Ok(Vec::new()),
        };
        let mut events = Events::new(actor.into(), &head, after, limit);
        let range = (Excluded(prefix.row(&from)), Excluded(prefix.kind(kind + 1)));
        let mut rows = self.scan(range).map_err(|error| error.reading(&rows_of(actor)))?;
        while events.has_room() {
            match self.next_row(&mut rows, actor, &prefix, beside.life)? {
                Some(row) => events.push(row)?,
                None => return events.end(),
            }
        }
        Ok(events.full())
    }

    /// Reads what [`tenure_store::Store::due`] answers. Nothing is due before `floor_ms`.
    pub(crate) fn due(
        &self,
        floor_ms: u64,
        until_ms: u64,
        after: Option<&Due>,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError> {
        let mut found = Vec::new();
        if after.map_or(floor_ms, |after| after.due_ms) > until_ms {
            return Ok(found);
        }
        let from = after.map_or(Included(keys::due_from(floor_ms)), |after| {
            let owner = Owner { type_name: &after.type_name, key: &after.key };
            Excluded(keys::due(after.due_ms, owner, &after.reminder))
        });
        const WHAT: &str = "the list of what is due";
        let reading = |error: TreeError| error.reading(WHAT);
        let mut scan = self.scan((from, Excluded(keys::due_until(until_ms)))).map_err(reading)?;
        while found.len() < limit {
            let Some((key, value)) = scan.next().map_err(reading)? else { break };
            match keys::read_due(&key) {
                Some(due) if *value == keys::index_value(&key) => found.push(due),
                _ => {
                    let detail = "an entry does not match its checksum; restore a backup".into();
                    return Err(StoreError::Corrupt { what: WHAT.into(), detail });
                }
            }
        }
        Ok(found)
    }

    /// Reads what [`tenure_store::Store::types`] answers.
    pub(crate) fn types(&self) -> Result<Vec<Box<str>>, StoreError> {
        const WHAT: &str = "the list of what is stored";
        let (mut from, end) = (keys::ACTORS.0.to_vec(), keys::ACTORS.1.to_vec());
        let mut types: Vec<Box<str>> = Vec::new();
        loop {
            let range = (Included(from), Excluded(end.clone()));
            let next = self.scan(range).and_then(|mut scan| scan.next());
            let Some((key, _)) = next.map_err(|error| error.reading(WHAT))? else {
                return Ok(types);
            };
            let Some(name) = keys::read_type(&key) else {
                return Err(unnamed(WHAT));
            };
            types.push(name.into());
            from = keys::after(&keys::type_prefix(name));
        }
    }

    /// Reads what [`tenure_store::Store::heads`] answers.
    pub(crate) fn heads(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<StoredHead>, StoreError> {
        let what = || format!("the list of what is stored of {type_name}");
        let prefix = keys::type_prefix(type_name);
        let end = keys::after(&prefix);
        let scan_from = |from: Vec<u8>| {
            let scan = self.scan((Included(from), Excluded(end.clone())));
            scan.map_err(|error| error.reading(&what()))
        };
        let first = after.map(|after| keys::after_actor(&prefix, after.as_bytes()));
        let mut scan = scan_from(first.unwrap_or_else(|| prefix.clone()))?;
        let mut page = Heads::new(limit);
        while page.has_room() {
            let next = scan.next().map_err(|error| error.reading(&what()))?;
            let Some((place, row)) = next else { break };
            let name = &place[prefix.len()..];
            if name.contains(&0) {
                // A row beside a head: there may be many of them.
                scan = scan_from(keys::after_actor(&prefix, name))?;
                continue;
            }
            let key = std::str::from_utf8(name).ok().and_then(|name| Key::new(name).ok());
            let Some(key) = key else { return Err(unnamed(&what())) };
            let owner = Owner { type_name, key: &key };
            let stored = row::decode(owner, &row).map(|(stored, _)| stored);
            page.push(key, stored);
        }
        Ok(page.end())
    }

    /// Reads the rows of one actor in a range of keys.
    fn rows(
        &self,
        actor: &ActorId,
        life: u64,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        mut each: impl FnMut(Row),
    ) -> Result<(), StoreError> {
        let prefix = Prefix::of(actor, life);
        let mut scan = self.scan(range).map_err(|error| error.reading(&rows_of(actor)))?;
        while let Some(row) = self.next_row(&mut scan, actor, &prefix, life)? {
            each(row);
        }
        Ok(())
    }

    fn next_row(
        &self,
        scan: &mut Scan,
        actor: &ActorId,
        prefix: &Prefix,
        life: u64,
    ) -> Result<Option<Row>, StoreError> {
        let next = scan.next().map_err(|error| error.reading(&rows_of(actor)))?;
        let Some((key, value)) = next else { return Ok(None) };
        let Some(key) = prefix.read(&key) else {
            let detail = "one of them has a name that no row has; restore a backup".into();
            return Err(StoreError::Corrupt { what: rows_of(actor).into(), detail });
        };
        beside::decode(actor, life, key, &value).map(Some)
    }

    /// The rows in a range of keys.
    pub(crate) fn scan(&self, range: (Bound<Vec<u8>>, Bound<Vec<u8>>)) -> Result<Scan, TreeError> {
        contain(|| fjall::Result::Ok(Scan { iter: self.snapshot.range(&self.keyspace, range) }))
    }
}

/// Rows in the order of their keys.
pub(crate) struct Scan {
    iter: fjall::Iter,
}

impl Scan {
    /// The next row. Not to be called again after an error.
    pub(crate) fn next(&mut self) -> Result<Option<(Slice, Slice)>, TreeError> {
        contain(|| self.iter.next().map(Guard::into_inner).transpose())
    }
}

/// An entry in `what` whose key nobody has.
pub(crate) fn unnamed(what: &str) -> StoreError {
    let detail = "an entry has a name that no actor has; restore a backup".into();
    StoreError::Corrupt { what: what.into(), detail }
}

fn rows_of(actor: &ActorId) -> String {
    format!("a row beside the record of {actor}")
}
