//! P6 and P7 as one caller sees them: deadlines, callers who go away, full mailboxes, and chains.
#![expect(missing_docs, reason = "what a test's actors do is said by their names")]

mod cast;

use std::future::{Future, IntoFuture, poll_fn};
use std::hint::black_box;
use std::pin::pin;
use std::time::Duration;

use cast::{Ledger, MS, SECOND, start, turns};
use tenure::prelude::*;
use tenure_sim::{Background, Node, NodeSpec, Options, Simulation, each_seed};
use tenure_store::MemoryDisk;
use tenure_types::{Instant, Outcome};

const NOT_EXECUTED: CallError = CallError::Deadline { outcome: Outcome::NotExecuted };
const UNKNOWN: CallError = CallError::Deadline { outcome: Outcome::Unknown };

#[test]
fn a_deadline_before_the_turn_means_that_it_never_ran() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    let slow = node.begin(ledger.add_slowly(1, 1_000));
    sim.run_until_idle();
    let began = sim.now();
    let late = sim.run_until(ledger.add(10).deadline(100 * MS).into_future());
    let took = sim.now() - began;
    assert_eq!(late, Err(NOT_EXECUTED));
    assert!((96 * MS..=112 * MS).contains(&took), "{took:?}");
    assert_eq!(
        sim.run_until(ledger.add(10).deadline(Duration::ZERO).into_future()),
        Err(NOT_EXECUTED)
    );
    sim.advance(2 * SECOND);
    assert_eq!((slow.take(), turns()), (Some(Ok(1)), 1));
    // The same where nothing is in the way: no time is no time.
    assert_eq!(
        sim.run_until(ledger.add(10).deadline(Duration::ZERO).into_future()),
        Err(NOT_EXECUTED)
    );
    assert_eq!(sim.run_until(ledger.get().into_future()), Ok(1));
}

#[test]
fn a_deadline_during_the_turn_is_unknown_and_the_turn_ends() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    let slow = sim.run_until(ledger.add_slowly(1, 1_000).deadline(100 * MS).into_future());
    assert_eq!(slow, Err(UNKNOWN));
    let read = node.begin(ledger.get());
    sim.advance(800 * MS);
    assert!(!read.is_ready());
    sim.advance(200 * MS);
    assert_eq!((read.take(), cast::version(&disk, "a")), (Some(Ok(1)), 1));
}

/// A load that never ends holds no caller longer than its deadline.
#[test]
fn a_deadline_holds_while_the_actor_is_loaded() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    disk.faults().next_load(tenure_store::memory::LoadFault::Silent);
    let ledger = node.actor::<Ledger>("a");
    assert_eq!(sim.run_until(ledger.get().into_future()), Err(NOT_EXECUTED));
    assert_eq!((sim.now() - Instant::ZERO).as_secs(), 30);
    assert_eq!(turns(), 0);
}

#[test]
fn a_caller_who_goes_away_takes_a_waiting_call_along() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    let slow = node.begin(ledger.add_slowly(1, 10));
    sim.run_until_idle();
    let waiting = node.begin(ledger.add(10));
    let waiting_slow = node.begin(ledger.add_slowly(10, 1));
    sim.run_until_idle();
    waiting.cancel();
    waiting_slow.cancel();
    slow.cancel();
    assert_eq!(sim.run_until(ledger.get().into_future()), Ok(1));
    assert_eq!(turns(), 2, "the turn that had begun ran on, the others never did");
    assert_eq!(node.metric("tenure_mailbox_calls"), 0.0);
}

#[test]
fn what_was_sent_is_not_taken_back_and_runs_once() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    let slow = node.begin(ledger.add_slowly(1, 10));
    sim.run_until_idle();
    for _ in 0..3 {
        // The future that sent it is dropped as soon as it has.
        assert_eq!(sim.run_until(ledger.add(1).deadline(5 * MS).send()), Ok(()));
        assert_eq!(sim.run_until(ledger.add_slowly(1, 2).send()), Ok(()));
    }
    assert_eq!(turns(), 1);
    sim.advance(SECOND);
    assert_eq!((slow.take(), turns()), (Some(Ok(1)), 7));
    assert_eq!(sim.run_until(ledger.get().into_future()), Ok(7));
    // Idle or busy, a send does not wait for the turn.
    let began = sim.now();
    assert_eq!(sim.run_until(ledger.add_slowly(1, 1_000).send()), Ok(()));
    assert_eq!(sim.now(), began);
}

