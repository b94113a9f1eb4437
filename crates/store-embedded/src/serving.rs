//! What submits and loads use between `open` and the end of its incarnation.

use std::io::Write;
use std::sync::Arc;

use parking_lot::RwLock;
use tenure_store::{Content, Due, FeedError, FeedFrom, Fences, StoreError, Stored};
use tenure_types::{ActorId, FeedName};

use crate::EmbeddedConfig;
use crate::backup::{self, Backup};
use crate::commit::{CommitQueue, Head, Heads};
use crate::load::{DirectLoads, DueFloor, LoadQueue, Page};
use crate::rows::Rows;
use crate::view::View;
use crate::walk::TreeWalk;

/// One run of the engine: from where the folder is opened to where nobody uses it any more. It stays
/// after its end, to say why.
pub(crate) struct Serving {
    /// Who may read and commit.
    pub(crate) fences: Arc<RwLock<Fences>>,
    pub(crate) queue: CommitQueue,
    pub(crate) loads: LoadQueue,
    direct_loads: DirectLoads,
    pub(crate) heads: Arc<Heads>,
    pub(crate) due_floor: Arc<DueFloor>,
    /// Tells this store's cursors from those of others.
    feed_store: u64,
    /// The tree for loads; `None` when the run has ended.
    rows: RwLock<Option<Rows>>,
}

impl Serving {
    pub(crate) fn new(
        config: &EmbeddedConfig,
        fences: Arc<RwLock<Fences>>,
        feed_store: u64,
        rows: Rows,
    ) -> Self {
        Self {
            fences,
            queue: CommitQueue::new(),
            loads: LoadQueue::new(),
            direct_loads: DirectLoads::new(config.direct_loads_max),
            heads: Arc::new(Heads::new()),
            due_floor: Arc::default(),
            feed_store,
            rows: RwLock::new(Some(rows)),
        }
    }

    /// Reads `actor` on the calling thread, unless the pool should.
    pub(crate) fn read_now(&self, actor: &ActorId) -> Option<Result<Option<Stored>, StoreError>> {
        self.direct_loads.run(|| self.read(actor))
    }

    /// Reads `actor` on the calling thread.
    pub(crate) fn read(&self, actor: &ActorId) -> Result<Option<Stored>, StoreError> {
        let rows = self.rows.read();
        let Some(rows) = &*rows else { return Err(self.unavailable()) };
        let began = self.heads.begin_load(actor);
        let (stored, head) = match rows.load(actor)? {
            Some((stored, beside)) => {
                let (version, token) = (stored.version, stored.token);
                (Some(stored), Head { version, token, beside })
            }
            None => (None, Head::default()),
        };
        let is_deleted = |stored: &Stored| matches!(stored.content, Content::Deleted { .. });
        if !stored.as_ref().is_some_and(is_deleted) {
            self.heads.fill(actor, began, head);
        }
        Ok(stored)
    }

    /// Reads rows as they are now on the calling thread.
    pub(crate) fn view<T>(
        &self,
        read: impl FnOnce(&View) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let rows = self.rows.read();
        let Some(rows) = &*rows else { return Err(self.unavailable()) };
        read(&rows.view())
    }

    /// Begins to read all that actors are now.
    pub(crate) fn walk(&self) -> Result<TreeWalk, StoreError> {
        self.view(TreeWalk::new)
    }

    /// Copies everything that is stored now to `out`, on the calling thread. Commits and loads go on.
    pub(crate) fn back_up(&self, out: &mut dyn Write) -> Result<Backup, StoreError> {
        let (view, last) = {
            let rows = self.rows.read();
            let Some(rows) = &*rows else { return Err(self.unavailable()) };
            let view = rows.view();
            let last = (view.last_batch()?, self.fences.read().highest());
            (view, last)
        };
        backup::write(&view, last, &self.queue, out)
    }

    /// Reads what is due on the calling thread.
    pub(crate) fn due(
        &self,
        until_ms: u64,
        after: Option<&Due>,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError> {
        let reader = self.due_floor.begin();
        let found = self.view(|view| view.due(reader.floor_ms(), until_ms, after, limit))?;
        if after.is_none() && limit > 0 {
            let first_ms = found.first().map(|due| due.due_ms);
            reader.raise(first_ms.unwrap_or(until_ms.saturating_add(1)));
        }
        Ok(found)
    }

    /// Reads a page of a feed on the calling thread.
    pub(crate) fn read_feed(
        &self,
        feed: &FeedName,
        from: &FeedFrom,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let place = (self.feed_store, feed);
        // Before the view: who is over by now has everything in it.
        let fences = self.fences.read().clone();
        match self.view(|view| Ok(view.read_feed(place, &fences, from, limit)))? {
            Err(FeedError::Store(error)) => Err(error),
            page => Ok(page),
        }
    }

    /// Ends loads: waits for those that are reading and lets go of the tree.
    pub(crate) fn end_loads(&self) {
        self.loads.close();
        drop(self.rows.write().take());
    }

    pub(crate) fn unavailable(&self) -> StoreError {
        let refusal = self.queue.refusal();
        let reason = refusal.as_ref().map_or("it is being opened again", |r| r.reason());
        StoreError::Unavailable { detail: reason.into() }
    }
}
