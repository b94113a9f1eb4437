//! P7, memory: idle stored actors leave before the budget is used up, dirty ones after their flush;
//! volatile ones never do, and past it new activations are refused. Nothing is lost.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::future::IntoFuture;

use cast::{MS, SECOND};
use tenure::prelude::*;
use tenure_sim::{Node, NodeSpec, Simulation, each_seed};
use tenure_store::MemoryDisk;
use tenure_store::memory::UnitFault;

/// How much an actor weighs once it has been called.
const BALLAST: usize = 2_000;

macro_rules! chest {
    ($chest:ident, $($persist:tt)*) => {
        #[tenure::data]
        #[derive(Default)]
        pub struct $chest {
            coins: u64,
            ballast: String,
        }

        #[actor(persist = $($persist)*)]
        impl $chest {
            pub fn add(&mut self) -> u64 {
                self.ballast = "x".repeat(BALLAST);
                self.coins += 1;
                self.coins
            }

            pub fn coins(&self) -> u64 {
                self.coins
            }

            pub fn leave(&mut self, cx: &mut Context<Self>) {
                cx.deactivate();
            }
        }
    };
}
chest!(Chest, write_through);
// Far longer than the tests run: what is saved was saved by leaving.
chest!(Diary, write_behind(max_delay = "1h"));
chest!(Lantern, volatile);

fn start(sim: &Simulation, disk: &MemoryDisk, budget: u64) -> Node {
    let spec = NodeSpec::new().with::<Chest>().with::<Diary>().with::<Lantern>();
    spec.config(|config| config.memory_bytes_max = budget).start(sim, disk)
}

/// Makes a call again while the node has no room.
macro_rules! persist {
    ($sim:expr, $call:expr) => {{
        let mut refusals = 0;
        loop {
            match $sim.run_until($call.into_future()) {
                Err(CallError::Overloaded { actor: false, .. }) if refusals < 50 => {
                    refusals += 1;
                    $sim.advance(200 * MS);
                }
                other => break other,
            }
        }
    }};
}

#[test]
fn nothing_is_lost_while_actors_come_and_go() {
    const KEYS: u64 = 150;
    const BUDGET: u64 = 200_000;
    each_seed(5, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let node = start(&sim, &disk, BUDGET);
        let mut dice = sim.dice();
        disk.faults().delay_batches(Some(20 * MS));
        let mut expected = vec![[0_u64; 2]; KEYS as usize];
        let mut most = 0.0_f64;
        for _ in 0..600 {
            let (key, kind) = (dice.below(KEYS), dice.below(2) as usize);
            let told = match kind {
                0 => persist!(sim, node.actor::<Chest>(key).add()),
                _ => persist!(sim, node.actor::<Diary>(key).add()),
            };
            expected[key as usize][kind] += 1;
            assert_eq!(told, Ok(expected[key as usize][kind]), "{kind}/{key}");
            most = most.max(node.metric("tenure_activation_bytes"));
            sim.advance(MS * dice.below(60) as u32);
        }
        assert!(node.metric("tenure_evictions_total") > 100.0, "few have left");
        assert!(most <= (BUDGET + 20_000) as f64, "{most} bytes of {BUDGET}");
        for (key, [chest, diary]) in (0_u64..).zip(expected) {
            assert_eq!(persist!(sim, node.actor::<Chest>(key).coins()), Ok(chest), "chest {key}");
            assert_eq!(persist!(sim, node.actor::<Diary>(key).coins()), Ok(diary), "diary {key}");
        }
    });
}

#[test]
fn volatile_actors_stay_whoever_else_must_leave() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk, 100_000);
    for key in 0..50_u64 {
        assert_eq!(sim.run_until(node.actor::<Lantern>(key).add().into_future()), Ok(1));
    }
    for key in 0..200_u64 {
        sim.advance(50 * MS);
        assert_eq!(persist!(sim, node.actor::<Chest>(key).add()), Ok(1));
    }
    assert!(node.metric("tenure_evictions_total") > 100.0);
    for key in 0..50_u64 {
        assert_eq!(sim.run_until(node.actor::<Lantern>(key).coins().into_future()), Ok(1), "{key}");
    }
}

#[test]
fn when_nobody_can_leave_new_activations_are_refused() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk, 20_000);
    let mut lit = 0_u64;
    let refused = loop {
        match sim.run_until(node.actor::<Lantern>(lit).add().into_future()) {
            Ok(_) => lit += 1,
            Err(error) => break error,
        }
        assert!(lit < 1_000, "none was refused");
        sim.advance(20 * MS);
    };
    assert!(matches!(refused, CallError::Overloaded { actor: false, .. }), "{refused}");
    assert!(refused.is_retryable() && lit > 50, "{lit}");
    let chest = sim.run_until(node.actor::<Chest>("c").add().into_future());
    assert!(matches!(chest, Err(CallError::Overloaded { actor: false, .. })), "{chest:?}");
    sim.advance(10 * SECOND);
    for key in 0..lit {
        assert_eq!(sim.run_until(node.actor::<Lantern>(key).coins().into_future()), Ok(1), "{key}");
    }
    for key in 0..20 {
        sim.run_until(node.actor::<Lantern>(key).leave().into_future()).expect("it leaves");
    }
    assert_eq!(sim.run_until(node.actor::<Chest>("c").add().into_future()), Ok(1), "there is room");
}

/// A store that takes its time: what cannot be flushed does not leave, and nobody is told more.
#[test]
fn dirty_actors_stay_until_their_flush_is_durable() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk, 50_000);
    let mut told = 0_u64;
    // A first activation is read from the store, which still answers.
    while sim.run_until(node.actor::<Diary>(told).add().into_future()).is_ok() {
        told += 1;
        if told == 3 {
            disk.faults().delay_batches(Some(60 * SECOND));
        }
        // What an activation weighs is known once it was encoded.
        sim.advance(150 * MS);
        assert!(told < 2_000, "none was refused");
    }
    sim.advance(5 * SECOND);
    let before = node.runtime().activations();
    assert!(before as u64 >= told - 3, "{before} of {told} are in memory, and none is saved");
    for key in 0..told {
        assert_eq!(persist!(sim, node.actor::<Diary>(key).coins()), Ok(1), "{key}");
    }
    disk.faults().delay_batches(None);
    sim.advance(120 * SECOND);
    assert!(node.runtime().activations() < before, "then they leave");
    for key in 0..told {
        assert_eq!(persist!(sim, node.actor::<Diary>(key).coins()), Ok(1), "{key}");
    }
}

/// An actor that cannot be flushed now, as the fate of its unit is not known, is not marked for it:
/// the mark would keep a write-through actor in memory for ever.
#[test]
fn who_could_not_leave_leaves_later() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    // One chest is more than there is room for: from its first turn on it ought to leave.
    let node = start(&sim, &disk, 1_500);
    for _ in 0..6 {
        disk.faults().next_unit(UnitFault::UnknownAbsent);
    }
    let unknown = node.begin(node.actor::<Chest>("c").add().deadline(60 * SECOND));
    sim.advance(500 * MS);
    assert!(!unknown.is_ready());
    disk.faults().clear();
    sim.advance(30 * SECOND);
    assert_eq!(unknown.take(), Some(Ok(1)));
    assert_eq!(node.runtime().activations(), 0, "it has left");
    assert_eq!(sim.run_until(node.stop(SECOND)), Ok(0), "nobody is busy");
}
