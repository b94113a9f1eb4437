//! Events: in order, without a gap, under an epoch that changes exactly when some may be lost.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::future::{IntoFuture, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use cast::{MS, SECOND};
use tenure::prelude::*;
use tenure_actor::{EventBytes, EventPage, Publications, Receipt, Target, WatchId, Watcher};
use tenure_sim::{Node, NodeSpec, Simulation, each_seed};
use tenure_store::MemoryDisk;
use tenure_store::memory::LoadFault;
use tenure_types::CallError;

#[tenure::data]
#[derive(Debug, PartialEq)]
pub struct Said {
    what: u64,
}

macro_rules! voice {
    ($voice:ident, $($persist:tt)*) => {
        #[tenure::data]
        #[derive(Default)]
        pub struct $voice {
            said: u64,
        }

        #[actor(persist = $($persist)*, events = Said)]
        impl $voice {
            pub fn say(&mut self, cx: &mut Context<Self>, times: u64) -> u64 {
                for _ in 0..times {
                    self.said += 1;
                    cx.emit(Said { what: self.said });
                }
                self.said
            }

            pub fn choke(&mut self, cx: &mut Context<Self>) {
                cx.emit(Said { what: 0 });
                panic!("on purpose");
            }

            pub fn hear(&self) {}

            pub fn leave(&mut self, cx: &mut Context<Self>) {
                cx.deactivate();
            }
        }
    };
}
voice!(Herald, write_through);
voice!(Crier, write_behind(max_delay = "200ms"));
voice!(Rumour, volatile);

fn start(sim: &Simulation, disk: &MemoryDisk) -> Node {
    NodeSpec::new().with::<Herald>().with::<Crier>().with::<Rumour>().start(sim, disk)
}

fn events<A: Actor>(sim: &Simulation, node: &Node, epoch: u64, offset: u64) -> EventPage {
    let reference = tenure::ActorRef::<A>::new(&node.handle(), "a");
    let target = reference.target().expect("a good key").clone();
    sim.run_until(node.runtime().events(&target, epoch, offset)).expect("events are read")
}

fn said(page: &EventPage) -> Vec<u64> {
    let decode = |bytes: &[u8]| tenure::__private::decode_named::<Said>(1, bytes).unwrap().what;
    page.events.iter().map(|(_, bytes)| decode(bytes)).collect()
}

#[test]
fn durable_events_leave_when_they_are_durable_and_resume_over_restarts() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let herald = node.actor::<Herald>("a");
    assert_eq!(events::<Herald>(&sim, &node, 0, 0).epoch, 0);
    disk.faults().delay_batches(Some(10 * MS));
    let say = node.begin(herald.say(3));
    sim.run_until_idle();
    let (began, page) = (sim.now(), events::<Herald>(&sim, &node, 0, 0));
    assert!(page.offset == 3 && sim.now() - began >= 9 * MS, "they leave when they are durable");
    assert_eq!(say.take(), Some(Ok(3)));
    let epoch = events::<Herald>(&sim, &node, 0, 0).epoch;
    assert!(epoch != 0 && epoch < 1 << 53);
    let page = events::<Herald>(&sim, &node, epoch, 1);
    assert!(page.recovered && page.offset == 3);
    assert_eq!(said(&page), [2, 3]);
    disk.faults().clear();
    assert!(sim.run_until(herald.choke().into_future()).is_err());
    node.crash();
    let node = start(&sim, &disk);
    assert_eq!(sim.run_until(node.actor::<Herald>("a").say(1).into_future()), Ok(4));
    let page = events::<Herald>(&sim, &node, epoch, 2);
    assert_eq!((page.recovered, said(&page)), (true, vec![3, 4]));
    assert!(!events::<Herald>(&sim, &node, epoch + 1, 2).recovered);
    assert!(!events::<Herald>(&sim, &node, epoch, 9).recovered, "an offset from nowhere");
}

#[test]
fn a_window_keeps_a_thousand_events_and_tells_a_gap() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    for _ in 0..12 {
        sim.run_until(node.actor::<Herald>("a").say(100).into_future()).unwrap();
    }
    let epoch = events::<Herald>(&sim, &node, 0, 0).epoch;
    assert!(!events::<Herald>(&sim, &node, epoch, 199).recovered);
    let page = events::<Herald>(&sim, &node, epoch, 200);
    assert_eq!((page.recovered, page.events.len()), (true, 1_000));
    assert_eq!(said(&page), (201..=1_200).collect::<Vec<_>>());
}

