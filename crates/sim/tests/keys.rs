//! P6, idempotency keys: a call that is made again has one effect and the same reply, whatever
//! happened in between.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::cell::Cell;
use std::future::IntoFuture;

use cast::{MS, SECOND};
use tenure::prelude::*;
use tenure_sim::{Node, NodeSpec, Simulation, each_seed};
use tenure_store::MemoryDisk;
use tenure_store::memory::UnitFault;

#[tenure::data]
#[derive(Default)]
pub struct Till {
    sum: u64,
}

#[tenure::error]
#[derive(PartialEq)]
pub enum TillError {
    #[problem(status = 409, "the till is closed")]
    Closed,
    #[problem(status = 429, retry_after = "1s", "it is not open yet")]
    NotYet,
}

macro_rules! till {
    ($till:ident $(, $persist:meta)?) => {
        #[actor $(($persist))?]
        impl $till {
            pub fn pay(&mut self, by: u64) -> u64 {
                self.sum += by;
                self.sum
            }

            pub fn sum(&self) -> u64 {
                self.sum
            }

            pub fn refuse(&mut self) -> Result<u64, TillError> {
                self.sum += 1;
                Err(TillError::Closed)
            }

            pub fn collect(&mut self) -> Result<u64, TillError> {
                if self.sum == 0 {
                    return Err(TillError::NotYet);
                }
                self.sum += 1;
                Ok(self.sum)
            }

            pub fn fail(&mut self) -> u64 {
                self.sum += 100;
                if self.sum < 300 {
                    panic!("on purpose");
                }
                self.sum
            }

            pub async fn pay_slowly(&mut self, cx: &mut Context<Self>, by: u64) -> u64 {
                cx.sleep(MS * 50).await;
                self.sum += by;
                self.sum
            }
        }
    };
}
till!(Till);

/// A till that is saved behind its replies.
#[tenure::data]
#[derive(Default)]
pub struct Tab {
    sum: u64,
}
till!(Tab, persist = write_behind(max_delay = "200ms"));

thread_local! {
    static FAILED: Cell<bool> = const { Cell::new(false) };
}

/// Pays for others: its calls have keys derived from its own.
#[tenure::data]
#[derive(Default)]
pub struct Shop {
    orders: u64,
}

#[actor]
impl Shop {
    pub async fn order(&mut self, cx: &mut Context<Self>, fail_after: bool) -> u64 {
        let first = cx.actor::<Till>("x").pay(1).await.expect("the till answers");
        let second = cx.actor::<Till>("y").pay(10).await.expect("the till answers");
        self.orders += 1;
        if fail_after && !FAILED.replace(true) {
            // As a crash between the calls and the end of this turn would.
            panic!("on purpose");
        }
        first + second
    }
}

fn start(sim: &Simulation, disk: &MemoryDisk) -> Node {
    NodeSpec::new().with::<Till>().with::<Tab>().with::<Shop>().start(sim, disk)
}

#[test]
fn a_repeated_call_has_one_effect_and_the_same_reply() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let till = node.actor::<Till>("a");
    let pay = |key: &str, by| sim.run_until(till.pay(by).idempotency_key(key).into_future());
    assert_eq!((pay("one", 5), pay("two", 7), pay("one", 5)), (Ok(5), Ok(12), Ok(5)));
    let refuse = || sim.run_until(till.refuse().idempotency_key("no").into_future());
    assert_eq!([refuse(), refuse()], [(); 2].map(|()| Err(CallError::App(TillError::Closed))));
    assert_eq!(sim.run_until(till.sum().into_future()), Ok(13), "both effects once");
    // Also by another life of the actor, and of the node.
    assert_eq!(sim.run_until(node.stop(SECOND)), Ok(0));
    let node = start(&sim, &disk);
    let till = node.actor::<Till>("a");
    let pay = |key: &str, by| sim.run_until(till.pay(by).idempotency_key(key).into_future());
    assert_eq!((pay("two", 7), pay("three", 1)), (Ok(12), Ok(14)));
    let mut again = till.pay(7).idempotency_key("two").into_future();
    let replayed = sim.run_until(async {
        let reply = std::future::poll_fn(|cx| std::pin::Pin::new(&mut again).poll(cx)).await;
        (reply, again.was_replayed())
    });
    assert_eq!(replayed, (Ok(12), true));
}

