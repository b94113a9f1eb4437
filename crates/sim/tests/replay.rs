//! One seed is one run of the real runtime, to the last poll: what was found once is found again.

mod cast;

use std::collections::BTreeMap;

use cast::load::{Checker, check_all, simulation, spawn_callers, start, upset};
use cast::town::{Town, saw, take_seen};
use cast::{MS, SECOND};
use tenure_sim::{Happening, Trace, each_seed};
use tenure_store::MemoryDisk;

/// Two lives of a node under every kind of call and fault.
fn run(seed: u64) -> (Trace, usize) {
    let (sim, disk, checker) = (simulation(seed), MemoryDisk::new(), Checker::default());
    let mut dice = sim.dice();
    for _ in 0..2 {
        disk.faults().clear();
        let node = start(&sim, &disk);
        check_all(&sim, &node, &disk, &checker);
        spawn_callers(&node, &disk, &mut dice, &checker);
        for _ in 0..20 {
            sim.run_polls(dice.below(60));
            upset(&disk, &mut dice);
        }
        disk.faults().clear();
        sim.advance(100 * SECOND);
        checker.look_at(&disk);
        node.crash();
    }
    (sim.trace(), checker.acknowledged())
}

#[test]
fn one_seed_replays_and_another_differs() {
    let (mut hashes, mut runs) = (Vec::new(), 0);
    each_seed(20, |seed| {
        let (first, acknowledged) = run(seed);
        let (again, _) = run(seed);
        assert_eq!(first.difference(&again), None);
        assert_eq!((first.hash(), first.len()), (again.hash(), again.len()));
        assert!(first.len() > 2_000 && acknowledged > 20, "{} events, {acknowledged}", first.len());
        let is_unknown =
            |what: &Happening| matches!(what, Happening::Store { operation: "unknown", .. });
        hashes.push((first.hash(), first.count(is_unknown)));
        runs += 1;
    });
    hashes.sort_unstable();
    hashes.dedup_by_key(|(hash, _)| *hash);
    assert_eq!(hashes.len(), runs, "two seeds gave one trace");
    assert!(runs == 1 || hashes.iter().any(|(_, unknown)| *unknown > 0), "no unit was unknown");
}

/// Four lives of a town, of which some end in a crash: every mode of persistence, keys, events,
/// reminders, timers, eviction and circles, under faults of the store.
fn run_town(seed: u64) -> (Trace, BTreeMap<&'static str, u64>) {
    drop(take_seen());
    let (sim, disk, town) = (simulation(seed), MemoryDisk::new(), Town::default());
    let mut dice = sim.dice();
    for _ in 0..4 {
        disk.faults().clear();
        let node = cast::town::start(&sim, &disk);
        town.spawn_callers(&node, &mut dice);
        for _ in 0..12 {
            sim.run_polls(dice.below(150));
            upset(&disk, &mut dice);
            sim.advance(MS * dice.below(1_500) as u32);
        }
        disk.faults().clear();
        sim.advance(5 * SECOND);
        town.check(&sim, &node);
        (0..node.metric("tenure_evictions_total") as u64).for_each(|_| saw("eviction"));
        if dice.one_in(2) {
            node.crash();
            saw("crash");
        } else {
            assert_eq!(sim.run_until(node.stop(20 * SECOND)), Ok(0), "somebody does not rest");
            saw("stop in order");
        }
    }
    let trace = sim.trace();
    let count = |wanted: fn(&str, &str) -> bool| {
        trace.count(|what| match what {
            Happening::Store { operation, actor: Some(actor), .. } => {
                wanted(operation, actor.actor_type.as_str())
            }
            _ => false,
        }) as u64
    };
    let mut seen = take_seen();
    seen.insert("flush", count(|operation, of| operation == "committed" && of == "purse"));
    seen.insert("unknown outcome", count(|operation, _| operation == "unknown"));
    seen.insert("snapshot", cast::town::snapshots(&disk));
    (trace, seen)
}

#[test]
fn one_seed_replays_all_that_an_actor_can_do() {
    let mut hashes = Vec::new();
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    each_seed(8, |seed| {
        let (first, counts) = run_town(seed);
        let (again, same) = run_town(seed);
        assert_eq!(first.difference(&again), None);
        assert_eq!((first.hash(), first.len(), &counts), (again.hash(), again.len(), &same));
        hashes.push(first.hash());
        for (what, times) in counts {
            *seen.entry(what).or_default() += times;
        }
    });
    let runs = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), runs, "two seeds gave one trace");
    for what in HAPPENINGS {
        let times = seen.get(what).copied().unwrap_or(0);
        assert!(runs == 1 || times > 0, "{what}: never, in {seen:?}");
    }
}

/// What must have happened over all seeds.
const HAPPENINGS: [&str; 22] = [
    "activated",
    "another epoch",
    "circle",
    "crash",
    "deactivated",
    "delayed send",
    "deleted",
    "events went on",
    "eviction",
    "flush",
    "held reply",
    "no room",
    "reminder",
    "reminder of a story",
    "reminder of an earlier life",
    "replay",
    "reply at once",
    "snapshot",
    "spawned work",
    "stop in order",
    "timer",
    "unknown outcome",
];