#[test]
fn events_written_behind_leave_at_once_and_change_their_epoch_when_some_may_be_lost() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let crier = node.actor::<Crier>("a");
    sim.run_until(crier.say(2).into_future()).unwrap();
    let first = events::<Crier>(&sim, &node, 0, 0);
    let page = events::<Crier>(&sim, &node, first.epoch, 0);
    assert_eq!((page.recovered, said(&page)), (true, vec![1, 2]));
    sim.run_until(crier.say(1).into_future()).unwrap();
    assert_eq!(said(&events::<Crier>(&sim, &node, first.epoch, 2)), [3], "it left unsaved");
    // A crash: whether the third was lost nobody knows, so the log is another one.
    node.crash();
    let node = start(&sim, &disk);
    sim.run_until(node.actor::<Crier>("a").say(1).into_future()).unwrap();
    let second = events::<Crier>(&sim, &node, first.epoch, 2);
    assert!(!second.recovered && second.epoch != first.epoch && second.offset == 1);
    // Leaving in order keeps it, and what a client has not seen is a gap.
    sim.run_until(node.actor::<Crier>("a").leave().into_future()).unwrap();
    sim.advance(SECOND);
    assert_eq!(node.runtime().activations(), 0);
    sim.run_until(node.actor::<Crier>("a").say(1).into_future()).unwrap();
    let page = events::<Crier>(&sim, &node, second.epoch, 1);
    assert_eq!((page.recovered, page.offset, said(&page)), (true, 2, vec![4]));
    assert_eq!(sim.run_until(node.stop(5 * SECOND)), Ok(0));
    let node = start(&sim, &disk);
    sim.run_until(node.actor::<Crier>("a").say(1).into_future()).unwrap();
    let page = events::<Crier>(&sim, &node, second.epoch, 2);
    assert_eq!((page.recovered, page.offset, said(&page)), (true, 3, vec![5]));
}

#[test]
fn volatile_events_begin_a_new_log_with_every_activation() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let rumour = node.actor::<Rumour>("a");
    sim.run_until(rumour.say(2).into_future()).unwrap();
    let first = events::<Rumour>(&sim, &node, 0, 0).epoch;
    assert_eq!(said(&events::<Rumour>(&sim, &node, first, 0)), [1, 2]);
    sim.run_until(rumour.leave().into_future()).unwrap();
    sim.run_until(rumour.say(1).into_future()).unwrap();
    let second = events::<Rumour>(&sim, &node, first, 2);
    assert!(!second.recovered && second.epoch != first);
}

#[test]
fn the_window_of_a_type_that_is_written_behind_outlives_orderly_restarts() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let mut node = start(&sim, &disk);
    sim.run_until(node.actor::<Crier>("a").say(5).into_future()).unwrap();
    let epoch = events::<Crier>(&sim, &node, 0, 0).epoch;
    for round in 1..=4 {
        assert_eq!(sim.run_until(node.stop(5 * SECOND)), Ok(0));
        node = start(&sim, &disk);
        let last = 5 * round;
        // What is stored is read, of an actor that sleeps and of one that was loaded.
        let page = events::<Crier>(&sim, &node, epoch, 2);
        assert_eq!((page.recovered, said(&page)), (true, (3..=last).collect()), "round {round}");
        sim.run_until(node.actor::<Crier>("a").say(0).into_future()).unwrap();
        let page = events::<Crier>(&sim, &node, epoch, 2);
        assert_eq!((page.recovered, said(&page)), (true, (3..=last).collect()), "round {round}");
        sim.run_until(node.actor::<Crier>("a").say(5).into_future()).unwrap();
        let page = events::<Crier>(&sim, &node, epoch, 2);
        assert_eq!(
            (page.recovered, said(&page)),
            (true, (3..=last + 5).collect()),
            "round {round}"
        );
    }
    // What was stored is of a log that has ended: nothing of it is shown as part of the new one.
    node.crash();
    let node = start(&sim, &disk);
    sim.run_until(node.actor::<Crier>("a").say(3).into_future()).unwrap();
    let log = events::<Crier>(&sim, &node, 0, 0);
    assert_ne!(log.epoch, epoch);
    assert_eq!(sim.run_until(node.stop(5 * SECOND)), Ok(0));
    let node = start(&sim, &disk);
    let page = events::<Crier>(&sim, &node, log.epoch, 0);
    assert_eq!((page.recovered, page.events.len(), page.offset), (true, 3, 3));
}

/// Remembers what it is told.
#[derive(Default)]
struct Ears(parking_lot::Mutex<Vec<(u64, u64, u64)>>);

