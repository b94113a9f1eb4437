//! How actors come into memory and leave it, and how a busy one shares its thread.
#![expect(missing_docs, reason = "what a test's actors do is said by their names")]

mod cast;

use std::future::IntoFuture;
use std::time::Duration;

use cast::{Ledger, MS, SECOND, Witness, ledger, start, turns, version};
use tenure::prelude::*;
use tenure_sim::{Happening, Node, NodeSpec, Simulation, each_seed};
use tenure_store::memory::{LoadFault, UnitFault};
use tenure_store::{MemoryDisk, StoreError};
use tenure_types::Outcome;

/// The sweep looks at each part of the catalog so often.
const SWEEP: Duration = Duration::from_secs(33);

#[test]
fn one_load_serves_all_who_wait() {
    each_seed(20, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let node = start(&sim, &disk);
        let calls: Vec<_> =
            (0..100).map(|_| node.begin(node.actor::<Ledger>("a").add(1))).collect();
        sim.advance(SECOND);
        let mut values: Vec<_> = calls.iter().map(|call| call.take().unwrap().unwrap()).collect();
        values.sort_unstable();
        assert!(values.into_iter().eq(1..=100));
        assert_eq!((disk.counts().loads, version(&disk, "a")), (1, 100));
    });
}

#[test]
fn loads_in_flight_and_loads_that_wait_are_bounded() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let spec = NodeSpec::new().with::<Ledger>().config(|config| {
        (config.loads_in_flight_max, config.loads_waiting_max) = (3, 5);
    });
    let node = spec.start(&sim, &disk);
    disk.faults().all_loads(Some(LoadFault::Late(10 * MS)));
    let calls: Vec<_> = (0..20).map(|key| node.begin(node.actor::<Ledger>(key).get())).collect();
    sim.run_until_idle();
    assert_eq!(node.metric("tenure_loads_in_flight"), 3.0);
    let refused = calls.iter().filter_map(|call| call.take()).map(|result| match result {
        Err(CallError::Overloaded { actor, .. }) => assert!(!actor, "the node is the cause"),
        other => panic!("{other:?}"),
    });
    assert_eq!(refused.count(), 12);
    assert_eq!(node.runtime().activations(), 8);
    sim.advance(SECOND);
    assert_eq!(calls.iter().filter_map(|call| call.take()).filter(Result::is_ok).count(), 8);
    assert_eq!((node.store().loads_in_flight_max, disk.counts().loads), (3, 8));
    assert_eq!(node.metric("tenure_loads_in_flight"), 0.0);
}

#[test]
fn activations_are_bounded() {
    let sim = Simulation::new(1);
    let spec = NodeSpec::new().with::<Witness>().config(|config| config.activations_max = 3);
    let node = spec.start(&sim, &MemoryDisk::new());
    for key in 0..5 {
        let result = sim.run_until(node.actor::<Witness>(key).see(1).into_future());
        match result {
            Ok(()) => assert!(key < 3),
            Err(error) => {
                assert!(key >= 3 && matches!(error, CallError::Overloaded { actor: false, .. }));
            }
        }
    }
    assert_eq!(sim.run_until(node.actor::<Witness>(1).seen().into_future()), Ok(vec![1]));
}

#[test]
fn a_failing_load_answers_all_and_the_next_call_loads_again() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let error = StoreError::Io { doing: "reading the table".into(), detail: "EIO".into() };
    disk.faults().next_load(LoadFault::Fail(error));
    let calls: Vec<_> = (0..10).map(|_| node.begin(node.actor::<Ledger>("a").add(1))).collect();
    sim.run_until_idle();
    // Who came after the answer was served by a load of its own.
    let failed = calls.iter().filter_map(|call| call.take()?.err()).inspect(|error| {
        assert!(matches!(error, CallError::Storage { outcome: Outcome::NotExecuted, .. }));
        assert!(error.is_retryable());
        assert_eq!(error.to_string(), "ledger/a cannot be loaded: reading the table: EIO");
    });
    let failed = failed.count() as u64;
    assert!((1..=10).contains(&failed), "{failed}");
    let value = sim.run_until(node.actor::<Ledger>("a").add(1).into_future());
    assert_eq!(value, Ok(11 - failed));
    assert_eq!((disk.counts().loads, node.metric("tenure_mailbox_calls")), (2, 0.0));
}

