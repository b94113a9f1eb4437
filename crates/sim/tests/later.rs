//! What begins with a turn and goes on after it: timers, spawned work, delayed sends, and the turns
//! at both ends of an activation.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::cell::RefCell;
use std::future::IntoFuture;
use std::time::Duration;

use cast::{MS, SECOND};
use tenure::prelude::*;
use tenure_sim::{Node, NodeSpec, Simulation};
use tenure_store::MemoryDisk;

thread_local! {
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn note(what: impl Into<String>) {
    SEEN.with_borrow_mut(|seen| seen.push(what.into()));
}

fn take_seen() -> Vec<String> {
    SEEN.take()
}

#[tenure::data]
#[derive(Default)]
pub struct Clock {
    ticks: u64,
    results: Vec<u64>,
}

#[actor]
impl Clock {
    pub fn run(&mut self, cx: &mut Context<Self>, ms: u64) {
        cx.every(Duration::from_millis(ms), ClockTick {});
    }

    pub fn run_once(&mut self, cx: &mut Context<Self>, ms: u64) {
        cx.once(Duration::from_millis(ms), ClockTick {});
    }

    pub fn run_for(&mut self, cx: &mut Context<Self>, ms: u64) {
        let timer = cx.every(Duration::from_millis(ms), ClockTick {});
        cx.once(Duration::from_millis(ms * 3 + 1), ClockStop { timer: timer.0 });
    }

    pub fn run_and_panic(&mut self, cx: &mut Context<Self>) {
        cx.every(MS, ClockTick {});
        panic!("on purpose");
    }

    #[handler(internal)]
    pub fn tick(&mut self) {
        self.ticks += 1;
    }

    #[handler(internal)]
    pub fn stop(&mut self, cx: &mut Context<Self>, timer: u64) {
        cx.stop_timer(tenure::TimerId(timer));
    }

    pub async fn hold(&mut self, cx: &mut Context<Self>, ms: u64) {
        cx.sleep(MS * ms as u32).await;
    }

    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    pub fn work(&mut self, cx: &mut Context<Self>, ms: u64) {
        let clock = cx.key().to_string();
        let node = cx.actor::<Clock>("other");
        cx.spawn(
            async move {
                note(format!("{clock} works"));
                node.hold(ms).await.expect("the other clock answers");
                ms
            },
            |result| ClockDone { result },
        );
    }

    pub fn work_and_panic(&mut self, cx: &mut Context<Self>) {
        cx.spawn(async { note("never") }, |()| ClockTick {});
        panic!("on purpose");
    }

    #[handler(internal)]
    pub fn done(&mut self, result: u64) {
        self.results.push(result);
    }

    pub fn results(&self) -> Vec<u64> {
        self.results.clone()
    }

    pub fn leave(&mut self, cx: &mut Context<Self>) {
        cx.deactivate();
    }

    pub fn delete(&mut self, cx: &mut Context<Self>) {
        cx.delete();
    }
}

/// Notes the turns at both ends of its activations.
#[tenure::data]
#[derive(Default)]
pub struct Guest {
    visits: u64,
}

#[actor]
impl Guest {
    #[activate]
    fn arrive(&mut self, cx: &mut Context<Self>) {
        self.visits += 1;
        note(format!("{} arrives", cx.key()));
    }

    #[deactivate]
    async fn depart(&mut self, cx: &mut Context<Self>) {
        cx.sleep(MS).await;
        note(format!("{} departs", cx.key()));
    }

    pub fn visits(&self) -> u64 {
        self.visits
    }

    pub fn leave(&mut self, cx: &mut Context<Self>) {
        cx.deactivate();
    }

    pub fn fail(&mut self) {
        panic!("on purpose");
    }
}

fn start(sim: &Simulation, disk: &MemoryDisk) -> Node {
    NodeSpec::new().with::<Clock>().with::<Guest>().start(sim, disk)
}

fn ticks(sim: &Simulation, node: &Node) -> u64 {
    sim.run_until(node.actor::<Clock>("a").ticks().into_future()).expect("it answers")
}

#[test]
fn timers_tick_until_they_are_stopped_or_the_activation_ends() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let clock = node.actor::<Clock>("a");
    sim.run_until(clock.run_once(50).into_future()).unwrap();
    sim.advance(SECOND);
    assert_eq!(ticks(&sim, &node), 1);
    sim.run_until(clock.run_for(100).into_future()).unwrap();
    sim.advance(2 * SECOND);
    assert_eq!(ticks(&sim, &node), 4);
    assert!(sim.run_until(clock.run_and_panic().into_future()).is_err());
    sim.advance(SECOND);
    assert_eq!(ticks(&sim, &node), 4);
    sim.run_until(clock.run(100).into_future()).unwrap();
    sim.advance(950 * MS);
    assert!((12..=13).contains(&ticks(&sim, &node)));
    sim.run_until(clock.leave().into_future()).unwrap();
    let before = ticks(&sim, &node);
    sim.advance(SECOND);
    assert_eq!(ticks(&sim, &node), before);
}

#[test]
fn ticks_that_find_their_actor_busy_do_not_pile_up() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let clock = node.actor::<Clock>("a");
    sim.run_until(clock.run(10).into_future()).unwrap();
    sim.run_until(clock.hold(5_000).into_future()).unwrap();
    assert!(ticks(&sim, &node) <= 3);
}

