//! A runtime that is one of several: activations by grant, the lease, and leaving with an answer.

#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

mod cast;

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use cast::seats::{Seated, Told, join, tenure};
use cast::{Ledger, MS, SECOND, Witness, ledger, stored, turns, version};
use parking_lot::Mutex;
use tenure::prelude::*;
use tenure_actor::{EventBytes, Publications, Watcher};
use tenure_runtime::LostBy;
use tenure_sim::{Background, NodeSpec, Simulation};
use tenure_store::memory::UnitFault;
use tenure_store::{FeedFrom, MemoryDisk};
use tenure_types::{CallError, CallErrorCode, Outcome};

fn spec() -> NodeSpec {
    NodeSpec::new().with::<Ledger>().with::<Witness>()
}

/// Two nodes over one disk.
fn two(sim: &Simulation, disk: &MemoryDisk) -> (Seated, Seated) {
    (join(&spec(), sim, disk, 11), join(&spec(), sim, disk, 12))
}

fn withheld<T: std::fmt::Debug + Send + 'static>(
    ended: &Background<Result<T, CallError>>,
) -> Option<Outcome> {
    match ended.take() {
        Some(Err(CallError::Withheld { outcome, .. })) => Some(outcome),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_actor_lives_where_it_was_granted_and_calls_find_it_there() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    let add = one.begin(one.actor::<Ledger>("a").add(5));
    sim.run_until_idle();
    assert_eq!((add.is_ready(), turns(), disk.counts().loads), (false, 0, 0), "nobody has it");
    two.grant::<Ledger>("a", tenure(7, 3));
    assert_eq!(one.carry(&two), 1);
    sim.run_until_idle();
    assert_eq!(add.take(), Some(Ok(5)));
    // What is stored tells the grant, and whose run wrote it.
    let kept = stored(&disk, "a").expect("it is stored");
    assert_eq!((kept.tenure, kept.token.incarnation.0), (tenure(7, 3), 12));
    assert_eq!(sim.run_until(two.actor::<Ledger>("a").get().into_future()), Ok(5), "it is here");
    assert_eq!((one.runtime().activations(), two.runtime().activations()), (0, 1));
    // A second grant of what is there is refused, and so is one out of bounds.
    let target = two.target::<Ledger>("a");
    for of in [tenure(8, 1), tenure(7, 3)] {
        let refused = two.runtime().activate(&target, of);
        assert!(matches!(refused, Err(CallError::Unavailable { .. })), "{refused:?}");
    }
    let target = two.target::<Ledger>("b");
    for of in [tenure(0, 1), tenure(1 << 28, 1), tenure(1, 1 << 36)] {
        let refused = two.runtime().activate(&target, of);
        assert!(matches!(refused, Err(CallError::Unavailable { .. })), "{refused:?}");
    }
    assert!(two.seat.told().is_empty());
}

#[test]
fn a_call_that_comes_before_the_load_ends_waits_for_it() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    two.grant::<Ledger>("a", tenure(1, 1));
    let add = one.begin(one.actor::<Ledger>("a").add(1));
    while one
        .seat
        .absent()
        .into_iter()
        .all(|(target, call)| two.runtime().take(&target, call).is_some())
    {
        sim.run_polls(1);
    }
    assert!(!add.is_ready());
    assert_eq!(sim.run_until(add.wait()), Ok(1));
    // Volatile actors live at once.
    two.grant::<Witness>("w", tenure(1, 2));
    let see = one.begin(one.actor::<Witness>("w").see(3));
    sim.run_until_idle();
    assert_eq!(one.carry(&two), 1);
    assert_eq!(sim.run_until(see.wait()), Ok(()));
}

