//! Small clusters: that what is measured happens, and that the fast way to fill one ends where look-ups end.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure_types::ActorId;

use crate::fill::{actor, fill, slot_of};
use crate::outcome::{Outcome, Size, Spread};
use crate::probes::Subject;
use crate::rings::fullest;
use crate::scenario::{Noticed, Stage};
use crate::world::World;

const SIZE: Size = Size { nodes: 6, actors: 600 };

fn staged(work: impl FnOnce(&mut Stage<'_>) -> Outcome) -> Outcome {
    let mut world = World::of_members(SIZE.nodes, 7);
    let population = fill(&mut world, SIZE.actors);
    world.run(Duration::from_secs(1));
    work(&mut Stage { world: &mut world, population: &population, size: SIZE, round: 0 })
}

fn max(spread: Option<Spread>) -> f64 {
    spread.expect("something was waited for").max
}

#[test]
fn a_cluster_at_rest_asks_the_table_and_nobody_else() {
    let rest = staged(|stage| stage.rest(Duration::from_secs(10)));
    assert_eq!(rest.kinds, BTreeMap::new());
    // Two polls and three tenths of a renewal for each node and second.
    let per_node = rest.table.requests as f64 / 6.0 / rest.seconds;
    assert!((2.1..2.5).contains(&per_node), "{per_node}");
    assert_eq!(rest.table.views_read, 0);
}

#[test]
fn a_join_closes_slots_for_milliseconds() {
    let join = staged(|stage| stage.join("join"));
    assert_eq!((join.nodes, join.accused, join.discarded, join.suspended), (7, 0, 0, 0));
    assert!(max(join.settled_ms) < 50.0, "{join:?}");
    assert!(max(join.slot_other_ms) < 50.0, "{join:?}");
    assert!((0.1..0.2).contains(&join.slots_moved), "a seventh: {}", join.slots_moved);
}

#[test]
fn a_death_by_lease_takes_the_lease_and_a_proven_one_milliseconds() {
    let crash = staged(|stage| stage.crash("crash", 1, Noticed::Lease));
    let decided = crash.decided_ms.expect("the table has it down");
    // It renewed up to a third of the lease before it died.
    assert!((7_000.0..11_000.0).contains(&decided), "{decided}");
    let crash = staged(|stage| stage.crash("crash", 1, Noticed::Proof(3)));
    assert!(crash.decided_ms.is_some_and(|at| at < 10.0), "{crash:?}");
    assert!(max(crash.lost_durable_ms).max(max(crash.lost_other_ms)) < 1_500.0, "{crash:?}");
    assert!((0.1..0.25).contains(&crash.actors_lost), "a sixth: {}", crash.actors_lost);
}

#[test]
fn a_presumed_death_opens_for_durable_actors_long_before_the_others() {
    let crash = staged(|stage| stage.crash("crash", 1, Noticed::Presumption(2)));
    assert!(max(crash.lost_durable_ms) < 1_500.0, "{crash:?}");
    let others = crash.lost_other_ms.expect("some of the lost are not durable");
    assert!(others.p50 > 7_000.0, "they wait for the lease: {others:?}");
}

#[test]
fn look_ups_end_where_the_fast_way_ends() {
    let mut fast = World::of_members(SIZE.nodes, 7);
    let population = fill(&mut fast, SIZE.actors);
    let mut slow = World::of_members(SIZE.nodes, 7);
    fill(&mut slow, 0);
    for number in 0..SIZE.actors {
        let actor = actor(number);
        let durable = number.is_multiple_of(2);
        slow.probes.begin(slow.now, &actor, Subject::Slot, durable);
        let caller = slow.draws.below(SIZE.nodes);
        slow.look_up(caller, &actor);
        slow.run(Duration::from_millis(20));
    }
    assert_eq!(slow.probes.waiting(), 0);
    let [(fast_entries, fast_hosted), (slow_entries, slow_hosted)] =
        [fast, slow].map(|it| spread(&it));
    // The same owners keep the same number of entries; hosts are drawn, the less loaded of two each time.
    assert_eq!(fast_entries, slow_entries);
    for hosted in [fast_hosted, slow_hosted] {
        assert_eq!(hosted.iter().sum::<u64>(), SIZE.actors as u64);
        assert!(fullest(&hosted) < 1.2, "{hosted:?}");
    }
    let in_slots: u32 = population.by_slot.iter().sum();
    assert_eq!(in_slots as usize, SIZE.actors);
    assert!(population.by_slot[slot_of(&first()).index()] > 0);
}

fn first() -> ActorId {
    actor(0)
}

/// How many directory entries, and how many activations, each node has.
fn spread(world: &World) -> (Vec<u64>, Vec<u64>) {
    let sizes = world.nodes.iter().map(|node| node.cluster.as_ref().expect("it joined").sizes());
    sizes.map(|it| (it.entries as u64, it.hosted as u64)).unzip()
}
