//! Everything that was acknowledged and is not durable: when it is to be flushed, and how old it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tenure_types::Instant;

use crate::activation::Activation;
use crate::sync::Mutex;

/// How long until a flush that met a running turn is tried again.
pub(super) const AGAIN_AFTER: Duration = Duration::from_millis(5);
/// How many activations are flushed before other tasks run.
pub(super) const FLUSHES_MAX: usize = 64;

/// The list of activations with turns that are written behind and not durable.
#[derive(Default)]
pub(crate) struct Behind {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: BTreeMap<u64, Entry>,
    by_due: BTreeSet<(Instant, u64)>,
    by_age: BTreeSet<(Instant, u64)>,
    /// Of all entries.
    bytes: usize,
    next: u64,
    driver: Option<Waker>,
}

struct Entry {
    activation: Arc<Activation>,
    since: Instant,
    bytes: usize,
    /// When it is to be flushed; `None` once it was encoded.
    due: Option<Instant>,
}

/// What is unsaved on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsaved {
    /// How many commits of actors are outstanding.
    pub actors: usize,
    /// The age of the oldest acknowledged turn that is not durable.
    pub age: Duration,
    /// Bytes of their states when they were encoded last.
    pub bytes: usize,
}

impl Behind {
    /// Notes that a turn of `activation` ended at `since`, to be flushed at `due`.
    pub(crate) fn note(
        &self,
        activation: &Arc<Activation>,
        since: Instant,
        due: Instant,
        bytes: usize,
    ) -> u64 {
        let mut inner = self.inner.lock();
        let id = inner.next;
        inner.next += 1;
        let activation = Arc::clone(activation);
        inner.entries.insert(id, Entry { activation, since, bytes, due: Some(due) });
        inner.by_due.insert((due, id));
        inner.by_age.insert((since, id));
        inner.bytes += bytes;
        let is_first = inner.by_due.first() == Some(&(due, id));
        let driver = if is_first { inner.driver.take() } else { None };
        drop(inner);
        if let Some(driver) = driver {
            driver.wake();
        }
        id
    }

    /// The entry was encoded: it is on its way.
    pub(crate) fn fly(&self, id: u64) {
        let mut inner = self.inner.lock();
        let due = inner.entries.get_mut(&id).and_then(|entry| entry.due.take());
        if let Some(due) = due {
            inner.by_due.remove(&(due, id));
        }
    }

    /// The entry is durable, or lost.
    pub(crate) fn gone(&self, id: u64) {
        let mut inner = self.inner.lock();
        let entry = inner.entries.remove(&id);
        if let Some(entry) = &entry {
            inner.by_age.remove(&(entry.since, id));
            inner.bytes -= entry.bytes;
            if let Some(due) = entry.due {
                inner.by_due.remove(&(due, id));
            }
        }
        drop(inner);
        // The last handle on an activation may drop the user's state: not under the lock.
        drop(entry);
    }

    /// Lets everything be flushed now.
    pub(crate) fn hurry(&self) {
        let mut inner = self.inner.lock();
        let start = Instant::from_nanos(0);
        let ids: Vec<u64> = inner.by_due.iter().map(|(_, id)| *id).collect();
        inner.by_due = ids.iter().map(|id| (start, *id)).collect();
        for id in ids {
            if let Some(entry) = inner.entries.get_mut(&id) {
                entry.due = Some(start);
            }
        }
        let driver = inner.driver.take();
        drop(inner);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Lets what one activation wrote behind be flushed now.
    pub(crate) fn hurry_one(&self, activation: &Arc<Activation>) {
        let Some(id) = activation.with_cold(|cold| cold.dirty.as_ref().map(|dirty| dirty.entry))
        else {
            return;
        };
        let start = Instant::from_nanos(0);
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        let Some(entry) = inner.entries.get_mut(&id) else { return };
        let Some(due) = entry.due else { return };
        entry.due = Some(start);
        inner.by_due.remove(&(due, id));
        inner.by_due.insert((start, id));
        let driver = inner.driver.take();
        drop(guard);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// What is unsaved at `now`.
    pub(crate) fn unsaved(&self, now: Instant) -> Unsaved {
        let inner = self.inner.lock();
        let oldest = inner.by_age.first();
        Unsaved {
            actors: inner.entries.len(),
            age: oldest.map_or(Duration::ZERO, |(since, _)| now.saturating_since(*since)),
            bytes: inner.bytes,
        }
    }

    /// Takes what is due, each entry to be looked at again soon unless it is encoded meanwhile.
    pub(super) fn take_due(
        &self,
        now: Instant,
        driver: &Waker,
    ) -> (Vec<Arc<Activation>>, Option<Instant>) {
        let mut inner = self.inner.lock();
        let due: Vec<(Instant, u64)> = inner
            .by_due
            .iter()
            .take_while(|(at, _)| *at <= now)
            .take(FLUSHES_MAX)
            .copied()
            .collect();
        let mut activations = Vec::with_capacity(due.len());
        for (at, id) in due {
            inner.by_due.remove(&(at, id));
            let again = now + AGAIN_AFTER;
            if let Some(entry) = inner.entries.get_mut(&id) {
                entry.due = Some(again);
                activations.push(Arc::clone(&entry.activation));
                inner.by_due.insert((again, id));
            }
        }
        inner.driver = Some(driver.clone());
        (activations, inner.by_due.first().map(|(at, _)| *at))
    }
}
