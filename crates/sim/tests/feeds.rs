//! Feeds: what a turn appends is there if and only if the turn's effects are, and a consumer that
//! keeps its cursor gets every entry once, of each actor in order, over crashes.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use cast::load::{simulation, upset};
use cast::seats::{join, tenure};
use cast::{MS, SECOND};
use tenure::prelude::*;
use tenure_runtime::FeedReadError;
use tenure_sim::{Node, NodeSpec, Simulation, each_seed};
use tenure_store::{FeedError, FeedFrom, FeedPage, MemoryDisk};
use tenure_types::FeedName;

#[tenure::data]
#[derive(Debug, PartialEq)]
pub struct Said {
    what: u64,
}

macro_rules! teller {
    ($teller:ident, $($persist:tt)*) => {
        #[tenure::data]
        #[derive(Default)]
        pub struct $teller {
            said: u64,
        }

        #[actor(persist = $($persist)*)]
        impl $teller {
            pub fn say(&mut self, cx: &mut Context<Self>, times: u64) -> u64 {
                for _ in 0..times {
                    self.said += 1;
                    cx.append("said", &Said { what: self.said });
                }
                self.said
            }

            pub fn note(&mut self, cx: &mut Context<Self>) {
                cx.append("noted", "without a change");
            }

            pub fn choke(&mut self, cx: &mut Context<Self>) {
                cx.append("said", &Said { what: 0 });
                panic!("on purpose");
            }

            pub fn mumble(&mut self, cx: &mut Context<Self>, feed: String) {
                self.said = 0;
                cx.append("said", &Said { what: 0 });
                cx.append(&feed, &Said { what: 0 });
            }

            pub fn go(&mut self, cx: &mut Context<Self>) {
                cx.append("said", &Said { what: 99 });
                cx.delete();
            }

            pub fn said(&self) -> u64 {
                self.said
            }
        }
    };
}
teller!(Herald, write_through);
teller!(Crier, write_behind(max_delay = "200ms"));

#[tenure::error]
#[derive(PartialEq)]
pub struct Unheard;

/// Appends beside its events, and without any.
#[tenure::data]
#[derive(Default)]
pub struct Annals {
    said: u64,
}

#[actor(persist = event_sourced, events = Said)]
impl Annals {
    fn apply(&mut self, event: &Said) {
        self.said = event.what;
    }

    pub fn say(&self, cx: &mut Context<Self>, events: bool) -> u64 {
        let what = self.said + u64::from(events);
        cx.append("said", &Said { what });
        if events {
            cx.record(Said { what });
        }
        what
    }

    pub fn fail(&self, cx: &mut Context<Self>) -> Result<(), Unheard> {
        cx.record(Said { what: 77 });
        cx.append("said", &Said { what: 77 });
        Err(Unheard)
    }
}

fn start(sim: &Simulation, disk: &MemoryDisk) -> Node {
    NodeSpec::new().with::<Herald>().with::<Crier>().with::<Annals>().start(sim, disk)
}

fn feed(name: &str) -> FeedName {
    FeedName::new(name).expect("a good name")
}

async fn page(node: &Node, name: &str, from: FeedFrom, wait: Duration) -> FeedPage {
    node.runtime().read_feed(&feed(name), from, 100, wait).await.expect("it is read")
}

/// What was said, in order, from the beginning.
fn said(sim: &Simulation, node: &Node) -> Vec<u64> {
    let page = sim.run_until(page(node, "said", FeedFrom::Oldest, Duration::ZERO));
    page.entries.iter().map(|it| what(&it.data)).collect()
}

fn what(data: &[u8]) -> u64 {
    tenure::__private::serde_json::from_slice::<Said>(data).expect("it is what was said").what
}

