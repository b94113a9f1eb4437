//! P5, `write_behind`: replies leave at once, a crash loses at most `max_delay` and one flush, and
//! replies wait rather than let that grow.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::future::IntoFuture;

use cast::{MS, SECOND};
use tenure::Outcome;
use tenure::prelude::*;
use tenure_sim::{Node, NodeSpec, Simulation, each_seed};
use tenure_store::{MemoryDisk, Stored};
use tenure_types::{ActorId, ActorTypeName};

const DELAY: std::time::Duration = std::time::Duration::from_millis(200);

#[tenure::data]
#[derive(Default)]
pub struct Meter {
    value: u64,
}

#[actor(persist = write_behind(max_delay = "200ms"))]
impl Meter {
    pub fn add(&mut self, by: u64) -> u64 {
        self.value += by;
        self.value
    }

    pub fn get(&self) -> u64 {
        self.value
    }

    #[handler(persist = write_through)]
    pub fn add_for_good(&mut self, by: u64) -> u64 {
        self.value += by;
        self.value
    }

    #[handler(persist = write_through)]
    pub fn get_for_good(&self) -> u64 {
        self.value
    }

    pub async fn add_slowly(&mut self, cx: &mut Context<Self>, by: u64, ms: u64) -> u64 {
        cx.sleep(MS * ms as u32).await;
        self.value += by;
        self.value
    }

    pub async fn get_slowly(&self, cx: &Context<Self>, ms: u64) -> u64 {
        cx.sleep(MS * ms as u32).await;
        self.value
    }

    pub fn fail(&mut self) {
        self.value += 1;
        panic!("on purpose");
    }

    pub fn leave(&mut self, cx: &mut Context<Self>) {
        cx.deactivate();
    }

    pub fn forget(&mut self, cx: &mut Context<Self>) {
        cx.delete();
    }
}

fn start(sim: &Simulation, disk: &MemoryDisk) -> Node {
    NodeSpec::new().with::<Meter>().start(sim, disk)
}

fn stored(disk: &MemoryDisk, key: &str) -> u64 {
    let actor_type = ActorTypeName::new("meter").expect("a good name");
    let actor = ActorId { actor_type, key: Key::new(key).expect("a good key") };
    let decode = |it: Stored| {
        let state = it.content.state().expect("a state is stored");
        Meter::decode(state.schema, state.codec, &state.bytes).expect("it is whole").value
    };
    disk.stored(&actor).expect("the row is not damaged").map_or(0, decode)
}

#[test]
fn replies_leave_at_once_and_the_flush_follows_within_the_delay() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let meter = node.actor::<Meter>("a");
    let began = sim.now();
    for turn in 1..=50 {
        assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(turn));
    }
    assert!(sim.now() - began < MS, "no reply waited");
    assert_eq!((stored(&disk, "a"), node.runtime().unsaved().actors), (0, 1));
    sim.advance(DELAY);
    assert_eq!((stored(&disk, "a"), node.runtime().unsaved().actors), (50, 0));
    assert_eq!(disk.counts().units, 1, "one unit for all turns");
    assert_eq!(node.metric("tenure_unsaved_age_seconds"), 0.0);
}

#[test]
fn what_is_asked_for_good_is_durable_before_the_reply() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let meter = node.actor::<Meter>("a");
    assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(1));
    assert_eq!(sim.run_until(meter.add_for_good(1).into_future()), Ok(2));
    assert_eq!(stored(&disk, "a"), 2);
    assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(3));
    assert_eq!(sim.run_until(meter.get().into_future()), Ok(3));
    assert_eq!(stored(&disk, "a"), 2, "a plain read saves nothing");
    assert_eq!(sim.run_until(meter.get_for_good().into_future()), Ok(3));
    assert_eq!(stored(&disk, "a"), 3);
    assert_eq!(sim.run_until(meter.add(1).durable().into_future()), Ok(4));
    assert_eq!(stored(&disk, "a"), 4);
    let units = disk.counts().units;
    assert_eq!(sim.run_until(meter.get().durable().into_future()), Ok(4));
    assert_eq!(disk.counts().units, units, "nothing was unsaved");
}

#[test]
fn replies_wait_once_the_oldest_unsaved_turn_is_as_old_as_the_delay() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let meter = node.actor::<Meter>("a");
    disk.faults().delay_batches(Some(SECOND));
    assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(1));
    sim.advance(DELAY - 20 * MS);
    let early = node.begin(meter.add(1));
    sim.run_until_idle();
    assert_eq!(early.take(), Some(Ok(2)), "it is not late yet");
    sim.advance(40 * MS);
    let late = node.begin(meter.add(1));
    sim.run_until_idle();
    assert!(!late.is_ready(), "the reply waits for the flush");
    let age = node.runtime().unsaved().age;
    assert!(age >= DELAY, "{age:?}");
    // The unit in flight, and then the one with this turn.
    sim.advance(2 * SECOND);
    assert_eq!((late.take(), stored(&disk, "a")), (Some(Ok(3)), 3));
    assert_eq!(node.runtime().unsaved().actors, 0);
}

