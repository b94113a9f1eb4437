//! The suite that every engine passes.
//!
//! An engine implements [`Subject`] in its tests and calls [`run`]. Each case is a function of
//! its own, so that an engine can also run one alone while it is being built. A case panics with
//! a sentence that names the promise which was broken.
//!
//! The suite needs no particular async runtime: it only awaits what the engine gives it.

mod damage;
mod incarnations;
mod keys;
mod submitted;
mod units;

use std::sync::Arc;

use tenure_types::{ActorId, ActorTypeName, Incarnation, Key, Tenure, Token, Version};

pub use damage::damaged_rows_are_named;
pub use incarnations::{
    close_keeps_everything, closed_stores_refuse, fences_refuse, later_opens_fence_earlier_ones,
    opens_count_incarnations,
};
pub use keys::{strange_keys_are_apart, type_names_are_apart};
pub use submitted::{Submitted, submit};
pub use units::{
    bodies_of_every_size_are_kept, conflicts_tell_what_is_stored, many_actors_commit_together,
    resubmitted_units_are_recognised, units_replace_what_was_stored, versions_are_compared,
};

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

/// Runs every case, each on a new subject.
///
/// # Panics
/// If the engine breaks a promise.
pub async fn run<S: Subject>(make: impl Fn() -> S) {
    opens_count_incarnations(&make()).await;
    later_opens_fence_earlier_ones(&make()).await;
    fences_refuse(&make()).await;
    close_keeps_everything(&make()).await;
    closed_stores_refuse(&make()).await;
    units_replace_what_was_stored(&make()).await;
    versions_are_compared(&make()).await;
    conflicts_tell_what_is_stored(&make()).await;
    resubmitted_units_are_recognised(&make()).await;
    bodies_of_every_size_are_kept(&make()).await;
    many_actors_commit_together(&make()).await;
    strange_keys_are_apart(&make()).await;
    type_names_are_apart(&make()).await;
    damaged_rows_are_named(&make()).await;
}

/// A store that is open, and the units of its incarnation.
struct Open {
    store: Arc<dyn Store>,
    incarnation: Incarnation,
}

impl Open {
    async fn new(subject: &impl Subject) -> Self {
        Self::of(subject.store()).await
    }

    async fn of(store: Arc<dyn Store>) -> Self {
        let opened = store.open().await;
        let incarnation = opened.unwrap_or_else(|error| panic!("the store does not open: {error}"));
        Self { store, incarnation }
    }

    /// A unit that moves `actor` from `expected` to the next version. Its body names both.
    fn unit(&self, actor: &ActorId, expected: u64, sequence: u64) -> Unit {
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

    async fn submit(&self, unit: Unit) -> UnitOutcome {
        submit(&*self.store, Arc::new(unit)).await
    }

    /// Commits `unit`, which must succeed.
    async fn commit(&self, unit: Unit) -> Stored {
        let stored = stored_of(&unit);
        let actor = unit.actor.clone();
        let outcome = self.submit(unit).await;
        assert_eq!(outcome, UnitOutcome::Committed, "a good unit of {actor} is committed");
        stored
    }

    async fn load(&self, actor: &ActorId) -> Result<Option<Stored>, StoreError> {
        self.store.load(actor).await
    }

    async fn assert_stored(&self, actor: &ActorId, expected: Option<&Stored>, why: &str) {
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

    async fn close(self) {
        let closed = self.store.close().await;
        closed.unwrap_or_else(|error| panic!("the store does not close: {error}"));
    }
}

fn stored_of(unit: &Unit) -> Stored {
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

fn actor(type_name: &'static str, key: &str) -> ActorId {
    ActorId {
        actor_type: ActorTypeName::new(type_name).expect("the suite's names follow the rule"),
        key: Key::new(key).expect("the suite's keys follow the rule"),
    }
}

fn assert_fenced(outcome: &UnitOutcome, why: &str) {
    assert!(matches!(outcome, UnitOutcome::Fenced { .. }), "{why}: {outcome:?}");
}
