//! One statement for a batch of units, and what its answer says of each of them.

use tenure_store::row::beside::{self, bit, kind_of};
use tenure_store::row::feed::{EntryParts, encode_entry};
use tenure_store::row::{self, Beside, Owner};
use tenure_store::{Content, RowChange, RowKey, Unit, UnitOutcome};
use tenure_types::{Incarnation, Token, Version};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::failure::Failure;
use crate::link::Session;

/// Something changed between the moment that the statement saw and its write: an earlier submission of
/// the unit ended, or a deleted actor was forgotten. The next statement sees which.
const RACED: &str = "another submission of its actor's units is under way";

/// Whether a unit may be told more by the next statement.
pub(crate) fn is_raced(outcome: &UnitOutcome) -> bool {
    matches!(outcome, UnitOutcome::Unknown { reason } if &**reason == RACED)
}

/// What an incarnation commits with.
#[derive(Clone, Copy)]
pub(crate) struct Right {
    pub(crate) incarnation: Incarnation,
    pub(crate) lane: i32,
}

/// Commits units of different actors in one transaction, and says what became of each, in order.
///
/// # Errors
/// [`Failure`], of all of them.
pub(crate) async fn commit(
    session: &Session,
    commits: &[String; 3],
    right: Right,
    units: &[&Unit],
) -> Result<Vec<UnitOutcome>, Failure> {
    let heads = Heads::of(units);
    let rows = Rows::of(units);
    let entries = Entries::of(units);
    let incarnation = right.incarnation.0 as i64;
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&incarnation, &right.lane];
    parameters.extend(heads.parameters());
    let sql = match (rows.places.is_empty(), entries.places.is_empty()) {
        (true, true) => &commits[0],
        (false, true) => &commits[1],
        (_, false) => &commits[2],
    };
    if !rows.places.is_empty() || !entries.places.is_empty() {
        parameters.extend(rows.parameters());
    }
    if !entries.places.is_empty() {
        parameters.extend(entries.parameters());
    }
    let answer = session.query(sql, &parameters).await?;
    Ok(outcomes(right.incarnation, units, &answer))
}

/// Reads the answer: whether the fence let the batch in, and the units that were not committed.
fn outcomes(incarnation: Incarnation, units: &[&Unit], answer: &[Row]) -> Vec<UnitOutcome> {
    let stands = answer.iter().any(|row| row.get::<_, i64>(0) == 0 && row.get::<_, i64>(1) > 0);
    if !stands {
        let reason = format!("incarnation {incarnation} was fenced");
        return vec![UnitOutcome::Fenced { reason: reason.into() }; units.len()];
    }
    let mut outcomes = vec![UnitOutcome::Committed; units.len()];
    for row in answer {
        let place = row.get::<_, i64>(0) as usize;
        let Some(place) = place.checked_sub(1) else { continue };
        if let (Some(outcome), Some(unit)) = (outcomes.get_mut(place), units.get(place)) {
            *outcome = refusal(unit, row);
        }
    }
    outcomes
}

/// Why a unit was not committed, by what was stored when the statement began.
fn refusal(unit: &Unit, row: &Row) -> UnitOutcome {
    let under_way = || UnitOutcome::Unknown { reason: RACED.into() };
    let Some(found) = row.get::<_, Option<i64>>(1) else {
        // Nothing was to be there, and something was made meanwhile: perhaps by this very unit.
        if unit.expected == Version::NONE {
            return under_way();
        }
        return UnitOutcome::Conflict { version: Version::NONE, token: Token::default() };
    };
    if !row.get::<_, Option<bool>>(4).unwrap_or(false) {
        let reason = format!(
            "the record of {} is damaged: its sum is not that of its head; restore a backup",
            unit.actor
        );
        return UnitOutcome::Corrupt { reason: reason.into() };
    }
    let version = Version(found as u64);
    if version == unit.expected {
        return under_way();
    }
    let incarnation = Incarnation(row.get::<_, i64>(2) as u64);
    let token = Token { incarnation, sequence: row.get::<_, i64>(3) as u64 };
    UnitOutcome::Conflict { version, token }
}

/// The heads of a batch, a column each.
#[derive(Default)]
struct Heads<'a> {
    types: Vec<&'a str>,
    keys: Vec<&'a str>,
    expected: Vec<i64>,
    versions: Vec<i64>,
    sequences: Vec<i64>,
    at_ms: Vec<i64>,
    snapshots: Vec<Option<i64>>,
    until_ms: Vec<Option<i64>>,
    kinds: Vec<i32>,
    heads: Vec<Vec<u8>>,
}