impl Watcher for Ears {
    fn published(&self, epoch: u64, offset: u64, event: &EventBytes) {
        let what = tenure::__private::decode_named::<Said>(1, event).unwrap().what;
        self.0.lock().push((epoch, offset, what));
    }

    fn missed(&self) {}
}

impl Ears {
    fn heard(&self) -> Vec<(u64, u64)> {
        self.0.lock().iter().map(|(_, offset, what)| (*offset, *what)).collect()
    }
}

fn watch<A: Actor>(node: &Node) -> (Arc<Ears>, Target, WatchId) {
    let reference = tenure::ActorRef::<A>::new(&node.handle(), "a");
    let target = reference.target().expect("a good key").clone();
    let ears = Arc::new(Ears::default());
    let id = node.runtime().watch(&target, Arc::clone(&ears) as _);
    (ears, target, id)
}

#[test]
fn who_watches_is_told_each_event_when_it_has_left() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let (herald, _, _) = watch::<Herald>(&node);
    let (crier, _, _) = watch::<Crier>(&node);
    let (rumour, target, id) = watch::<Rumour>(&node);
    disk.faults().delay_batches(Some(10 * MS));
    let first = node.begin(node.actor::<Herald>("a").say(2));
    let second = node.begin(node.actor::<Herald>("a").say(1));
    sim.run_until(node.actor::<Crier>("a").say(2).into_future()).unwrap();
    sim.run_until(node.actor::<Rumour>("a").say(2).into_future()).unwrap();
    assert_eq!(rumour.heard(), [(1, 1), (2, 2)], "nothing of it is ever stored");
    assert!(herald.heard().is_empty(), "it is not durable");
    assert!(crier.heard().is_empty(), "the record does not say yet that events may be lost");
    sim.run_until(node.actor::<Crier>("a").say(1).into_future()).unwrap();
    sim.advance(SECOND);
    assert_eq!((first.take(), second.take()), (Some(Ok(2)), Some(Ok(3))));
    assert_eq!(herald.heard(), [(1, 1), (2, 2), (3, 3)]);
    assert_eq!(crier.heard(), [(1, 1), (2, 2), (3, 3)]);
    sim.run_until(node.actor::<Crier>("a").say(1).into_future()).unwrap();
    assert_eq!(crier.heard().last(), Some(&(4, 4)), "from now on they leave at once");
    assert_eq!(herald.0.lock()[0].0, events::<Herald>(&sim, &node, 0, 0).epoch);
    // What a panic or a failed write has rolled back was never there.
    assert!(sim.run_until(node.actor::<Herald>("a").choke().into_future()).is_err());
    sim.run_until(node.actor::<Herald>("a").say(1).into_future()).unwrap();
    assert_eq!(herald.heard().last(), Some(&(4, 4)));
    node.runtime().unwatch(&target, id);
    sim.run_until(node.actor::<Rumour>("a").say(2).into_future()).unwrap();
    assert_eq!(rumour.heard().len(), 2);
}

#[test]
fn each_watcher_hears_its_own_actor_until_it_leaves() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let say = |key: &str| sim.run_until(node.actor::<Rumour>(key).say(1).into_future()).unwrap();
    let (first, target, id) = watch::<Rumour>(&node);
    let (second, ..) = watch::<Rumour>(&node);
    say("a");
    say("b");
    node.runtime().unwatch(&target, id);
    node.runtime().unwatch(&target, id);
    say("a");
    assert_eq!((first.heard().len(), second.heard().len()), (1, 2));
}

#[test]
fn events_are_not_read_beside_a_load_and_it_is_waited_for_so_long_and_no_longer() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    sim.run_until(node.actor::<Herald>("a").say(2).into_future()).unwrap();
    let epoch = events::<Herald>(&sim, &node, 0, 0).epoch;
    let target = tenure::ActorRef::<Herald>::new(&node.handle(), "a");
    let target = target.target().expect("a good key").clone();
    for (fault, expected) in [
        (LoadFault::Late(SECOND), Ok(3)),
        (LoadFault::Silent, Err("the actor is being loaded".to_owned())),
    ] {
        sim.run_until(node.actor::<Herald>("a").leave().into_future()).unwrap();
        sim.advance(SECOND);
        disk.faults().next_load(fault);
        let (began, runtime) = (sim.now(), node.runtime());
        let mut said = Box::pin(node.actor::<Herald>("a").say(1).into_future());
        let read = sim.run_until(async {
            let begun = poll_fn(|cx| Poll::Ready(said.as_mut().poll(cx))).await;
            assert!(begun.is_pending(), "it is being loaded");
            runtime.events(&target, epoch, 0).await
        });
        let took = sim.now().saturating_since(began);
        match (read, expected) {
            (Ok(page), Ok(len)) => {
                assert_eq!((page.recovered, page.events.len()), (true, len));
                assert!(took >= SECOND && took <= 2 * SECOND, "{took:?}");
                assert_eq!(sim.run_until(said), Ok(3));
            }
            (Err(CallError::Unavailable { detail }), Err(expected)) => {
                assert_eq!(*detail, *expected);
                assert!(took >= 10 * SECOND && took <= 11 * SECOND, "{took:?}");
            }
            (read, expected) => panic!("{read:?} is not {expected:?}"),
        }
    }
}