#[test]
fn a_reply_leaves_only_if_the_lease_stands_after_the_turn() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let one = join(&spec(), &sim, &disk, 3);
    one.grant::<Ledger>("a", tenure(1, 1));
    one.grant::<Witness>("w", tenure(1, 2));
    let (ledger, witness) = (one.actor::<Ledger>("a"), one.actor::<Witness>("w"));
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(1));
    // The unit becomes durable when the lease is over: nobody may be told.
    disk.faults().delay_batches(Some(10 * MS));
    one.lease(&sim, 5 * MS);
    let write = one.begin(ledger.add(1));
    sim.run_until_idle();
    let read = one.begin(ledger.get());
    sim.advance(20 * MS);
    assert_eq!(withheld(&write), Some(Outcome::Unknown));
    assert_eq!(withheld(&read), Some(Outcome::Unknown), "it waited for the same unit");
    assert_eq!(version(&disk, "a"), 2, "the store has its own fence");
    disk.faults().delay_batches(None);
    // Nothing to wait for, and nothing leaves all the same; what only read is safe to repeat.
    let (read, see) = (one.begin(ledger.get()), one.begin(witness.see(1)));
    let (seen, slow) = (one.begin(witness.seen()), one.begin(ledger.get_slowly(3)));
    sim.advance(20 * MS);
    assert_eq!(withheld(&read), Some(Outcome::NotExecuted));
    assert_eq!(withheld(&see), Some(Outcome::Unknown));
    assert_eq!(withheld(&seen), Some(Outcome::NotExecuted));
    assert_eq!(withheld(&slow), Some(Outcome::NotExecuted));
    // A lease that ends in the very moment of the reading has ended.
    one.lease(&sim, Duration::ZERO);
    let read = one.begin(ledger.get());
    sim.run_until_idle();
    assert_eq!(withheld(&read), Some(Outcome::NotExecuted));
    one.lease(&sim, MS);
    assert_eq!(sim.run_until(ledger.get().into_future()), Ok(2));
    assert_eq!(sim.run_until(witness.seen().into_future()), Ok(vec![1]));
}

#[test]
fn a_call_of_a_turn_does_not_leave_its_node_after_the_lease() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, _two) = two(&sim, &disk);
    one.grant::<Ledger>("a", tenure(1, 1));
    let ledger = one.actor::<Ledger>("a");
    one.lease(&sim, 5 * MS);
    let early = one.begin(ledger.add_and_tell_late(1, "w".to_owned()));
    sim.advance(2 * MS);
    assert_eq!(one.seat.absent().len(), 1, "within the lease it leaves");
    one.grant::<Ledger>("b", tenure(1, 2));
    let late = one.begin(one.actor::<Ledger>("b").add_and_tell_late(10, "w".to_owned()));
    sim.advance(SECOND);
    assert_eq!(
        (one.seat.absent().len(), turns()),
        (0, 2),
        "its turn runs, its call does not leave"
    );
    drop((early, late));
}

#[test]
fn a_suspended_node_keeps_everything_and_goes_on_with_it() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    one.grant::<Ledger>("a", tenure(1, 1));
    one.grant::<Witness>("w", tenure(1, 2));
    two.grant::<Witness>("far", tenure(1, 3));
    let (ledger, witness) = (one.actor::<Ledger>("a"), one.actor::<Witness>("w"));
    assert_eq!(sim.run_until(witness.see(7).into_future()), Ok(()));
    one.lease(&sim, Duration::ZERO);
    one.runtime().suspend();
    let began = turns();
    let (add, seen) = (one.begin(ledger.add(1)), one.begin(witness.seen()));
    let (far, hurried) =
        (one.begin(one.actor::<Witness>("far").see(1)), one.begin(ledger.add(9).deadline(SECOND)));
    let sent = one.begin(witness.see(8).send());
    sim.advance(2 * SECOND);
    assert_eq!((turns(), one.seat.absent().len()), (began, 0), "nothing runs, nothing leaves");
    assert!(!add.is_ready() && !seen.is_ready() && !far.is_ready());
    let late = hurried.take();
    assert!(
        matches!(late, Some(Err(CallError::Deadline { outcome: Outcome::NotExecuted }))),
        "its deadline passed while it waited: {late:?}"
    );
    assert_eq!(sent.take(), Some(Ok(())));
    one.lease(&sim, SECOND);
    one.runtime().resume();
    sim.run_until_idle();
    assert_eq!((add.take(), seen.take()), (Some(Ok(1)), Some(Ok(vec![7]))));
    assert_eq!(sim.run_until(witness.seen().into_future()), Ok(vec![7, 8]));
    assert_eq!(one.carry(&two), 1);
    assert_eq!(sim.run_until(far.wait()), Ok(()));
    assert!(one.seat.told().is_empty());
}

