//! Panics: of handlers, before and after they waited, of states that are made, encoded or dropped.
#![expect(missing_docs, reason = "what a test's actors do is said by their names")]

mod cast;

use std::cell::Cell;
use std::future::IntoFuture;
use std::time::Duration;

use cast::{Ledger, MS, SECOND, start, version};
use tenure::__private::serde;
use tenure::prelude::*;
use tenure_sim::{Node, NodeSpec, Simulation};
use tenure_store::MemoryDisk;
use tenure_types::{CallErrorCode, Outcome};

/// What a panicking call says.
fn panicked<T>(result: Result<T, CallError>) -> bool {
    match result {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(
                (error.code(), error.outcome()),
                (CallErrorCode::Panicked, Outcome::Unknown)
            );
            assert!(error.to_string().contains("on purpose"), "{error}");
            true
        }
    }
}

#[test]
fn a_panic_in_an_exclusive_turn_brings_the_last_durable_state_back() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    assert!(panicked(sim.run_until(ledger.add_and_fall(7).into_future())), "never stored yet");
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(1));
    let loads = disk.counts().loads;
    assert!(panicked(sim.run_until(ledger.add_and_fall(7).into_future())));
    assert_eq!(sim.run_until(ledger.get().into_future()), Ok(1));
    assert!(panicked(sim.run_until(ledger.add_and_fall_late(7).into_future())));
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(2));
    assert_eq!((version(&disk, "a"), disk.counts().loads), (2, loads + 2));
    assert_eq!(node.tasks().live_of("turn"), 0);
}

#[test]
fn a_panic_in_a_shared_turn_fails_that_call_alone() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(1));
    let loads = disk.counts().loads;
    let beside = node.begin(ledger.get_slowly(20));
    sim.run_until_idle();
    assert!(panicked(sim.run_until(ledger.fall_reading().into_future())));
    assert!(panicked(sim.run_until(ledger.fall_reading_late().into_future())));
    assert_eq!(sim.run_until(ledger.get().into_future()), Ok(1));
    assert!(!beside.is_ready());
    sim.advance(30 * MS);
    assert_eq!((beside.take(), disk.counts().loads), (Some(Ok(1)), loads));
}

/// A handler's guards may ask whether their thread panics: another one's panic is not theirs.
#[test]
fn no_turn_runs_inside_the_panic_of_another() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    let falls = [node.begin(ledger.fall_reading_late()), node.begin(ledger.add_and_fall_late(1))];
    sim.run_until_idle();
    let adds = [(); 3].map(|()| node.begin(ledger.add(1)));
    sim.advance(SECOND);
    assert!(falls.iter().all(|fall| panicked(fall.take().expect("it ends"))));
    assert!(adds.iter().all(|add| add.take().expect("it ends").is_ok()));
    assert!(!cast::began_unwinding(), "a turn ran while another one's panic was on its way out");
}

/// What turns before it encoded is saved, and told, whatever a later turn does.
#[test]
fn a_panic_takes_nothing_with_it_that_was_encoded_before() {
    for late in [false, true] {
        let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
        let node = start(&sim, &disk);
        let ledger = node.actor::<Ledger>("a");
        disk.faults().delay_batches(Some(10 * MS));
        let adds = [(); 2].map(|()| {
            let add = node.begin(ledger.add(1));
            sim.run_until_idle();
            add
        });
        let fall = match late {
            true => node.begin(ledger.add_and_fall_late(5)),
            false => node.begin(ledger.add_and_fall(5)),
        };
        sim.run_until_idle();
        let after = node.begin(ledger.add(1));
        sim.advance(5 * MS);
        assert!(panicked(fall.take().expect("a panic is told at once")));
        assert!(adds.iter().all(|add| !add.is_ready()) && !after.is_ready());
        sim.advance(SECOND);
        assert_eq!(adds.map(|add| add.take()), [Some(Ok(1)), Some(Ok(2))]);
        assert_eq!((after.take(), version(&disk, "a")), (Some(Ok(3)), 3));
    }
}

thread_local! {
    static CREATE_FALLS: Cell<bool> = const { Cell::new(false) };
    static DROPPED: Cell<u32> = const { Cell::new(0) };
}

/// What falls when it is encoded, where that was asked for.
#[derive(Default)]
pub struct Brittle(bool);

impl serde::Serialize for Brittle {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(!self.0, "on purpose, encoding");
        serializer.serialize_bool(false)
    }
}

