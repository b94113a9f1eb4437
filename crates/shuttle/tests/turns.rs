//! The real runtime under the schedules of a model checker: what a call on one thread may meet on
//! another between any two uses of a lock or of the turn word.
#![expect(missing_docs, reason = "what a test's actors do is said by their names")]

mod world;

use std::cell::{Cell, RefCell};
use std::future::IntoFuture;
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use tenure::prelude::*;
use tenure_actor::ActorType;
use tenure_shuttle::RuntimeConfig;
use world::{Node, ask_and_leave, beside, explore, wait};

// The checker runs all threads of a test on one real thread.
thread_local! {
    static READERS: Cell<u32> = const { Cell::new(0) };
    static WRITERS: Cell<u32> = const { Cell::new(0) };
    static SEEN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

fn forget_all() {
    READERS.set(0);
    WRITERS.set(0);
    SEEN.take();
}

fn write_begins() {
    assert_eq!((READERS.get(), WRITERS.get()), (0, 0), "an exclusive turn began beside another");
    WRITERS.set(1);
}

fn write_ends() {
    assert_eq!((READERS.get(), WRITERS.get()), (0, 1), "a turn began beside an exclusive one");
    WRITERS.set(0);
}

fn read_begins() {
    assert_eq!(WRITERS.get(), 0, "a shared turn began beside an exclusive one");
    READERS.set(READERS.get() + 1);
}

fn read_ends() {
    assert_eq!(WRITERS.get(), 0, "an exclusive turn began beside a shared one");
    READERS.set(READERS.get() - 1);
}

fn yield_now() {
    shuttle::thread::yield_now();
}

macro_rules! tally {
    ($tally:ident, $persist:ident) => {
        #[tenure::data]
        #[derive(Default)]
        pub struct $tally {
            value: u64,
        }

        #[actor(persist = $persist)]
        impl $tally {
            pub fn add(&mut self) -> u64 {
                write_begins();
                let before = self.value;
                yield_now();
                self.value = before + 1;
                write_ends();
                self.value
            }

            pub async fn add_later(&mut self) -> u64 {
                write_begins();
                let before = self.value;
                shuttle::future::yield_now().await;
                self.value = before + 1;
                write_ends();
                self.value
            }

            pub fn get(&self) -> u64 {
                read_begins();
                let before = self.value;
                yield_now();
                read_ends();
                before
            }

            pub async fn get_later(&self) -> u64 {
                read_begins();
                shuttle::future::yield_now().await;
                read_ends();
                self.value
            }

            /// Takes down in which order its calls ran.
            pub fn note(&mut self, what: u64) {
                write_begins();
                yield_now();
                SEEN.with_borrow_mut(|seen| seen.push(what));
                write_ends();
            }

            pub fn leave(&mut self, cx: &mut Context<Self>) {
                cx.deactivate();
            }

            pub fn fall(&mut self) {
                panic!("on purpose");
            }
        }
    };
}
tally!(Volatile, volatile);
tally!(Durable, write_through);

/// Calls another one, and is called by it.
#[derive(Default)]
pub struct Knight;

#[actor(persist = volatile)]
impl Knight {
    pub async fn duel(&mut self, cx: &mut Context<Self>, with: String) -> bool {
        yield_now();
        match cx.actor::<Knight>(with).stand().await {
            Ok(()) => true,
            Err(CallError::Cycle { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }

    pub fn stand(&mut self) {}
}

fn start() -> Node {
    start_with(RuntimeConfig::default())
}

fn start_with(config: RuntimeConfig) -> Node {
    forget_all();
    let types =
        [ActorType::of::<Volatile>(), ActorType::of::<Durable>(), ActorType::of::<Knight>()];
    Node::start(&types.map(|it| it.expect("a good name")), config)
}

macro_rules! reference {
    ($node:expr, $tally:ty, $wrapper:ty) => {
        <$wrapper>::from($node.actor::<$tally>("1"))
    };
}

type Work = Box<dyn FnOnce() -> u64 + Send>;

/// What one thread does; it gives how many additions were acknowledged.
fn work(work: impl FnOnce() -> u64 + Send + 'static) -> Work {
    Box::new(work)
}

/// Two calls of any kind; gives how many additions were acknowledged.
macro_rules! any_calls {
    ($node:expr, $tally:ident, $wrapper:ident, $calls:expr) => {{
        let node = $node.clone();
        work(move || {
            let tally = reference!(node, $tally, $wrapper);
            let mut added = 0;
            for _ in 0..$calls {
                let is_addition = match thread_rng().gen_range(0..8) {
                    0..3 => wait(tally.add().into_future()).map(|_| true),
                    3 => wait(tally.add_later().into_future()).map(|_| true),
                    4 => wait(tally.add().send().into_future()).map(|()| true),
                    5 | 6 => wait(tally.get().into_future()).map(|_| false),
                    _ => wait(tally.get_later().into_future()).map(|_| false),
                };
                added += u64::from(is_addition.expect("every call succeeds"));
            }
            added
        })
    }};
}

#[test]
fn turns_never_overlap_and_every_call_is_answered() {
    explore(4_000, || {
        let node = start();
        let added = beside((0..3).map(|_| any_calls!(node, Volatile, VolatileRef, 2)).collect());
        // A send is answered before its turn, and this call comes after it.
        let value = wait(reference!(node, Volatile, VolatileRef).get().into_future());
        assert_eq!(value, Ok(added.iter().sum()));
    });
}

#[test]
fn turns_of_a_durable_actor_are_loaded_once_and_stored() {
    explore(3_000, || {
        let node = start();
        let added = beside((0..3).map(|_| any_calls!(node, Durable, DurableRef, 2)).collect());
        let value = wait(reference!(node, Durable, DurableRef).get().into_future());
        assert_eq!(value, Ok(added.iter().sum()));
    });
}

#[test]
fn calls_of_one_caller_run_in_their_order() {
    explore(2_000, || {
        let node = start();
        let send = |first: u64| {
            let node = node.clone();
            work(move || {
                let tally = reference!(node, Volatile, VolatileRef);
                for what in first..first + 3 {
                    wait(tally.note(what).send().into_future()).expect("it is sent");
                }
                0
            })
        };
        beside(vec![send(10), send(20)]);
        wait(reference!(node, Volatile, VolatileRef).get().into_future()).expect("it answers");
        let seen = SEEN.take();
        for first in [10, 20] {
            let of_one = seen.iter().filter(|it| (first..first + 10).contains(*it));
            assert!(of_one.is_sorted(), "{seen:?}");
        }
        assert_eq!(seen.len(), 6, "{seen:?}");
    });
}

/// The sweep takes the actor out of memory while it is called: no turn is lost to the copy that
/// leaves.
#[test]
fn nobody_runs_on_an_activation_that_leaves() {
    explore(3_000, || {
        // Hours pass, and nobody's deadline.
        let deadline = Duration::from_secs(1_000 * 3_600);
        let node = start_with(RuntimeConfig { deadline, ..RuntimeConfig::default() });
        let tally = reference!(node, Durable, DurableRef);
        wait(tally.add().into_future()).expect("it adds");
        let sweeper = node.clone();
        let sweep = work(move || {
            for _ in 0..4 {
                sweeper.clock.pass_an_hour();
                yield_now();
            }
            0
        });
        let leaver = node.clone();
        let leave = work(move || {
            let left = wait(reference!(leaver, Durable, DurableRef).leave().into_future());
            left.expect("it leaves");
            0
        });
        let calls = any_calls!(node, Durable, DurableRef, 2);
        let added: u64 = beside(vec![sweep, leave, calls]).iter().sum();
        let value = wait(reference!(node, Durable, DurableRef).get().into_future());
        assert_eq!(value, Ok(added + 1));
    });
}

#[test]
fn two_who_wait_for_each_other_are_told_at_once() {
    explore(3_000, || {
        let node = start();
        let duel = |me: &'static str, with: &'static str| {
            let node = node.clone();
            work(move || {
                let knight = KnightRef::from(node.actor::<Knight>(me));
                let won = wait(knight.duel(with.to_owned()).into_future());
                u64::from(won.expect("time stands still: no deadline ends it"))
            })
        };
        beside(vec![duel("a", "b"), duel("b", "a")]);
        beside(vec![duel("a", "b"), duel("b", "c"), duel("c", "a")]);
    });
}

#[test]
fn a_caller_who_goes_away_takes_nobody_along() {
    explore(3_000, || {
        let node = start();
        let impatient = node.clone();
        let leave = work(move || {
            let tally = reference!(impatient, Volatile, VolatileRef);
            let told = [
                ask_and_leave(tally.add().into_future()),
                ask_and_leave(tally.add_later().into_future()),
            ];
            told.iter().flatten().count() as u64
        });
        let calls = (0..2).map(|_| any_calls!(node, Volatile, VolatileRef, 2));
        let told: u64 = beside(std::iter::once(leave).chain(calls).collect()).iter().sum();
        let value = wait(reference!(node, Volatile, VolatileRef).get().into_future());
        let value = value.expect("it answers");
        assert!((told..=told + 2).contains(&value), "{told} were told, {value} ran");
    });
}

#[test]
fn who_finds_the_mailbox_full_is_told_and_nobody_else_is() {
    explore(2_000, || {
        let node = start_with(RuntimeConfig { mailbox_len_max: 1, ..RuntimeConfig::default() });
        let call = || {
            let node = node.clone();
            work(move || {
                let tally = reference!(node, Volatile, VolatileRef);
                let mut added = 0;
                for _ in 0..2 {
                    match wait(tally.add().into_future()) {
                        Ok(_) => added += 1,
                        Err(CallError::Overloaded { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                added
            })
        };
        let added: u64 = beside(vec![call(), call(), call()]).iter().sum();
        let value = wait(reference!(node, Volatile, VolatileRef).get().into_future());
        assert_eq!(value, Ok(added));
    });
}

#[test]
fn who_waits_is_served_after_a_panic() {
    explore(2_000, || {
        let node = start();
        let faller = node.clone();
        let fall = work(move || {
            let fallen = wait(reference!(faller, Durable, DurableRef).fall().into_future());
            assert!(matches!(fallen, Err(CallError::Panicked { .. })), "{fallen:?}");
            0
        });
        let calls = (0..2).map(|_| any_calls!(node, Durable, DurableRef, 2));
        let added: u64 = beside(std::iter::once(fall).chain(calls).collect()).iter().sum();
        let value = wait(reference!(node, Durable, DurableRef).get().into_future());
        assert_eq!(value, Ok(added));
    });
}
