//! One seed is one run of the real runtime, to the last poll: what was found once is found again.

mod cast;

use cast::SECOND;
use cast::load::{Checker, check_all, simulation, spawn_callers, start, upset};
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