#[test]
fn a_turn_appends_if_and_only_if_it_has_its_effects() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let herald = node.actor::<Herald>("a");
    assert_eq!(sim.run_until(herald.say(2).into_future()), Ok(2));
    assert_eq!(said(&sim, &node), [1, 2]);
    assert!(sim.run_until(herald.choke().into_future()).is_err());
    for name in ["Said", "", "_said", "a/b", &"s".repeat(65)] {
        let error = sim.run_until(herald.mumble(name.to_owned()).into_future());
        let error = error.expect_err("it is rolled back").to_string();
        assert!(error.contains("the name of a feed") && error.contains("rolled back"), "{error}");
    }
    assert_eq!(
        sim.run_until(herald.said().into_future()),
        Ok(2),
        "all of the turn was rolled back"
    );
    assert_eq!(said(&sim, &node), [1, 2]);
    // The reply to a repeated call appends nothing.
    for _ in 0..3 {
        let said = herald.say(1).idempotency_key("k");
        assert_eq!(sim.run_until(said.into_future()), Ok(3));
    }
    assert_eq!(said(&sim, &node), [1, 2, 3]);
    // A turn that changes nothing else appends all the same, and a deletion does.
    let version = || disk.stored(&herald_id()).unwrap().unwrap().version.0;
    let before = version();
    sim.run_until(herald.note().into_future()).unwrap();
    assert_eq!(version(), before + 1);
    let noted = sim.run_until(page(&node, "noted", FeedFrom::Oldest, Duration::ZERO));
    assert_eq!(noted.entries[0].data, br#""without a change""#);
    assert_eq!((noted.entries[0].version.0, noted.entries[0].index), (before + 1, 0));
    sim.run_until(herald.go().into_future()).unwrap();
    assert_eq!(said(&sim, &node), [1, 2, 3, 99]);
    sim.run_until(node.actor::<Herald>("never was").go().into_future()).unwrap();
    assert_eq!(said(&sim, &node), [1, 2, 3, 99, 99]);
}

fn herald_id() -> tenure_types::ActorId {
    let actor_type = tenure_types::ActorTypeName::new("herald").expect("a good name");
    tenure_types::ActorId { actor_type, key: Key::new("a").expect("a good key") }
}

#[test]
fn what_is_written_behind_appends_with_its_flush_in_order_and_keeps_it_when_it_goes() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let crier = node.actor::<Crier>("a");
    for expected in [1, 2, 3] {
        assert_eq!(sim.run_until(crier.say(1).into_future()), Ok(expected));
    }
    assert_eq!(said(&sim, &node), [] as [u64; 0], "nothing is durable yet");
    sim.advance(SECOND);
    assert_eq!(said(&sim, &node), [1, 2, 3]);
    assert_eq!(sim.run_until(crier.say(1).into_future()), Ok(4));
    sim.run_until(crier.go().into_future()).unwrap();
    assert_eq!(said(&sim, &node), [1, 2, 3, 4, 99], "what was not flushed goes with the deletion");
    // A panic loses what was not encoded, entries and all.
    assert_eq!(sim.run_until(crier.say(2).into_future()), Ok(2));
    assert!(sim.run_until(crier.choke().into_future()).is_err());
    sim.advance(SECOND);
    assert_eq!(said(&sim, &node), [1, 2, 3, 4, 99]);
    assert_eq!(sim.run_until(crier.said().into_future()), Ok(0));
}

#[test]
fn an_event_sourced_actor_appends_with_and_without_events_and_after_an_error() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let annals = node.actor::<Annals>("a");
    assert_eq!(sim.run_until(annals.say(false).into_future()), Ok(0));
    assert_eq!(sim.run_until(annals.say(true).into_future()), Ok(1));
    assert!(sim.run_until(annals.fail().into_future()).is_err());
    assert_eq!(sim.run_until(annals.say(false).into_future()), Ok(1), "the event was not kept");
    node.crash();
    let node = start(&sim, &disk);
    assert_eq!(sim.run_until(node.actor::<Annals>("a").say(true).into_future()), Ok(2));
    assert_eq!(said(&sim, &node), [0, 1, 77, 1, 2]);
}

