//! Live activations that move between processes: as bytes, and with all that they had in memory.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::future::IntoFuture;
use std::sync::Arc;

use cast::seats::{Seated, join, tenure};
use cast::{MS, SECOND};
use tenure::prelude::*;
use tenure_actor::wire::Types;
use tenure_actor::{ActorType, EventPage, TimerId};
use tenure_runtime::{PackError, Packed};
use tenure_sim::{NodeSpec, Simulation};
use tenure_store::MemoryDisk;

#[tenure::data]
#[derive(Debug, PartialEq)]
pub struct Noted {
    what: u64,
}

/// Uses whatever an activation may keep beside its state.
#[tenure::data]
#[derive(Default)]
pub struct Diary {
    pages: u64,
    ticks: u64,
    rings: u64,
}

#[actor(persist = write_behind(max_delay = "10s"), events = Noted)]
impl Diary {
    pub fn note(&mut self, cx: &mut Context<Self>, what: u64) -> u64 {
        self.pages += 1;
        cx.emit(Noted { what });
        self.pages
    }

    pub fn begin(&mut self, cx: &mut Context<Self>, tick_ms: u64, ring_ms: u64) -> TimerId {
        cx.remind("ring", MS * ring_ms as u32, DiaryRing {});
        cx.every(MS * tick_ms as u32, DiaryTick {})
    }

    pub fn tick(&mut self) {
        self.ticks += 1;
    }

    pub fn ring(&mut self) {
        self.rings += 1;
    }

    /// Pages, ticks and rings.
    pub fn counts(&self) -> (u64, u64, u64) {
        (self.pages, self.ticks, self.rings)
    }
}

/// Has no stored form.
#[derive(Default)]
pub struct Whim {
    value: u64,
}

#[actor(persist = volatile)]
impl Whim {
    pub fn add(&mut self, by: u64) -> u64 {
        self.value += by;
        self.value
    }
}

fn two(sim: &Simulation, disk: &MemoryDisk) -> (Seated, Seated) {
    let spec = NodeSpec::new().with::<Diary>().with::<Whim>();
    (join(&spec, sim, disk, 1), join(&spec, sim, disk, 2))
}

fn seal<A: Actor>(sim: &Simulation, from: &Seated, key: &str) -> Packed {
    let target = from.target::<A>(key);
    let packed = sim.run_until(from.runtime().seal_for_move(&target, tenure(1, 1)));
    packed.unwrap_or_else(|error| panic!("{key} is not packed: {error}"))
}

/// What another process reads of it.
fn carried(packed: &Packed) -> Packed {
    let types = Types::new(&[ActorType::of::<Diary>().expect("a good type")]);
    let bytes = packed.encode().expect("it has a form");
    let whole = Packed::decode(&bytes, &|name| types.name(name)).expect("it is read");
    for len in 0..bytes.len() {
        let part = Packed::decode(&bytes[..len], &|name| types.name(name));
        assert!(part.is_err(), "{len} of {} bytes are read", bytes.len());
    }
    assert_eq!(
        (whole.actor(), whole.tenure(), whole.tag()),
        (packed.actor(), packed.tenure(), packed.tag())
    );
    whole
}

fn events(sim: &Simulation, at: &Seated, key: &str, after: (u64, u64)) -> EventPage {
    let target = at.target::<Diary>(key);
    sim.run_until(at.runtime().events(&target, after.0, after.1)).expect("its events are read")
}

fn counts(sim: &Simulation, at: &Seated, key: &str) -> (u64, u64, u64) {
    sim.run_until(at.actor::<Diary>(key).counts().into_future()).expect("it counts")
}

#[test]
fn what_another_process_reads_goes_on_with_all_that_it_had() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    one.grant::<Diary>("d", tenure(1, 1));
    let diary = one.actor::<Diary>("d");
    for what in [5, 6] {
        assert!(sim.run_until(diary.note(what).into_future()).is_ok());
    }
    let keyed = sim.run_until(diary.note(7).idempotency_key("k").into_future());
    assert_eq!(keyed, Ok(3));
    assert!(sim.run_until(diary.begin(100, 1_000).into_future()).is_ok());
    sim.advance(350 * MS);
    let stood = events(&sim, &one, "d", (0, 0));
    let after = (stood.epoch, 1);
    let page = events(&sim, &one, "d", after);
    assert_eq!((page.recovered, page.events.len()), (true, 2));

    let packed = seal::<Diary>(&sim, &one, "d");
    let arrived = carried(&packed);
    let target = two.target::<Diary>("d");
    let loads = disk.counts().loads;
    let live = two.runtime().activate_moved(&target, tenure(1, 2), &arrived);
    assert_eq!(live, Ok(()));
    one.runtime().moved(&one.target::<Diary>("d"), tenure(1, 1));

    assert_eq!(counts(&sim, &two, "d"), (3, 3, 0), "its state");
    let there = events(&sim, &two, "d", after);
    assert_eq!((there.epoch, there.offset), (page.epoch, page.offset), "its log");
    assert_eq!((there.recovered, there.events), (true, page.events), "its window");
    assert_eq!(disk.counts().loads, loads, "from memory");
    let moved = two.actor::<Diary>("d");
    let again = sim.run_until(moved.note(7).idempotency_key("k").into_future());
    assert_eq!(again, Ok(3), "what became of the call");
    sim.advance(40 * MS);
    assert_eq!(counts(&sim, &two, "d").1, 3, "its timer had some 50 ms left");
    sim.advance(30 * MS);
    assert_eq!(counts(&sim, &two, "d").1, 4);
    sim.advance(SECOND);
    one.carry(&two);
    sim.run_until_idle();
    assert_eq!(counts(&sim, &two, "d").2, 1, "its reminder");
    assert_eq!(sim.run_until(moved.note(8).into_future()), Ok(4));
    let last = events(&sim, &two, "d", (stood.epoch, 3));
    assert!(last.recovered && last.events.len() == 1 && last.offset == 4);
    sim.advance(SECOND);
    assert!(one.seat.told().is_empty() && two.seat.told().is_empty());
}

