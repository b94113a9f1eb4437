//! P1, one turn at a time: exclusive turns never overlap another turn, shared ones overlap each
//! other, and turns begin in the order in which their calls came, whatever their borrow.
#![expect(missing_docs, reason = "what a test's actors do is said by their names")]

use std::cell::RefCell;
use std::time::Duration;

use tenure::prelude::*;
use tenure_sim::{Background, Dice, Node, NodeSpec, Options, Simulation, each_seed};
use tenure_store::MemoryDisk;
use tenure_types::{CallErrorCode, Outcome};

/// What the turns of one run did. A simulation has one thread, so each test has its own.
#[derive(Default)]
struct Journal {
    readers: u32,
    writers: u32,
    readers_max: u32,
    began: Vec<u32>,
    /// Rules that were broken. A handler cannot fail a test itself: its panic is contained.
    broken: Vec<String>,
}

thread_local! {
    static JOURNAL: RefCell<Journal> = RefCell::default();
}

fn check(holds: bool, rule: &str) {
    if !holds {
        JOURNAL.with_borrow_mut(|journal| journal.broken.push(rule.to_owned()));
    }
}

/// A turn that is running, from its entry to its exit.
struct Presence {
    exclusive: bool,
}

impl Presence {
    fn enter(call: u32, exclusive: bool) -> Self {
        JOURNAL.with_borrow_mut(|journal| {
            let Journal { readers, writers, .. } = *journal;
            if writers > 0 || (exclusive && readers > 0) {
                journal
                    .broken
                    .push(format!("{call} began beside {readers} readers, {writers} writers"));
            }
            if exclusive {
                journal.writers += 1;
            } else {
                journal.readers += 1;
                journal.readers_max = journal.readers_max.max(journal.readers);
            }
            journal.began.push(call);
        });
        Self { exclusive }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        JOURNAL.with_borrow_mut(|journal| {
            if self.exclusive {
                journal.writers -= 1;
            } else {
                journal.readers -= 1;
            }
        });
    }
}

/// Handlers of every shape, over one journal.
macro_rules! room {
    ($room:ident, $persist:ident) => {
        #[actor(persist = $persist)]
        impl $room {
            pub fn write_now(&mut self, call: u32) {
                let _presence = Presence::enter(call, true);
                self.writes += 1;
            }

            pub async fn write(&mut self, cx: &mut Context<Self>, call: u32, ms: u32) {
                let _presence = Presence::enter(call, true);
                let before = self.writes;
                cx.sleep(Duration::from_millis(ms.into())).await;
                check(self.writes == before, "the state changed under an exclusive turn");
                self.writes += 1;
            }

            pub async fn hold(&self, cx: &mut Context<Self>, call: u32, ms: u32) {
                let _presence = Presence::enter(call, true);
                cx.sleep(Duration::from_millis(ms.into())).await;
            }

            pub fn read_now(&self, call: u32) -> u32 {
                let _presence = Presence::enter(call, false);
                self.writes
            }

            pub async fn read(&self, cx: &Context<Self>, call: u32, ms: u32) -> u32 {
                let _presence = Presence::enter(call, false);
                let before = self.writes;
                cx.sleep(Duration::from_millis(ms.into())).await;
                check(self.writes == before, "the state changed under a shared turn");
                before
            }

            pub async fn fall(&mut self, cx: &mut Context<Self>, call: u32, ms: u32) {
                let _presence = Presence::enter(call, true);
                cx.sleep(Duration::from_millis(ms.into())).await;
                panic!("on purpose");
            }
        }
    };
}

/// Lives in memory only.
#[derive(Default)]
pub struct Room {
    writes: u32,
}
room!(Room, volatile);

/// Is saved before each reply.
#[tenure::data]
#[derive(Default)]
pub struct Archive {
    writes: u32,
}
room!(Archive, write_through);

macro_rules! ask_anything {
    ($ask:ident, $room:ty) => {
        /// One call of a random kind. It tells whether its turn ran.
        fn $ask(node: &Node, dice: &mut Dice, call: u32) -> Background<bool> {
            let room = node.actor::<$room>("1");
            let ms = dice.below(3) as u32;
            let deadline = match dice.below(4) {
                0 => Duration::from_millis(dice.below(20)),
                _ => Duration::from_secs(60),
            };
            let kind = dice.below(12);
            node.begin(async move {
                let ended = match kind {
                    0 | 1 => room.write_now(call).deadline(deadline).await,
                    2 | 3 => room.write(call, ms).deadline(deadline).await,
                    4 => room.hold(call, ms).deadline(deadline).await,
                    5..=7 => room.read(call, ms).deadline(deadline).await.map(|_| ()),
                    8 | 9 => room.read_now(call).deadline(deadline).await.map(|_| ()),
                    10 => room.fall(call, ms).deadline(deadline).await,
                    _ => room.write_now(call).send().await,
                };
                match ended {
                    Ok(()) => true,
                    Err(error) => error.outcome() != Outcome::NotExecuted,
                }
            })
        }
    };
}
ask_anything!(ask_room, Room);
ask_anything!(ask_archive, Archive);