#[test]
fn a_reader_waits_for_the_first_entry_and_no_longer_than_it_wants() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let herald = node.actor::<Herald>("a");
    let none = sim.run_until(page(&node, "said", FeedFrom::Oldest, 10 * SECOND));
    assert!(none.entries.is_empty() && !none.has_more);
    assert!(
        (10 * SECOND..11 * SECOND).contains(&(sim.now() - tenure_types::Instant::from_nanos(0)))
    );
    let from = FeedFrom::After(none.next);
    // It hears as soon as the entry is durable, and of its own feed alone.
    disk.faults().delay_batches(Some(100 * MS));
    let began = sim.now();
    let (noted, spoken) = (node.begin(herald.note()), node.begin(herald.say(1)));
    let heard = sim.run_until(page(&node, "said", from, 60 * SECOND));
    assert_eq!(heard.entries.len(), 1);
    let took = sim.now() - began;
    assert!((100 * MS..400 * MS).contains(&took), "{took:?}");
    assert!(noted.is_ready() && spoken.take().is_some());
    // Who asks for the end has it at once, and a drain lets nobody wait.
    let began = sim.now();
    let latest = sim.run_until(page(&node, "said", FeedFrom::Latest, 60 * SECOND));
    assert!(latest.entries.is_empty() && sim.now() - began < MS);
    let end = FeedFrom::After(latest.next.clone());
    let runtime = std::sync::Arc::clone(node.runtime());
    let waits = async { page(&node, "said", end, 60 * SECOND).await };
    let both = async {
        let mut waits = std::pin::pin!(waits);
        std::future::poll_fn(|cx| match waits.as_mut().poll(cx) {
            std::task::Poll::Pending => {
                runtime.end_feed_polls();
                std::task::Poll::Pending
            }
            ready => ready,
        })
        .await
    };
    let drained = sim.run_until(both);
    assert!(drained.entries.is_empty() && sim.now() - began < SECOND);
    assert_eq!(drained.next, latest.next);
}

#[test]
fn readers_are_bounded_and_leave() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let spec = NodeSpec::new().with::<Herald>().config(|config| config.feed_polls_max = 1);
    let node = spec.start(&sim, &disk);
    let name = feed("said");
    let runtime = std::sync::Arc::clone(node.runtime());
    let waits = {
        let (runtime, name) = (std::sync::Arc::clone(&runtime), name.clone());
        node.begin(
            async move { runtime.read_feed(&name, FeedFrom::Oldest, 1, SECOND).await.is_ok() },
        )
    };
    sim.run_until_idle();
    for wait in [Duration::ZERO, SECOND] {
        let refused = sim.run_until(runtime.read_feed(&name, FeedFrom::Oldest, 1, wait));
        assert!(matches!(refused, Err(FeedReadError::Overloaded { max: 1 })), "{refused:?}");
    }
    sim.advance(2 * SECOND);
    assert_eq!(waits.take(), Some(true));
    assert!(sim.run_until(runtime.read_feed(&name, FeedFrom::Oldest, 1, SECOND)).is_ok());
}

#[test]
fn what_is_old_and_what_is_too_much_is_trimmed_and_told() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let spec = NodeSpec::new().with::<Herald>().config(|config| {
        config.feed_retention_age = 600 * SECOND;
        config.feed_retention_bytes = 1_000;
    });
    let node = spec.start(&sim, &disk);
    let herald = node.actor::<Herald>("a");
    let start = sim.run_until(page(&node, "said", FeedFrom::Oldest, Duration::ZERO)).next;
    sim.run_until(herald.say(100).into_future()).unwrap();
    assert_eq!(said(&sim, &node).len(), 100);
    sim.advance(61 * SECOND);
    let kept = said(&sim, &node);
    let bytes = sim.run_until(node.runtime().feeds()).unwrap()[0].bytes;
    assert!(kept.len() > 3 && kept.last() == Some(&100) && bytes <= 1_000, "{kept:?} {bytes}");
    assert!(kept.is_sorted());
    let expired = sim.run_until(node.runtime().read_feed(
        &feed("said"),
        FeedFrom::After(start),
        9,
        Duration::ZERO,
    ));
    let Err(FeedReadError::Feed(FeedError::Expired { oldest })) = expired else {
        panic!("what was trimmed is told: {expired:?}");
    };
    let rest = sim.run_until(page(&node, "said", FeedFrom::After(oldest), Duration::ZERO));
    assert_eq!(rest.entries.len(), kept.len());
    sim.advance(700 * SECOND);
    assert_eq!(said(&sim, &node), [] as [u64; 0]);
}

/// A consumer's own books, which outlive nodes.
#[derive(Default)]
struct Consumer {
    cursor: Option<tenure_store::Cursor>,
    seen: BTreeMap<(Box<str>, Box<str>), Vec<u64>>,
    last: BTreeMap<(Box<str>, Box<str>), (u64, u32)>,
}

