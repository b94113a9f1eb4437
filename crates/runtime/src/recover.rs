//! After the store failed: open it again, under a new incarnation.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tenure_observe::Condition;
use tenure_store::StoreError;
use tenure_types::Incarnation;

use crate::runtime::Runtime;

const REOPEN_AFTER: Duration = Duration::from_millis(100);
const REOPEN_AFTER_MAX: Duration = Duration::from_secs(5);

impl Runtime {
    /// Whether durable types can be served.
    pub(crate) fn is_store_available(&self) -> bool {
        self.store_available.load(Ordering::Acquire)
    }

    /// The store has fenced `incarnation`: refuse durable calls until it is open again. One from
    /// before the last opening says nothing new.
    pub(crate) fn store_lost(self: &Arc<Self>, incarnation: Incarnation, reason: &str) {
        if incarnation < self.incarnation()
            || self.is_stopped()
            || !self.store_available.swap(false, Ordering::AcqRel)
        {
            return;
        }
        tracing::error!(reason, "the store failed; opening it again");
        self.meters.store_available.set(0);
        self.health.report(Condition::Store, reason);
        if let Some(cluster) = &self.cluster {
            cluster.seat().store_lost(reason);
        }
        self.tasks.spawn("store-recovery", Box::pin(Arc::clone(self).reopen()));
    }

    /// Hears it when somebody else has fenced `incarnation`, before a unit meets the fence.
    pub(crate) fn watch_fence(self: &Arc<Self>, incarnation: Incarnation) {
        let Some(superseded) = self.store.superseded() else { return };
        let runtime = Arc::downgrade(self);
        let watch = async move {
            let reason = superseded.await;
            if let Some(runtime) = runtime.upgrade() {
                runtime.store_lost(incarnation, &reason);
            }
        };
        self.tasks.spawn("store-fence", Box::pin(watch));
    }

    /// Alone a node takes the store under a new incarnation, in a cluster it has the one it joined as.
    async fn open_again(&self) -> Result<Incarnation, StoreError> {
        if self.cluster.is_none() {
            return self.store.open().await;
        }
        let incarnation = self.incarnation();
        self.store.join(incarnation).await.map(|()| incarnation)
    }

    /// Nothing once the node has stopped. Whoever stops it sees that the store is being opened, or this sees the stop.
    async fn open_unless_stopped(&self) -> Option<Result<Incarnation, StoreError>> {
        self.opening.store(true, Ordering::SeqCst);
        let opened = match self.is_stopped() {
            true => None,
            false => Some(self.open_again().await),
        };
        let opened = match opened {
            Some(Ok(_)) if self.is_stopped() => {
                // This took longer than the stop had time for, which has closed the store before.
                if let Err(error) = self.store.close().await {
                    tracing::warn!(%error, "the store was not closed in order");
                }
                None
            }
            opened => opened,
        };
        self.opening.store(false, Ordering::SeqCst);
        opened
    }

    async fn reopen(self: Arc<Self>) {
        let mut pause = REOPEN_AFTER;
        while let Some(opened) = self.open_unless_stopped().await {
            match opened {
                Ok(incarnation) => {
                    self.incarnation.store(incarnation.0, Ordering::Release);
                    self.store_available.store(true, Ordering::Release);
                    self.meters.store_available.set(1);
                    self.health.resolve(Condition::Store);
                    // A unit that was answered as lost may be found now, with its entries.
                    self.polls.wake_all();
                    self.watch_fence(incarnation);
                    tracing::info!(%incarnation, "the store is open again");
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, ?pause, "the store cannot be opened yet");
                    self.health.report(Condition::Store, error.to_string());
                }
            }
            // Up to a quarter more, so that nodes on one store do not come in step.
            let jitter = self.entropy.next_u64() % (pause.as_millis() as u64 / 4 + 1);
            let until = self.clock.now() + pause + Duration::from_millis(jitter);
            self.tasks.sleep_until(until).await;
            pause = (pause * 2).min(REOPEN_AFTER_MAX);
        }
    }
}
