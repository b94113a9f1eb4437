//! What is read of many actors: events, what is due, lists.

use tenure_store::reading::{Events, Heads};
use tenure_store::row::{self, Owner, beside};
use tenure_store::{
    Content, Due, EVENTS_BYTES_MAX, Encoded, HEADS_BYTES_MAX, RowKey, StoreError, StoredHead,
};
use tenure_types::{ActorId, Key, NUMBER_MAX};

use crate::link::Link;
use crate::loads::head_of;
use crate::sql::{DUE, EVENTS, HEADS, TYPES};

/// The most rows that one statement reads.
const PAGE_MAX: usize = 4_096;

/// As [`tenure_store::Store::events`].
pub(crate) async fn events(
    link: &Link,
    actor: &ActorId,
    after: u64,
    limit: usize,
) -> Result<Vec<(u64, Encoded)>, StoreError> {
    let page = limit.min(PAGE_MAX);
    let (type_name, key) = (actor.actor_type.as_str(), actor.key.as_str());
    let (from, count, bytes) = (number(after), page as i64, EVENTS_BYTES_MAX as i64);
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&type_name, &key, &from, &count, &bytes];
    let rows = link.read("reading events", EVENTS, &parameters).await?;
    let Some((head, rows)) = rows.split_first() else { return Ok(Vec::new()) };
    let (head, _) = row::decode(actor, head.get(1))?;
    let is_journal = match head.content {
        Content::Journaled { .. } => true,
        Content::State(_) => false,
        Content::Deleted { .. } => return Ok(Vec::new()),
    };
    let mut events = Events::new(Owner::from(actor), &head, after, limit);
    let mut read = 0;
    for row in rows {
        if !events.has_room() {
            return Ok(events.full());
        }
        let (seq, body): (i64, &[u8]) = (row.get(0), row.get(1));
        let key = if is_journal { RowKey::Journal } else { RowKey::Event }(seq as u64);
        read += body.len();
        events.push(beside::decode(actor, 0, key, body)?)?;
    }
    let is_cut = rows.len() >= page || read >= EVENTS_BYTES_MAX;
    if is_cut || !events.has_room() { Ok(events.full()) } else { events.end() }
}

/// As [`tenure_store::Store::due`].
pub(crate) async fn due(
    link: &Link,
    until_ms: u64,
    after: Option<Due>,
    limit: usize,
) -> Result<Vec<Due>, StoreError> {
    let is_first = after.is_none();
    let (due_ms, type_name, key, name) = match &after {
        None => (0, "", "", &[][..]),
        Some(Due { due_ms, type_name, key, reminder }) => {
            (number(*due_ms), &**type_name, key.as_str(), reminder.as_bytes())
        }
    };
    let (until, count) = (number(until_ms), limit.min(PAGE_MAX) as i64);
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&until, &is_first, &due_ms, &type_name, &key, &name, &count];
    let doing = "listing what is due";
    let rows = link.read(doing, DUE, &parameters).await?;
    let due = rows.iter().map(|row| {
        let key = Key::new(row.get::<_, &str>(2)).ok();
        let reminder = std::str::from_utf8(row.get(3)).ok();
        match (key, reminder) {
            (Some(key), Some(reminder)) => Ok(Due {
                due_ms: row.get::<_, i64>(0) as u64,
                type_name: row.get::<_, &str>(1).into(),
                key,
                reminder: reminder.into(),
            }),
            _ => Err(not_ours("a reminder", row.get(1), row.get(2))),
        }
    });
    due.collect()
}

/// As [`tenure_store::Store::types`].
pub(crate) async fn types(link: &Link) -> Result<Vec<Box<str>>, StoreError> {
    let rows = link.read("listing types", TYPES, &[]).await?;
    Ok(rows.iter().map(|row| row.get::<_, &str>(0).into()).collect())
}

/// As [`tenure_store::Store::heads`].
pub(crate) async fn heads(
    link: &Link,
    type_name: &str,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<StoredHead>, StoreError> {
    let after = after.map_or("", Key::as_str);
    let (count, bytes) = (limit.min(PAGE_MAX) as i64, HEADS_BYTES_MAX as i64);
    let rows = link.read("listing actors", HEADS, &[&type_name, &after, &count, &bytes]).await?;
    let mut page = Heads::new(limit);
    for row in rows {
        if !page.has_room() {
            break;
        }
        let text: &str = row.get(0);
        let key = Key::new(text).map_err(|_| not_ours("an actor", type_name, text))?;
        let owner = Owner { type_name, key: text };
        page.push(key, head_of(owner, (row.get(1), row.get(2), row.get(3)), row.get(4)));
    }
    Ok(page.end())
}

/// A bound as the database counts.
pub(crate) fn number(number: u64) -> i64 {
    number.min(NUMBER_MAX) as i64
}

/// The error of a key or name that Tenure never writes.
pub(crate) fn not_ours(what: &str, type_name: &str, key: &str) -> StoreError {
    StoreError::Corrupt {
        what: format!("{what} of {type_name}/{key}").into(),
        detail: "its key or name is none that Tenure writes; it was changed by hand".into(),
    }
}
