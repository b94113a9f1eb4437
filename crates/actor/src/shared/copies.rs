use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tenure_types::{Instant, Key};

use super::slot::{AnySlot, Slot};

/// How many copies a node keeps; past it the one that was read longest ago leaves.
pub const SHARED_COPIES_MAX: usize = 1_024;

/// The number of an actor type, and a key.
pub(super) type At = (u32, Key);
type Slots = BTreeMap<At, Arc<dyn AnySlot>>;

/// A node's copies.
///
/// Reading takes no lock: the table is replaced, not changed, when a copy comes or leaves, which is rare.
#[derive(Default)]
pub struct SharedCopies {
    slots: ArcSwap<Slots>,
    changes: Mutex<()>,
}

impl SharedCopies {
    /// No copies yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many copies there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.load().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Runs `look` with the slot, if there is one.
    pub(super) fn with<T: Send + Sync + 'static, R>(
        &self,
        at: &At,
        look: impl FnOnce(&Slot<T>) -> R,
    ) -> Option<R> {
        self.slots.load().get(at).map(|slot| look(slot.of::<T>()))
    }

    /// The slot, and whether it was made now.
    pub(super) fn enter<T: Send + Sync + 'static>(
        &self,
        at: At,
        now: Instant,
    ) -> (Arc<Slot<T>>, bool) {
        let _changes = self.changes.lock();
        let mut slots = Slots::clone(&self.slots.load());
        if let Some(slot) = slots.get(&at) {
            return (Arc::clone(slot).into_of::<T>(), false);
        }
        if slots.len() >= SHARED_COPIES_MAX {
            let oldest = slots.iter().min_by_key(|(_, slot)| slot.read_at());
            if let Some(slot) = oldest.map(|(at, _)| at.clone()).and_then(|at| slots.remove(&at)) {
                slot.leave();
            }
        }
        let slot = Arc::new(Slot::<T>::new(now));
        slots.insert(at, Arc::clone(&slot) as Arc<dyn AnySlot>);
        self.slots.store(Arc::new(slots));
        (slot, true)
    }

    /// Takes this very slot out, if it is there still.
    pub(super) fn forget(&self, at: &At, slot: &Arc<dyn AnySlot>) {
        let _changes = self.changes.lock();
        let mut slots = Slots::clone(&self.slots.load());
        if slots.get(at).is_some_and(|it| Arc::ptr_eq(it, slot)) {
            slots.remove(at);
            self.slots.store(Arc::new(slots));
        }
    }
}

impl fmt::Debug for SharedCopies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCopies").field("len", &self.len()).finish_non_exhaustive()
    }
}