#[test]
fn spawned_work_runs_beside_turns_and_its_result_is_a_message() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = NodeSpec::new()
        .with::<Clock>()
        .with::<Guest>()
        .config(|config| config.idle_after = SECOND)
        .start(&sim, &disk);
    let clock = node.actor::<Clock>("a");
    disk.faults().delay_batches(Some(10 * MS));
    let work = node.begin(clock.work(20_000));
    sim.advance(5 * MS);
    assert!(take_seen().is_empty(), "work begins when the turn is durable");
    sim.advance(20 * MS);
    assert_eq!((work.take(), take_seen()), (Some(Ok(())), vec!["a works".to_owned()]));
    assert_eq!(sim.run_until(clock.results().into_future()), Ok(vec![]), "turns go on");
    // Idle for longer than it may be: the work keeps it in memory.
    sim.advance(10 * SECOND);
    assert!(node.runtime().activations() >= 1);
    sim.advance(11 * SECOND);
    assert_eq!(sim.run_until(clock.results().into_future()), Ok(vec![20_000]));
    assert!(sim.run_until(clock.work_and_panic().into_future()).is_err());
    sim.advance(40 * SECOND);
    assert!(take_seen().is_empty());
    assert_eq!(node.runtime().activations(), 0, "then it may leave");
}

#[test]
fn a_delayed_send_comes_at_its_time_and_dies_with_the_node() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let clock = tenure::ActorRef::<Clock>::new(&node.handle(), "a");
    for seconds in [1, 5] {
        let send = clock.call(ClockTick {}).after(seconds * SECOND).send();
        assert_eq!(sim.run_until(send), Ok(()));
    }
    sim.advance(900 * MS);
    assert_eq!(ticks(&sim, &node), 0);
    sim.advance(200 * MS);
    assert_eq!(ticks(&sim, &node), 1);
    node.crash();
    let node = start(&sim, &disk);
    sim.advance(10 * SECOND);
    assert_eq!(ticks(&sim, &node), 1);
}

#[test]
fn too_many_delayed_sends_are_refused() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let spec = NodeSpec::new().with::<Clock>().config(|config| config.delayed_sends_max = 2);
    let node = spec.start(&sim, &disk);
    let clock = tenure::ActorRef::<Clock>::new(&node.handle(), "a");
    let send = || sim.run_until(clock.call(ClockTick {}).after(SECOND).send());
    assert_eq!((send(), send()), (Ok(()), Ok(())));
    assert!(matches!(send(), Err(CallError::Overloaded { .. })));
    sim.advance(2 * SECOND);
    assert_eq!(send(), Ok(()));
}

#[test]
fn the_turns_at_both_ends_of_an_activation_run_once_each() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let guest = node.actor::<Guest>("g");
    assert_eq!(sim.run_until(guest.visits().into_future()), Ok(1));
    sim.run_until(guest.leave().into_future()).unwrap();
    assert_eq!(sim.run_until(guest.visits().into_future()), Ok(2));
    assert_eq!(take_seen(), ["g arrives", "g departs", "g arrives"]);
    // A panic begins anew without a farewell.
    assert!(sim.run_until(guest.fail().into_future()).is_err());
    assert_eq!(sim.run_until(guest.visits().into_future()), Ok(3));
    assert_eq!(take_seen(), ["g arrives"]);
    // By idleness, and by a stop of the node.
    sim.advance(1_200 * SECOND);
    assert_eq!((take_seen(), node.runtime().activations()), (vec!["g departs".to_owned()], 0));
    assert_eq!(sim.run_until(guest.visits().into_future()), Ok(4));
    assert_eq!(sim.run_until(node.stop(SECOND)), Ok(0));
    assert_eq!(take_seen(), ["g arrives", "g departs"]);
}

/// Cannot begin.
#[tenure::data]
#[derive(Default)]
pub struct Ghost {}

#[actor]
impl Ghost {
    #[activate]
    async fn appear(&mut self, cx: &mut Context<Self>) {
        cx.sleep(MS).await;
        panic!("on purpose");
    }

    pub fn boo(&self) {}
}

#[test]
fn who_waits_for_an_activation_that_cannot_begin_is_told() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = NodeSpec::new().with::<Ghost>().start(&sim, &disk);
    let calls = [0; 3].map(|_| node.begin(node.actor::<Ghost>("g").boo()));
    sim.advance(SECOND);
    for call in calls {
        assert!(matches!(call.take(), Some(Err(CallError::Panicked { .. }))));
    }
    assert_eq!(node.runtime().activations(), 0);
}

#[test]
fn a_deleted_actor_is_as_one_that_never_was() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let clock = node.actor::<Clock>("a");
    sim.run_until(clock.run(100).into_future()).unwrap();
    sim.advance(SECOND);
    assert!(ticks(&sim, &node) > 0);
    sim.run_until(clock.delete().into_future()).unwrap();
    assert_eq!(ticks(&sim, &node), 0);
    sim.advance(SECOND);
    assert_eq!(ticks(&sim, &node), 0, "its timers went with it");
    node.crash();
    let node = start(&sim, &disk);
    assert_eq!(ticks(&sim, &node), 0);
}