#[test]
fn a_discarded_node_tells_its_callers_the_truth() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    one.grant::<Ledger>("a", tenure(1, 1));
    one.grant::<Witness>("w", tenure(1, 2));
    let ledger_a = one.actor::<Ledger>("a");
    assert_eq!(sim.run_until(one.actor::<Witness>("w").see(7).into_future()), Ok(()));
    disk.faults().units_of(&ledger("a"), Some(UnitFault::SilentCommitted));
    let submitted = one.begin(ledger_a.add(1));
    let pending = one.begin(ledger_a.add(1));
    sim.run_until_idle();
    one.runtime().suspend();
    let waits = one.begin(ledger_a.add(1));
    let far = one.begin(one.actor::<Witness>("far").see(1));
    sim.run_until_idle();
    one.runtime().discard();
    sim.run_until_idle();
    assert_eq!(withheld(&submitted), Some(Outcome::Unknown), "its unit may be stored, and is");
    assert_eq!(withheld(&pending), Some(Outcome::NotExecuted), "its unit was never submitted");
    for waits in [waits.take().map(|it| it.map(drop)), far.take()] {
        assert!(matches!(waits, Some(Err(CallError::Unavailable { .. }))), "{waits:?}");
    }
    assert_eq!((version(&disk, "a"), one.runtime().activations()), (1, 0));
    let refused = one.begin(ledger_a.get());
    sim.run_until_idle();
    assert!(matches!(refused.take(), Some(Err(CallError::Unavailable { .. }))));
    one.runtime().resume();
    // Another takes over: what was durable is there, what was volatile is not.
    disk.faults().units_of(&ledger("a"), None);
    let fence = tenure_store::Store::fence(two.engine(), tenure_types::Incarnation(11));
    assert_eq!(sim.run_until(fence), Ok(()));
    two.grant::<Ledger>("a", tenure(2, 1));
    two.grant::<Witness>("w", tenure(2, 2));
    assert_eq!(sim.run_until(two.actor::<Ledger>("a").get().into_future()), Ok(1));
    assert_eq!(sim.run_until(two.actor::<Witness>("w").seen().into_future()), Ok(vec![]));
}

#[test]
fn an_activation_leaves_when_the_keeper_of_its_actor_knows() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    one.grant::<Ledger>("a", tenure(1, 1));
    let ledger = one.actor::<Ledger>("a");
    disk.faults().delay_batches(Some(10 * MS));
    let add = one.begin(ledger.add(4));
    sim.run_until_idle();
    let leave = one.begin(ledger.leave());
    sim.run_until_idle();
    assert!(one.seat.told().is_empty(), "its last unit is not durable");
    sim.advance(20 * MS);
    assert_eq!((add.take(), leave.take()), (Some(Ok(4)), Some(Ok(()))));
    let leaving = || Told::Leaving("ledger/a".to_owned(), tenure(1, 1));
    assert_eq!(one.seat.told(), [leaving()]);
    let began = turns();
    let get = one.begin(ledger.get());
    sim.run_until_idle();
    let more = one.begin(ledger.add(1));
    sim.advance(SECOND);
    assert_eq!((turns(), one.runtime().activations()), (began, 1), "who comes waits");
    // An answer to something else changes nothing.
    one.runtime().left(&one.target::<Ledger>("a"), tenure(1, 2));
    one.runtime().left(&one.target::<Ledger>("b"), tenure(1, 1));
    sim.run_until_idle();
    assert_eq!((one.seat.absent().len(), one.runtime().activations()), (0, 1));
    one.runtime().left(&one.target::<Ledger>("a"), tenure(1, 1));
    assert_eq!(one.runtime().activations(), 0);
    two.grant::<Ledger>("a", tenure(1, 2));
    assert_eq!(one.carry(&two), 2);
    sim.advance(20 * MS);
    assert_eq!((get.take(), more.take()), (Some(Ok(4)), Some(Ok(5))));
}