#[test]
fn a_caller_learns_where_the_events_stand_as_its_turn_ends() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let say = |times| {
        let receipt = Arc::new(Receipt::following());
        let call = tenure::ActorRef::<Herald>::new(&node.handle(), "a").call(HeraldSay { times });
        sim.run_until(call.receipt(Arc::clone(&receipt)).into_future()).unwrap();
        receipt.log().expect("the turn has ended")
    };
    let (epoch, offset) = say(0);
    assert!(epoch != 0 && offset == 0, "the log that the first event begins");
    assert_eq!(say(2), (epoch, 2));
    assert_eq!(say(0), (epoch, 2));
    assert_eq!(events::<Herald>(&sim, &node, epoch, 0).events.len(), 2);
}

#[test]
fn who_attaches_is_not_told_of_events_whose_record_does_not_say_yet_that_they_may_be_lost() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let crier = node.actor::<Crier>("a");
    sim.run_until(crier.say(1).into_future()).unwrap();
    sim.run_until(crier.leave().into_future()).unwrap();
    sim.advance(SECOND);
    sim.run_until(crier.hear().into_future()).unwrap();
    let attach = || {
        let receipt = Arc::new(Receipt::following());
        let call = tenure::ActorRef::<Crier>::new(&node.handle(), "a").call(CrierHear {});
        let attached = sim.run_until(call.receipt(Arc::clone(&receipt)).into_future());
        (attached, receipt.log().expect("its turn has ended"))
    };
    let (attached, (epoch, offset)) = attach();
    assert_eq!((attached, offset), (Ok(()), 1));
    // The log is closed: an event after it is not heard of before the record says that it is open.
    disk.faults().delay_batches(Some(10 * MS));
    let said = node.begin(crier.say(1));
    let (began, (attached, log)) = (sim.now(), attach());
    assert_eq!((attached, log), (Ok(()), (epoch, 2)));
    assert!(sim.now() - began >= 9 * MS, "told {:?} later", sim.now() - began);
    assert_eq!(said.take(), Some(Ok(2)), "its own reply waits for nothing");
}

/// A reader who follows an epoch sees every event of it once, in order, over crashes: an epoch
/// that goes on has lost nothing that anybody saw.
#[test]
fn an_epoch_that_goes_on_has_lost_nothing() {
    each_seed(40, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let mut dice = sim.dice();
        let mut node = start(&sim, &disk);
        let mut seen: Vec<(u64, Vec<(u64, u64)>)> = Vec::new();
        for _ in 0..40 {
            let crier = node.actor::<Crier>("a");
            drop(node.begin(crier.say(1 + dice.below(3))));
            sim.run_until(crier.say(1).into_future()).unwrap();
            let (epoch, offset) = seen.last().map_or((0, 0), |(epoch, all)| {
                (*epoch, all.last().map_or(0, |(offset, _)| *offset))
            });
            let mut page = events::<Crier>(&sim, &node, epoch, offset);
            if !page.recovered {
                assert_ne!(page.epoch, epoch, "a log that goes on is whole");
                page = events::<Crier>(&sim, &node, page.epoch, 0);
                seen.push((page.epoch, Vec::new()));
            }
            let (_, all) = seen.last_mut().expect("pushed");
            for ((offset, _), what) in page.events.iter().zip(said(&page)) {
                let before = all.last().map_or(0, |(offset, _)| *offset);
                assert_eq!(*offset, before + 1);
                assert!(all.last().is_none_or(|(_, last)| *last + 1 == what), "{all:?} {what}");
                all.push((*offset, what));
            }
            sim.advance(MS * dice.below(150) as u32);
            if dice.below(4) == 0 {
                node.crash();
                node = start(&sim, &disk);
            }
        }
        let mut epochs: Vec<_> = seen.iter().map(|(epoch, _)| *epoch).collect();
        epochs.sort_unstable();
        epochs.dedup();
        assert_eq!(epochs.len(), seen.len(), "no epoch comes twice");
    });
}
