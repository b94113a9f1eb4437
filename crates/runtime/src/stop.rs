//! Stopping: what is in flight ends, what was acknowledged is durable, then the store closes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tenure_observe::Condition;
use tenure_store::StoreError;
use tenure_types::{CallError, Instant};

use crate::runtime::Runtime;

const LOOK_PERIOD: Duration = Duration::from_millis(5);

impl Runtime {
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Refuses new root calls with `Unavailable` from now on. Calls that turns make are served, so
    /// that what has begun can end.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.end_feed_polls();
        self.health.report(Condition::Draining, "the node is stopping");
    }

    /// Drains, waits until every turn has ended and everything is durable, and closes the store.
    /// Gives how many actors were still busy when `budget` had passed; their callers see an
    /// unknown outcome, and nothing that was acknowledged is lost.
    ///
    /// # Errors
    /// [`StoreError`] when the orderly stop could not be marked in the store.
    ///
    /// # Cancel safety
    /// May be called again.
    pub async fn stop(self: &Arc<Self>, budget: Duration) -> Result<usize, StoreError> {
        self.drain();
        self.say_farewell_to_all();
        self.behind.hurry();
        let until = self.clock.now() + budget;
        let busy = self.quiet_by(until).await;
        self.stopped.store(true, Ordering::SeqCst);
        self.ended.settle(Ok(()));
        // One that ends after this would take the store from whoever has opened it next.
        while self.opening.load(Ordering::SeqCst) && self.clock.now() < until {
            self.tasks.sleep_until(self.clock.now() + LOOK_PERIOD).await;
        }
        self.store.close().await?;
        Ok(busy)
    }

    /// Lets every activation that wants one have its last turn.
    fn say_farewell_to_all(self: &Arc<Self>) {
        for part in 0..self.catalog.parts() {
            let all = self.catalog.select(part, |it| {
                let kind = &it.kind;
                kind.actor_type.hooks.deactivate.is_some() || (kind.stored && !kind.durable)
            });
            for activation in &all {
                if self.say_farewell(activation) {
                    self.hand_over(activation);
                } else {
                    self.close_log(activation);
                }
            }
        }
    }

    async fn quiet_by(&self, until: Instant) -> usize {
        loop {
            let busy: usize = (0..self.catalog.parts())
                .map(|part| self.catalog.select(part, |it| !it.word.read().is_quiet()).len())
                .sum();
            if busy == 0 || self.clock.now() >= until {
                return busy;
            }
            self.tasks.sleep_until(self.clock.now() + LOOK_PERIOD).await;
        }
    }

    pub(crate) fn stopped_error() -> CallError {
        CallError::Unavailable { detail: "the node has stopped".into() }
    }
}