#[test]
fn idle_actors_ask_too() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let one = join(&spec().config(|it| it.idle_after = 60 * SECOND), &sim, &disk, 1);
    one.grant::<Ledger>("a", tenure(1, 1));
    assert_eq!(sim.run_until(one.actor::<Ledger>("a").add(1).into_future()), Ok(1));
    one.runtime().suspend();
    sim.advance(300 * SECOND);
    assert!(one.seat.told().is_empty(), "a suspended node keeps its memory");
    one.runtime().resume();
    sim.advance(120 * SECOND);
    assert_eq!(one.seat.told(), [Told::Leaving("ledger/a".to_owned(), tenure(1, 1))]);
    assert_eq!(one.runtime().activations(), 1);
    one.runtime().left(&one.target::<Ledger>("a"), tenure(1, 1));
    assert_eq!(one.runtime().activations(), 0);
    one.grant::<Ledger>("a", tenure(1, 2));
    assert_eq!(sim.run_until(one.actor::<Ledger>("a").add(1).into_future()), Ok(2));
    assert_eq!(stored(&disk, "a").expect("it is stored").tenure, tenure(1, 2));
}

#[test]
fn a_panic_ends_the_activation_and_who_waits_goes_to_the_next() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let one = join(&spec(), &sim, &disk, 1);
    one.grant::<Ledger>("a", tenure(1, 1));
    let ledger = one.actor::<Ledger>("a");
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(1));
    let (fall, get) = (one.begin(ledger.add_and_fall_late(1)), one.begin(ledger.get()));
    sim.advance(5 * MS);
    assert!(matches!(fall.take(), Some(Err(CallError::Panicked { .. }))));
    assert_eq!(one.seat.told(), [Told::Leaving("ledger/a".to_owned(), tenure(1, 1))]);
    one.runtime().left(&one.target::<Ledger>("a"), tenure(1, 1));
    one.grant::<Ledger>("a", tenure(1, 2));
    assert_eq!(one.carry(&one), 1);
    assert_eq!(sim.run_until(get.wait()), Ok(1));
}

#[test]
fn whoever_is_overtaken_is_discarded_and_the_seat_hears_of_it() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    one.grant::<Ledger>("a", tenure(1, 1));
    let (here, there) = (one.actor::<Ledger>("a"), two.actor::<Ledger>("a"));
    assert_eq!(sim.run_until(here.add(1).into_future()), Ok(1));
    // Two have it, which no keeper of an actor does.
    two.grant::<Ledger>("a", tenure(2, 1));
    assert_eq!(sim.run_until(there.add(1).into_future()), Ok(2));
    disk.faults().delay_batches(Some(10 * MS));
    let stale = one.begin(here.add(1));
    sim.run_until_idle();
    let after = one.begin(here.get());
    sim.advance(20 * MS);
    disk.faults().delay_batches(None);
    assert!(matches!(
        stale.take(),
        Some(Err(CallError::Storage { outcome: Outcome::NotExecuted, .. }))
    ));
    assert!(matches!(after.take(), Some(Err(CallError::Storage { .. }))));
    assert_eq!(
        one.seat.told(),
        [Told::Lost("ledger/a".to_owned(), tenure(1, 1), LostBy::Conflict)]
    );
    assert_eq!((one.runtime().activations(), version(&disk, "a")), (0, 2));
    // A grant below what is stored is an alarm as well.
    let refused = one.begin(here.get());
    sim.run_until_idle();
    one.grant::<Ledger>("a", tenure(1, 9));
    assert_eq!(one.carry(&one), 1);
    sim.run_until_idle();
    assert!(matches!(refused.take(), Some(Err(CallError::Unavailable { .. }))));
    assert_eq!(
        one.seat.told(),
        [Told::Lost("ledger/a".to_owned(), tenure(1, 9), LostBy::Conflict)]
    );
    one.grant::<Ledger>("a", tenure(2, 2));
    assert_eq!(sim.run_until(here.get().into_future()), Ok(2));
}

