use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::Mutex;
use tenure_store::row::Beside;
use tenure_types::{ActorId, Token, Version};

/// The most actors whose heads are remembered; half of them are the recently used.
const HEADS_MAX: usize = 131_072;
const SHARDS: usize = 64;
const GENERATION_MAX: usize = HEADS_MAX / SHARDS / 2;

/// What is stored of an actor, as far as a commit needs it. Of a deleted actor nothing is
/// remembered after its batch: its head may be forgotten at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) version: Version,
    pub(crate) token: Token,
    pub(crate) beside: Beside,
}

type Generation = HashTable<(ActorId, Head)>;

/// The heads of actors that were loaded or committed lately, so that checking a unit's expected
/// version needs no read of the tree.
///
/// **Invariant:** an entry is never older than what is stored. The committing thread writes heads
/// before their batch and evicts only between batches; what a load read is taken only if nothing
/// was committed to its shard since the load began.
pub(crate) struct Heads {
    hasher: FixedState,
    shards: Box<[Shard]>,
}

#[derive(Default)]
struct Shard {
    /// Counts the writes of heads, and the ends of batches that wrote some. Changed only under
    /// the lock.
    writes: AtomicU64,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    recent: Generation,
    /// The generation before; an entry that is used moves to `recent`.
    older: Generation,
}

/// A load that began, for [`Heads::fill`].
#[derive(Clone, Copy)]
pub(crate) struct LoadBegan {
    hash: u64,
    writes: u64,
}

