use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tenure_store::{FeedError, FeedFrom, FeedInfo, FeedPage, StoreError, Unit};
use tenure_types::FeedName;

use crate::runtime::Runtime;

/// Why a feed was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedReadError {
    /// As many as may read at a time already do. Nothing was read; try again a little later.
    #[error("{max} readers of feeds are served already, as many as may; try again a little later")]
    Overloaded {
        /// How many may read at a time, those that wait among them.
        max: usize,
    },
    /// The store refuses the cursor, or cannot be read.
    #[error(transparent)]
    Feed(#[from] FeedError),
}

impl Runtime {
    /// Reads a page of a feed, as [`Store::read_feed`](tenure_store::Store::read_feed) does; where
    /// there is nothing behind `from`, waits up to `wait` for the first entry and gives an empty page
    /// after that. Nobody waits behind [`FeedFrom::Latest`], nor once the node drains.
    ///
    /// # Errors
    /// [`FeedReadError`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn read_feed(
        &self,
        feed: &FeedName,
        from: FeedFrom,
        limit: usize,
        wait: Duration,
    ) -> Result<FeedPage, FeedReadError> {
        // Also who does not wait: pages take memory and threads that read.
        let max = self.config.feed_polls_max;
        let poller = self.polls.enter(feed).ok_or(FeedReadError::Overloaded { max })?;
        if wait.is_zero() || from == FeedFrom::Latest {
            return Ok(self.store.read_feed(feed, from, limit).await?);
        }
        let mut timer = self.tasks.sleep_until(self.clock.now() + wait);
        self.look_for_others();
        loop {
            let page = self.store.read_feed(feed, from.clone(), limit).await?;
            if !page.entries.is_empty() || self.polls.has_ended() {
                return Ok(page);
            }
            let is_over = poll_fn(|cx| match poller.poll(cx) {
                Poll::Ready(()) => Poll::Ready(false),
                Poll::Pending => timer.as_mut().poll(cx).map(|()| true),
            });
            if is_over.await {
                return Ok(page);
            }
        }
    }

    /// What is kept of each feed.
    ///
    /// # Errors
    /// As [`Store::feeds`](tenure_store::Store::feeds).
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn feeds(&self) -> Result<Vec<FeedInfo>, StoreError> {
        self.store.feeds().await
    }

    /// Lets nobody wait for entries of feeds any more: who does gets an empty page at once.
    pub fn end_feed_polls(&self) {
        self.polls.end();
    }

    /// What `unit` appended is durable. Runs on the engine's thread: it only wakes.
    pub(crate) fn appended(&self, unit: &Unit) {
        self.feed_meters.entries.add(unit.entries.len() as u64);
        let mut last = None;
        for entry in &unit.entries {
            if last.replace(&entry.feed) != Some(&entry.feed) {
                self.polls.wake(&entry.feed);
            }
        }
    }
}