#[test]
fn an_actor_that_cannot_be_loaded_is_told_to_its_callers_and_to_the_seat() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let one = join(&spec(), &sim, &disk, 1);
    one.grant::<Ledger>("a", tenure(1, 1));
    assert_eq!(sim.run_until(one.actor::<Ledger>("a").add(1).into_future()), Ok(1));
    let two = join(&spec(), &sim, &disk, 2);
    disk.faults().damage(&ledger("a"), 70);
    two.grant::<Ledger>("a", tenure(2, 1));
    let get = two.begin(two.actor::<Ledger>("a").get());
    sim.run_until_idle();
    assert!(matches!(get.take(), Some(Err(CallError::Damaged { .. }))));
    assert_eq!(two.seat.told(), [Told::Lost("ledger/a".to_owned(), tenure(2, 1), LostBy::Load)]);
    assert_eq!(two.runtime().activations(), 0);
}

#[test]
fn a_fenced_node_says_so_and_never_takes_the_store() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let (one, two) = two(&sim, &disk);
    one.grant::<Ledger>("a", tenure(1, 1));
    assert_eq!(sim.run_until(one.actor::<Ledger>("a").add(1).into_future()), Ok(1));
    let fence = tenure_store::Store::fence(two.engine(), tenure_types::Incarnation(11));
    assert_eq!(sim.run_until(fence), Ok(()));
    let add = one.begin(one.actor::<Ledger>("a").add(1));
    sim.advance(30 * SECOND);
    assert!(matches!(add.take(), Some(Err(CallError::Storage { outcome: Outcome::Unknown, .. }))));
    assert!(one.seat.told().contains(&Told::StoreLost));
    two.grant::<Ledger>("a", tenure(2, 1));
    assert_eq!(sim.run_until(two.actor::<Ledger>("a").add(1).into_future()), Ok(2));
    one.runtime().discard();
    sim.advance(30 * SECOND);
    assert_eq!(sim.run_until(two.actor::<Ledger>("a").add(1).into_future()), Ok(3));
}

#[tenure::data]
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
            pub fn say(&mut self, cx: &mut Context<Self>) {
                self.said += 1;
                cx.emit(Said { what: self.said });
            }
        }
    };
}
voice!(Rumour, volatile);

/// Durable, with everything that leaves later.
#[tenure::data]
#[derive(Default)]
pub struct Herald {
    said: u64,
    rang: u64,
}

#[actor(events = Said)]
impl Herald {
    pub fn say(&mut self, cx: &mut Context<Self>) {
        self.said += 1;
        cx.emit(Said { what: self.said });
        cx.append("said", &self.said);
    }

    pub fn ring_in(&mut self, cx: &mut Context<Self>, ms: u64) {
        cx.remind("ring", MS * ms as u32, HeraldRing {});
    }

    pub fn ring(&mut self) {
        self.rang += 1;
    }

    pub fn rang(&self) -> u64 {
        self.rang
    }

    pub fn leave(&mut self, cx: &mut Context<Self>) {
        cx.deactivate();
    }

    pub fn work(&mut self, cx: &mut Context<Self>) {
        self.said += 1;
        cx.spawn(std::future::ready(()), |()| HeraldRing {});
    }
}

/// Hears offsets.
#[derive(Default)]
struct Ear(Mutex<Vec<u64>>);