/// A random load from callers who come, wait, give up and go away.
fn random_load(seed: u64, ask: fn(&Node, &mut Dice, u32) -> Background<bool>, is_worker: bool) {
    JOURNAL.set(Journal::default());
    let options = Options {
        is_worker,
        poll_time_max: Duration::from_micros(seed % 3 * 30),
        ..Options::default()
    };
    let sim = Simulation::with(seed, options);
    let node = NodeSpec::new().with::<Room>().with::<Archive>().start(&sim, &MemoryDisk::new());
    let mut dice = sim.dice();
    let mut calls = Vec::new();
    for call in 0..30 {
        calls.push(ask(&node, &mut dice, call));
        sim.run_polls(dice.below(6));
        if dice.one_in(6) {
            calls[dice.below(calls.len() as u64) as usize].cancel();
        }
        if dice.one_in(10) {
            sim.advance(Duration::from_millis(dice.below(4)));
        }
    }
    sim.advance(Duration::from_secs(2));
    JOURNAL.with_borrow(|journal| {
        assert_eq!(journal.broken, [""; 0]);
        assert_eq!((journal.readers, journal.writers), (0, 0), "some turn did not end");
        for (call, background) in calls.iter().enumerate() {
            let turns = journal.began.iter().filter(|&&began| began == call as u32).count();
            assert!(turns <= 1, "call {call} ran {turns} times");
            match background.take() {
                Some(true) => {}
                Some(false) => assert_eq!(turns, 0, "call {call} ran and says it did not"),
                None => {}
            }
        }
    });
    assert_eq!(node.metric("tenure_mailbox_calls"), 0.0, "the gauge of waiting calls drifts");
}

#[test]
fn exclusive_turns_never_overlap_anything() {
    each_seed(400, |seed| random_load(seed, ask_room, true));
    each_seed(400, |seed| random_load(seed, ask_archive, true));
}

#[test]
fn exclusive_turns_never_overlap_anything_where_callers_are_no_workers() {
    each_seed(200, |seed| random_load(seed, ask_room, false));
    each_seed(200, |seed| random_load(seed, ask_archive, false));
}

/// Turns begin exactly in the order in which their calls began, if nobody goes away.
#[test]
fn first_in_first_out_over_both_borrows() {
    each_seed(600, |seed| {
        JOURNAL.set(Journal::default());
        // A caller whose share is used up has not called yet.
        let sim = Simulation::with(seed, Options { yield_one_in: 0, ..Options::default() });
        let spec = NodeSpec::new().with::<Room>().with::<Archive>();
        let node = spec.start(&sim, &MemoryDisk::new());
        let mut dice = sim.dice();
        let durable = dice.one_in(2);
        let mut calls = Vec::new();
        for call in 0..30 {
            let ask = if durable { ask_archive } else { ask_room };
            // The next caller comes only after this one has called.
            calls.push(ask(&node, &mut dice, call));
            sim.run_until_idle();
            if dice.one_in(4) {
                sim.advance(Duration::from_millis(dice.below(4)));
            }
        }
        sim.advance(Duration::from_secs(2));
        JOURNAL.with_borrow(|journal| {
            assert_eq!(journal.broken, [""; 0]);
            assert!(journal.began.is_sorted(), "began as {:?}", journal.began);
        });
    });
}

#[test]
fn shared_turns_overlap_and_a_read_does_not_overtake_a_waiting_write() {
    JOURNAL.set(Journal::default());
    let sim = Simulation::with(5, Options { yield_one_in: 0, ..Options::default() });
    let node = NodeSpec::new().with::<Room>().start(&sim, &MemoryDisk::new());
    let room = node.actor::<Room>("1");
    let mut calls = Vec::new();
    for call in 0..3 {
        calls.push(node.begin(room.read(call, 10)));
        sim.run_until_idle();
    }
    let write = node.begin(room.write(3, 10));
    sim.run_until_idle();
    let late = node.begin(room.read(4, 10));
    let later = node.begin(room.read_now(5));
    sim.run_until_idle();
    JOURNAL.with_borrow(|it| assert_eq!((it.readers, it.began.as_slice()), (3, &[0, 1, 2][..])));
    sim.advance(Duration::from_millis(11));
    JOURNAL.with_borrow(|it| assert_eq!((it.readers, it.writers), (0, 1)));
    assert!(calls.iter().all(|call| call.take() == Some(Ok(0))));
    sim.advance(Duration::from_millis(30));
    assert_eq!(write.take(), Some(Ok(())));
    assert_eq!((late.take(), later.take()), (Some(Ok(1)), Some(Ok(1))));
    JOURNAL.with_borrow(|journal| {
        assert_eq!((journal.readers_max, journal.readers, journal.writers), (3, 0, 0));
        assert_eq!(journal.began[..4], [0, 1, 2, 3]);
    });
}

#[test]
fn a_panic_in_an_exclusive_turn_starts_a_volatile_actor_over() {
    JOURNAL.set(Journal::default());
    let sim = Simulation::new(1);
    let node = NodeSpec::new().with::<Room>().start(&sim, &MemoryDisk::new());
    let room = node.actor::<Room>("1");
    assert_eq!(sim.run_until(room.write_now(0).into_future()), Ok(()));
    let read = node.begin(room.read(1, 50));
    sim.run_until_idle();
    let failed = sim.run_until(room.fall(2, 5).into_future()).unwrap_err();
    assert_eq!(failed.code(), CallErrorCode::Panicked);
    // The panic was in an exclusive turn: it began after the reader, and the state starts over.
    assert_eq!(read.take(), Some(Ok(1)));
    assert_eq!(sim.run_until(room.read_now(3).into_future()), Ok(0));
}