/// An error that says "not now" would otherwise be the answer of this key for ever.
#[test]
fn an_error_that_asks_for_another_try_is_not_remembered() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let till = node.actor::<Till>("a");
    let collect = || sim.run_until(till.collect().idempotency_key("k").into_future());
    for _ in 0..2 {
        assert_eq!(collect(), Err(CallError::App(TillError::NotYet)));
    }
    assert_eq!(sim.run_until(till.pay(5).into_future()), Ok(5));
    assert_eq!([collect(), collect()], [Ok(6), Ok(6)], "it runs once more, and no more than that");
}

#[test]
fn a_key_with_another_call_and_one_that_still_runs_are_told() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let till = node.actor::<Till>("a");
    assert_eq!(sim.run_until(till.pay(5).idempotency_key("k").into_future()), Ok(5));
    let reused = sim.run_until(till.pay(6).idempotency_key("k").into_future());
    assert!(matches!(reused, Err(CallError::KeyReused { .. })), "{reused:?}");
    let reused = sim.run_until(till.refuse().idempotency_key("k").into_future());
    assert!(matches!(reused, Err(CallError::KeyReused { .. })), "{reused:?}");
    let slow = node.begin(till.pay_slowly(1).idempotency_key("s"));
    sim.advance(10 * MS);
    let during = sim.run_until(till.pay_slowly(1).idempotency_key("s").into_future());
    assert!(matches!(during, Err(CallError::InProgress { .. })), "{during:?}");
    assert!(during.is_err_and(|error| error.is_retryable()));
    let waiting = node.begin(till.pay(2).idempotency_key("w"));
    sim.run_until_idle();
    let twice = sim.run_until(till.pay(2).idempotency_key("w").into_future());
    assert!(matches!(twice, Err(CallError::InProgress { .. })), "{twice:?}");
    sim.advance(SECOND);
    assert_eq!((slow.take(), waiting.take()), (Some(Ok(6)), Some(Ok(8))));
    assert_eq!(sim.run_until(till.pay_slowly(1).idempotency_key("s").into_future()), Ok(6));
    for key in ["", "a\nb", &"k".repeat(257)] {
        let bad = sim.run_until(till.pay(1).idempotency_key(key).into_future());
        assert!(matches!(bad, Err(CallError::BadRequest { .. })), "{bad:?}");
    }
}

#[test]
fn a_turn_that_panicked_is_not_remembered() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let till = node.actor::<Till>("a");
    let fail = || sim.run_until(till.fail().idempotency_key("f").into_future());
    assert!(matches!(fail(), Err(CallError::Panicked { .. })));
    assert_eq!(sim.run_until(till.pay(250).into_future()), Ok(250));
    assert_eq!((fail(), fail()), (Ok(350), Ok(350)));
}

#[test]
fn a_replayed_reply_waits_until_its_turn_is_durable() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let till = node.actor::<Till>("a");
    disk.faults().delay_batches(Some(20 * MS));
    let first = node.begin(till.pay(5).idempotency_key("k"));
    sim.run_until_idle();
    let again = node.begin(till.pay(5).idempotency_key("k"));
    sim.advance(10 * MS);
    assert!(!first.is_ready() && !again.is_ready());
    sim.advance(11 * MS);
    assert_eq!((first.take(), again.take()), (Some(Ok(5)), Some(Ok(5))));
}

#[test]
fn nested_calls_have_keys_of_their_own_and_one_effect() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let order =
        || sim.run_until(node.actor::<Shop>("s").order(true).idempotency_key("o").into_future());
    assert!(matches!(order(), Err(CallError::Panicked { .. })));
    assert_eq!((order(), order()), (Ok(11), Ok(11)));
    assert_eq!(sim.run_until(node.actor::<Till>("x").sum().into_future()), Ok(1));
    assert_eq!(sim.run_until(node.actor::<Till>("y").sum().into_future()), Ok(10));
    // Another order is another effect.
    let other = node.actor::<Shop>("s").order(false).idempotency_key("p");
    assert_eq!(sim.run_until(other.into_future()), Ok(22));
}