fn queue(sim: &Simulation, node: &Node, calls: usize) -> Vec<Background<Result<u64, CallError>>> {
    let ledger = node.actor::<Ledger>("a");
    let begin = |_| {
        let call = node.begin(ledger.add(1));
        sim.run_until_idle();
        call
    };
    (0..calls).map(begin).collect()
}

fn overloaded(result: &Option<Result<u64, CallError>>) -> bool {
    match result {
        Some(Err(CallError::Overloaded { actor, retry_after_ms, .. })) => {
            assert!(*actor && *retry_after_ms > 0);
            true
        }
        _ => false,
    }
}

#[test]
fn a_full_mailbox_refuses_and_calls_that_are_taken_back_make_room() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let spec = NodeSpec::new().with::<Ledger>().config(|config| config.mailbox_len_max = 4);
    let node = spec.start(&sim, &disk);
    let slow = node.begin(node.actor::<Ledger>("a").add_slowly(1, 10));
    sim.run_until_idle();
    let calls = queue(&sim, &node, 6);
    assert!(calls[..4].iter().all(|call| !call.is_ready()));
    assert!(calls[4..].iter().all(|call| overloaded(&call.take())));
    assert!(overloaded(&Some(sim.run_until(node.actor::<Ledger>("a").add(1).send()).map(|()| 0))));
    calls[1].cancel();
    calls[2].cancel();
    let more = queue(&sim, &node, 3);
    assert!(more[..2].iter().all(|call| !call.is_ready()) && overloaded(&more[2].take()));
    assert_eq!(node.metric("tenure_mailbox_calls"), 4.0);
    sim.advance(SECOND);
    let values =
        [&calls[0], &calls[3], &more[0], &more[1]].map(|call| call.take().unwrap().unwrap());
    assert_eq!((slow.take(), values), (Some(Ok(1)), [2, 3, 4, 5]));
    assert_eq!(node.metric("tenure_mailbox_calls"), 0.0);
}

#[test]
fn replies_that_wait_for_the_store_are_bounded() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let spec = NodeSpec::new().with::<Ledger>().config(|config| config.uncommitted_turns_max = 5);
    let node = spec.start(&sim, &disk);
    assert_eq!(sim.run_until(node.actor::<Ledger>("a").add(1).into_future()), Ok(1));
    disk.faults().delay_batches(Some(10 * MS));
    let calls = queue(&sim, &node, 8);
    assert!(calls[..5].iter().all(|call| !call.is_ready()));
    assert!(calls[5..].iter().all(|call| overloaded(&call.take())));
    let read = sim.run_until(node.actor::<Ledger>("a").get().into_future());
    assert!(overloaded(&Some(read)), "reads wait as well, so they count");
    sim.advance(11 * MS);
    assert_eq!(calls[0].take(), Some(Ok(2)));
    let more = queue(&sim, &node, 2);
    assert!(more.iter().all(|call| !call.is_ready()) || overloaded(&more[1].take()));
    sim.advance(SECOND);
    assert!(calls[1..5].iter().all(|call| call.take().unwrap().is_ok()));
}

/// Polls `future` from a stack frame of 16 KiB.
async fn heavily<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let ballast = black_box([0_u8; 16 << 10]);
        let polled = future.as_mut().poll(cx);
        black_box(&ballast);
        polled
    })
    .await
}

