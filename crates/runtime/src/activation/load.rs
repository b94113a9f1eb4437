//! Making an activation live: one load however many callers wait, and a bound on all loads.

use std::sync::Arc;

use tenure_actor::State;
use tenure_store::{StoreError, Stored};
use tenure_types::{CallError, Outcome};

use super::gate::Admitted;
use super::{Activation, Hold, Owned};
use crate::runtime::Runtime;
use crate::turn::word::SEALED;

impl Runtime {
    /// Loads the actor whose activation is held, or queues the load. Every way out of it leaves
    /// the activation live or gone.
    pub(crate) fn begin_load(self: &Arc<Self>, hold: Hold<Owned>) {
        match self.loads.admit(hold) {
            Admitted::Now(hold) => self.spawn_load(hold),
            Admitted::Later => {}
            Admitted::Full(hold) => self.load_failed(
                hold,
                &CallError::Overloaded {
                    detail: "too many actors wait to be loaded".into(),
                    retry_after_ms: 100,
                    actor: false,
                },
            ),
        }
    }

    fn spawn_load(self: &Arc<Self>, hold: Hold<Owned>) {
        let runtime = Arc::clone(self);
        let incarnation = runtime.incarnation();
        let load = runtime.store.load(&hold.activation().id());
        self.tasks.spawn(
            "load",
            Box::pin(async move {
                let loaded = load.await;
                if let Err(StoreError::Unavailable { detail }) = &loaded {
                    // A node that only reads learns of a fence by this alone.
                    runtime.store_lost(incarnation, detail);
                }
                let rebuilt = match &loaded {
                    Ok(Some(stored)) => runtime.rebuild(hold.activation(), stored).await,
                    _ => Ok(None),
                };
                if let Some(next) = runtime.loads.over() {
                    runtime.spawn_load(next);
                }
                runtime.loaded(hold, loaded, rebuilt);
            }),
        );
    }

    fn loaded(
        self: &Arc<Self>,
        hold: Hold<Owned>,
        loaded: Result<Option<Stored>, StoreError>,
        rebuilt: Result<Option<Box<dyn State>>, CallError>,
    ) {
        let activation = Arc::clone(hold.activation());
        let opened = loaded
            .map_err(|error| load_error(&activation, &error))
            .and_then(|stored| self.open_record(&activation, stored, rebuilt?));
        match opened {
            Ok(state) => {
                self.greet(&activation);
                self.go_live(hold, state);
                self.run_mailbox(&activation);
            }
            Err(error) => self.load_failed(hold, &error),
        }
    }

    /// Puts the state in and lets turns start.
    pub(crate) fn go_live(&self, mut hold: Hold<Owned>, state: Box<dyn State>) {
        hold.activation().set_tenure(self.next_tenure_sequence());
        hold.activation().kind.meters.activated.increment();
        hold.replace(Some(state));
        hold.release();
    }

    /// Answers all who wait with `error` and forgets the activation.
    pub(crate) fn load_failed(&self, hold: Hold<Owned>, error: &CallError) {
        let activation = Arc::clone(hold.activation());
        // Sealed under the cold lock: whoever would have queued later looks the actor up again.
        let calls = activation.with_cold(|cold| {
            activation.word.set(SEALED);
            cold.mailbox.take_all()
        });
        self.catalog.remove(&activation);
        hold.release();
        for call in calls {
            self.meters.queued.add(-1);
            activation.kind.count_error(error.code());
            call.settle(Err(error.clone()));
        }
    }

    /// Starts over with who waits: a new state for volatile types, another load for durable ones.
    pub(crate) fn restart(self: &Arc<Self>, hold: Hold<Owned>) {
        let activation = Arc::clone(hold.activation());
        if !activation.kind.stored {
            match self.open_record(&activation, None, None) {
                Ok(state) => {
                    self.greet(&activation);
                    self.go_live(hold, state);
                    self.hand_over(&activation);
                }
                Err(error) => self.load_failed(hold, &error),
            }
        } else {
            self.begin_load(hold);
        }
    }
}

pub(super) fn load_error(activation: &Activation, error: &StoreError) -> CallError {
    tracing::warn!(actor = %activation.id(), %error, "an actor cannot be loaded");
    let detail: Box<str> = format!("{} cannot be loaded: {error}", activation.id()).into();
    match error {
        StoreError::Newer { .. } => CallError::Incompatible { detail },
        _ => CallError::Storage { detail, outcome: Outcome::NotExecuted },
    }
}