impl Consumer {
    fn poll(&mut self, sim: &Simulation, node: &Node, limit: usize) -> bool {
        let from = self.cursor.clone().map_or(FeedFrom::Oldest, FeedFrom::After);
        let name = feed("said");
        let page = sim.run_until(node.runtime().read_feed(&name, from, limit, Duration::ZERO));
        let page = match page {
            Ok(page) => page,
            // The store is away for a moment.
            Err(FeedReadError::Feed(FeedError::Store(_))) => return true,
            Err(error) => panic!("nothing has expired: {error}"),
        };
        for entry in page.entries {
            let of = (entry.type_name, Box::from(entry.key.as_str()));
            let place = (entry.version.0, entry.index);
            let before = self.last.insert(of.clone(), place);
            assert!(before < Some(place), "{of:?}: {place:?} after {before:?}");
            self.seen.entry(of).or_default().push(what(&entry.data));
        }
        // The text is all that a consumer keeps.
        self.cursor = Some(page.next.to_string().parse().expect("it was given out"));
        page.has_more
    }
}

#[test]
fn a_consumer_gets_what_is_durable_exactly_once_and_in_order_over_crashes() {
    let (mut entries, mut lives) = (0, 0);
    each_seed(100, |seed| {
        let (sim, disk, mut consumer) = (simulation(seed), MemoryDisk::new(), Consumer::default());
        let mut dice = sim.dice();
        for _ in 0..4 {
            disk.faults().clear();
            let node = start(&sim, &disk);
            let mut calls = Vec::new();
            for _ in 0..dice.below(12) {
                let key = format!("{}", dice.below(4));
                let times = 1 + dice.below(3);
                match dice.below(2) {
                    0 => calls.push(node.begin(node.actor::<Herald>(&*key).say(times))),
                    _ => calls.push(node.begin(node.actor::<Crier>(&*key).say(times))),
                }
                sim.run_polls(dice.below(60));
                upset(&disk, &mut dice);
                if dice.below(3) == 0 {
                    consumer.poll(&sim, &node, 1 + dice.below(4) as usize);
                }
            }
            node.crash();
            lives += 1;
            sim.advance(MS);
        }
        disk.faults().clear();
        let node = start(&sim, &disk);
        while consumer.poll(&sim, &node, 3) {}
        for key in ["0", "1", "2", "3"] {
            let herald = sim.run_until(node.actor::<Herald>(key).said().into_future()).unwrap();
            let crier = sim.run_until(node.actor::<Crier>(key).said().into_future()).unwrap();
            for (name, said) in [("herald", herald), ("crier", crier)] {
                let seen = consumer.seen.remove(&(name.into(), key.into())).unwrap_or_default();
                assert_eq!(seen, (1..=said).collect::<Vec<_>>(), "{name}/{key}");
                entries += said;
            }
        }
        node.crash();
    });
    assert!(entries > 5 * lives, "only {entries} entries in {lives} lives");
}

#[test]
fn a_feed_is_trimmed_by_the_node_that_keeps_it_and_woken_for_what_the_other_one_appends() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let spec = NodeSpec::new().with::<Herald>();
    let spec = spec.config(|config| config.feed_retention_age = 30 * SECOND);
    let (one, two) = (join(&spec, &sim, &disk, 1), join(&spec, &sim, &disk, 2));
    let runtime = Arc::clone(two.runtime());
    let poll = two.begin(async move {
        let page = runtime.read_feed(&feed("said"), FeedFrom::Oldest, 9, 60 * SECOND).await;
        page.map(|page| page.entries.len()).map_err(|error| error.to_string())
    });
    sim.advance(SECOND);
    assert!(!poll.is_ready(), "there is nothing yet");
    one.grant::<Herald>("h", tenure(1, 1));
    sim.run_until(one.actor::<Herald>("h").say(1).into_future()).unwrap();
    sim.advance(SECOND / 4);
    assert_eq!(poll.take(), Some(Ok(1)), "who waits at the other node is woken");
    let kept = || sim.run_until(two.runtime().feeds()).expect("they are listed")[0].entries;
    for node in [&one, &two] {
        node.seat.keeps_feeds(false);
    }
    sim.advance(200 * SECOND);
    assert_eq!(kept(), 1, "it is old, and nobody's to trim");
    two.seat.keeps_feeds(true);
    sim.advance(61 * SECOND);
    assert_eq!(kept(), 0);
}