/// Calls others, and is called back.
macro_rules! relay {
    ($relay:ident, $other:ident, $name:literal) => {
        #[derive(Default)]
        pub struct $relay {
            visits: u32,
        }

        #[actor(name = $name, persist = volatile)]
        impl $relay {
            /// Calls the actors of `path`, one from the other; the types take turns.
            pub async fn walk(
                &mut self,
                cx: &mut Context<Self>,
                mut path: Vec<u32>,
            ) -> Result<u32, Lost> {
                self.visits += 1;
                if path.is_empty() {
                    return Ok(0);
                }
                let next = path.remove(0);
                match cx.actor::<$other>(next).walk(path).await {
                    Ok(depth) => Ok(depth + 1),
                    Err(CallError::App(lost)) => Err(lost),
                    Err(error) => Err(Lost { why: format!("{:?}: {error}", error.code()) }),
                }
            }

            /// As `walk`, where nobody changes anything and each takes much of its thread's stack.
            pub async fn look(&self, cx: &Context<Self>, mut path: Vec<u32>) -> Result<u32, Lost> {
                if path.is_empty() {
                    return Ok(0);
                }
                let next = path.remove(0);
                match heavily(cx.actor::<$other>(next).look(path).into_future()).await {
                    Ok(depth) => Ok(depth + 1),
                    Err(CallError::App(lost)) => Err(lost),
                    Err(error) => Err(Lost { why: format!("{:?}: {error}", error.code()) }),
                }
            }

            /// As `walk`, but each sends.
            pub async fn wander(&mut self, cx: &mut Context<Self>, mut path: Vec<u32>) {
                self.visits += 1;
                if !path.is_empty() {
                    let next = path.remove(0);
                    cx.actor::<$other>(next).wander(path).send().await.expect("a send leaves");
                }
            }

            pub async fn call_self(&mut self, cx: &mut Context<Self>) -> Result<u32, Lost> {
                let me = cx.key().clone();
                let why = cx.actor::<Self>(me).visits().await.unwrap_err().to_string();
                Err(Lost { why })
            }

            /// Waits, then asks another how much time is left to it.
            pub async fn ask_late(&mut self, cx: &mut Context<Self>, ms: u64) -> Result<u64, Lost> {
                cx.sleep(MS * ms as u32).await;
                let asked = cx.actor::<$other>(1).time_left().deadline(60 * SECOND).await;
                asked.map_err(|error| Lost {
                    why: format!("{:?} {:?}: {error}", error.code(), error.outcome()),
                })
            }

            pub async fn time_left(&mut self, cx: &mut Context<Self>) -> u64 {
                self.visits += 1;
                cx.time_left().as_millis() as u64
            }

            pub fn visits(&self) -> u32 {
                self.visits
            }
        }
    };
}
relay!(Alpha, Beta, "a");
relay!(Beta, Alpha, "b");

#[tenure::error]
#[derive(PartialEq)]
#[problem("{why}")]
pub struct Lost {
    why: String,
}

fn relays(sim: &Simulation) -> Node {
    NodeSpec::new().with::<Alpha>().with::<Beta>().start(sim, &MemoryDisk::new())
}

#[test]
fn a_call_that_would_wait_for_itself_fails_with_its_path() {
    let sim = Simulation::new(1);
    let node = relays(&sim);
    let alpha = node.actor::<Alpha>(1);
    let cycle = |path: &str| {
        Err(CallError::App(Lost { why: format!("Cycle: the call would wait for itself: {path}") }))
    };
    assert_eq!(sim.run_until(alpha.walk(vec![2, 1]).into_future()), cycle("a/1 > b/2 > a/1"));
    assert_eq!(sim.run_until(alpha.look(vec![2, 1]).into_future()), cycle("a/1 > b/2 > a/1"));
    let path = "b/2 > a/3 > b/4 > a/5 > b/2";
    assert_eq!(sim.run_until(alpha.walk(vec![2, 3, 4, 5, 2]).into_future()), cycle(path));
    let error = sim.run_until(alpha.call_self().into_future()).unwrap_err();
    assert_eq!(error.to_string(), "the call would wait for itself: a/1 > a/1");
    // Another key of the same type is another actor.
    assert_eq!(sim.run_until(alpha.walk(vec![1, 2, 2]).into_future()), Ok(3));
}

#[test]
fn a_chain_is_bounded() {
    let sim = Simulation::new(1);
    let node = relays(&sim);
    let alpha = node.actor::<Alpha>(1_000);
    let longest = tenure_actor::CHAIN_LEN_MAX;
    assert_eq!(sim.run_until(alpha.walk((1..longest).collect()).into_future()), Ok(longest - 1));
    let error = sim.run_until(alpha.walk((1..=longest).collect()).into_future()).unwrap_err();
    assert!(error.to_string().starts_with("TooLarge: the chain of calls that ends in"), "{error}");
}

#[test]
fn a_send_starts_a_chain_of_its_own() {
    let sim = Simulation::new(1);
    let node = relays(&sim);
    let path: Vec<u32> = [2, 1].repeat(200);
    assert_eq!(sim.run_until(node.actor::<Alpha>(1).wander(path).into_future()), Ok(()));
    sim.run_until_idle();
    assert_eq!(sim.run_until(node.actor::<Alpha>(1).visits().into_future()), Ok(201));
    assert_eq!(sim.run_until(node.actor::<Beta>(2).visits().into_future()), Ok(200));
}