impl Watcher for Ear {
    fn published(&self, _: u64, offset: u64, _: &EventBytes) {
        self.0.lock().push(offset);
    }

    fn missed(&self) {}
}

impl Ear {
    fn heard(&self) -> Vec<u64> {
        self.0.lock().clone()
    }
}

#[test]
fn events_and_entries_that_became_durable_too_late_leave_with_the_next_lease() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let spec = NodeSpec::new().with::<Herald>().with::<Rumour>();
    let one = join(&spec, &sim, &disk, 1);
    one.grant::<Herald>("h", tenure(1, 1));
    one.grant::<Rumour>("r", tenure(1, 2));
    let (herald, rumour) = (one.actor::<Herald>("h"), one.actor::<Rumour>("r"));
    let (durable, volatile) = (Arc::new(Ear::default()), Arc::new(Ear::default()));
    one.runtime().watch(&one.target::<Herald>("h"), Arc::clone(&durable) as Arc<dyn Watcher>);
    one.runtime().watch(&one.target::<Rumour>("r"), Arc::clone(&volatile) as Arc<dyn Watcher>);
    assert_eq!(sim.run_until(herald.say().into_future()), Ok(()));
    assert_eq!(sim.run_until(rumour.say().into_future()), Ok(()));
    let feed = tenure_types::FeedName::new("said").expect("a good name");
    let page = sim.run_until(one.runtime().read_feed(&feed, FeedFrom::Oldest, 9, Duration::ZERO));
    let (runtime, after) =
        (Arc::clone(one.runtime()), FeedFrom::After(page.expect("it is read").next));
    let poll = one.begin(async move {
        let page = runtime.read_feed(&feed, after, 9, 60 * SECOND).await;
        page.map(|page| page.entries.len()).map_err(|error| error.to_string())
    });
    sim.run_until_idle();
    one.lease(&sim, Duration::ZERO);
    let late = [one.begin(herald.say()), one.begin(rumour.say())];
    sim.advance(SECOND);
    for late in &late {
        assert_eq!(withheld(late), Some(Outcome::Unknown));
    }
    assert_eq!((durable.heard(), volatile.heard()), (vec![1], vec![1]), "nothing leaves");
    assert!(!poll.is_ready(), "and nobody is told of an entry");
    one.runtime().suspend();
    one.lease(&sim, SECOND);
    one.runtime().resume();
    sim.run_until_idle();
    assert_eq!((durable.heard(), volatile.heard()), (vec![1, 2], vec![1, 2]));
    assert_eq!(poll.take(), Some(Ok(1)));
}

#[test]
fn events_are_read_within_the_lease_and_from_nobody_who_may_have_a_successor() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let spec = NodeSpec::new().with::<Herald>().with::<Rumour>();
    let (one, two) = (join(&spec, &sim, &disk, 1), join(&spec, &sim, &disk, 2));
    one.grant::<Herald>("h", tenure(1, 1));
    one.grant::<Rumour>("r", tenure(1, 2));
    assert_eq!(sim.run_until(one.actor::<Herald>("h").say().into_future()), Ok(()));
    assert_eq!(sim.run_until(one.actor::<Rumour>("r").say().into_future()), Ok(()));
    // What is durable any node may tell; other events are known where their actor lives.
    let targets = [one.target::<Herald>("h"), one.target::<Rumour>("r")];
    let stand = |node: &Seated| {
        targets.clone().map(|target| {
            let page = sim.run_until(node.runtime().events(&target, 0, 0));
            page.map(|page| page.offset).map_err(|error| error.code())
        })
    };
    let unavailable = Err(CallErrorCode::Unavailable);
    assert_eq!(stand(&one), [Ok(1), Ok(1)]);
    assert_eq!(stand(&two), [Ok(1), unavailable]);
    one.lease(&sim, Duration::ZERO);
    assert_eq!(stand(&one), [unavailable; 2]);
    one.lease(&sim, 10 * SECOND);
    assert_eq!(stand(&one), [Ok(1), Ok(1)]);
    // Sealed for a move, it may live and publish elsewhere: what is stored tells of that.
    for (target, of) in targets.iter().zip([tenure(1, 1), tenure(1, 2)]) {
        let packed = sim.run_until(one.runtime().seal_for_move(target, of)).expect("it is here");
        two.runtime().activate_moved(target, tenure(2, of.sequence), &packed).expect("it is free");
    }
    assert_eq!(sim.run_until(two.actor::<Herald>("h").say().into_future()), Ok(()));
    assert_eq!((stand(&one), stand(&two)), ([Ok(2), unavailable], [Ok(2), Ok(1)]));
    // Nor is one asked that leaves and has not heard yet that the keeper of its actor knows.
    assert_eq!(sim.run_until(two.actor::<Herald>("h").leave().into_future()), Ok(()));
    sim.advance(SECOND);
    let three = join(&spec, &sim, &disk, 3);
    three.grant::<Herald>("h", tenure(3, 1));
    assert_eq!(sim.run_until(three.actor::<Herald>("h").say().into_future()), Ok(()));
    assert_eq!((stand(&two)[0], stand(&three)[0]), (Ok(3), Ok(3)));
}

