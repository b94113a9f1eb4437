//! Reminders: at least once, one effect, late rather than never, over restarts of the node.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::future::IntoFuture;
use std::time::Duration;

use cast::{MS, SECOND};
use tenure::prelude::*;
use tenure_sim::{Node, NodeSpec, Simulation, each_seed};
use tenure_store::MemoryDisk;
use tenure_store::memory::UnitFault;

#[tenure::data]
#[derive(Default)]
pub struct Clerk {
    rung: Vec<(String, u64)>,
    failures: u32,
}

#[actor]
impl Clerk {
    pub fn wake_me(&mut self, cx: &mut Context<Self>, name: String, ms: u64) {
        cx.remind(&name, Duration::from_millis(ms), ClerkRing { what: name.clone() });
    }

    pub fn wake_me_every(&mut self, cx: &mut Context<Self>, name: String, ms: u64) {
        cx.remind_every(&name, Duration::from_millis(ms), ClerkRing { what: name.clone() });
    }

    pub fn let_me_sleep(&mut self, cx: &mut Context<Self>, name: String) {
        cx.cancel_reminder(&name);
    }

    pub fn set_and_panic(&mut self, cx: &mut Context<Self>, name: String) {
        cx.remind(&name, MS, ClerkRing { what: name.clone() });
        panic!("on purpose");
    }

    pub fn fail_next(&mut self, times: u32) {
        self.failures = times;
    }

    #[handler(internal)]
    pub fn ring(&mut self, cx: &mut Context<Self>, what: String) {
        let id = cx.reminder().expect("it is a reminder's call");
        assert_eq!(*id.name, *what);
        self.rung.push((what, id.due_ms));
        if self.failures > 0 {
            // The state in memory goes with the panic: it fails until it is told not to.
            panic!("on purpose");
        }
    }

    pub fn rung(&self) -> Vec<(String, u64)> {
        self.rung.clone()
    }

    pub fn leave(&mut self, cx: &mut Context<Self>) {
        cx.deactivate();
    }
}

fn start(sim: &Simulation, disk: &MemoryDisk) -> Node {
    NodeSpec::new().with::<Clerk>().start(sim, disk)
}

fn rung(sim: &Simulation, node: &Node, key: &str) -> Vec<String> {
    let rung = sim.run_until(node.actor::<Clerk>(key).rung().into_future()).expect("it answers");
    rung.into_iter().map(|(what, _)| what).collect()
}

#[test]
fn a_reminder_comes_once_at_its_time_and_one_that_repeats_until_it_is_cancelled() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let clerk = node.actor::<Clerk>("a");
    sim.run_until(clerk.wake_me("once".into(), 1_000).into_future()).unwrap();
    sim.run_until(clerk.wake_me_every("often".into(), 10_000).into_future()).unwrap();
    sim.advance(900 * MS);
    assert!(rung(&sim, &node, "a").is_empty());
    sim.advance(SECOND);
    assert_eq!(rung(&sim, &node, "a"), ["once"]);
    sim.advance(29 * SECOND);
    assert_eq!(rung(&sim, &node, "a"), ["once", "often", "often", "often"]);
    sim.run_until(clerk.let_me_sleep("often".into()).into_future()).unwrap();
    sim.advance(60 * SECOND);
    assert_eq!(rung(&sim, &node, "a").len(), 4);
    assert_eq!(node.metric("tenure_reminders"), 0.0);
}

#[test]
fn a_reminder_far_ahead_and_one_of_an_actor_that_left_memory_come() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let clerk = node.actor::<Clerk>("a");
    sim.run_until(clerk.wake_me("far".into(), 3_600_000).into_future()).unwrap();
    sim.run_until(clerk.leave().into_future()).unwrap();
    sim.advance(SECOND);
    assert_eq!(node.runtime().activations(), 0);
    sim.advance(3_601 * SECOND);
    assert_eq!(rung(&sim, &node, "a"), ["far"]);
}

#[test]
fn a_turn_that_panics_sets_nothing_and_a_name_is_replaced() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let clerk = node.actor::<Clerk>("a");
    assert!(sim.run_until(clerk.set_and_panic("never".into()).into_future()).is_err());
    sim.run_until(clerk.wake_me("moved".into(), 1_000).into_future()).unwrap();
    sim.run_until(clerk.wake_me("moved".into(), 5_000).into_future()).unwrap();
    sim.advance(4 * SECOND);
    assert!(rung(&sim, &node, "a").is_empty());
    sim.advance(2 * SECOND);
    assert_eq!(rung(&sim, &node, "a"), ["moved"]);
}

#[test]
fn one_that_fails_comes_again_until_it_is_handled() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let clerk = node.actor::<Clerk>("a");
    sim.run_until(clerk.fail_next(1).into_future()).unwrap();
    sim.run_until(clerk.wake_me("bell".into(), 100).into_future()).unwrap();
    sim.advance(10 * SECOND);
    assert!(rung(&sim, &node, "a").is_empty());
    sim.run_until(clerk.fail_next(0).into_future()).unwrap();
    sim.advance(70 * SECOND);
    assert_eq!(rung(&sim, &node, "a"), ["bell"]);
    sim.advance(200 * SECOND);
    assert_eq!(rung(&sim, &node, "a"), ["bell"], "and then no more");
}

/// Over crashes, stops and faults of the store every reminder rings once: none is lost, and the
/// second delivery of one has no second effect.
#[test]
fn every_reminder_rings_once_over_restarts() {
    each_seed(30, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let mut dice = sim.dice();
        let mut node = start(&sim, &disk);
        let mut expected: Vec<Vec<String>> = vec![Vec::new(); 4];
        for round in 0..12 {
            for (key, set) in expected.iter_mut().enumerate() {
                let name = format!("r{round}");
                let ms = dice.below(90_000);
                let clerk = node.actor::<Clerk>(format!("{key}").as_str());
                if sim.run_until(clerk.wake_me(name.clone(), ms).into_future()).is_ok() {
                    set.push(name);
                }
            }
            match dice.below(4) {
                0 => disk.faults().next_unit(UnitFault::UnknownCommitted),
                1 => disk.faults().next_unit(UnitFault::UnknownAbsent),
                _ => {}
            }
            sim.advance(MS * dice.below(40_000) as u32);
            sim.run_polls(dice.below(200));
            match dice.below(3) {
                0 => {
                    node.crash();
                    disk.faults().clear();
                    sim.advance(MS * dice.below(60_000) as u32);
                    node = start(&sim, &disk);
                }
                1 => {
                    disk.faults().clear();
                    assert_eq!(sim.run_until(node.stop(10 * SECOND)), Ok(0));
                    node = start(&sim, &disk);
                }
                _ => {}
            }
        }
        disk.faults().clear();
        sim.advance(300 * SECOND);
        for (key, set) in expected.iter_mut().enumerate() {
            let mut rung = rung(&sim, &node, &format!("{key}"));
            rung.sort();
            set.sort();
            assert_eq!(rung, *set);
        }
    });
}
