//! Loads: many actors are read with one statement, and so each of one moment.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tenure_store::row::beside::{self, kind};
use tenure_store::row::{self, Owner};
use tenure_store::{RowKey, StoreError, Stored, reading};
use tenure_types::ActorId;
use tokio::sync::{Notify, oneshot};
use tokio_postgres::Row;

use crate::config::LOAD_ACTORS_MAX;
use crate::failure::unavailable;
use crate::link::Link;
use crate::sql::LOAD;

/// The most loads that may wait.
const LOADS_MAX: usize = 16_384;

type Answer = Result<Option<Stored>, StoreError>;

struct Wanted {
    actor: ActorId,
    answer: oneshot::Sender<Answer>,
}

/// Loads that wait.
#[derive(Default)]
pub(crate) struct Loads {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Wanted>,
    refusal: Option<StoreError>,
}

impl Loads {
    /// Queues a load.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where nothing is taken, or too many wait.
    pub(crate) fn push(&self, actor: ActorId) -> Result<oneshot::Receiver<Answer>, StoreError> {
        let mut state = self.state.lock();
        if let Some(refusal) = &state.refusal {
            return Err(refusal.clone());
        }
        if state.waiting.len() >= LOADS_MAX {
            return Err(unavailable("too many loads wait for the database"));
        }
        let (answer, answered) = oneshot::channel();
        state.waiting.push_back(Wanted { actor, answer });
        drop(state);
        self.changed.notify_one();
        Ok(answered)
    }

    /// Takes nothing any more; what waits is answered with `error`.
    pub(crate) fn refuse(&self, error: &StoreError) {
        let mut state = self.state.lock();
        state.refusal.get_or_insert_with(|| error.clone());
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        answer_all(waiting, error);
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    async fn next(&self, actors_max: usize) -> Option<Vec<Wanted>> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state.lock();
                if !state.waiting.is_empty() {
                    let count = state.waiting.len().min(actors_max);
                    let batch = state.waiting.drain(..count).collect();
                    if !state.waiting.is_empty() {
                        self.changed.notify_one();
                    }
                    return Some(batch);
                }
                if state.refusal.is_some() {
                    self.changed.notify_one();
                    return None;
                }
            }
            changed.await;
        }
    }
}

/// Loads until nothing is taken any more.
pub(crate) async fn run(loads: Arc<Loads>, link: Link, actors_max: usize) {
    let actors_max = actors_max.clamp(1, LOAD_ACTORS_MAX);
    while let Some(mut batch) = loads.next(actors_max).await {
        // Who has gone away wants nothing read.
        batch.retain(|wanted| !wanted.answer.is_closed());
        if batch.is_empty() {
            continue;
        }
        let types: Vec<&str> = batch.iter().map(|it| it.actor.actor_type.as_str()).collect();
        let keys: Vec<&str> = batch.iter().map(|it| it.actor.key.as_str()).collect();
        match link.read("loading actors", LOAD, &[&types, &keys]).await {
            Ok(rows) => {
                let mut rows = rows.as_slice();
                for (wanted, place) in batch.into_iter().zip(1_i64..) {
                    let count = rows.iter().take_while(|it| it.get::<_, i64>(0) == place).count();
                    let (own, rest) = rows.split_at(count);
                    rows = rest;
                    // Who has gone away meanwhile is not told.
                    let _ = wanted.answer.send(decode(&wanted.actor, own));
                }
            }
            Err(error) => answer_all(batch, &error),
        }
    }
}

fn answer_all(waiting: impl IntoIterator<Item = Wanted>, error: &StoreError) {
    for wanted in waiting {
        let _ = wanted.answer.send(Err(error.clone()));
    }
}

/// Reads the rows of one actor: its head comes first.
fn decode(actor: &ActorId, rows: &[Row]) -> Answer {
    let Some((head, rows)) = rows.split_first() else { return Ok(None) };
    let (version, incarnation, sequence) = (head.get(2), head.get(5), head.get(6));
    let mut stored = head_of(actor.into(), (version, incarnation, sequence), head.get(4))?;
    for row in rows {
        let key = key_of(actor.into(), row.get(1), row.get(2), row.get(3))?;
        stored.rows.push(beside::decode(actor, 0, key, row.get(4))?);
    }
    reading::check_loaded(actor.into(), &stored)?;
    Ok(Some(stored))
}

/// Reads a head, and compares it with the columns beside it: version, incarnation and sequence.
///
/// # Errors
/// [`StoreError::Corrupt`] where they differ: the columns were changed by hand.
pub(crate) fn head_of(
    owner: Owner<'_>,
    columns: (i64, i64, i64),
    head: &[u8],
) -> Result<Stored, StoreError> {
    let (stored, _) = row::decode(owner, head)?;
    let stated = (stored.version.0, stored.token.incarnation.0, stored.token.sequence);
    if stated != (columns.0 as u64, columns.1 as u64, columns.2 as u64) {
        return Err(StoreError::Corrupt {
            what: format!("the record of {owner}").into(),
            detail: format!(
                "its columns say version {}, its head {}: they were changed by hand; put them \
                 back, or restore a backup",
                columns.0, stored.version.0
            )
            .into(),
        });
    }
    Ok(stored)
}

/// The name of a row beside a head, of its columns.
///
/// # Errors
/// [`StoreError::Corrupt`] where they name none.
pub(crate) fn key_of(
    owner: Owner<'_>,
    kind: i16,
    seq: i64,
    name: &[u8],
) -> Result<RowKey, StoreError> {
    let text = || std::str::from_utf8(name).ok().map(Box::from);
    let key = match u8::try_from(kind) {
        Ok(kind::JOURNAL) => Some(RowKey::Journal(seq as u64)),
        Ok(kind::SNAPSHOT) => Some(RowKey::Snapshot),
        Ok(kind::EVENT) => Some(RowKey::Event(seq as u64)),
        Ok(kind::OUTCOME) => text().map(RowKey::Outcome),
        Ok(kind::REMINDER) => text().map(RowKey::Reminder),
        _ => None,
    };
    key.ok_or_else(|| StoreError::Corrupt {
        what: format!("a row of {owner}").into(),
        detail: format!("its kind {kind} or name is none that Tenure writes").into(),
    })
}
