use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use tenure_types::{ActorId, ActorTypeName, Incarnation, Tenure, Token, Version};

use super::{Actor, Reader, Record, Totals};
use crate::{
    EventLog, ROW_BYTES_MAX, RowChange, Store, StoreError, Submitted, UNIT_ROWS_MAX, Unit,
    UnitOutcome, submit,
};

/// The most units, and bytes of them, that are on their way at a time.
const FLYING_UNITS_MAX: usize = 4_096;
const FLYING_BYTES_MAX: usize = 8 << 20;
/// How often a unit of unknown outcome is submitted again.
const RESOLVES_MAX: u32 = 20;

/// What a store that is imported into adds to what a file says.
#[derive(Clone, Copy, Debug)]
pub struct Import {
    /// As whom the store was opened.
    pub incarnation: Incarnation,
    /// The epoch of every event log: one that no log of these actors ever had, so that whoever followed them
    /// elsewhere is told that the log is another.
    pub epoch: u64,
    /// Unix time in milliseconds.
    pub now_ms: u64,
}

/// Refuses a store that is open and has anything in it.
///
/// # Errors
/// [`StoreError::Io`] names what is there; others where the store cannot be read.
pub async fn check_empty(store: &dyn Store) -> Result<(), StoreError> {
    let found = match store.types().await?.first() {
        Some(type_name) => match store.heads(type_name, None, 1).await?.first() {
            Some(head) => Some(format!("{type_name}/{}", head.key)),
            None => Some(format!("an actor of the type {type_name}")),
        },
        None => store.feeds().await?.first().map(|feed| format!("the feed {}", feed.name)),
    };
    let Some(found) = found else { return Ok(()) };
    let detail = format!("it has {found} already; import into a store that has nothing").into();
    Err(StoreError::Io { doing: "importing into the store".into(), detail })
}

/// Puts all actors of a file into a store that is open and empty. Each actor is committed in one unit, or where its
/// rows are too many for that in several; what is on its way is bounded. On an error the store has a part of them,
/// and is to be thrown away.
///
/// Every actor has its version, and the tenure that is below all others, under which nothing ever ran. One
/// whose rows take more units than it has versions has as many versions as units.
///
/// # Errors
/// As [`Reader::next`] and [`check_empty`]; others where the store does not take a unit.
///
/// # Cancel safety
/// A future that was dropped leaves a part of the file in the store, as an error does.
pub async fn import<R: Read>(
    store: &dyn Store,
    how: Import,
    file: &mut Reader<R>,
) -> Result<Totals, StoreError> {
    check_empty(store).await?;
    let mut landing = Landing { store, flying: VecDeque::new(), bytes: 0 };
    let mut parts = Parts { how, names: None, sequence: 0, part: None };
    while let Some(record) = file.next()? {
        let unit = match record {
            Record::Actor(actor) => parts.begin(actor)?,
            Record::Row(row) => parts.add(RowChange::Put(row)),
        };
        if let Some(unit) = unit {
            landing.send(unit).await?;
        }
    }
    if let Some(unit) = parts.end() {
        landing.send(unit).await?;
    }
    while !landing.flying.is_empty() {
        landing.land().await?;
    }
    Ok(file.totals().unwrap_or_default())
}

/// Makes units of records.
struct Parts {
    how: Import,
    /// The type that came last. Names of types live for ever, and a file has them in order and bounded.
    names: Option<ActorTypeName>,
    sequence: u64,
    part: Option<Part>,
}

/// The unit that is being filled.
struct Part {
    unit: Unit,
    row_bytes: usize,
    /// The version that the actor's last unit has.
    version: Version,
}

impl Parts {
    /// Begins with the next actor, and gives the last unit of the one before.
    fn begin(&mut self, actor: Actor) -> Result<Option<Unit>, StoreError> {
        let before = self.end();
        let Actor { type_name, key, version, events, content } = actor;
        let actor_type = match self.names.filter(|last| last.as_str() == &*type_name) {
            Some(last) => last,
            None => ActorTypeName::new(Box::leak(type_name)).map_err(|error| {
                let what = "the export".into();
                StoreError::Corrupt { what, detail: error.to_string().into() }
            })?,
        };
        self.names = Some(actor_type);
        let epoch = if events > 0 { self.how.epoch } else { 0 };
        let unit = Unit {
            actor: ActorId { actor_type, key },
            expected: Version::NONE,
            version: Version::NONE,
            tenure: Tenure::default(),
            token: self.next_token(),
            written_at_ms: self.how.now_ms,
            log: EventLog { epoch, offset: events, open: None },
            content,
            rows: Vec::new(),
            entries: Vec::new(),
        };
        self.part = Some(Part { unit, row_bytes: 0, version });
        Ok(before)
    }