#[test]
fn a_damaged_record_is_named_and_left_alone() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let actor = node.actor::<Ledger>("a");
    assert_eq!(sim.run_until(actor.add(1).into_future()), Ok(1));
    sim.run_until(actor.leave().into_future()).expect("it leaves");
    assert!(disk.faults().damage(&ledger("a"), 70));
    for _ in 0..2 {
        let error = sim.run_until(actor.add(1).into_future()).unwrap_err();
        assert!(matches!(error, CallError::Damaged { outcome: Outcome::NotExecuted, .. }));
        assert!(!error.is_retryable(), "it does not mend itself");
        let text = error.to_string();
        assert!(text.contains("the record of ledger/a is damaged"), "{text}");
        assert!(text.ends_with("; restore a backup"), "{text}");
    }
    assert_eq!(sim.run_until(node.actor::<Ledger>("b").add(1).into_future()), Ok(1));
    assert!(node.health().is_ready());
    // The very bit is put back: nobody has written over it.
    assert!(disk.faults().damage(&ledger("a"), 70));
    assert_eq!(sim.run_until(actor.add(1).into_future()), Ok(2));
}

/// One type of two programs.
macro_rules! document {
    ($document:ident, $schema:literal) => {
        #[tenure::data]
        #[derive(Default)]
        pub struct $document {
            pages: u32,
        }

        #[actor(name = "document", schema = $schema)]
        impl $document {
            pub fn write(&mut self) -> u32 {
                self.pages += 1;
                self.pages
            }
        }
    };
}
document!(Old, 1);
document!(New, 2);

#[test]
fn a_record_of_a_newer_program_is_not_touched() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = NodeSpec::new().with::<New>().start(&sim, &disk);
    assert_eq!(sim.run_until(node.actor::<New>("d").write().into_future()), Ok(1));
    assert_eq!(sim.run_until(node.stop(SECOND)), Ok(0));
    let node = NodeSpec::new().with::<Old>().start(&sim, &disk);
    let error = sim.run_until(node.actor::<Old>("d").write().into_future()).unwrap_err();
    assert!(matches!(error, CallError::Incompatible { .. }), "{error}");
    assert!(error.to_string().contains("document/d has schema 2"), "{error}");
    assert_eq!(sim.run_until(node.actor::<Old>("e").write().into_future()), Ok(1));
    node.crash();
    let node = NodeSpec::new().with::<New>().start(&sim, &disk);
    assert_eq!(sim.run_until(node.actor::<New>("d").write().into_future()), Ok(2));
}

fn start_short(sim: &Simulation, disk: &MemoryDisk) -> Node {
    let spec = NodeSpec::new().with::<Ledger>().with::<Witness>();
    spec.config(|it| (it.idle_after, it.volatile_idle_after) = (10 * SECOND, 60 * SECOND))
        .start(sim, disk)
}

#[test]
fn an_idle_actor_leaves_after_its_time() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start_short(&sim, &disk);
    assert_eq!(sim.run_until(node.actor::<Ledger>("a").add(1).into_future()), Ok(1));
    assert_eq!(sim.run_until(node.actor::<Witness>("w").see(1).into_future()), Ok(()));
    sim.advance(9 * SECOND);
    assert_eq!(node.runtime().activations(), 2);
    // A call begins the time anew.
    assert_eq!(sim.run_until(node.actor::<Ledger>("a").get().into_future()), Ok(1));
    sim.advance(9 * SECOND);
    assert_eq!(node.runtime().activations(), 2);
    sim.advance(2 * SECOND + SWEEP);
    assert_eq!(node.runtime().activations(), 1);
    let loads = disk.counts().loads;
    assert_eq!(sim.run_until(node.actor::<Ledger>("a").get().into_future()), Ok(1));
    assert_eq!(disk.counts().loads, loads + 1);
    sim.advance(60 * SECOND + SWEEP);
    assert_eq!(node.runtime().activations(), 0);
    assert_eq!(sim.run_until(node.actor::<Witness>("w").seen().into_future()), Ok(vec![]));
}