/// Turns run inside each other only so deep; a worker of 2 MiB of stack is never in danger.
#[test]
fn deep_recursion_needs_no_deep_stack() {
    let deep = || {
        // No yield ends a run of turns inside turns: only the bound does.
        let options = Options { yield_one_in: 0, ..Options::default() };
        let sim = Simulation::with(1, options);
        let node = relays(&sim);
        let path: Vec<u32> = (2..202).collect();
        assert_eq!(sim.run_until(node.actor::<Alpha>(1).walk(path.clone()).into_future()), Ok(200));
        assert_eq!(sim.run_until(node.actor::<Alpha>(1).look(path.clone()).into_future()), Ok(200));
        node.tasks().set_worker(false);
        assert_eq!(sim.run_until(node.actor::<Alpha>(1).walk(path).into_future()), Ok(200));
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(deep);
    thread.expect("a thread starts").join().expect("200 levels fit into 2 MiB");
}

#[test]
fn a_nested_call_ends_with_the_turn_that_made_it() {
    let sim = Simulation::new(1);
    let node = relays(&sim);
    let alpha = node.actor::<Alpha>(1);
    let left = sim.run_until(alpha.ask_late(300).deadline(SECOND).into_future()).unwrap();
    assert!((680..=710).contains(&left), "{left} ms are left of 1,000 after 300");
    // The caller is gone by then, the turn is not: it has no time left to give.
    let visits = sim.run_until(node.actor::<Beta>(1).visits().into_future());
    let late = node.begin(alpha.ask_late(300).deadline(100 * MS));
    sim.advance(SECOND);
    assert!(matches!(late.take(), Some(Err(CallError::Deadline { outcome: Outcome::Unknown }))));
    assert_eq!(sim.run_until(node.actor::<Beta>(1).visits().into_future()), visits);
}

/// Of chains that wait for each other the newest is told, with its path, and the others go on.
#[test]
fn chains_that_wait_for_each_other_are_found() {
    let paths = ["a/1 > b/1 > a/1", "b/1 > a/1 > b/1"];
    each_seed(20, |seed| {
        let sim = Simulation::new(seed);
        let node = relays(&sim);
        let (alpha, beta) = (node.actor::<Alpha>(1), node.actor::<Beta>(1));
        let calls = [
            node.begin(alpha.ask_late(10).deadline(SECOND)),
            node.begin(beta.ask_late(10).deadline(SECOND)),
        ];
        sim.advance(100 * MS);
        let ended: Vec<_> = calls.iter().map(|call| call.take().expect("nobody waits")).collect();
        let told = |end: &Result<u64, CallError<Lost>>| match end {
            Err(error) => paths.iter().any(|path| error.to_string().contains(path)),
            Ok(_) => false,
        };
        assert!(ended.iter().any(told), "{ended:?}");
        assert_eq!(node.tasks().live_of("turn"), 0);
        assert!(sim.run_until(alpha.visits().into_future()).is_ok());
        assert!(sim.run_until(beta.visits().into_future()).is_ok());
    });
}

#[test]
fn a_key_that_breaks_the_rule_is_told_by_every_call() {
    let sim = Simulation::new(1);
    let node = relays(&sim);
    for key in ["", "a\nb", &"k".repeat(513)] {
        let alpha = node.actor::<Alpha>(key);
        assert!(matches!(
            sim.run_until(alpha.visits().into_future()),
            Err(CallError::BadRequest { .. })
        ));
        assert!(matches!(sim.run_until(alpha.visits().send()), Err(CallError::BadRequest { .. })));
    }
    let foreign = node.actor::<Ledger>("a");
    let error = sim.run_until(foreign.get().into_future()).unwrap_err();
    assert!(error.to_string().contains("does not run the actor type `ledger`"), "{error}");
}

/// The turn before ends at the very moment of the deadline: whoever comes first, the call that
/// waited does not run.
#[test]
fn a_call_whose_deadline_has_passed_does_not_begin() {
    each_seed(30, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let node = start(&sim, &disk);
        let ledger = node.actor::<Ledger>("a");
        assert_eq!(sim.run_until(ledger.get().into_future()), Ok(0));
        sim.advance(SECOND);
        let slow = node.begin(ledger.add_slowly(1, 20));
        sim.run_until_idle();
        let late = node.begin(ledger.add(1).deadline(20 * MS));
        sim.advance(SECOND);
        assert_eq!(slow.take(), Some(Ok(1)));
        let late = late.take().expect("it has ended");
        assert_eq!(late, Err(CallError::Deadline { outcome: Outcome::NotExecuted }));
        assert_eq!(sim.run_until(ledger.get().into_future()), Ok(1), "it did not run");
    });
}
