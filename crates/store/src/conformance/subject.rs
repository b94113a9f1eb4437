use std::sync::Arc;

use tenure_types::{ActorId, ActorTypeName, Incarnation, Key, Tenure, Token, Version};

use super::submitted::submit;
use crate::{Store, StoreError, Stored, Unit, UnitOutcome};

/// An engine under test, with data of its own.
pub trait Subject: Send + Sync {
    /// An engine over this subject's data. Called again after the engine before was closed or
    /// dropped, as a node that restarts would.
    fn store(&self) -> Arc<dyn Store>;

    /// Changes a byte of what is stored of `actor`. Called while no engine is open; the change
    /// must be one that [`crate::row`] can notice.
    fn damage(&self, actor: &ActorId);
}

/// A store that is open, and the units of its incarnation.
pub(super) struct Open {
    pub(super) store: Arc<dyn Store>,
    pub(super) incarnation: Incarnation,
}

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
            schema: 3,
            codec: 7,
            written_at_ms: 1_700_000_000_000 + sequence,
            body: format!("{actor} at {}", expected + 1).into_bytes(),
        }
    }

    pub(super) async fn submit(&self, unit: Unit) -> UnitOutcome {
        submit(&*self.store, Arc::new(unit)).await
    }

    /// Commits `unit`, which must succeed.
    pub(super) async fn commit(&self, unit: Unit) -> Stored {
        let stored = stored_of(&unit);
        let actor = unit.actor.clone();
        let outcome = self.submit(unit).await;
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
        schema: unit.schema,
        codec: unit.codec,
        written_at_ms: unit.written_at_ms,
        body: unit.body.clone(),
    }
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