#[test]
fn a_crash_loses_no_more_than_the_delay_and_one_flush() {
    each_seed(40, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let mut dice = sim.dice();
        let node = start(&sim, &disk);
        let meter = node.actor::<Meter>("a");
        let slow = dice.below(400);
        disk.faults().delay_batches(Some(MS * slow as u32));
        let mut acknowledged = Vec::new();
        let end = sim.now() + MS * (200 + dice.below(2_000) as u32);
        while sim.now() < end {
            let call = node.begin(meter.add(1));
            let until = sim.now() + 5 * SECOND;
            while !call.is_ready() && sim.now() < until.min(end) {
                sim.advance(MS);
            }
            if let Some(Ok(value)) = call.take() {
                acknowledged.push((sim.now(), value));
            }
            sim.advance(MS * dice.below(10) as u32);
        }
        let shown = node.runtime().unsaved().age;
        let now = sim.now();
        node.crash();
        let kept = stored(&disk, "a");
        let lost = acknowledged.iter().filter(|(_, value)| *value > kept);
        let oldest = lost.map(|(at, _)| *at).min();
        if let Some(oldest) = oldest {
            // What was lost is not older than the delay, a flush of one unit that was in flight,
            // and the time until it was looked at.
            let most = DELAY + MS * (2 * slow as u32 + 20);
            assert!(now - oldest <= most, "{:?} lost, the store takes {slow} ms", now - oldest);
            assert!(shown + 5 * MS >= now - oldest, "shown {shown:?}, lost {:?}", now - oldest);
        }
    });
}

#[test]
fn a_stop_and_leaving_memory_lose_nothing() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    for key in ["a", "b", "c"] {
        assert_eq!(sim.run_until(node.actor::<Meter>(key).add(7).into_future()), Ok(7));
    }
    assert_eq!(sim.run_until(node.actor::<Meter>("a").leave().into_future()), Ok(()));
    sim.advance(20 * MS);
    assert_eq!(stored(&disk, "a"), 7, "who leaves is saved at once");
    assert_eq!(node.runtime().activations(), 2);
    assert_eq!(sim.run_until(node.actor::<Meter>("a").get().into_future()), Ok(7));
    assert_eq!(sim.run_until(node.stop(5 * SECOND)), Ok(0));
    assert_eq!([stored(&disk, "b"), stored(&disk, "c")], [7, 7]);
}

#[test]
fn a_panic_loses_only_what_was_not_encoded_and_says_so() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let meter = node.actor::<Meter>("a");
    assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(1));
    sim.advance(DELAY);
    assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(2));
    let failed = sim.run_until(meter.fail().into_future());
    assert!(matches!(failed, Err(CallError::Panicked { .. })));
    assert_eq!(sim.run_until(meter.get().into_future()), Ok(1), "the durable state is loaded");
    assert_eq!(node.metric("tenure_unsaved_lost_total"), 1.0);
    assert_eq!(node.runtime().unsaved().actors, 0);
    assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(2));
    sim.advance(DELAY);
    assert_eq!(stored(&disk, "a"), 2);
}

#[test]
fn a_turn_that_suspends_is_preceded_by_a_flush() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let meter = node.actor::<Meter>("a");
    assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(1));
    let slow = node.begin(meter.add_slowly(1, 5_000));
    sim.advance(10 * MS);
    assert_eq!(stored(&disk, "a"), 1);
    sim.advance(5 * SECOND);
    assert_eq!(slow.take(), Some(Ok(2)));
    sim.advance(DELAY);
    assert_eq!(stored(&disk, "a"), 2);
}

/// Met in the simulation of clusters: one slow read after the other kept a flush from ever finding the actor
/// alone, and a crash lost turns that were seconds old.
#[test]
fn slow_reads_keep_no_flush_waiting() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let meter = node.actor::<Meter>("a");
    assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(1));
    let slow = node.begin(meter.get_slowly(2_000));
    sim.advance(MS);
    let slower = node.begin(meter.get_slowly(4_000));
    sim.advance(DELAY);
    assert_eq!((stored(&disk, "a"), node.runtime().unsaved().actors), (1, 0));
    // Who waits behind the reads is not forgotten.
    let add = node.begin(meter.add(1));
    sim.advance(5 * SECOND);
    assert_eq!((slow.take(), slower.take(), add.take()), (Some(Ok(1)), Some(Ok(1)), Some(Ok(2))));
    sim.advance(DELAY);
    assert_eq!(stored(&disk, "a"), 2);
}

