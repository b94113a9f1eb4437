//! How evenly the ring spreads slots and actors, and how much moves when a node joins, beside `hash mod N`.

use serde::{Deserialize, Serialize};
use tenure_protocol::ring::{Ring, RingMember};
use tenure_types::{Incarnation, NodeId, Slot, actor_hash};

use crate::fill::actor;

const ACTORS: usize = 10_000_000;
const NODES: [usize; 10] = [10, 20, 30, 50, 100, 200, 300, 500, 700, 1_000];

/// One size of a cluster. `fullest` is that of the fullest node over the mean; `moved` the share of all that is
/// elsewhere once one more node is there.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Evenness {
    pub(crate) nodes: usize,
    pub(crate) fullest_slots: f64,
    pub(crate) fullest_actors: f64,
    pub(crate) fullest_modulo: f64,
    pub(crate) moved_actors: f64,
    pub(crate) moved_modulo: f64,
}

/// Every size.
pub(crate) fn evenness() -> Vec<Evenness> {
    let hashes: Vec<u64> = (0..ACTORS)
        .map(|number| {
            let actor = actor(number);
            actor_hash(actor.actor_type.as_str(), actor.key.as_str())
        })
        .collect();
    NODES.iter().map(|nodes| of(*nodes, &hashes)).collect()
}

fn of(nodes: usize, hashes: &[u64]) -> Evenness {
    let (ring, larger) = (ring(nodes), ring(nodes + 1));
    let place = |ring: &Ring, slot| ring.owner(slot).expect("it has members").0 as usize;
    let places: Vec<usize> = Slot::all().map(|slot| place(&ring, slot)).collect();
    let is_moved: Vec<bool> =
        Slot::all().map(|slot| place(&larger, slot) != places[slot.index()]).collect();
    let (mut by_ring, mut by_modulo) = (vec![0_u64; nodes], vec![0_u64; nodes]);
    let (mut moved_ring, mut moved_modulo) = (0_u64, 0_u64);
    let (old, new) = (nodes as u64, nodes as u64 + 1);
    for hash in hashes {
        let slot = Slot::of(*hash).index();
        by_ring[places[slot]] += 1;
        by_modulo[(hash % old) as usize] += 1;
        moved_ring += u64::from(is_moved[slot]);
        moved_modulo += u64::from(hash % old != hash % new);
    }
    let all = hashes.len() as f64;
    let slots: Vec<u64> = ring.slots_of().iter().map(|(_, slots)| *slots as u64).collect();
    Evenness {
        nodes,
        fullest_slots: fullest(&slots),
        fullest_actors: fullest(&by_ring),
        fullest_modulo: fullest(&by_modulo),
        moved_actors: moved_ring as f64 / all,
        moved_modulo: moved_modulo as f64 / all,
    }
}

fn ring(nodes: usize) -> Ring {
    Ring::of((0..nodes).map(|number| RingMember {
        incarnation: Incarnation(number as u64),
        node: NodeId::new(&format!("web-{number}")).expect("a name that follows the rule"),
        weight: 1,
    }))
}

/// The fullest over the mean.
pub(crate) fn fullest(counts: &[u64]) -> f64 {
    let sum: u64 = counts.iter().sum();
    let most = counts.iter().copied().max().unwrap_or(0);
    most as f64 * counts.len() as f64 / sum.max(1) as f64
}
