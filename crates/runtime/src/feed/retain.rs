use std::future::poll_fn;
use std::sync::Weak;
use std::task::Poll;
use std::time::Duration;

use tenure_actor::WaitSlot;
use tenure_store::{FeedKeep, StoreError};
use tenure_types::FeedName;

use crate::runtime::Runtime;

/// How often feeds are looked at for what need not be kept.
const LOOK_PERIOD: Duration = Duration::from_secs(60);
/// The most trims of one feed at a look, so that one feed does not keep all others waiting.
const TRIMS_MAX: usize = 1_000;

impl Runtime {
    /// Removes what need not be kept of feeds, until the runtime has stopped.
    pub(crate) async fn mind_feeds(weak: Weak<Self>) {
        loop {
            let Some(runtime) = weak.upgrade().filter(|it| !it.is_stopped()) else { return };
            let until = runtime.clock.now() + LOOK_PERIOD;
            let (mut sleep, ended) = (runtime.tasks.sleep_until(until), runtime.ended.clone());
            drop(runtime);
            let mut slot = WaitSlot::default();
            poll_fn(|cx| match ended.poll(&mut slot, cx) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending => sleep.as_mut().poll(cx),
            })
            .await;
            let Some(runtime) = weak.upgrade().filter(|it| !it.is_stopped()) else { return };
            if let Err(error) = runtime.trim_feeds().await {
                tracing::warn!(%error, "feeds could not be looked at for what need not be kept");
            }
        }
    }

    /// Whether this node removes what need not be kept of a feed. In a cluster one does; where two do
    /// for a moment, what one has removed is not there for the other.
    fn keeps_feed(&self, feed: &FeedName) -> bool {
        self.cluster.as_ref().is_none_or(|cluster| cluster.seat().keeps_feed(feed))
    }

    async fn trim_feeds(&self) -> Result<(), StoreError> {
        let age_ms = u64::try_from(self.config.feed_retention_age.as_millis()).unwrap_or(u64::MAX);
        let keep = FeedKeep {
            since_ms: self.clock.unix_ms().saturating_sub(age_ms),
            bytes_max: self.config.feed_retention_bytes,
        };
        for info in self.store.feeds().await? {
            if !self.keeps_feed(&info.name) {
                continue;
            }
            let is_old = info.oldest_ms.is_some_and(|oldest_ms| oldest_ms < keep.since_ms);
            let is_old = is_old || info.error.is_some();
            if !is_old && info.bytes <= keep.bytes_max {
                continue;
            }
            for _ in 0..TRIMS_MAX {
                match self.store.trim_feed(&info.name, keep).await {
                    Ok(trimmed) if trimmed.has_more && !self.is_stopped() => {}
                    Ok(_) => break,
                    Err(error) => {
                        tracing::warn!(feed = %info.name, %error, "a feed could not be trimmed");
                        break;
                    }
                }
            }
        }
        for info in self.store.feeds().await? {
            self.feed_meters.note(&info, &self.clock);
        }
        Ok(())
    }
}