impl<'a> Heads<'a> {
    fn of(units: &[&'a Unit]) -> Self {
        let mut columns = Heads::default();
        for unit in units {
            let (snapshot, until_ms) = match unit.content {
                Content::State(_) => (None, None),
                Content::Journaled { snapshot } => (Some(snapshot as i64), None),
                Content::Deleted { until_ms } => (None, Some(until_ms as i64)),
            };
            let kinds = unit.rows.iter().filter_map(|change| match change {
                RowChange::Put(row) => Some(i32::from(bit(kind_of(&row.key)))),
                RowChange::Delete(_) => None,
            });
            let kinds = if until_ms.is_some() { 0 } else { kinds.fold(0, |all, kind| all | kind) };
            let mut head = Vec::new();
            row::encode(unit, Beside::default(), &mut head);
            columns.types.push(unit.actor.actor_type.as_str());
            columns.keys.push(unit.actor.key.as_str());
            columns.expected.push(unit.expected.0 as i64);
            columns.versions.push(unit.version.0 as i64);
            columns.sequences.push(unit.token.sequence as i64);
            columns.at_ms.push(unit.written_at_ms as i64);
            columns.snapshots.push(snapshot);
            columns.until_ms.push(until_ms);
            columns.kinds.push(kinds);
            columns.heads.push(head);
        }
        columns
    }

    fn parameters(&self) -> [&(dyn ToSql + Sync); 10] {
        [
            &self.types,
            &self.keys,
            &self.expected,
            &self.versions,
            &self.sequences,
            &self.at_ms,
            &self.snapshots,
            &self.until_ms,
            &self.kinds,
            &self.heads,
        ]
    }
}

/// What changes beside the heads of a batch. Without a body a row is removed.
#[derive(Default)]
struct Rows {
    places: Vec<i32>,
    kinds: Vec<i16>,
    seqs: Vec<i64>,
    names: Vec<Vec<u8>>,
    due_ms: Vec<Option<i64>>,
    bodies: Vec<Option<Vec<u8>>>,
}

impl Rows {
    fn of(units: &[&Unit]) -> Self {
        let mut columns = Rows::default();
        for (unit, place) in units.iter().zip(1..) {
            // What lies beside an actor that is deleted goes by its version.
            if matches!(unit.content, Content::Deleted { .. }) {
                continue;
            }
            for (key, change) in unit.changes() {
                columns.push(unit, place, key, change);
            }
        }
        columns
    }

    fn push(&mut self, unit: &Unit, place: i32, key: &RowKey, change: &RowChange) {
        let (seq, name) = place_of(key);
        let (due_ms, body) = match change {
            RowChange::Put(row) => {
                let mut body = Vec::new();
                beside::encode(&unit.actor, 0, row, &mut body);
                (row.due_ms.map(|due_ms| due_ms as i64), Some(body))
            }
            RowChange::Delete(_) => (None, None),
        };
        self.places.push(place);
        self.kinds.push(i16::from(kind_of(key)));
        self.seqs.push(seq);
        self.names.push(name.to_vec());
        self.due_ms.push(due_ms);
        self.bodies.push(body);
    }

    fn parameters(&self) -> [&(dyn ToSql + Sync); 6] {
        [&self.places, &self.kinds, &self.seqs, &self.names, &self.due_ms, &self.bodies]
    }
}

/// The columns `seq` and `name` of a row.
fn place_of(key: &RowKey) -> (i64, &[u8]) {
    match key {
        RowKey::Journal(offset) | RowKey::Event(offset) => (*offset as i64, &[]),
        RowKey::Snapshot => (0, &[]),
        RowKey::Outcome(name) | RowKey::Reminder(name) => (0, name.as_bytes()),
    }
}

/// What a batch appends to feeds, in order. The statement counts the positions, so the stored form
/// is that of position zero.
#[derive(Default)]
struct Entries<'a> {
    places: Vec<i32>,
    feeds: Vec<&'a str>,
    bodies: Vec<Vec<u8>>,
}

impl<'a> Entries<'a> {
    fn of(units: &[&'a Unit]) -> Self {
        let mut columns = Entries::default();
        for (unit, place) in units.iter().zip(1..) {
            for (entry, index) in unit.entries.iter().zip(0..) {
                let parts = EntryParts {
                    actor: Owner::from(&unit.actor),
                    version: unit.version,
                    index,
                    at_ms: unit.written_at_ms,
                    data: &entry.data,
                };
                let mut body = Vec::new();
                encode_entry(&entry.feed, (0, 0), &parts, &mut body);
                columns.places.push(place);
                columns.feeds.push(entry.feed.as_str());
                columns.bodies.push(body);
            }
        }
        columns
    }

    fn parameters(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.places, &self.feeds, &self.bodies]
    }
}