impl Heads {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        Self { hasher: FixedState::default(), shards }
    }

    pub(crate) fn get(&self, actor: &ActorId) -> Option<Head> {
        let hash = self.hasher.hash_one(actor);
        let mut generations = self.shard(hash).generations.lock();
        let Generations { recent, older } = &mut *generations;
        if let Some((_, head)) = recent.find(hash, |(known, _)| known == actor) {
            return Some(*head);
        }
        let (entry, _) = older.find_entry(hash, |(known, _)| known == actor).ok()?.remove();
        let head = entry.1;
        recent.insert_unique(hash, entry, |(known, _)| self.hasher.hash_one(known));
        Some(head)
    }

    /// Notes a head that is about to be stored, or was just read by the committing thread.
    pub(crate) fn set(&self, actor: &ActorId, head: Head) {
        let hash = self.hasher.hash_one(actor);
        let shard = self.shard(hash);
        let mut generations = shard.generations.lock();
        shard.writes.fetch_add(1, Ordering::Release);
        let Generations { recent, older } = &mut *generations;
        let is_actor = |(known, _): &(ActorId, Head)| known == actor;
        match recent.entry(hash, is_actor, |(known, _)| self.hasher.hash_one(known)) {
            Entry::Occupied(mut known) => known.get_mut().1 = head,
            Entry::Vacant(vacant) => {
                vacant.insert((actor.clone(), head));
                if let Ok(outdated) = older.find_entry(hash, is_actor) {
                    outdated.remove();
                }
            }
        }
    }

    /// Ends a batch that set heads of these actors: their rows are visible now.
    pub(crate) fn settle<'a>(&self, actors: impl Iterator<Item = &'a ActorId>) {
        for actor in actors {
            let shard = self.shard(self.hasher.hash_one(actor));
            let mut generations = shard.generations.lock();
            shard.writes.fetch_add(1, Ordering::Release);
            if generations.recent.len() > GENERATION_MAX {
                generations.older = std::mem::take(&mut generations.recent);
            }
        }
    }

    /// Forgets a head that a batch set, after the batch.
    pub(crate) fn forget(&self, actor: &ActorId) {
        let hash = self.hasher.hash_one(actor);
        let shard = self.shard(hash);
        let mut generations = shard.generations.lock();
        shard.writes.fetch_add(1, Ordering::Release);
        let Generations { recent, older } = &mut *generations;
        for generation in [recent, older] {
            if let Ok(known) = generation.find_entry(hash, |(known, _)| known == actor) {
                known.remove();
            }
        }
    }

    /// To be called before the tree is read.
    pub(crate) fn begin_load(&self, actor: &ActorId) -> LoadBegan {
        let hash = self.hasher.hash_one(actor);
        LoadBegan { hash, writes: self.shard(hash).writes.load(Ordering::Acquire) }
    }

    /// Remembers what a load read, unless it may be outdated or there is no room.
    pub(crate) fn fill(&self, actor: &ActorId, began: LoadBegan, head: Head) {
        let LoadBegan { hash, writes } = began;
        let shard = self.shard(hash);
        let mut generations = shard.generations.lock();
        let Generations { recent, older } = &mut *generations;
        let is_outdated = shard.writes.load(Ordering::Acquire) != writes;
        let is_actor = |(known, _): &(ActorId, Head)| known == actor;
        if is_outdated || recent.len() >= GENERATION_MAX || older.find(hash, is_actor).is_some() {
            return;
        }
        if let Entry::Vacant(vacant) =
            recent.entry(hash, is_actor, |(known, _)| self.hasher.hash_one(known))
        {
            vacant.insert((actor.clone(), head));
        }
    }

    fn shard(&self, hash: u64) -> &Shard {
        // The table takes the lowest and the highest bits.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use tenure_types::{ActorTypeName, Key};

    use super::*;

    fn actor(n: usize) -> ActorId {
        ActorId {
            actor_type: ActorTypeName::new("cart").expect("a good name"),
            key: Key::new(&format!("{n}")).expect("a good key"),
        }
    }

    fn head(version: u64) -> Head {
        Head { version: Version(version), ..Head::default() }
    }

    #[test]
    fn what_was_set_is_found_or_forgotten_and_never_older() {
        let heads = Heads::new();
        let actors: Vec<_> = (0..HEADS_MAX * 2).map(actor).collect();
        for (n, actor) in actors.iter().enumerate() {
            heads.set(actor, head(1));
            heads.set(actor, head(2));
            heads.settle([actor].into_iter());
            assert_eq!(heads.get(actor), Some(head(2)), "{n}");
        }
        let known = actors.iter().filter_map(|actor| heads.get(actor)).inspect(|found| {
            assert_eq!(*found, head(2));
        });
        let known = known.count();
        assert!(known <= HEADS_MAX + SHARDS * 2, "{known} are remembered");
        assert!(known >= HEADS_MAX / 4, "{known} are remembered");
    }

    #[test]
    fn what_is_forgotten_is_not_found_and_not_filled_by_an_earlier_load() {
        let heads = Heads::new();
        let cart = actor(1);
        let began = heads.begin_load(&cart);
        heads.set(&cart, head(3));
        heads.settle([&cart].into_iter());
        heads.forget(&cart);
        heads.fill(&cart, began, head(2));
        assert_eq!(heads.get(&cart), None);
        let began = heads.begin_load(&cart);
        heads.fill(&cart, began, Head::default());
        assert_eq!(heads.get(&cart), Some(Head::default()));
    }

    #[test]
    fn a_load_that_overlaps_a_commit_fills_nothing() {
        let heads = Heads::new();
        let cart = actor(1);
        // Nothing in between.
        let began = heads.begin_load(&cart);
        heads.fill(&cart, began, head(7));
        assert_eq!(heads.get(&cart), Some(head(7)));
        // Set before the load, visible after it: what the load read is outdated.
        let other = actor(2);
        heads.set(&other, head(2));
        let began = heads.begin_load(&other);
        heads.fill(&other, began, head(1));
        assert_eq!(heads.get(&other), Some(head(2)), "a known head is not overwritten");
        // Set and settled during the load.
        let third = actor(3);
        let began = heads.begin_load(&third);
        heads.set(&third, head(9));
        heads.settle([&third].into_iter());
        heads.fill(&third, began, head(8));
        assert_eq!(heads.get(&third), Some(head(9)));
    }
}