#[test]
fn what_was_unsaved_survives_a_store_that_failed_and_came_back() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let (a, b) = (node.actor::<Meter>("a"), node.actor::<Meter>("b"));
    assert_eq!(sim.run_until(a.add(1).into_future()), Ok(1));
    // Another actor's commit finds out that the store is gone.
    disk.faults().fail("the disk is away");
    assert!(sim.run_until(b.add_for_good(1).into_future()).is_err());
    sim.advance(10 * SECOND);
    assert_eq!(sim.run_until(a.get().into_future()), Ok(1), "memory was kept");
    assert_eq!(stored(&disk, "a"), 1, "and saved under the new incarnation");
    assert_eq!(sim.run_until(b.get().into_future()), Ok(0));
}

/// A read for good that ends after the unit it saw was lost must not say that all is durable.
#[test]
fn a_durable_read_of_what_was_lost_is_told() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let meter = node.actor::<Meter>("a");
    assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(1));
    disk.faults().delay_batches(Some(300 * MS));
    let read = node.begin(meter.get_slowly(500).durable());
    sim.advance(DELAY);
    disk.faults().fail("the disk is away");
    sim.advance(SECOND);
    disk.faults().clear();
    let told = read.take().expect("it has ended");
    assert!(matches!(told, Err(CallError::Storage { .. })), "{told:?}");
    sim.advance(10 * SECOND);
    assert_eq!(sim.run_until(meter.get().into_future()), Ok(stored(&disk, "a")));
}

/// Reads do not wait for the store, so somebody may have seen it.
#[test]
fn a_held_reply_whose_turn_is_lost_does_not_say_that_nothing_happened() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let meter = node.actor::<Meter>("a");
    disk.faults().delay_batches(Some(300 * MS));
    assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(1));
    sim.advance(DELAY + MS);
    let held = node.begin(meter.add(1));
    sim.advance(MS);
    assert_eq!(sim.run_until(meter.get().into_future()), Ok(2), "it is seen");
    assert!(held.take().is_none(), "it waits");
    disk.faults().fail("the disk is away");
    sim.advance(SECOND);
    let told = held.take().expect("it has ended");
    assert_eq!(told.expect_err("it is lost").outcome(), Outcome::Unknown);
}

macro_rules! closer {
    ($closer:ident, $close:item) => {
        #[tenure::data]
        #[derive(Default)]
        pub struct $closer {
            value: u64,
        }

        #[actor(persist = write_behind(max_delay = "200ms"))]
        impl $closer {
            pub fn add(&mut self) -> u64 {
                self.value += 1;
                self.value
            }

            pub fn leave(&mut self, cx: &mut Context<Self>) {
                cx.deactivate();
            }

            #[deactivate]
            $close
        }
    };
}
closer!(
    Closer,
    fn close(&mut self) {
        self.value += 10;
    }
);
closer!(
    Looker,
    async fn close(&mut self, cx: &mut Context<Self>) {
        cx.sleep(MS).await;
        self.value += 10;
    }
);

/// The last turn makes the state dirty, or finds it so: it is saved then, and whoever waits is
/// served by the next activation.
#[test]
fn an_activation_with_a_last_turn_leaves_and_loses_nothing() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = NodeSpec::new().with::<Closer>().with::<Looker>();
    let node = node.config(|config| config.idle_after = 5 * SECOND).start(&sim, &disk);
    let (closer, looker) = (node.actor::<Closer>("a"), node.actor::<Looker>("a"));
    // Each last turn adds ten.
    for (turn, value) in [1, 12, 23, 34].into_iter().enumerate() {
        assert_eq!(sim.run_until(closer.add().into_future()), Ok(value));
        assert_eq!(sim.run_until(looker.add().into_future()), Ok(value));
        if turn % 2 == 1 {
            // When asked to, dirty as it is, while calls come.
            sim.run_until(closer.leave().into_future()).expect("it leaves");
            sim.run_until(looker.leave().into_future()).expect("it leaves");
        } else {
            sim.advance(60 * SECOND);
            assert_eq!(node.runtime().activations(), 0, "idle ones have left");
        }
    }
    sim.advance(SECOND);
    assert_eq!((node.runtime().activations(), node.runtime().unsaved().actors), (0, 0));
    assert_eq!(sim.run_until(closer.add().into_future()), Ok(45));
    assert_eq!(sim.run_until(looker.add().into_future()), Ok(45));
    assert_eq!(sim.run_until(node.stop(5 * SECOND)), Ok(0), "both have their last turns");
}

/// Nothing of it was ever stored, so that nothing is to be deleted: it is not unsaved any more.
#[test]
fn an_actor_that_is_deleted_before_its_first_flush_begins_anew() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let meter = node.actor::<Meter>("a");
    assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(1));
    sim.run_until(meter.forget().into_future()).expect("it is deleted");
    assert_eq!(sim.run_until(meter.get().into_future()), Ok(0));
    assert_eq!(sim.run_until(meter.add(1).into_future()), Ok(1));
    assert_eq!(sim.run_until(node.stop(SECOND)), Ok(0));
    assert_eq!(stored(&disk, "a"), 1);
}
