//! The catalog: every activation of a node, found by type and key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use tenure_actor::Target;

use crate::activation::Activation;
use crate::sync::Mutex;

/// A power of two. With more shards than threads two threads seldom meet at one lock.
const SHARDS: usize = if cfg!(shuttle) { 2 } else { 128 };

/// Activations by type and key, in shards.
pub(crate) struct Catalog {
    shards: Box<[Shard]>,
    len: AtomicUsize,
    len_max: usize,
}

/// One cache line, so that neighbours' locks do not disturb each other.
#[repr(align(64))]
struct Shard(Mutex<HashTable<Arc<Activation>>>);

/// What a look-up found.
pub(crate) enum Found {
    /// The activation was there.
    There(Arc<Activation>),
    /// It was made and put in.
    Made(Arc<Activation>),
    /// There is none, and no room for one.
    Full,
}

impl Catalog {
    pub(crate) fn new(len_max: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Shard(Mutex::new(HashTable::new()))).collect();
        Self { shards, len: AtomicUsize::new(0), len_max }
    }

    /// The activation, if there is one.
    #[inline]
    pub(crate) fn find(&self, target: &Target) -> Option<Arc<Activation>> {
        let shard = self.shard(target.hash).lock();
        shard.find(target.hash, |activation| is(activation, target)).cloned()
    }

    /// The activation, or the one that `make` makes. `make` runs under the shard's lock, so that
    /// two callers never make two.
    pub(crate) fn find_or_make(
        &self,
        target: &Target,
        make: impl FnOnce() -> Arc<Activation>,
    ) -> Found {
        let mut shard = self.shard(target.hash).lock();
        let equal = |activation: &Arc<Activation>| is(activation, target);
        match shard.entry(target.hash, equal, |activation| activation.hash) {
            Entry::Occupied(entry) => Found::There(Arc::clone(entry.get())),
            Entry::Vacant(entry) => {
                if self.len.fetch_add(1, Ordering::Relaxed) >= self.len_max {
                    self.len.fetch_sub(1, Ordering::Relaxed);
                    return Found::Full;
                }
                let activation = make();
                activation.kind.meters.active.add(1);
                activation.kind.memory.add(activation.fixed_bytes() as i64);
                entry.insert(Arc::clone(&activation));
                Found::Made(activation)
            }
        }
    }

    /// Takes out this very activation; another one of the same actor stays.
    pub(crate) fn remove(&self, activation: &Arc<Activation>) {
        let mut shard = self.shard(activation.hash).lock();
        let found = shard.find_entry(activation.hash, |entry| Arc::ptr_eq(entry, activation));
        let removed = found.ok().map(|entry| entry.remove().0);
        drop(shard);
        if removed.is_some() {
            activation.kind.meters.active.add(-1);
            let bytes = activation.fixed_bytes() + activation.encoded_bytes();
            activation.kind.memory.add(-(bytes as i64));
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Shows at most `limit` activations of one part, those at its beginning. `look` runs under the
    /// part's lock.
    pub(crate) fn sample(&self, part: usize, limit: usize, look: impl FnMut(&Activation)) {
        let shard = self.shards[part].0.lock();
        shard.iter().take(limit).map(|activation| &**activation).for_each(look);
    }

    /// Shows every activation of one part. `look` runs under the part's lock.
    pub(crate) fn each(&self, part: usize, look: impl FnMut(&Arc<Activation>)) {
        self.shards[part].0.lock().iter().for_each(look);
    }

    /// How many activations there are.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// How many parts [`Catalog::select`] can be asked for.
    pub(crate) fn parts(&self) -> usize {
        self.shards.len()
    }

    /// The activations of one part that `wanted` picks. `wanted` runs under the part's lock.
    pub(crate) fn select(
        &self,
        part: usize,
        wanted: impl Fn(&Activation) -> bool,
    ) -> Vec<Arc<Activation>> {
        let shard = self.shards[part].0.lock();
        shard.iter().filter(|activation| wanted(activation)).cloned().collect()
    }

    fn shard(&self, hash: u64) -> &Mutex<HashTable<Arc<Activation>>> {
        // hashbrown takes a group from the low bits and a tag from the top seven: the bits between
        // are free to choose the shard.
        &self.shards[(hash >> 40) as usize % SHARDS].0
    }
}

#[inline]
fn is(activation: &Activation, target: &Target) -> bool {
    activation.hash == target.hash
        && activation.kind.actor_type.slot == target.slot
        && activation.key == target.key
}
