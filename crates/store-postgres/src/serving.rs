use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use parking_lot::Mutex;
use tenure_store::{Content, StoreError, Unit, UnitOutcome};
use tenure_types::Incarnation;

use crate::failure::unavailable;
use crate::link::Link;
use crate::loads::Loads;
use crate::queue::{Queue, Refusal};

/// One opening of the store.
pub(crate) struct Serving {
    /// What this opening commits as; where it only reads, the highest there was.
    pub(crate) incarnation: Incarnation,
    /// Whether it only reads.
    pub(crate) is_reading: bool,
    /// Whether others commit beside it.
    pub(crate) is_joined: bool,
    /// Tells the cursors of this store from those of others.
    pub(crate) store: u64,
    pub(crate) queue: Queue,
    pub(crate) loads: Arc<Loads>,
    pub(crate) reads: Link,
    /// The feeds in which the incarnation has a stripe.
    stripes: Mutex<HashSet<Box<str>, RandomState>>,
    /// The latest time that a unit told.
    pub(crate) now_ms: AtomicU64,
    /// Whether an actor was deleted, so that there is something to sweep.
    pub(crate) has_deleted: AtomicBool,
}

impl Serving {
    pub(crate) fn new(
        (store, incarnation): (u64, Incarnation),
        (is_reading, is_joined): (bool, bool),
        reads: Link,
    ) -> Self {
        Self {
            incarnation,
            is_reading,
            is_joined,
            store,
            queue: Queue::default(),
            loads: Arc::default(),
            reads,
            stripes: Mutex::default(),
            now_ms: AtomicU64::new(0),
            has_deleted: AtomicBool::new(true),
        }
    }

    /// Takes nothing any more.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        let error = unavailable(refusal.reason());
        self.queue.refuse(refusal);
        self.loads.refuse(&error);
    }

    /// What who reads is told once nothing is taken any more.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where that is so.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.queue.refusal().map_or(Ok(()), |refusal| Err(unavailable(refusal.reason())))
    }

    /// Learns from a batch: that the incarnation is fenced, what time it is, what there is to sweep.
    pub(crate) fn note(&self, units: &[&Unit], outcomes: &[UnitOutcome]) {
        if let Some(refusal) = Refusal::met_by(outcomes) {
            self.refuse(refusal);
        }
        let now_ms = units.iter().map(|unit| unit.written_at_ms).max().unwrap_or(0);
        self.now_ms.fetch_max(now_ms, Ordering::Relaxed);
        if units.iter().any(|unit| matches!(unit.content, Content::Deleted { .. })) {
            self.has_deleted.store(true, Ordering::Relaxed);
        }
    }

    /// The feeds that this unit appends to in which the incarnation has not opened a stripe yet.
    pub(crate) fn unopened<'a>(&self, unit: &'a Unit) -> BTreeSet<&'a str> {
        let stripes = self.stripes.lock();
        let feeds = unit.entries.iter().map(|entry| entry.feed.as_str());
        feeds.filter(|feed| !stripes.contains(*feed)).collect()
    }

    /// Notes that it has opened them.
    pub(crate) fn opened(&self, feeds: &BTreeSet<&str>) {
        self.stripes.lock().extend(feeds.iter().map(|feed| Box::from(*feed)));
    }
}
