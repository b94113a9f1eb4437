//! Which state a call meets: tags, preconditions, deletion, and messages that an actor keeps.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::collections::HashMap;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use cast::{MS, SECOND};
use tenure::prelude::*;
use tenure_actor::{Actor, Call, Delete, Handler, Message, Precondition, Receipt};
use tenure_sim::{Node, NodeSpec, Simulation, each_seed};
use tenure_store::memory::UnitFault;
use tenure_store::{Content, MemoryDisk};
use tenure_types::{Outcome, StateTag, Version};

macro_rules! boxes {
    ($($name:ident $persist:tt $(= $delay:literal)?),*) => {$(
        #[tenure::data]
        #[derive(Default)]
        pub struct $name {
            value: u64,
            sent: Vec<String>,
        }

        #[actor(persist = $persist $((max_delay = $delay))?)]
        impl $name {
            pub fn set(&mut self, value: u64) -> u64 {
                self.value = value;
                self.value
            }

            pub async fn set_slowly(&mut self, cx: &mut Context<Self>, value: u64) {
                cx.sleep(Duration::from_millis(5)).await;
                self.value = value;
            }

            pub fn get(&self) -> u64 {
                self.value
            }

            pub fn take(&mut self, word: String) {
                self.sent.push(word);
            }

            pub fn taken(&self) -> Vec<String> {
                self.sent.clone()
            }

            pub fn leave(&mut self, cx: &mut Context<Self>) {
                cx.deactivate();
            }
        }
    )*};
}

boxes!(Through write_through, Behind write_behind = "200ms", Memory volatile);

fn start(sim: &Simulation, disk: &MemoryDisk) -> Node {
    NodeSpec::new().with::<Through>().with::<Behind>().with::<Memory>().start(sim, disk)
}

/// What a call answers, and the tag of the state that its turn left.
fn tagged<A, M>(sim: &Simulation, call: Call<A, M>) -> (A::Reply, StateTag)
where
    A: Handler<M>,
    M: Message,
{
    let receipt = Arc::new(Receipt::default());
    let reply = sim.run_until(call.receipt(Arc::clone(&receipt)).into_future());
    let reply = reply.map_err(|error| error.to_string()).expect("it is answered");
    assert!(receipt.began() <= receipt.ended() && receipt.began().is_some());
    (reply, receipt.tag().expect("a turn has ended"))
}

#[test]
fn a_call_runs_only_in_the_state_it_asks_for() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let it = node.actor::<Through>("a");
    let (_, none) = tagged(&sim, it.get());
    assert_eq!(none, StateTag::default());
    let exists = || Arc::new(Receipt::new(Some(Precondition::Exists)));
    let refused = sim.run_until(it.set(1).receipt(exists()).into_future()).unwrap_err();
    assert!(matches!(refused, CallError::VersionMismatch { .. }), "{refused}");
    assert_eq!((refused.outcome(), refused.is_retryable()), (Outcome::NotExecuted, false));
    // Who saw that nothing is there may be the first, and only one may.
    let first = [node.begin(it.set(1).if_match(none)), node.begin(it.set(2).if_match(none))];
    sim.run_until_idle();
    let won = first.iter().filter(|call| call.take().is_some_and(|it| it.is_ok())).count();
    assert_eq!(won, 1);
    let (_, second) = tagged(&sim, it.get());
    assert_eq!(second.version, Version(1));
    sim.run_until(it.set(5).receipt(exists()).into_future()).unwrap();
    // Both kinds of turns look, also those that may wait.
    assert!(sim.run_until(it.set(6).if_match(second).into_future()).is_err());
    assert!(sim.run_until(it.set_slowly(6).if_match(second).into_future()).is_err());
    assert!(sim.run_until(it.get().if_match(second).into_future()).is_err());
    assert_eq!(sim.run_until(it.get().into_future()), Ok(5));
    let (_, third) = tagged(&sim, it.get());
    sim.run_until(it.set_slowly(7).if_match(third).into_future()).unwrap();
    assert_eq!(sim.run_until(it.get().into_future()), Ok(7));
}

#[test]
fn a_tag_outlives_its_activation_and_names_one_state() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let (_, before) = tagged(&sim, node.actor::<Through>("a").set(3));
    sim.run_until(node.actor::<Through>("a").leave().into_future()).unwrap();
    sim.advance(SECOND);
    let (value, after) = tagged(&sim, node.actor::<Through>("a").get());
    assert_eq!((value, after), (3, before), "it left memory and came back");
    node.crash();
    let node = start(&sim, &disk);
    assert_eq!(tagged(&sim, node.actor::<Through>("a").get()).1, before);
    // A volatile actor that left is another one.
    let (_, first) = tagged(&sim, node.actor::<Memory>("m").set(1));
    sim.run_until(node.actor::<Memory>("m").leave().into_future()).unwrap();
    sim.advance(SECOND);
    let (_, second) = tagged(&sim, node.actor::<Memory>("m").set(1));
    assert!(first.version == second.version && first != second);
}