/// Before an event leaves the record says so: that is waited for where the log was opened, and not again.
#[test]
fn an_actor_leaves_when_its_record_says_that_its_events_do() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    one.grant::<Diary>("d", tenure(1, 1));
    let diary = one.actor::<Diary>("d");
    assert_eq!(sim.run_until(diary.counts().into_future()), Ok((0, 0, 0)));
    disk.faults().delay_batches(Some(10 * MS));
    let first = one.begin(diary.note(5));
    let (runtime, target) = (Arc::clone(one.runtime()), one.target::<Diary>("d"));
    let sealing = one.begin(async move { runtime.seal_for_move(&target, tenure(1, 1)).await });
    sim.advance(5 * MS);
    assert!(first.is_ready() && !sealing.is_ready(), "the record is on its way");
    sim.advance(10 * MS);
    let packed = sealing.take().expect("it is sealed").expect("it is packed");
    let id = packed.actor().clone();
    let stored = disk.stored(&id).expect("it is not damaged").expect("it is stored");
    assert_eq!(stored.log.open, Some(tenure(1, 1)));
    let arrived = carried(&packed);
    let target = two.target::<Diary>("d");
    assert_eq!(two.runtime().activate_moved(&target, tenure(1, 2), &arrived), Ok(()));
    one.runtime().moved(&one.target::<Diary>("d"), tenure(1, 1));
    assert_eq!(sim.run_until(two.actor::<Diary>("d").note(6).into_future()), Ok(2));
    let page = events(&sim, &two, "d", (stored.log.epoch, 0));
    assert_eq!((page.recovered, page.offset, page.events.len()), (true, 2, 2));
    assert_eq!(disk.stored(&id).map(|it| it.map(|it| it.version.0)), Ok(Some(1)), "not stored yet");
}

#[test]
fn a_volatile_actor_stays_in_its_process() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, _two) = two(&sim, &disk);
    one.grant::<Whim>("w", tenure(1, 1));
    let whim = one.actor::<Whim>("w");
    assert_eq!(sim.run_until(whim.add(1).into_future()), Ok(1));
    let (whim_target, diary_target) = (one.target::<Whim>("w"), one.target::<Diary>("d"));
    assert!(!one.runtime().can_move(&whim_target) && one.runtime().can_move(&diary_target));
    // Who does not ask is told, and nothing is lost.
    let packed = seal::<Whim>(&sim, &one, "w");
    assert_eq!(packed.encode(), Err(PackError::Itself { actor: packed.actor().clone() }));
    one.runtime().unseal(&whim_target, tenure(1, 1));
    assert_eq!(sim.run_until(whim.add(1).into_future()), Ok(2));
}

/// A state that cannot be read is loaded instead: what is stored is the same.
#[test]
fn a_state_that_another_process_cannot_read_is_loaded() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    one.grant::<Diary>("d", tenure(1, 1));
    assert_eq!(sim.run_until(one.actor::<Diary>("d").note(5).into_future()), Ok(1));
    let packed = seal::<Diary>(&sim, &one, "d");
    let mut bytes = packed.encode().expect("it has a form");
    // The name of a field, somewhere in the state.
    let at = bytes.windows(5).position(|it| it == b"pages").expect("it has names");
    bytes[at - 1] ^= 0xff;
    let spoiled =
        Packed::decode(&bytes, &|_| Some(packed.actor().actor_type)).expect("its form is good");
    let loads = disk.counts().loads;
    let target = two.target::<Diary>("d");
    assert_eq!(two.runtime().activate_moved(&target, tenure(1, 2), &spoiled), Ok(()));
    one.runtime().moved(&one.target::<Diary>("d"), tenure(1, 1));
    assert_eq!(counts(&sim, &two, "d").0, 1);
    assert_eq!(disk.counts().loads, loads + 1);
}
