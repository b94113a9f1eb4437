//! Questions to other nodes for what actors there have published.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tenure_actor::{EventPage, Ticket};

/// The most questions on their way at a time; later ones are told so.
const READS_MAX: usize = 4_096;

/// Questions to other nodes that are not answered.
#[derive(Default)]
pub(crate) struct Reads {
    waiting: Mutex<BTreeMap<u64, Arc<Asked>>>,
    numbers: AtomicU64,
}

/// A question, and its answer once that came.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) page: Mutex<Option<EventPage>>,
    pub(super) came: Ticket,
}

impl Reads {
    /// An answer came; `None` where the actor cannot be read there.
    pub(super) fn came(&self, number: u64, page: Option<EventPage>) {
        if let Some(asked) = self.waiting.lock().remove(&number) {
            *asked.page.lock() = page;
            asked.came.settle(Ok(()));
        }
    }

    /// A new question; `None` past the bound.
    pub(super) fn ask(&self) -> Option<(u64, Arc<Asked>)> {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= READS_MAX {
            return None;
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let asked = Arc::<Asked>::default();
        waiting.insert(number, Arc::clone(&asked));
        Some((number, asked))
    }
}

/// A question on its way; nobody waits for its answer once this is dropped.
pub(super) struct Asking<'a>(pub(super) &'a Reads, pub(super) u64);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.waiting.lock().remove(&self.1);
    }
}
