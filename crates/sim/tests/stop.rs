//! Stopping in order: what has begun ends, what was acknowledged is kept, and nothing stays behind.

mod cast;

use std::future::IntoFuture;
use std::sync::Arc;

use cast::load::{Checker, check_all, simulation, spawn_callers, upset};
use cast::{Ledger, MS, SECOND, Witness, ledger, start, version};
use tenure_observe::Condition;
use tenure_sim::{Simulation, each_seed};
use tenure_store::MemoryDisk;
use tenure_store::memory::UnitFault;
use tenure_types::{CallError, Incarnation, Outcome};

fn unavailable<T>(result: &Result<T, CallError>) -> bool {
    matches!(result, Err(CallError::Unavailable { .. }))
}

#[test]
fn what_has_begun_ends_and_nothing_new_begins() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    disk.faults().delay_batches(Some(5 * MS));
    let (a, b) = (node.actor::<Ledger>("a"), node.actor::<Ledger>("b"));
    let slow = node.begin(a.add_slowly(1, 100));
    // This one calls a witness, that is not in memory yet, after the stop began.
    let nested = node.begin(b.add_and_tell_late(100, "w".to_owned()));
    sim.run_until_idle();
    let waiting = node.begin(a.add(1));
    sim.run_until_idle();
    assert_eq!(sim.run_until(a.add(1).send()), Ok(()));
    let began = sim.now();
    node.runtime().drain();
    assert_eq!(node.health().reasons()[0].condition, Condition::Draining);
    for key in ["a", "c"] {
        assert!(unavailable(&sim.run_until(node.actor::<Ledger>(key).add(1).into_future())));
        assert!(unavailable(&sim.run_until(node.actor::<Ledger>(key).add(1).send())));
    }
    assert_eq!(sim.run_until(node.stop(10 * SECOND)), Ok(0));
    assert!((sim.now() - began) < SECOND, "a stop ends as soon as everything is quiet");
    assert_eq!((slow.take(), waiting.take()), (Some(Ok(1)), Some(Ok(2))));
    assert_eq!(nested.take(), Some(Ok(1)));
    assert_eq!((version(&disk, "a"), version(&disk, "b")), (3, 1), "what was sent is done as well");
    assert!(unavailable(&sim.run_until(node.actor::<Witness>("w").seen().into_future())));

    disk.faults().clear();
    let node = start(&sim, &disk);
    assert_eq!(node.runtime().incarnation(), Incarnation(2));
    assert_eq!(sim.run_until(node.actor::<Ledger>("a").get().into_future()), Ok(3));
    assert_eq!(sim.run_until(node.actor::<Ledger>("b").add(1).into_future()), Ok(2));
}

#[test]
fn a_stop_ends_with_its_budget() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let hour = 3_600 * SECOND;
    disk.faults().units_of(&ledger("silent"), Some(UnitFault::SilentCommitted));
    let silent = node.begin(node.actor::<Ledger>("silent").add(1).deadline(10 * SECOND));
    let slow = node.begin(node.actor::<Ledger>("slow").add_slowly(1, 60_000).deadline(hour));
    sim.run_until_idle();
    let began = sim.now();
    assert_eq!(sim.run_until(node.stop(2 * SECOND)), Ok(2));
    assert!((sim.now() - began) < 2 * SECOND + 20 * MS);
    // What ends later finds the store closed: nobody is told that it was saved.
    sim.advance(100 * SECOND);
    assert!(matches!(slow.take(), Some(Err(CallError::Storage { outcome: Outcome::Unknown, .. }))));
    assert_eq!(silent.take(), Some(Err(CallError::Deadline { outcome: Outcome::Unknown })));
    assert_eq!((version(&disk, "silent"), version(&disk, "slow")), (1, 0));
    assert_eq!(disk.counts().opens, 1, "a stopped node does not open the store again");
}

#[test]
fn a_stop_while_the_store_fails_does_not_open_it_again() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    disk.faults().fail_opens(u64::MAX);
    disk.faults().fail("the disk is gone");
    let add = sim.run_until(node.actor::<Ledger>("a").add(1).into_future());
    assert!(matches!(add, Err(CallError::Storage { .. })));
    assert!(!node.health().is_ready());
    assert_eq!(sim.run_until(node.stop(SECOND)), Ok(0));
    disk.faults().fail_opens(0);
    sim.advance(100 * SECOND);
    assert_eq!(disk.counts().opens, 1);
    drop(node);
    sim.run_until_idle();
    assert_eq!(sim.live(), 0, "the tasks of a node end with it");
}

#[test]
fn a_stop_waits_for_a_store_that_is_being_opened_again() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    disk.faults().delay_opens(Some(SECOND));
    disk.faults().fail("the disk is gone");
    let add = sim.run_until(node.actor::<Ledger>("a").add(1).into_future());
    assert!(matches!(add, Err(CallError::Storage { .. })));
    assert_eq!(sim.run_until(node.stop(10 * SECOND)), Ok(0));
    disk.faults().clear();
    let next = start(&sim, &disk);
    sim.advance(100 * SECOND);
    assert_eq!(disk.counts().opens, 3, "nobody took the store from the next node");
    assert_eq!(next.runtime().incarnation(), Incarnation(3));
    assert_eq!(sim.run_until(next.actor::<Ledger>("a").add(1).into_future()), Ok(1));
}

/// The tasks of a stopped node end by themselves, and its memory is given back.
#[test]
fn nothing_stays_behind() {
    each_seed(20, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let node = start(&sim, &disk);
        for key in 0..5 {
            let ledger = node.actor::<Ledger>(key);
            assert_eq!(sim.run_until(ledger.add_and_tell("w".to_owned()).into_future()), Ok(1));
            assert!(sim.run_until(ledger.add_and_fall_late(1).into_future()).is_err());
        }
        let runtime = Arc::downgrade(node.runtime());
        if seed.is_multiple_of(2) {
            assert_eq!(sim.run_until(node.stop(SECOND)), Ok(0));
            sim.advance(SECOND);
            assert_eq!(sim.live(), 1, "only the deadlines of calls are still watched");
            drop(node);
            sim.run_until_idle();
            assert_eq!(sim.live(), 0);
        } else {
            let _slow = node.begin(node.actor::<Ledger>(1).add_slowly(1, 100));
            sim.run_polls(3);
            node.crash();
        }
        assert_eq!(runtime.strong_count(), 0, "somebody still owns the runtime");
    });
}

/// Under load and faults, an orderly stop loses nothing and fails nothing that began before it.
#[test]
fn a_stop_under_load_keeps_every_acknowledged_turn() {
    each_seed(40, |seed| {
        let (sim, disk, checker) = (simulation(seed), MemoryDisk::new(), Checker::default());
        let mut dice = sim.dice();
        for _ in 0..3 {
            disk.faults().clear();
            let node = cast::load::start(&sim, &disk);
            check_all(&sim, &node, &disk, &checker);
            spawn_callers(&node, &disk, &mut dice, &checker);
            for _ in 0..dice.below(12) {
                sim.run_polls(dice.below(60));
                upset(&disk, &mut dice);
            }
            disk.faults().clear();
            assert_eq!(sim.run_until(node.stop(60 * SECOND)), Ok(0));
            checker.look_at(&disk);
            node.crash();
        }
    });
}