#[test]
fn a_busy_unsaved_or_awaited_actor_does_not_leave() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start_short(&sim, &disk);
    let hour = 3_600 * SECOND;
    let busy = node.actor::<Ledger>("busy");
    let slow = node.begin(busy.add_slowly(1, 200_000).deadline(hour));
    sim.run_until_idle();
    let waiting = node.begin(busy.add(1).deadline(hour));
    let reading = node.begin(node.actor::<Ledger>("read").get_slowly(200_000).deadline(hour));
    disk.faults().units_of(&ledger("unsaved"), Some(UnitFault::SilentCommitted));
    let unsaved = node.begin(node.actor::<Ledger>("unsaved").add(1).deadline(hour));
    sim.advance(SECOND);
    let loads = disk.counts().loads;
    sim.advance(180 * SECOND);
    assert_eq!((node.runtime().activations(), disk.counts().loads), (3, loads));
    sim.advance(60 * SECOND);
    assert_eq!((slow.take(), waiting.take()), (Some(Ok(1)), Some(Ok(2))));
    assert_eq!((reading.take(), unsaved.take()), (Some(Ok(0)), None));
    sim.advance(60 * SECOND);
    assert_eq!(node.runtime().activations(), 1, "the unsaved one stays");
}

#[test]
fn an_actor_may_ask_to_leave_and_who_waits_is_served_by_the_next_activation() {
    each_seed(50, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let node = start(&sim, &disk);
        let actor = node.actor::<Ledger>("a");
        assert_eq!(sim.run_until(actor.add(1).into_future()), Ok(1));
        assert_eq!(sim.run_until(actor.leave().into_future()), Ok(()));
        sim.run_until_idle();
        assert_eq!((node.runtime().activations(), disk.counts().loads), (0, 1));
        disk.faults().delay_batches(Some(5 * MS));
        let slow = node.begin(actor.add_slowly(1, 5));
        sim.run_until_idle();
        let leave = node.begin(actor.leave());
        sim.run_until_idle();
        let after: Vec<_> = (0..5).map(|_| node.begin(actor.add(1))).collect();
        sim.advance(SECOND);
        assert_eq!((slow.take(), leave.take()), (Some(Ok(2)), Some(Ok(()))));
        let mut values: Vec<_> = after.iter().map(|call| call.take().unwrap().unwrap()).collect();
        values.sort_unstable();
        assert_eq!(values, [3, 4, 5, 6, 7]);
        assert_eq!((disk.counts().loads, version(&disk, "a")), (3, 7));
        assert_eq!(node.runtime().activations(), 1);
    });
}

/// Whoever ends a turn runs 32 waiting ones, then lets other tasks run.
#[test]
fn a_long_mailbox_is_handed_over() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let witness = node.actor::<Witness>("w");
    // The mailbox fills while nobody runs it: what is sent is run by a task.
    sim.run_until(async {
        for value in 0..1_000 {
            witness.see(value).send().await.expect("there is room");
        }
    });
    let before = turns();
    let (mut left, mut most, mut polls) = (1_000 - before, 0, 0);
    while left > 0 {
        let ran = turns();
        sim.run_polls(1);
        most = most.max(turns() - ran);
        left = 1_000 - turns();
        polls += 1;
        assert!(polls < 10_000);
    }
    assert_eq!(most, 32);
    let is_mailbox = |what: &Happening| matches!(what, Happening::Spawned { name: "mailbox", .. });
    assert!(sim.trace().count(is_mailbox) >= 31);
    let seen = sim.run_until(witness.seen().into_future()).expect("a witness answers");
    assert!(seen.into_iter().eq(0..1_000));
}
