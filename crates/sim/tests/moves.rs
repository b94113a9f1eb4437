//! Live activations that move between nodes: with their memory, and without a call lost.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::future::IntoFuture;

use cast::seats::{Seated, Told, join, tenure};
use cast::{Ledger, MS, SECOND, stored, version};
use tenure::prelude::*;
use tenure_actor::TimerId;
use tenure_runtime::Packed;
use tenure_sim::{NodeSpec, Simulation};
use tenure_store::MemoryDisk;
use tenure_types::CallError;

#[tenure::data]
#[derive(Debug, PartialEq)]
pub struct Said {
    what: u64,
}

/// Everything that is in memory alone.
#[derive(Default)]
pub struct Clock {
    ticks: u64,
    started: Option<TimerId>,
}

#[actor(persist = volatile, events = Said)]
impl Clock {
    #[activate]
    fn wake(&mut self, _cx: &mut Context<Self>) {
        self.ticks += 1_000;
    }

    pub fn start(&mut self, cx: &mut Context<Self>, ms: u64) {
        self.started = Some(cx.every(MS * ms as u32, ClockTick {}));
        cx.emit(Said { what: self.ticks });
    }

    pub fn tick(&mut self) {
        self.ticks += 1;
    }

    pub fn stop(&mut self, cx: &mut Context<Self>) {
        if let Some(timer) = self.started.take() {
            cx.stop_timer(timer);
        }
    }

    pub fn ticks(&self) -> u64 {
        self.ticks
    }
}

#[tenure::data]
#[derive(Default)]
pub struct Meter {
    value: u64,
}

#[actor(persist = write_behind(max_delay = "10s"), events = Said)]
impl Meter {
    pub fn add(&mut self, cx: &mut Context<Self>, by: u64) -> u64 {
        self.value += by;
        cx.emit(Said { what: self.value });
        self.value
    }

    pub fn add_silently(&mut self, by: u64) -> u64 {
        self.value += by;
        self.value
    }

    pub fn get(&self) -> u64 {
        self.value
    }

    pub async fn get_slowly(&self, cx: &Context<Self>, ms: u64) -> u64 {
        cx.sleep(MS * ms as u32).await;
        self.value
    }
}

fn two(sim: &Simulation, disk: &MemoryDisk) -> (Seated, Seated) {
    let spec = NodeSpec::new().with::<Ledger>().with::<Clock>().with::<Meter>();
    (join(&spec, sim, disk, 1), join(&spec, sim, disk, 2))
}

fn seal<A: Actor>(sim: &Simulation, from: &Seated, key: &str, of: u64) -> Packed {
    let target = from.target::<A>(key);
    let packed = sim.run_until(from.runtime().seal_for_move(&target, tenure(1, of)));
    packed.unwrap_or_else(|error| panic!("{key} is not packed: {error}"))
}

/// The actor goes on at `to`, as its second tenure.
fn arrive<A: Actor>(from: &Seated, to: &Seated, key: &str, packed: &Packed) {
    let target = to.target::<A>(key);
    let live = to.runtime().activate_moved(&target, tenure(1, 2), packed);
    live.unwrap_or_else(|error| panic!("{key} does not go on: {error}"));
    from.runtime().moved(&from.target::<A>(key), tenure(1, 1));
}

fn epoch_of<A: Actor>(sim: &Simulation, at: &Seated, key: &str) -> (u64, u64) {
    let page = sim.run_until(at.runtime().events(&at.target::<A>(key), 0, 0));
    page.map(|page| (page.epoch, page.offset)).expect("its events are read")
}

#[test]
fn a_durable_actor_moves_at_a_turns_end_and_who_waits_follows() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    one.grant::<Ledger>("a", tenure(1, 1));
    let ledger = one.actor::<Ledger>("a");
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(1));
    disk.faults().delay_batches(Some(10 * MS));
    let slow = one.begin(ledger.add_slowly(1, 20));
    sim.run_until_idle();
    let runtime = std::sync::Arc::clone(one.runtime());
    let target = one.target::<Ledger>("a");
    let sealing = one.begin(async move { runtime.seal_for_move(&target, tenure(1, 1)).await });
    sim.run_until_idle();
    let waits = one.begin(ledger.add(1));
    sim.advance(25 * MS);
    assert!(!sealing.is_ready() && !slow.is_ready(), "the last unit is on its way");
    sim.advance(10 * MS);
    assert_eq!(slow.take(), Some(Ok(2)));
    let packed = sealing.take().expect("it is sealed").expect("it is packed");
    assert_eq!((packed.tenure(), packed.tag().version.0), (tenure(1, 1), 2));
    sim.advance(SECOND);
    let late = one.begin(ledger.get());
    sim.run_until_idle();
    assert!(!waits.is_ready() && !late.is_ready() && version(&disk, "a") == 2);
    let loads = disk.counts().loads;
    arrive::<Ledger>(&one, &two, "a", &packed);
    assert_eq!(one.carry(&two), 2);
    sim.advance(20 * MS);
    assert_eq!((waits.take(), late.take()), (Some(Ok(3)), Some(Ok(3))));
    assert_eq!(disk.counts().loads, loads, "it goes on from memory");
    let kept = stored(&disk, "a").expect("it is stored");
    assert_eq!((kept.tenure, kept.token.incarnation.0, kept.version.0), (tenure(1, 2), 2, 3));
    assert_eq!((one.runtime().activations(), two.runtime().activations()), (0, 1));
    assert!(one.seat.told().is_empty() && two.seat.told().is_empty());
}

