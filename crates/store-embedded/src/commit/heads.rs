use foldhash::fast::FixedState;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::hash::BuildHasher;
use tenure_types::{ActorId, Token, Version};

/// The most actors whose heads are remembered; half of them are the recently used.
const HEADS_MAX: usize = 131_072;
const SHARDS: usize = 64;
const GENERATION_MAX: usize = HEADS_MAX / SHARDS / 2;

/// What is stored of an actor, as far as a commit compares it.
pub(crate) type Head = (Version, Token);

/// The heads of actors that were loaded or committed lately, so that checking a unit's expected
/// version needs no read of the tree.
///
/// **Invariant:** an entry is never older than what is stored. The committing thread writes heads
/// before their batch and evicts only between batches; what a load read is taken only if nothing
/// was committed to its shard since the load began.
pub(crate) struct Heads {
    hasher: FixedState,
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Default)]
struct Shard {
    recent: HashMap<ActorId, Head, FixedState>,
    /// The generation before; an entry that is used moves to `recent`.
    older: HashMap<ActorId, Head, FixedState>,
    /// Counts the batches that wrote to this shard, begun and ended ones apart.
    writes: u64,
}

/// When a load began, for [`Heads::fill`].
#[derive(Clone, Copy)]
pub(crate) struct LoadBegan {
    writes: u64,
}

impl Heads {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect();
        Self { hasher: FixedState::default(), shards }
    }

    pub(crate) fn get(&self, actor: &ActorId) -> Option<Head> {
        let mut shard = self.shard(actor).lock();
        if let Some(head) = shard.recent.get(actor) {
            return Some(*head);
        }
        let (actor, head) = shard.older.remove_entry(actor)?;
        shard.recent.insert(actor, head);
        Some(head)
    }

    /// Notes a head that is about to be stored, or was just read by the committing thread.
    pub(crate) fn set(&self, actor: &ActorId, head: Head) {
        let mut shard = self.shard(actor).lock();
        shard.writes += 1;
        if let Some(known) = shard.recent.get_mut(actor) {
            *known = head;
            return;
        }
        shard.older.remove(actor);
        shard.recent.insert(actor.clone(), head);
    }

    /// Ends a batch that set heads of these actors: their rows are visible now.
    pub(crate) fn settle<'a>(&self, actors: impl Iterator<Item = &'a ActorId>) {
        for actor in actors {
            let mut shard = self.shard(actor).lock();
            shard.writes += 1;
            if shard.recent.len() > GENERATION_MAX {
                shard.older = std::mem::take(&mut shard.recent);
            }
        }
    }

    pub(crate) fn begin_load(&self, actor: &ActorId) -> LoadBegan {
        LoadBegan { writes: self.shard(actor).lock().writes }
    }

    /// Remembers what a load read, unless it may be outdated or there is no room.
    pub(crate) fn fill(&self, actor: &ActorId, began: LoadBegan, head: Head) {
        let mut shard = self.shard(actor).lock();
        let has_room = shard.recent.len() < GENERATION_MAX;
        let is_known = shard.recent.contains_key(actor) || shard.older.contains_key(actor);
        if shard.writes == began.writes && has_room && !is_known {
            shard.recent.insert(actor.clone(), head);
        }
    }

    fn shard(&self, actor: &ActorId) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(actor);
        &self.shards[(hash >> 48) as usize % SHARDS]
    }
}