#[test]
fn no_two_states_share_a_tag() {
    each_seed(30, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let mut dice = sim.dice();
        let mut seen: HashMap<(&str, StateTag), u64> = HashMap::new();
        let mut next = 0;
        for _ in 0..6 {
            let node = start(&sim, &disk);
            for _ in 0..dice.below(8) {
                let is_read = dice.one_in(3);
                next += 1;
                let (kind, (value, tag)) = if dice.one_in(2) {
                    let it = node.actor::<Behind>("a");
                    let got =
                        if is_read { tagged(&sim, it.get()) } else { tagged(&sim, it.set(next)) };
                    ("behind", got)
                } else {
                    let it = node.actor::<Through>("a");
                    let got =
                        if is_read { tagged(&sim, it.get()) } else { tagged(&sim, it.set(next)) };
                    ("through", got)
                };
                let known = *seen.entry((kind, tag)).or_insert(value);
                assert_eq!(known, value, "{kind} {tag} names two states");
                sim.advance(Duration::from_millis(dice.below(150)));
            }
            // What is written behind is lost again and again: its versions are given twice.
            node.crash();
        }
    });
}

#[test]
fn a_deleted_actor_is_one_that_never_was() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let it = node.actor::<Through>("a");
    let (_, tag) = tagged(&sim, it.set(3));
    sim.run_until(it.set(4).into_future()).unwrap();
    let late = sim.run_until(it.as_ref().call(Delete {}).if_match(tag).into_future());
    assert!(matches!(late, Err(CallError::VersionMismatch { .. })), "{late:?}");
    disk.faults().delay_batches(Some(20 * MS));
    let delete = node.begin(it.as_ref().call(Delete {}));
    sim.advance(19 * MS);
    assert!(!delete.is_ready(), "it answers when that is durable");
    sim.advance(20 * MS);
    assert_eq!(delete.take(), Some(Ok(())));
    node.crash();
    disk.faults().clear();
    let node = start(&sim, &disk);
    let (value, later) = tagged(&sim, node.actor::<Through>("a").get());
    assert!(value == 0 && later.version > tag.version, "{later}");
    let id = tenure_types::ActorId {
        actor_type: tenure_types::ActorTypeName::new(Through::TYPE).unwrap(),
        key: Key::new("a").unwrap(),
    };
    let stored = disk.stored(&id).unwrap().unwrap();
    assert!(matches!(stored.content, Content::Deleted { .. }));
    // One that never was stays so.
    sim.run_until(node.actor::<Through>("b").as_ref().call(Delete {}).into_future()).unwrap();
    assert_eq!(tagged(&sim, node.actor::<Through>("b").get()).1, StateTag::default());
}

#[test]
fn a_message_that_its_actor_keeps_survives_the_node() {
    each_seed(20, |seed| {
        let (sim, disk) = (Simulation::new(seed), MemoryDisk::new());
        let mut node = start(&sim, &disk);
        let mut dice = sim.dice();
        for number in 0..5 {
            let word = format!("w{number}");
            let to = node.actor::<Through>("a");
            let sent = match number % 3 {
                0 => sim.run_until(to.take(word).durable().send()),
                1 => sim.run_until(to.take(word).durable().after(3 * SECOND).send()),
                // Sent twice with one key it is one message.
                _ => {
                    let call = || to.take(word.clone()).idempotency_key("k").durable();
                    sim.run_until(call().send()).unwrap();
                    sim.run_until(call().send())
                }
            };
            assert_eq!(sent, Ok(()));
            if dice.one_in(2) {
                node.crash();
                node = start(&sim, &disk);
            }
        }
        sim.advance(20 * SECOND);
        let taken = sim.run_until(node.actor::<Through>("a").taken().into_future());
        let mut taken: Vec<String> = taken.unwrap();
        taken.sort_unstable();
        assert_eq!(taken, ["w0", "w1", "w2", "w3", "w4"]);
    });
}

#[test]
fn a_message_is_not_kept_by_who_cannot() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let sent = sim.run_until(node.actor::<Memory>("m").take("w".into()).durable().send());
    let Err(CallError::BadRequest { detail }) = sent else { panic!("{sent:?}") };
    assert!(detail.contains("volatile"), "{detail}");
    // Nothing is acknowledged that was not stored.
    disk.faults().next_unit(UnitFault::SilentAbsent);
    let sent = node.begin(node.actor::<Through>("a").take("w".into()).durable().send());
    sim.advance(SECOND);
    assert!(!sent.is_ready());
    node.crash();
    let node = start(&sim, &disk);
    sim.advance(5 * SECOND);
    let taken = sim.run_until(node.actor::<Through>("a").taken().into_future());
    assert_eq!(taken.map(|words: Vec<String>| words.len()), Ok(0));
    // Written behind, it is kept before the answer all the same.
    let behind = node.actor::<Behind>("b");
    sim.run_until(behind.take("w".into()).durable().after(SECOND).send()).unwrap();
    node.crash();
    let node = start(&sim, &disk);
    sim.advance(3 * SECOND);
    let taken = sim.run_until(node.actor::<Behind>("b").taken().into_future());
    assert_eq!(taken, Ok(vec!["w".to_owned()]));
}