#[test]
fn spawned_work_waits_for_the_lease() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let one = join(&NodeSpec::new().with::<Herald>(), &sim, &disk, 1);
    one.grant::<Herald>("h", tenure(1, 1));
    let herald = one.actor::<Herald>("h");
    one.lease(&sim, Duration::ZERO);
    let work = one.begin(herald.work());
    sim.advance(SECOND);
    assert_eq!(withheld(&work), Some(Outcome::Unknown));
    one.lease(&sim, 10 * SECOND);
    sim.advance(SECOND);
    assert_eq!(sim.run_until(herald.rang().into_future()), Ok(1), "it was not lost");
}

#[test]
fn a_reminder_reaches_its_actor_elsewhere_and_the_node_that_delivers_hears_of_it() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let spec = NodeSpec::new().with::<Herald>();
    let (one, two) = (join(&spec, &sim, &disk, 1), join(&spec, &sim, &disk, 2));
    one.grant::<Herald>("h", tenure(1, 1));
    let target = one.target::<Herald>("h");
    assert_eq!(sim.run_until(one.actor::<Herald>("h").ring_in(500).into_future()), Ok(()));
    let packed = sim.run_until(one.runtime().seal_for_move(&target, tenure(1, 1)));
    let packed = packed.expect("it is packed");
    assert_eq!(two.runtime().activate_moved(&target, tenure(1, 2), &packed), Ok(()));
    one.runtime().moved(&target, tenure(1, 1));
    assert!(one.metric("tenure_reminders") > 0.0);
    sim.advance(SECOND);
    assert_eq!(one.carry(&two), 1);
    sim.advance(SECOND);
    assert_eq!(sim.run_until(two.actor::<Herald>("h").rang().into_future()), Ok(1));
    assert_eq!(one.metric("tenure_reminders"), 0.0);
}

#[test]
fn a_node_that_keeps_more_actors_delivers_their_reminders_soon() {
    for looks in [true, false] {
        let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
        let spec = NodeSpec::new().with::<Herald>();
        let (one, two) = (join(&spec, &sim, &disk, 1), join(&spec, &sim, &disk, 2));
        one.grant::<Herald>("h", tenure(1, 1));
        assert_eq!(sim.run_until(one.actor::<Herald>("h").ring_in(500).into_future()), Ok(()));
        one.node.crash();
        two.grant::<Herald>("h", tenure(2, 1));
        if looks {
            two.runtime().look_for_reminders();
        }
        sim.advance(3 * SECOND);
        let rang = sim.run_until(two.actor::<Herald>("h").rang().into_future());
        assert_eq!(rang, Ok(u64::from(looks)), "else at the next look, after half a minute");
    }
}
