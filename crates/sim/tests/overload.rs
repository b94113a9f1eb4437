//! More than a node can do: who is refused is told at once, who is let in is served in time.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::future::IntoFuture;
use std::time::Duration;

use cast::{Ledger, MS, SECOND};
use tenure::prelude::*;
use tenure_runtime::RuntimeConfig;
use tenure_sim::{Background, Node, NodeSpec, Simulation};
use tenure_store::MemoryDisk;
use tenure_types::Outcome;

#[tenure::data]
#[derive(Default)]
pub struct Mill {
    ground: u64,
    results: u64,
}

#[actor(persist = volatile)]
impl Mill {
    pub async fn grind(&mut self, cx: &mut Context<Self>, ms: u64) -> u64 {
        cx.sleep(Duration::from_millis(ms)).await;
        self.ground += 1;
        self.ground
    }

    pub async fn order(&mut self, cx: &mut Context<Self>, from: String) -> bool {
        cx.actor::<Mill>(from).grind(1).await.is_ok()
    }

    /// Once its own turn is in flight.
    pub async fn order_later(&mut self, cx: &mut Context<Self>, from: String) -> bool {
        cx.sleep(MS).await;
        cx.actor::<Mill>(from).grind(50).await.is_ok()
    }

    pub fn delegate(&mut self, cx: &mut Context<Self>, count: u64, ms: u64) {
        for _ in 0..count {
            cx.spawn(cx.sleep(Duration::from_millis(ms)), |()| MillDone {});
        }
    }

    #[handler(internal)]
    pub fn done(&mut self) {
        self.results += 1;
    }

    pub fn results(&self) -> u64 {
        self.results
    }
}

type Called = Background<std::result::Result<u64, CallError>>;

fn start(sim: &Simulation, config: impl FnOnce(&mut RuntimeConfig)) -> Node {
    let spec = NodeSpec::new().with::<Mill>().with::<Ledger>().config(config);
    spec.start(sim, &MemoryDisk::new())
}

/// The hint of a refusal that came at once and did nothing: in milliseconds, and whether it was for
/// the actor's sake.
fn refused<T: Send + 'static>(
    call: &Background<std::result::Result<T, CallError>>,
) -> Option<(u32, bool)> {
    if !call.is_ready() {
        return None;
    }
    match call.take()? {
        Err(error @ CallError::Overloaded { retry_after_ms, actor, .. }) => {
            assert!(error.outcome() == Outcome::NotExecuted && error.is_retryable(), "{error}");
            Some((retry_after_ms, actor))
        }
        Err(error) => panic!("{error}"),
        Ok(_) => None,
    }
}

/// Offers a mill ten times what it can do, for a while: gives how many calls were refused and how
/// long the others waited for their replies.
fn overload(sim: &Simulation, node: &Node, turn_ms: u64, seconds: u64) -> (u64, Vec<Duration>) {
    let mill = node.actor::<Mill>("m");
    let (mut refusals, mut waits) = (0, Vec::new());
    let mut waiting: Vec<(tenure_types::Instant, Called)> = Vec::new();
    let until = sim.now() + Duration::from_secs(seconds);
    while sim.now() < until {
        let call = node.begin(mill.grind(turn_ms));
        sim.run_until_idle();
        match refused(&call) {
            Some((hint, actor)) => {
                assert!(actor && hint > 0, "{hint}");
                refusals += 1;
            }
            None => waiting.push((sim.now(), call)),
        }
        sim.advance(Duration::from_millis(turn_ms) / 10);
        waiting.retain(|(since, call)| {
            if call.is_ready() {
                call.take().expect("it is ready").expect("who is let in is served");
                waits.push(sim.now() - *since);
            }
            !call.is_ready()
        });
    }
    (refusals, waits)
}

#[test]
fn a_queue_that_stands_is_cut_by_time() {
    for (turn_ms, seconds) in [(10, 8), (40, 20), (400, 40)] {
        let sim = Simulation::new(1);
        let node = start(&sim, |config| config.queue_time_max = 2 * SECOND);
        let (refusals, waits) = overload(&sim, &node, turn_ms, seconds);
        // Nothing is lost by refusing: the mill never stands still.
        let served = waits.len() as u64;
        assert!(served >= seconds * 1_000 / turn_ms - 2, "{served} served, turns of {turn_ms} ms");
        assert!(refusals > 8 * served, "{refusals} refused");
        // Before the pace is known the queue may grow; after that nobody waits for long.
        let later = waits.iter().skip(waits.len() / 2).max().copied().unwrap_or_default();
        let eight_turns = Duration::from_millis(9 * turn_ms);
        assert!(later <= (3 * SECOND).max(eight_turns), "waited {later:?}, turns of {turn_ms} ms");
    }
}

#[test]
fn a_long_queue_that_empties_soon_is_no_overload() {
    let sim = Simulation::new(1);
    let node = start(&sim, |_| {});
    let mill = node.actor::<Mill>("m");
    // Busy for a while, so that its pace is known; then a thousand at once.
    let slow: Vec<Called> = (0..20).map(|_| node.begin(mill.grind(100))).collect();
    sim.advance(SECOND);
    let burst: Vec<Called> = (0..1_000).map(|_| node.begin(mill.grind(1))).collect();
    sim.advance(30 * SECOND);
    let served =
        |calls: &[Called]| calls.iter().filter(|it| matches!(it.take(), Some(Ok(_)))).count();
    // At ten turns a second the last of the burst would wait for 100 s: only what fits is let in.
    assert_eq!(served(&slow), 20);
    let let_in = served(&burst);
    assert!((30..=60).contains(&let_in), "{let_in}");
    // A pace that is fast lets all of them in.
    let quick: Vec<Called> = (0..1_500).map(|_| node.begin(mill.grind(1))).collect();
    sim.advance(1_200 * MS);
    let burst: Vec<Called> = (0..1_500).map(|_| node.begin(mill.grind(1))).collect();
    sim.advance(10 * SECOND);
    assert_eq!((served(&quick), served(&burst)), (1_500, 1_500));
}