#[test]
fn what_is_written_behind_moves_with_its_log_and_loses_nothing() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    one.grant::<Meter>("m", tenure(1, 1));
    let meter = one.actor::<Meter>("m");
    let keyed = || meter.add(2).idempotency_key("k");
    assert_eq!(sim.run_until(keyed().into_future()), Ok(2));
    sim.run_until_idle();
    let log = epoch_of::<Meter>(&sim, &one, "m");
    assert_eq!(sim.run_until(meter.add_silently(5).into_future()), Ok(7));
    // A read is on its way as well, which flushes nothing at its end.
    let read = one.begin(meter.get_slowly(5));
    sim.run_until_idle();
    assert!(one.runtime().unsaved().actors > 0);
    let packed = seal::<Meter>(&sim, &one, "m", 1);
    assert_eq!((one.runtime().unsaved().actors, read.take()), (0, Some(Ok(7))));
    arrive::<Meter>(&one, &two, "m", &packed);
    let moved = two.actor::<Meter>("m");
    assert_eq!(sim.run_until(moved.get().into_future()), Ok(7));
    assert_eq!(epoch_of::<Meter>(&sim, &two, "m"), log, "no event was lost");
    // The same call again has its reply, wherever the actor is.
    let again = sim.run_until(moved.add(2).idempotency_key("k").into_future());
    assert_eq!((again, sim.run_until(moved.add(1).into_future())), (Ok(2), Ok(8)));
    assert_eq!(epoch_of::<Meter>(&sim, &two, "m"), (log.0, log.1 + 1));
    // Crash the new one: the log says that events may be lost.
    sim.run_until_idle();
    two.node.crash();
    let store = tenure_store::Store::fence(one.engine(), tenure_types::Incarnation(2));
    assert_eq!(sim.run_until(store), Ok(()));
    one.grant::<Meter>("m", tenure(3, 1));
    assert!(sim.run_until(one.actor::<Meter>("m").get().into_future()).is_ok());
    assert_ne!(epoch_of::<Meter>(&sim, &one, "m").0, log.0);
}

#[test]
fn a_volatile_actor_moves_with_its_memory_and_its_timers() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    one.grant::<Clock>("c", tenure(1, 1));
    assert_eq!(sim.run_until(one.actor::<Clock>("c").start(10).into_future()), Ok(()));
    sim.advance(35 * MS);
    let log = epoch_of::<Clock>(&sim, &one, "c");
    let packed = seal::<Clock>(&sim, &one, "c", 1);
    // Ticks of the old activation end with it.
    sim.advance(30 * MS);
    arrive::<Clock>(&one, &two, "c", &packed);
    assert_eq!(one.seat.absent().len(), 0);
    let clock = two.actor::<Clock>("c");
    assert_eq!(sim.run_until(clock.ticks().into_future()), Ok(1_003), "no new life began");
    assert_eq!(epoch_of::<Clock>(&sim, &two, "c"), log);
    sim.advance(8 * MS);
    assert_eq!(sim.run_until(clock.ticks().into_future()), Ok(1_004), "some 5 ms were left");
    sim.advance(24 * MS);
    assert_eq!(sim.run_until(clock.ticks().into_future()), Ok(1_006));
    // The timer has the name that it had, and no other gets it.
    assert_eq!(sim.run_until(clock.stop().into_future()), Ok(()));
    sim.advance(SECOND);
    assert_eq!(sim.run_until(clock.ticks().into_future()), Ok(1_006));
}