/// Callers who make every call again until it is answered, over crashes of the node and units of
/// unknown outcome: each call counts once.
#[test]
fn retries_over_crashes_and_faults_have_one_effect_each() {
    each_seed(30, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let mut dice = sim.dice();
        let mut node = start(&sim, &disk);
        let (mut expected, mut replies) = (0, Vec::new());
        for call in 0..40_u64 {
            let by = 1 + dice.below(9);
            expected += by;
            let reply = loop {
                match dice.below(6) {
                    0 => disk.faults().next_unit(UnitFault::SilentCommitted),
                    1 => disk.faults().next_unit(UnitFault::UnknownCommitted),
                    2 => disk.faults().next_unit(UnitFault::UnknownAbsent),
                    _ => {}
                }
                let till = node.actor::<Till>("a");
                let made = till.pay(by).idempotency_key(format!("call-{call}")).deadline(SECOND);
                let begun = node.begin(made);
                sim.run_polls(dice.below(60));
                if dice.below(5) == 0 {
                    disk.faults().clear();
                    node.crash();
                    node = start(&sim, &disk);
                    continue;
                }
                sim.advance(3 * SECOND);
                if let Some(Ok(reply)) = begun.take() {
                    break reply;
                }
            };
            replies.push((reply, expected));
        }
        assert!(replies.iter().all(|(reply, expected)| reply == expected), "{replies:?}");
    });
}

/// The reply of a written-behind turn was lost, and whoever makes the call again wants it durable:
/// the remembered reply waits for the flush of the remembered turn, and survives a crash then.
#[test]
fn a_durable_retry_waits_for_the_flush_of_the_turn_it_repeats() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    disk.faults().delay_batches(Some(20 * MS));
    let tab = node.actor::<Tab>("a");
    let lost = node.begin(tab.pay(5).idempotency_key("k"));
    sim.run_until_idle();
    drop(lost);
    assert_eq!(sim.run_until(tab.pay(5).idempotency_key("k").into_future()), Ok(5));
    assert_eq!(disk.counts().units, 0, "a plain retry is answered as a plain call: at once");
    let again = node.begin(tab.pay(5).idempotency_key("k").durable());
    sim.advance(15 * MS);
    assert!(!again.is_ready(), "the turn is on its way");
    let more = node.begin(tab.pay(5).idempotency_key("k").durable());
    sim.run_until_idle();
    assert!(!more.is_ready(), "nothing is dirty, and not all is durable");
    sim.advance(6 * MS);
    assert_eq!((again.take(), more.take()), (Some(Ok(5)), Some(Ok(5))));
    node.crash();
    let node = start(&sim, &disk);
    let tab = node.actor::<Tab>("a");
    assert_eq!(sim.run_until(tab.pay(5).idempotency_key("k").into_future()), Ok(5));
    assert_eq!(sim.run_until(tab.sum().into_future()), Ok(5), "one effect");
}

/// A durable retry of what is written behind has one effect over crashes and faults, as a call of a
/// durable type has.
#[test]
fn durable_retries_of_what_is_written_behind_have_one_effect_each() {
    each_seed(30, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let mut dice = sim.dice();
        let mut node = start(&sim, &disk);
        let mut expected = 0;
        for call in 0..30_u64 {
            let by = 1 + dice.below(9);
            expected += by;
            let reply = loop {
                match dice.below(6) {
                    0 => disk.faults().next_unit(UnitFault::SilentCommitted),
                    1 => disk.faults().next_unit(UnitFault::UnknownAbsent),
                    _ => {}
                }
                let tab = node.actor::<Tab>("a");
                let key = format!("call-{call}");
                // A reply that nobody waits for, and a retry that is to stay.
                drop(node.begin(tab.pay(by).idempotency_key(key.clone())));
                let made = tab.pay(by).idempotency_key(key).durable().deadline(SECOND);
                let begun = node.begin(made);
                sim.run_polls(dice.below(60));
                if let Some(Ok(reply)) = begun.take() {
                    break reply;
                }
                if dice.below(3) == 0 {
                    disk.faults().clear();
                    node.crash();
                    node = start(&sim, &disk);
                } else {
                    sim.advance(3 * SECOND);
                }
            };
            assert_eq!(reply, expected);
            if dice.below(4) == 0 {
                disk.faults().clear();
                node.crash();
                node = start(&sim, &disk);
            }
        }
    });
}