#[test]
fn a_node_bounds_the_calls_that_wait() {
    let sim = Simulation::new(1);
    let node = start(&sim, |config| config.calls_waiting_max = 5);
    let busy: Vec<_> =
        ["a", "b", "ordered"].map(|key| node.begin(node.actor::<Mill>(key).grind(100))).into();
    let waiting: Vec<_> =
        (0..5).map(|at| node.begin(node.actor::<Mill>(["a", "b"][at % 2]).grind(1))).collect();
    sim.run_until_idle();
    for key in ["a", "b"] {
        let more = node.begin(node.actor::<Mill>(key).grind(1));
        sim.run_until_idle();
        assert_eq!(refused(&more), Some((100, false)), "the node's bound, not the actor's");
    }
    // A turn that has begun may wait for another actor all the same.
    let nested = node.begin(node.actor::<Mill>("c").order("ordered".into()));
    sim.advance(SECOND);
    assert_eq!(nested.take(), Some(Ok(true)));
    assert!(busy.iter().chain(&waiting).all(|call| matches!(call.take(), Some(Ok(_)))));
    assert_eq!(node.metric("tenure_mailbox_calls"), 0.0);
}

#[test]
fn a_node_bounds_turns_in_flight() {
    let sim = Simulation::new(1);
    let node = start(&sim, |config| config.turns_in_flight_max = 3);
    let mill = |key: &str| node.actor::<Mill>(key);
    let turns: Vec<_> = ["a", "b"].map(|key| node.begin(mill(key).grind(100))).into();
    sim.run_until_idle();
    let nested = node.begin(mill("c").order_later("d".into()));
    sim.advance(2 * MS);
    assert_eq!(node.metric("tenure_turns_in_flight"), 4.0, "with the nested one, of the reserve");
    let more = node.begin(mill("e").grind(1));
    sim.run_until_idle();
    assert_eq!(refused(&more), Some((100, false)));
    // A turn that cannot wait is none of them.
    assert_eq!(sim.run_until(mill("e").results().into_future()), Ok(0));
    sim.advance(SECOND);
    assert_eq!(nested.take(), Some(Ok(true)));
    assert!(turns.iter().all(|call| call.take() == Some(Ok(1))));
    assert_eq!(node.metric("tenure_turns_in_flight"), 0.0);
    assert_eq!(sim.run_until(mill("e").grind(1).into_future()), Ok(1));
}

#[test]
fn a_node_bounds_what_waits_for_the_store() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let spec = NodeSpec::new().with::<Ledger>().config(|it| it.uncommitted_bytes_max = 200_000);
    let node = spec.start(&sim, &disk);
    disk.faults().delay_batches(Some(SECOND));
    let calls: Vec<_> = (0..4)
        .map(|at| {
            let call = node.begin(node.actor::<Ledger>(format!("l{at}")).grow(100_000));
            sim.advance(10 * MS);
            call
        })
        .collect();
    assert!(node.metric("tenure_uncommitted_bytes") >= 200_000.0);
    let hints: Vec<_> = calls.iter().map(refused).collect();
    assert_eq!(hints, [None, None, Some((100, false)), Some((100, false))]);
    // Reads go on, and so does everything once the store has caught up.
    sim.advance(5 * SECOND);
    assert!(calls[..2].iter().all(|call| call.take() == Some(Ok(1))));
    assert_eq!(node.metric("tenure_uncommitted_bytes"), 0.0);
    sim.run_until(node.actor::<Ledger>("l3").grow(100_000).into_future()).unwrap();
}

#[test]
fn work_outside_of_turns_is_bounded_and_its_results_are_not_lost() {
    let sim = Simulation::new(1);
    let node = start(&sim, |config| {
        (config.spawned_max, config.actor_spawned_max) = (10, 6);
        config.mailbox_len_max = 2;
    });
    let delegate = |key: &str, count| {
        let call = node.begin(node.actor::<Mill>(key).delegate(count, 50));
        sim.run_until_idle();
        call
    };
    assert_eq!(refused(&delegate("a", 7)), Some((100, true)), "more than one actor may have");
    assert_eq!(delegate("a", 6).take(), Some(Ok(())));
    assert_eq!(refused(&delegate("b", 5)), Some((100, false)), "more than the node may have");
    assert_eq!(delegate("b", 4).take(), Some(Ok(())));
    assert_eq!(node.metric("tenure_spawned"), 10.0);
    // All results come at once, to a busy actor with a mailbox of two.
    let busy = node.begin(node.actor::<Mill>("a").grind(300));
    sim.advance(2 * SECOND);
    assert_eq!(busy.take(), Some(Ok(1)));
    assert_eq!(sim.run_until(node.actor::<Mill>("a").results().into_future()), Ok(6));
    assert_eq!(node.metric("tenure_spawned"), 0.0);
}