#[test]
fn a_move_that_is_taken_back_changes_nothing() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    one.grant::<Clock>("c", tenure(1, 1));
    one.grant::<Ledger>("a", tenure(1, 1));
    let (clock, ledger) = (one.actor::<Clock>("c"), one.actor::<Ledger>("a"));
    assert_eq!(sim.run_until(clock.tick().into_future()), Ok(()));
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(1));
    let packed = (seal::<Clock>(&sim, &one, "c", 1), seal::<Ledger>(&sim, &one, "a", 1));
    let waits = (one.begin(clock.ticks()), one.begin(ledger.add(1)));
    sim.run_until_idle();
    assert!(!waits.0.is_ready() && !waits.1.is_ready());
    for _ in 0..2 {
        one.runtime().unseal(&one.target::<Clock>("c"), tenure(1, 1));
        one.runtime().unseal(&one.target::<Ledger>("a"), tenure(1, 1));
        sim.run_until_idle();
    }
    assert_eq!((waits.0.take(), waits.1.take()), (Some(Ok(1_001)), Some(Ok(2))));
    // Too late: it goes on here.
    one.runtime().moved(&one.target::<Ledger>("a"), tenure(1, 1));
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(3));
    let target = two.target::<Clock>("c");
    let stale = two.runtime().activate_moved(&target, tenure(1, 1), &packed.0);
    assert!(matches!(stale, Err(CallError::Unavailable { .. })), "{stale:?}");
}

#[test]
fn a_seal_that_nobody_waits_for_any_more_is_taken_back() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, _two) = two(&sim, &disk);
    one.grant::<Ledger>("a", tenure(1, 1));
    let ledger = one.actor::<Ledger>("a");
    let slow = one.begin(ledger.add_slowly(1, 20));
    sim.run_until_idle();
    let (runtime, target) = (std::sync::Arc::clone(one.runtime()), one.target::<Ledger>("a"));
    let sealing = one.begin(async move { runtime.seal_for_move(&target, tenure(1, 1)).await });
    sim.run_until_idle();
    sealing.cancel();
    sim.advance(30 * MS);
    assert_eq!(slow.take(), Some(Ok(1)));
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(2));
    assert!(one.seat.told().is_empty());
}

#[test]
fn what_starts_over_does_not_move() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, _two) = two(&sim, &disk);
    one.grant::<Ledger>("a", tenure(1, 1));
    let ledger = one.actor::<Ledger>("a");
    let fall = one.begin(ledger.add_and_fall_late(1));
    sim.run_until_idle();
    let (runtime, target) = (std::sync::Arc::clone(one.runtime()), one.target::<Ledger>("a"));
    let sealing = one.begin(async move {
        let wrong = runtime.seal_for_move(&target, tenure(9, 9)).await;
        assert!(wrong.is_err(), "only what has that tenure is sealed");
        runtime.seal_for_move(&target, tenure(1, 1)).await
    });
    sim.advance(5 * MS);
    assert!(matches!(fall.take(), Some(Err(CallError::Panicked { .. }))));
    assert!(matches!(sealing.take(), Some(Err(CallError::Unavailable { .. }))));
    assert_eq!(one.seat.told(), [Told::Leaving("ledger/a".to_owned(), tenure(1, 1))]);
    one.runtime().left(&one.target::<Ledger>("a"), tenure(1, 1));
    assert_eq!(one.runtime().activations(), 0);
}

#[test]
fn what_leaves_memory_does_not_move() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, _two) = two(&sim, &disk);
    one.grant::<Ledger>("a", tenure(1, 1));
    assert_eq!(sim.run_until(one.actor::<Ledger>("a").add(1).into_future()), Ok(1));
    let (runtime, target) = (std::sync::Arc::clone(one.runtime()), one.target::<Ledger>("a"));
    let leaves = one.begin(async move { runtime.deactivate(&target, SECOND).await });
    sim.advance(10 * MS);
    assert_eq!(one.seat.told(), [Told::Leaving("ledger/a".to_owned(), tenure(1, 1))]);
    // Its keeper has not answered, and the cluster wants it to move at that moment.
    let (runtime, target) = (std::sync::Arc::clone(one.runtime()), one.target::<Ledger>("a"));
    let sealing = one.begin(async move { runtime.seal_for_move(&target, tenure(1, 1)).await });
    sim.advance(10 * MS);
    assert!(matches!(sealing.take(), Some(Err(CallError::Unavailable { .. }))));
    one.runtime().left(&one.target::<Ledger>("a"), tenure(1, 1));
    sim.advance(10 * MS);
    assert_eq!((leaves.take(), one.runtime().activations()), (Some(true), 0));
}
