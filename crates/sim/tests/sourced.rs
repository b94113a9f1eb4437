//! `event_sourced`: what is durable is what happened, and the state follows from it.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::future::IntoFuture;

use cast::{MS, SECOND};
use tenure::prelude::*;
use tenure_sim::{Node, NodeSpec, Simulation, each_seed};
use tenure_store::memory::UnitFault;
use tenure_store::{Content, MemoryDisk};
use tenure_types::{ActorId, ActorTypeName};

#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub enum Moved {
    By { steps: i64 },
    Home,
}

#[tenure::error]
#[derive(PartialEq)]
pub enum MoveError {
    #[problem("too far")]
    TooFar,
}

#[tenure::data]
#[derive(Default)]
pub struct Robot {
    place: i64,
    moves: u64,
}

#[actor(persist = event_sourced(snapshot_every = 10), events = Moved)]
impl Robot {
    fn apply(&mut self, event: &Moved) {
        self.moves += 1;
        match event {
            Moved::By { steps } => self.place += steps,
            Moved::Home => self.place = 0,
        }
    }

    pub fn go(&self, cx: &mut Context<Self>, steps: i64) -> Result<i64, MoveError> {
        cx.record(Moved::By { steps });
        if (self.place + steps).abs() > 1_000 {
            return Err(MoveError::TooFar);
        }
        Ok(self.place + steps)
    }

    pub fn go_home_in_steps(&self, cx: &mut Context<Self>) {
        let step = -self.place.signum();
        for _ in 0..self.place.abs() {
            cx.record(Moved::By { steps: step });
        }
        cx.record(Moved::Home);
    }

    pub fn forget(&self, cx: &mut Context<Self>) {
        cx.delete();
    }

    pub fn place(&self) -> (i64, u64) {
        (self.place, self.moves)
    }
}

fn start(sim: &Simulation, disk: &MemoryDisk) -> Node {
    NodeSpec::new().with::<Robot>().start(sim, disk)
}

fn id(key: &str) -> ActorId {
    let actor_type = ActorTypeName::new("robot").expect("a good name");
    ActorId { actor_type, key: Key::new(key).expect("a good key") }
}

fn snapshot(disk: &MemoryDisk, key: &str) -> (u64, u64) {
    let stored = disk.stored(&id(key)).expect("the row is not damaged").expect("it is stored");
    match stored.content {
        Content::Journaled { snapshot } => (snapshot, stored.log.offset),
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_are_applied_after_ok_and_dropped_after_err() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let robot = node.actor::<Robot>("a");
    assert_eq!(sim.run_until(robot.go(3).into_future()), Ok(3));
    let units = disk.counts().units;
    let far = sim.run_until(robot.go(5_000).into_future());
    assert_eq!(far, Err(CallError::App(MoveError::TooFar)));
    assert_eq!(sim.run_until(robot.place().into_future()), Ok((3, 1)));
    assert_eq!(disk.counts().units, units, "a command that failed stores nothing");
    sim.run_until(robot.go_home_in_steps().into_future()).unwrap();
    assert_eq!(sim.run_until(robot.place().into_future()), Ok((0, 5)));
    assert_eq!(snapshot(&disk, "a"), (0, 5));
}

#[test]
fn a_reply_waits_until_its_events_are_durable() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    disk.faults().delay_batches(Some(10 * MS));
    let go = node.begin(node.actor::<Robot>("a").go(1));
    sim.advance(9 * MS);
    assert!(!go.is_ready());
    sim.advance(2 * MS);
    assert_eq!(go.take(), Some(Ok(1)));
}

#[test]
fn the_state_is_found_again_from_snapshot_and_journal() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let mut node = start(&sim, &disk);
    for turn in 1..=57 {
        let robot = node.actor::<Robot>("a");
        assert_eq!(sim.run_until(robot.go(1).into_future()), Ok(turn));
        if turn % 9 == 0 {
            node.crash();
            node = start(&sim, &disk);
        }
        let robot = node.actor::<Robot>("a");
        assert_eq!(sim.run_until(robot.place().into_future()), Ok((turn, turn as u64)));
    }
    let (snapshot, offset) = snapshot(&disk, "a");
    assert!(offset == 57 && snapshot >= 47, "{snapshot} of {offset}");
}

/// The same robot in a newer program, which counts in another way and cannot read older states.
#[tenure::data]
#[derive(Default)]
pub struct Walker {
    steps: u64,
}

#[actor(name = "robot", schema = 2, persist = event_sourced(snapshot_every = 10), events = Moved)]
impl Walker {
    fn apply(&mut self, event: &Moved) {
        if let Moved::By { steps } = event {
            self.steps += steps.unsigned_abs();
        }
    }

    pub fn go(&self, cx: &mut Context<Self>, steps: i64) {
        cx.record(Moved::By { steps });
    }

    pub fn steps(&self) -> u64 {
        self.steps
    }
}

