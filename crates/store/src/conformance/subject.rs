use std::sync::Arc;

use tenure_types::{ActorId, ActorTypeName, FeedName, Incarnation, Key, Tenure, Token, Version};

use crate::submitted::submit;
use crate::{
    Content, Due, Encoded, EventLog, Row, RowChange, RowKey, Store, StoreError, Stored, Unit,
    UnitOutcome,
};

/// An engine under test, with data of its own.
pub trait Subject: Send + Sync {
    /// An engine over this subject's data. Called again after the engine before was closed or
    /// dropped, as a node that restarts would.
    fn store(&self) -> Arc<dyn Store>;

    /// Changes a byte of the head of `actor`, or of the row beside it that `key` names. Called
    /// while no engine is open; the change must be one that [`crate::row`] can notice.
    fn damage(&self, actor: &ActorId, key: Option<&RowKey>);

    /// As [`Subject::damage`], of the oldest entry of `feed`.
    fn damage_feed(&self, feed: &FeedName);

    /// Whether the engine can be walked over; one that cannot says [`StoreError::Unavailable`](crate::StoreError).
    fn can_be_walked(&self) -> bool {
        true
    }
}

/// A store that is open, and the units of its incarnation.
pub(super) struct Open {
    pub(super) store: Arc<dyn Store>,
    pub(super) incarnation: Incarnation,
}

/// How often a unit of unknown outcome is submitted again.
const RESOLVES_MAX: u32 = 20;

impl Open {
    pub(super) async fn new(subject: &impl Subject) -> Self {
        Self::of(subject.store()).await
    }

    pub(super) async fn of(store: Arc<dyn Store>) -> Self {
        let opened = store.open().await;
        let incarnation = opened.unwrap_or_else(|error| panic!("the store does not open: {error}"));
        Self { store, incarnation }
    }

    /// A unit that moves `actor` from `expected` to the next version. Its body names both.
    pub(super) fn unit(&self, actor: &ActorId, expected: u64, sequence: u64) -> Unit {
        Unit {
            actor: actor.clone(),
            expected: Version(expected),
            version: Version(expected + 1),
            tenure: Tenure { view: self.incarnation.0, sequence: 1 },
            token: Token { incarnation: self.incarnation, sequence },
            written_at_ms: 1_700_000_000_000 + sequence,
            log: EventLog::default(),
            content: state(format!("{actor} at {}", expected + 1).into_bytes()),
            rows: Vec::new(),
            entries: Vec::new(),
        }
    }

    pub(super) async fn submit(&self, unit: Unit) -> UnitOutcome {
        submit(&*self.store, Arc::new(unit)).await
    }

    /// Commits `unit`, which must succeed. An outcome that is not known, as where a database's lock was waited for too
    /// long, is resolved as by everybody: the same unit is submitted again.
    pub(super) async fn commit(&self, unit: Unit) -> Stored {
        let (stored, unit) = (stored_of(&unit), Arc::new(unit));
        let mut outcome = submit(&*self.store, Arc::clone(&unit)).await;
        for _ in 0..RESOLVES_MAX {
            let UnitOutcome::Unknown { .. } = outcome else { break };
            outcome = match submit(&*self.store, Arc::clone(&unit)).await {
                // It had committed.
                UnitOutcome::Conflict { token, .. } if token == unit.token => {
                    UnitOutcome::Committed
                }
                outcome => outcome,
            };
        }
        let actor = &unit.actor;
        assert_eq!(outcome, UnitOutcome::Committed, "a good unit of {actor} is committed");
        stored
    }

    pub(super) async fn load(&self, actor: &ActorId) -> Result<Option<Stored>, StoreError> {
        self.store.load(actor).await
    }

    pub(super) async fn assert_stored(
        &self,
        actor: &ActorId,
        expected: Option<&Stored>,
        why: &str,
    ) {
        match self.load(actor).await {
            Ok(found) => assert!(
                found.as_ref() == expected,
                "{why}: {actor} should be {:?} and is {:?}",
                expected.map(|stored| stored.version),
                found.map(|stored| stored.version),
            ),
            Err(error) => panic!("{why}: {actor} does not load: {error}"),
        }
    }

    /// All that is due, whenever that is.
    pub(super) async fn all_due(&self) -> Vec<Due> {
        let due = self.store.due(u64::MAX, None, usize::MAX).await;
        due.unwrap_or_else(|error| panic!("what is due cannot be listed: {error}"))
    }

    /// The offsets of all events of `actor`.
    pub(super) async fn all_events(&self, actor: &ActorId) -> Vec<u64> {
        let events = self.store.events(actor, 0, usize::MAX).await;
        let events = events.unwrap_or_else(|error| panic!("{actor} has no events: {error}"));
        events.into_iter().map(|(offset, _)| offset).collect()
    }

    pub(super) async fn close(self) {
        let closed = self.store.close().await;
        closed.unwrap_or_else(|error| panic!("the store does not close: {error}"));
    }
}

pub(super) fn stored_of(unit: &Unit) -> Stored {
    Stored {
        version: unit.version,
        tenure: unit.tenure,
        token: unit.token,
        written_at_ms: unit.written_at_ms,
        log: unit.log,
        content: unit.content.clone(),
        rows: Vec::new(),
    }
}

/// A row with this value, and a due time where it is a reminder with one.
pub(super) fn row(key: RowKey, due_ms: Option<u64>, value: &str) -> Row {
    let value = Encoded { schema: 4, codec: 9, bytes: value.as_bytes().to_vec() };
    Row { key, value, due_ms }
}

/// Puts a row with this value.
pub(super) fn put(key: RowKey, value: &str) -> RowChange {
    RowChange::Put(row(key, None, value))
}

/// Puts a reminder.
pub(super) fn remind(name: &str, due_ms: u64) -> RowChange {
    RowChange::Put(row(reminder(name), Some(due_ms), &format!("{name} at {due_ms}")))
}

pub(super) fn outcome(key: &str) -> RowKey {
    RowKey::Outcome(key.into())
}

pub(super) fn reminder(name: &str) -> RowKey {
    RowKey::Reminder(name.into())
}

/// What is due of `actor`.
pub(super) fn due(actor: &ActorId, due_ms: u64, name: &str) -> Due {
    let type_name = actor.actor_type.as_str().into();
    Due { due_ms, type_name, key: actor.key.clone(), reminder: name.into() }
}

/// The content that is a state of these bytes.
pub(super) fn state(bytes: Vec<u8>) -> Content {
    Content::State(Encoded { schema: 3, codec: 7, bytes })
}

pub(super) fn actor(type_name: &'static str, key: &str) -> ActorId {
    ActorId {
        actor_type: ActorTypeName::new(type_name).expect("the suite's names follow the rule"),
        key: Key::new(key).expect("the suite's keys follow the rule"),
    }
}

pub(super) fn assert_fenced(outcome: &UnitOutcome, why: &str) {
    assert!(matches!(outcome, UnitOutcome::Fenced { .. }), "{why}: {outcome:?}");
}
