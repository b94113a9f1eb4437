use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tenure_types::FeedName;

use crate::runtime::Runtime;

/// How often a node of a cluster asks the store whether others appended to feeds that somebody waits
/// for here: one small statement, whatever the number of readers.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

impl Runtime {
    /// In a cluster, sees to it that somebody looks for what other nodes append, as long as anybody
    /// waits here. What this node appends wakes who waits by itself.
    pub(super) fn look_for_others(&self) {
        if self.cluster.is_none() || !self.polls.begin_look() {
            return;
        }
        self.tasks.spawn("feed-look", Box::pin(Self::look(Arc::downgrade(&self.share()))));
    }

    async fn look(weak: Weak<Self>) {
        let mut seen = BTreeMap::new();
        loop {
            let Some(runtime) = weak.upgrade() else { return };
            let Some(feeds) = runtime.polls.looked_for() else { return };
            runtime.look_at(feeds, &mut seen).await;
            let sleep = runtime.tasks.sleep_until(runtime.clock.now() + LOOK_PERIOD);
            drop(runtime);
            sleep.await;
        }
    }

    /// Wakes who waits for a feed whose end is not what was seen before. At the first look that is
    /// everybody: what came after their read and before the look is told by nothing else.
    async fn look_at(self: &Arc<Self>, feeds: Vec<FeedName>, seen: &mut BTreeMap<FeedName, u64>) {
        // While the store is away readers wait as long as they want.
        let Ok(ends) = self.store.feed_ends(&feeds).await else { return };
        // Nothing leaves without a lease, its own late entries among them: looked at again after it.
        if !self.may_release() {
            return;
        }
        let before = std::mem::take(seen);
        for (feed, end) in feeds.into_iter().zip(ends) {
            if before.get(&feed) != Some(&end) {
                self.polls.wake(&feed);
            }
            seen.insert(feed, end);
        }
    }
}
