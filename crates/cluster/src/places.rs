//! Where actors were found last at other nodes, for the threads that call them.

use hashbrown::HashTable;
use parking_lot::Mutex;
use tenure_actor::Target;
use tenure_types::{Incarnation, Key, Tenure};

/// A power of two. With more shards than threads two threads seldom meet at one lock.
const SHARDS: usize = 64;
/// The most of one shard, so 262,144 in all; one that is full is forgotten, and its actors are looked up again.
const SHARD_LEN_MAX: usize = 4_096;

/// Hints: a wrong one is found out by whoever is called, and refuted.
pub(crate) struct Places(Box<[Mutex<HashTable<Place>>]>);

struct Place {
    hash: u64,
    type_name: &'static str,
    key: Key,
    at: (Incarnation, Tenure),
}

impl Place {
    fn is_of(&self, target: &Target) -> bool {
        self.type_name == target.type_name && self.key == target.key
    }
}

impl Places {
    pub(crate) fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }

    pub(crate) fn get(&self, target: &Target) -> Option<(Incarnation, Tenure)> {
        let shard = self.shard(target).lock();
        shard.find(target.hash, |place| place.is_of(target)).map(|place| place.at)
    }

    /// Keeps where the actor is, unless something newer is known: places are followed only upwards.
    pub(crate) fn put(&self, target: &Target, at: (Incarnation, Tenure)) {
        let mut shard = self.shard(target).lock();
        if let Some(place) = shard.find_mut(target.hash, |place| place.is_of(target)) {
            if place.at.1 < at.1 {
                place.at = at;
            }
            return;
        }
        if shard.len() >= SHARD_LEN_MAX {
            *shard = HashTable::new();
        }
        let Target { hash, type_name, ref key, .. } = *target;
        let place = Place { hash, type_name, key: key.clone(), at };
        shard.insert_unique(hash, place, |place| place.hash);
    }

    /// Forgets that the actor was there under this right, or an earlier one.
    pub(crate) fn refuted(&self, target: &Target, tenure: Tenure) {
        let mut shard = self.shard(target).lock();
        let is_refuted = |place: &Place| place.is_of(target) && place.at.1 <= tenure;
        if let Ok(place) = shard.find_entry(target.hash, is_refuted) {
            place.remove();
        }
    }

    /// Forgets everything that was at a member for which this holds.
    pub(crate) fn forget_hosts(&self, is_gone: impl Fn(Incarnation) -> bool) {
        for shard in &self.0 {
            shard.lock().retain(|place| !is_gone(place.at.0));
        }
    }

    fn shard(&self, target: &Target) -> &Mutex<HashTable<Place>> {
        // The table itself uses the lowest bits and the highest.
        &self.0[(target.hash >> 32) as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(key: &str) -> Target {
        let (key, type_name) = (Key::new(key).unwrap(), "cart");
        let hash = tenure_types::actor_hash(type_name, &key);
        Target { slot: 0, hash, type_name, key }
    }

    fn tenure(sequence: u64) -> Tenure {
        Tenure { view: 3, sequence }
    }

    #[test]
    fn a_place_is_followed_upwards_and_refuted_by_what_is_as_new() {
        let places = Places::new();
        let (alice, host) = (target("alice"), Incarnation);
        places.put(&alice, (host(1), tenure(5)));
        places.put(&alice, (host(2), tenure(4)));
        assert_eq!(places.get(&alice), Some((host(1), tenure(5))), "an older one says nothing");
        places.put(&alice, (host(2), tenure(6)));
        places.refuted(&alice, tenure(5));
        assert_eq!(places.get(&alice), Some((host(2), tenure(6))), "what is newer stands");
        assert_eq!(places.get(&target("bob")), None);
        places.refuted(&alice, tenure(6));
        assert_eq!(places.get(&alice), None);
    }

    #[test]
    fn who_is_gone_is_forgotten_and_a_full_shard_too() {
        let places = Places::new();
        let host = Incarnation;
        places.put(&target("alice"), (host(1), tenure(1)));
        places.put(&target("bob"), (host(2), tenure(1)));
        places.forget_hosts(|it| it == host(1));
        assert_eq!(places.get(&target("alice")), None);
        assert_eq!(places.get(&target("bob")), Some((host(2), tenure(1))));
        for number in 0..2 * SHARDS * SHARD_LEN_MAX {
            places.put(&target(&number.to_string()), (host(2), tenure(1)));
        }
        let most = places.0.iter().map(|shard| shard.lock().len()).max();
        assert!(most <= Some(SHARD_LEN_MAX), "{most:?}");
    }
}