impl<'de> serde::Deserialize<'de> for Brittle {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <bool as serde::Deserialize>::deserialize(deserializer).map(Self)
    }
}

/// Every state of it falls when it is dropped.
macro_rules! fuse {
    ($fuse:ident, $persist:ident) => {
        #[tenure::data]
        pub struct $fuse {
            burnt: u32,
            brittle: Brittle,
        }

        impl Default for $fuse {
            fn default() -> Self {
                assert!(!CREATE_FALLS.get(), "on purpose, creating");
                Self { burnt: 0, brittle: Brittle(false) }
            }
        }

        impl Drop for $fuse {
            fn drop(&mut self) {
                DROPPED.set(DROPPED.get() + 1);
                panic!("on purpose, dropping");
            }
        }

        #[actor(persist = $persist)]
        impl $fuse {
            pub fn burn(&mut self) -> u32 {
                self.burnt += 1;
                self.burnt
            }

            pub async fn burn_and_fall(&mut self, cx: &mut Context<Self>, late: bool) {
                self.burnt += 1;
                if late {
                    cx.sleep(MS).await;
                }
                panic!("on purpose");
            }

            pub fn crumble(&mut self) {
                self.brittle = Brittle(true);
            }

            pub fn leave(&mut self, cx: &mut Context<Self>) {
                cx.deactivate();
            }
        }
    };
}
fuse!(Fuse, write_through);
fuse!(Match, volatile);

fn start_fuses(sim: &Simulation, disk: &MemoryDisk) -> Node {
    let spec = NodeSpec::new().with::<Fuse>().with::<Match>();
    spec.config(|it| (it.idle_after, it.volatile_idle_after) = (SECOND, SECOND)).start(sim, disk)
}

#[test]
fn a_panic_of_a_destructor_ends_nothing() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start_fuses(&sim, &disk);
    let (fuse, spark) = (node.actor::<Fuse>("f"), node.actor::<Match>("m"));
    for late in [false, true] {
        assert!(panicked(sim.run_until(fuse.burn_and_fall(late).into_future())));
        assert!(panicked(sim.run_until(spark.burn_and_fall(late).into_future())));
        sim.run_until_idle();
    }
    assert_eq!((DROPPED.get(), node.runtime().activations()), (4, 0));
    assert_eq!(sim.run_until(fuse.burn().into_future()), Ok(1));
    assert_eq!(sim.run_until(spark.burn().into_future()), Ok(1));
    assert_eq!(sim.run_until(fuse.leave().into_future()), Ok(()));
    assert_eq!(sim.run_until(spark.leave().into_future()), Ok(()));
    assert_eq!((DROPPED.get(), node.runtime().activations()), (6, 0));
}

/// The sweep drops states as well, and goes on after one that falls.
#[test]
fn a_panic_of_a_destructor_does_not_end_the_sweep() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start_fuses(&sim, &disk);
    for round in 1..=3 {
        for key in 0..10 {
            assert_eq!(sim.run_until(node.actor::<Fuse>(key).burn().into_future()), Ok(round));
            assert_eq!(sim.run_until(node.actor::<Match>(key).burn().into_future()), Ok(1));
        }
        sim.advance(Duration::from_secs(60));
        assert_eq!((node.runtime().activations(), DROPPED.get()), (0, 20 * round));
    }
    node.crash();
}

#[test]
fn a_panic_while_a_state_is_made_or_encoded_fails_the_call() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start_fuses(&sim, &disk);
    let (fuse, spark) = (node.actor::<Fuse>("f"), node.actor::<Match>("m"));
    CREATE_FALLS.set(true);
    for _ in 0..2 {
        assert!(panicked(sim.run_until(fuse.burn().into_future())));
        assert!(panicked(sim.run_until(spark.burn().into_future())));
    }
    assert_eq!(node.runtime().activations(), 0);
    CREATE_FALLS.set(false);
    assert_eq!(sim.run_until(fuse.burn().into_future()), Ok(1));
    assert_eq!(sim.run_until(spark.burn().into_future()), Ok(1));
    let error = sim.run_until(fuse.crumble().into_future()).unwrap_err();
    assert_eq!((error.code(), error.outcome()), (CallErrorCode::Storage, Outcome::NotExecuted));
    assert_eq!(sim.run_until(fuse.burn().into_future()), Ok(2));
}
