//! What submits and loads use between `open` and the end of its incarnation.

use std::sync::Arc;

use parking_lot::RwLock;
use tenure_store::{StoreError, Stored};
use tenure_types::{ActorId, Incarnation, Token, Version};

use crate::EmbeddedConfig;
use crate::commit::{CommitQueue, Heads};
use crate::load::{DirectLoads, LoadQueue};
use crate::rows::Rows;

/// One incarnation of the engine. It stays after its end, to say why.
pub(crate) struct Serving {
    pub(crate) incarnation: Incarnation,
    pub(crate) queue: CommitQueue,
    pub(crate) loads: LoadQueue,
    direct_loads: DirectLoads,
    pub(crate) heads: Arc<Heads>,
    /// The tree for loads; `None` when the incarnation has ended.
    rows: RwLock<Option<Rows>>,
}

impl Serving {
    pub(crate) fn new(config: &EmbeddedConfig, incarnation: Incarnation, rows: Rows) -> Self {
        Self {
            incarnation,
            queue: CommitQueue::new(),
            loads: LoadQueue::new(),
            direct_loads: DirectLoads::new(config.direct_loads_max),
            heads: Arc::new(Heads::new()),
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
        let stored = rows.get(actor)?;
        let head =
            stored.as_ref().map_or((Version::NONE, Token::default()), |s| (s.version, s.token));
        self.heads.fill(actor, began, head);
        Ok(stored)
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