#[test]
fn a_snapshot_that_cannot_be_read_any_more_is_made_again_from_the_journal() {
    for events in [5, 10, 2_345] {
        let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
        let node = start(&sim, &disk);
        for turn in 0..events {
            let robot = node.actor::<Robot>("a");
            sim.run_until(robot.go(if turn % 2 == 0 { 1 } else { -1 }).into_future()).unwrap();
        }
        node.crash();
        let node = NodeSpec::new().with::<Walker>().start(&sim, &disk);
        let walker = node.actor::<Walker>("a");
        assert_eq!(sim.run_until(walker.steps().into_future()), Ok(events));
        for _ in 0..20 {
            sim.run_until(walker.go(1).into_future()).unwrap();
        }
        node.crash();
        // With a snapshot of its own now.
        let node = NodeSpec::new().with::<Walker>().start(&sim, &disk);
        let steps = node.actor::<Walker>("a").steps();
        assert_eq!(sim.run_until(steps.into_future()), Ok(events + 20));
        node.crash();
        // The older program refuses the newer snapshot, and changes nothing.
        let node = start(&sim, &disk);
        let place = sim.run_until(node.actor::<Robot>("a").place().into_future());
        let Err(CallError::Incompatible { detail, .. }) = place else { panic!("{place:?}") };
        assert!(detail.contains("newer"), "{detail}");
    }
}

#[test]
fn a_long_journal_is_read_page_by_page_without_a_gap() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let robot = node.actor::<Robot>("a");
    for _ in 0..3 {
        sim.run_until(robot.go(800).into_future()).unwrap();
        sim.run_until(robot.go_home_in_steps().into_future()).unwrap();
    }
    let target = tenure::ActorRef::<Robot>::new(&node.handle(), "a");
    let target = target.target().expect("a good key").clone();
    let read =
        |epoch, offset| sim.run_until(node.runtime().events(&target, epoch, offset)).unwrap();
    let epoch = read(0, 0).epoch;
    assert!(
        !read(0, 0).recovered && !read(epoch, 2_407).recovered,
        "of another log; not there yet"
    );
    let mut seen = 0;
    for len in [1_000, 1_000, 406, 0] {
        let page = read(epoch, seen);
        assert!(page.recovered && page.events.len() == len, "{} after {seen}", page.events.len());
        for (offset, _) in &page.events {
            assert_eq!(*offset, seen + 1);
            seen += 1;
        }
        assert_eq!(page.offset, 2_406, "where the log stands");
    }
    assert_eq!(seen, 3 * 802);
    sim.run_until(robot.forget().into_future()).unwrap();
    assert!(!read(epoch, seen).recovered, "its log is not there any more");
}

#[test]
fn a_deleted_actor_begins_anew() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let robot = node.actor::<Robot>("a");
    sim.run_until(robot.go(7).into_future()).unwrap();
    let epoch = disk.stored(&id("a")).unwrap().unwrap().log.epoch;
    sim.run_until(robot.forget().into_future()).unwrap();
    assert_eq!(sim.run_until(robot.place().into_future()), Ok((0, 0)));
    sim.run_until(robot.go(2).into_future()).unwrap();
    let stored = disk.stored(&id("a")).unwrap().unwrap();
    assert_eq!((stored.log.offset, stored.version.0), (1, 3));
    assert_ne!(stored.log.epoch, epoch, "its events are another log");
    node.crash();
    let node = start(&sim, &disk);
    assert_eq!(sim.run_until(node.actor::<Robot>("a").place().into_future()), Ok((2, 1)));
}

/// Acknowledged commands are there after crashes and faults, and nothing is there twice.
#[test]
fn nothing_acknowledged_is_lost_over_crashes() {
    each_seed(30, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let mut dice = sim.dice();
        let mut node = start(&sim, &disk);
        let (mut known, mut unknown) = (0_i64, 0_i64);
        for _ in 0..60 {
            match dice.below(5) {
                0 => disk.faults().next_unit(UnitFault::SilentCommitted),
                1 => disk.faults().next_unit(UnitFault::UnknownAbsent),
                _ => {}
            }
            let call = node.begin(node.actor::<Robot>("a").go(1).deadline(SECOND));
            sim.run_polls(dice.below(40));
            let crashed = dice.below(6) == 0;
            if crashed {
                disk.faults().clear();
                node.crash();
                node = start(&sim, &disk);
            } else {
                sim.advance(3 * SECOND);
            }
            match call.take() {
                Some(Ok(_)) => known += 1,
                _ => unknown += 1,
            }
        }
        disk.faults().clear();
        node.crash();
        let node = start(&sim, &disk);
        let (place, moves) = sim.run_until(node.actor::<Robot>("a").place().into_future()).unwrap();
        assert!(
            (known..=known + unknown).contains(&place),
            "{place}: {known} known, {unknown} not"
        );
        assert_eq!(place, moves as i64);
    });
}
