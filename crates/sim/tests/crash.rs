//! P4 over crashes: what was acknowledged is never lost, whenever the node ends.

mod cast;

use cast::load::{Checker, check_all, simulation, spawn_callers, start, upset};
use cast::{Ledger, MS, SECOND, turns, version};
use tenure_sim::{Simulation, each_seed};
use tenure_store::MemoryDisk;

#[test]
fn nothing_acknowledged_is_lost_by_a_crash_at_any_point() {
    let (mut acknowledged, mut lives) = (0, 0);
    each_seed(200, |seed| {
        let (sim, disk, checker) = (simulation(seed), MemoryDisk::new(), Checker::default());
        let mut dice = sim.dice();
        for life in 0..4 {
            disk.faults().clear();
            let node = start(&sim, &disk);
            check_all(&sim, &node, &disk, &checker);
            spawn_callers(&node, &disk, &mut dice, &checker);
            for _ in 0..dice.below(12) {
                sim.run_polls(dice.below(60));
                upset(&disk, &mut dice);
                checker.look_at(&disk);
            }
            if life == 2 {
                disk.faults().clear();
                sim.run_until(node.stop(100 * SECOND)).expect("the store closes");
                checker.look_at(&disk);
            }
            node.crash();
            lives += 1;
            sim.advance(MS);
            checker.look_at(&disk);
            assert_eq!(sim.live(), 0, "a crashed node left tasks behind");
        }
        acknowledged += checker.acknowledged();
    });
    assert!(acknowledged > 10 * lives, "only {acknowledged} additions in {lives} lives");
}

/// What the end of a node drops runs nothing any more.
#[test]
fn no_turn_runs_in_a_node_that_ends() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = cast::start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    let _reads = [node.begin(ledger.get_slowly(10)), node.begin(ledger.get_slowly(10))];
    sim.run_until_idle();
    let _adds = [(); 3].map(|()| node.begin(ledger.add(1)));
    sim.run_until_idle();
    node.crash();
    drop(ledger);
    sim.advance(SECOND);
    assert_eq!((turns(), version(&disk, "a"), sim.live()), (2, 0, 0));
}
