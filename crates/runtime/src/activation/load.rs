//! Making an activation live: one load however many callers wait, and a bound on all loads.

use std::sync::Arc;

use tenure_actor::State;
use tenure_store::{Content, Encoded, StoreError, Stored};
use tenure_types::{CallError, Outcome};

use super::gate::Admitted;
use super::window::WINDOW_EVENTS_MAX;
use super::{Activation, Hold, Owned};
use crate::cluster::LostBy;
use crate::runtime::Runtime;
use crate::turn::word::SEALED;

/// The events that an earlier activation has stored for clients who resume.
type StoredWindow = Vec<(u64, Encoded)>;

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
                let (rebuilt, window) = match &loaded {
                    Ok(Some(stored)) => (
                        runtime.rebuild(hold.activation(), stored).await,
                        runtime.stored_window(hold.activation(), stored).await,
                    ),
                    _ => (Ok(None), Vec::new()),
                };
                if let Some(next) = runtime.loads.over() {
                    runtime.spawn_load(next);
                }
                runtime.loaded(hold, loaded, rebuilt, window);
            }),
        );
    }

    fn loaded(
        self: &Arc<Self>,
        hold: Hold<Owned>,
        loaded: Result<Option<Stored>, StoreError>,
        rebuilt: Result<Option<Box<dyn State>>, CallError>,
        window: StoredWindow,
    ) {
        let activation = Arc::clone(hold.activation());
        if self.is_discarded() {
            return self.load_failed(hold, &Self::stopped_error());
        }
        if let Ok(Some(stored)) = &loaded
            && let Err(error) = self.check_tenure(&activation, stored.tenure)
        {
            self.tell_unloaded(&activation, LostBy::Conflict);
            return self.load_failed(hold, &error);
        }
        let opened = loaded
            .map_err(|error| load_error(&activation, &error))
            .and_then(|stored| self.open_record(&activation, stored, rebuilt?));
        match opened {
            Ok(state) => {
                self.keep_window(&activation, window);
                self.greet(&activation);
                self.go_live(hold, state);
                self.run_mailbox(&activation);
            }
            Err(error) => self.load_failed(hold, &error),
        }
    }

    /// The events that an activation which left in order has kept for clients who resume; none where
    /// they cannot be read, and clients are told so.
    async fn stored_window(&self, activation: &Activation, stored: &Stored) -> StoredWindow {
        let kind = &activation.kind;
        let log = stored.log;
        let is_deleted = matches!(stored.content, Content::Deleted { .. });
        if kind.durable || log.offset == 0 || log.open.is_some() || is_deleted {
            return Vec::new();
        }
        let after = log.offset.saturating_sub(WINDOW_EVENTS_MAX);
        let mut at = after;
        let mut window = StoredWindow::new();
        while at < log.offset {
            match self.store.events(&activation.id(), at, WINDOW_EVENTS_MAX as usize).await {
                Ok(page) if !page.is_empty() => {
                    at = page.last().map_or(at, |(offset, _)| *offset);
                    window.extend(page);
                }
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(actor = %activation.id(), %error, "its last events cannot be read");
                    return Vec::new();
                }
            }
        }
        window
    }

    fn keep_window(&self, activation: &Activation, window: StoredWindow) {
        let Some((first, _)) = window.first() else { return };
        let (first, last, now) = (*first, activation.log().offset, self.clock.coarse());
        // Whatever is missing of it: who asks for that is told that it cannot go on.
        let is_whole = window.iter().zip(first..).all(|((offset, _), next)| *offset == next)
            && window.last().is_some_and(|(offset, _)| *offset == last);
        activation.with_kept(|kept| {
            kept.stored_window = Some((first, last));
            for (offset, event) in window.into_iter().filter(|_| is_whole) {
                kept.window.push(offset, now, event.bytes.into());
            }
        });
    }

    /// Puts the state in and lets turns start.
    pub(crate) fn go_live(&self, mut hold: Hold<Owned>, state: Box<dyn State>) {
        let granted = self
            .cluster
            .as_ref()
            .and_then(|_| hold.activation().with_cold(|cold| cold.granted.take()));
        hold.activation().set_right(granted.unwrap_or_else(|| self.next_tenure_sequence()));
        hold.activation().kind.meters.activated.increment();
        hold.replace(Some(state));
        hold.release();
    }

    /// Answers all who wait with `error` and forgets the activation.
    pub(crate) fn load_failed(&self, hold: Hold<Owned>, error: &CallError) {
        let activation = Arc::clone(hold.activation());
        self.tell_unloaded(&activation, LostBy::Load);
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
        StoreError::Newer { .. } => {
            CallError::Incompatible { detail, outcome: Outcome::NotExecuted }
        }
        StoreError::Corrupt { .. } => CallError::Damaged { detail, outcome: Outcome::NotExecuted },
        _ => CallError::Storage { detail, outcome: Outcome::NotExecuted },
    }
}
