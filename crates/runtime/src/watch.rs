//! Who is told what actors publish.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tenure_actor::{EventBytes, Target, WatchId, Watcher};
use tenure_types::Key;

use crate::activation::Activation;
use crate::sync::Mutex;

/// Parts of the table, each with a lock of its own.
const PARTS: usize = 64;

type Watched = BTreeMap<(u64, u32, Key), Vec<(WatchId, Arc<dyn Watcher>)>>;

/// The watchers of a node, by actor.
pub(crate) struct Watches {
    parts: Box<[Mutex<Watched>]>,
    len: AtomicUsize,
    next: AtomicU64,
}

impl Default for Watches {
    fn default() -> Self {
        let parts = (0..PARTS).map(|_| Mutex::default()).collect();
        Self { parts, len: AtomicUsize::new(0), next: AtomicU64::new(1) }
    }
}

impl Watches {
    fn part(&self, hash: u64) -> &Mutex<Watched> {
        // The low bits choose the part of the catalog; these are as good.
        &self.parts[(hash >> 32) as usize % PARTS]
    }

    pub(crate) fn add(&self, target: &Target, watcher: Arc<dyn Watcher>) -> WatchId {
        let id = WatchId(self.next.fetch_add(1, Ordering::Relaxed));
        let key = (target.hash, target.slot, target.key.clone());
        self.part(target.hash).lock().entry(key).or_default().push((id, watcher));
        self.len.fetch_add(1, Ordering::Release);
        id
    }

    pub(crate) fn remove(&self, target: &Target, id: WatchId) {
        let key = (target.hash, target.slot, target.key.clone());
        let mut part = self.part(target.hash).lock();
        let Some(watchers) = part.get_mut(&key) else { return };
        let Some(index) = watchers.iter().position(|(it, _)| *it == id) else { return };
        let gone = watchers.swap_remove(index);
        if watchers.is_empty() {
            part.remove(&key);
        }
        drop(part);
        self.len.fetch_sub(1, Ordering::Release);
        // Its destructor is not this table's.
        drop(gone);
    }

    /// Tells whoever watches the actor.
    pub(crate) fn tell<'a>(
        &self,
        activation: &Activation,
        epoch: u64,
        events: impl IntoIterator<Item = (u64, Shared<'a>)>,
    ) {
        if self.len.load(Ordering::Acquire) == 0 {
            return;
        }
        let key = (activation.hash, activation.kind.actor_type.slot, activation.key.clone());
        let watchers: Vec<_> = match self.part(activation.hash).lock().get(&key) {
            Some(watchers) => watchers.iter().map(|(_, watcher)| Arc::clone(watcher)).collect(),
            None => return,
        };
        for (offset, event) in events {
            let event = event.share();
            watchers.iter().for_each(|watcher| watcher.published(epoch, offset, &event));
        }
    }
}

/// The bytes of an event, which are shared only if somebody wants them.
pub(crate) enum Shared<'a> {
    Already(EventBytes),
    Bytes(&'a [u8]),
}

impl Shared<'_> {
    fn share(self) -> EventBytes {
        match self {
            Self::Already(event) => event,
            Self::Bytes(bytes) => bytes.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Deaf;

    impl Watcher for Deaf {
        fn published(&self, _: u64, _: u64, _: &EventBytes) {}

        fn missed(&self) {}
    }

    fn target(key: &str, hash: u64) -> Target {
        Target { slot: 0, hash, type_name: "a", key: Key::new(key).expect("a good key") }
    }

    #[test]
    fn who_has_left_leaves_nothing_behind() {
        let watches = Watches::default();
        let kept = || watches.parts.iter().map(|part| part.lock().len()).sum::<usize>();
        let len = || watches.len.load(Ordering::Acquire);
        // Actors whose hashes are equal have watchers of their own.
        let (a, b) = (target("a", 7), target("b", 7));
        let deaf = Arc::new(Deaf);
        let add = |target| watches.add(target, Arc::clone(&deaf) as _);
        let ids = [add(&a), add(&a), add(&b)];
        assert_eq!((len(), kept(), Arc::strong_count(&deaf)), (3, 2, 4));
        watches.remove(&b, ids[0]);
        assert_eq!(len(), 3, "it watches another");
        watches.remove(&a, ids[0]);
        watches.remove(&a, ids[0]);
        assert_eq!((len(), kept(), Arc::strong_count(&deaf)), (2, 2, 3), "one has left, once");
        watches.remove(&a, ids[1]);
        watches.remove(&b, ids[2]);
        assert_eq!((len(), kept(), Arc::strong_count(&deaf)), (0, 0, 1));
    }
}