    /// Adds a row to the last actor, and gives the unit that has no room for it.
    fn add(&mut self, change: RowChange) -> Option<Unit> {
        let is_full = self.part.as_ref().is_some_and(|part| !part.has_room_for(&change));
        let next = is_full.then(|| self.next_token());
        // A file begins with an actor: the reader sees to it.
        let part = self.part.as_mut()?;
        let full = next.map(|token| part.go_on(token));
        part.row_bytes += change.bytes();
        part.unit.rows.push(change);
        full
    }

    /// The last unit of the last actor.
    fn end(&mut self) -> Option<Unit> {
        let Part { unit, version, .. } = self.part.take()?;
        let version = version.max(unit.expected.next());
        Some(Unit { version, ..unit })
    }

    fn next_token(&mut self) -> Token {
        self.sequence += 1;
        Token { incarnation: self.how.incarnation, sequence: self.sequence }
    }
}

impl Part {
    fn has_room_for(&self, change: &RowChange) -> bool {
        self.unit.rows.len() < UNIT_ROWS_MAX && self.row_bytes + change.bytes() <= ROW_BYTES_MAX
    }

    /// Begins the actor's next unit, and gives the one before.
    fn go_on(&mut self, token: Token) -> Unit {
        let version = self.unit.expected.next();
        let rows = std::mem::take(&mut self.unit.rows);
        let unit = Unit { version, rows, ..self.unit.clone() };
        (self.unit.expected, self.unit.token, self.row_bytes) = (version, token, 0);
        unit
    }
}

/// Units on their way.
struct Landing<'a> {
    store: &'a dyn Store,
    flying: VecDeque<(Arc<Unit>, Submitted)>,
    bytes: usize,
}

impl Landing<'_> {
    async fn send(&mut self, unit: Unit) -> Result<(), StoreError> {
        // An actor has one unit on its way.
        let is_later_part = unit.expected != Version::NONE;
        while !self.flying.is_empty()
            && (is_later_part
                || self.flying.len() >= FLYING_UNITS_MAX
                || self.bytes + unit.bytes() > FLYING_BYTES_MAX)
        {
            self.land().await?;
        }
        self.bytes += unit.bytes();
        let unit = Arc::new(unit);
        let submitted = submit(self.store, Arc::clone(&unit));
        self.flying.push_back((unit, submitted));
        Ok(())
    }

    /// Waits for the unit that has been on its way for the longest.
    async fn land(&mut self) -> Result<(), StoreError> {
        let Some((unit, submitted)) = self.flying.pop_front() else { return Ok(()) };
        self.bytes -= unit.bytes();
        let mut outcome = submitted.await;
        for _ in 0..RESOLVES_MAX {
            let UnitOutcome::Unknown { .. } = outcome else { break };
            outcome = submit(self.store, Arc::clone(&unit)).await;
        }
        match outcome {
            UnitOutcome::Committed => Ok(()),
            // It had committed.
            UnitOutcome::Conflict { token, .. } if token == unit.token => Ok(()),
            outcome => Err(StoreError::Io {
                doing: format!("importing {}", unit.actor).into(),
                detail: refusal(outcome),
            }),
        }
    }
}

fn refusal(outcome: UnitOutcome) -> Box<str> {
    match outcome {
        UnitOutcome::Committed => "it was taken".into(),
        UnitOutcome::Conflict { .. } => "somebody else writes into the store".into(),
        UnitOutcome::TooLarge { bytes, bytes_max } => {
            format!("it has {bytes} bytes, and the store takes {bytes_max}").into()
        }
        UnitOutcome::Invalid { reason }
        | UnitOutcome::Corrupt { reason }
        | UnitOutcome::Unknown { reason }
        | UnitOutcome::Fenced { reason } => reason,
    }
}
