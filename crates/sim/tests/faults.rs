//! What becomes of calls when the store cannot tell, meets another writer, or fails.

mod cast;

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use cast::{Ledger, MS, SECOND, Witness, ledger, start, stored, turns, version};
use parking_lot::Mutex;
use tenure_observe::Condition;
use tenure_sim::{Node, Options, Simulation, each_seed};
use tenure_store::memory::UnitFault;
use tenure_store::{MemoryDisk, Store, Unit, UnitOutcome, UnitSink};
use tenure_types::{CallError, Incarnation, Outcome, Tenure, Token, Version};

fn storage_outcome<T, E>(result: Option<Result<T, CallError<E>>>) -> Option<Outcome> {
    match result? {
        Err(CallError::Storage { outcome, .. } | CallError::Damaged { outcome, .. }) => {
            Some(outcome)
        }
        _ => None,
    }
}

#[test]
fn an_unknown_unit_is_submitted_again_until_it_is_known() {
    for (fault, conflicts) in [(UnitFault::UnknownCommitted, 1), (UnitFault::UnknownAbsent, 0)] {
        let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
        let node = start(&sim, &disk);
        disk.faults().next_unit(fault);
        assert_eq!(sim.run_until(node.actor::<Ledger>("a").add(1).into_future()), Ok(1));
        let counts = disk.counts();
        assert_eq!((counts.units, counts.commits, counts.conflicts), (2, 1, conflicts));
        assert_eq!((version(&disk, "a"), node.store().resubmitted), (1, 1));
    }
}

#[test]
fn no_turn_starts_while_an_outcome_is_unknown() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let actor = node.actor::<Ledger>("a");
    for _ in 0..4 {
        disk.faults().next_unit(UnitFault::UnknownAbsent);
    }
    let add = node.begin(actor.add(1));
    sim.run_until_idle();
    let calls = [node.begin(actor.get()), node.begin(actor.add(1)), node.begin(actor.touch())];
    // 20, 40, 80 and 160 ms: the pause doubles.
    sim.advance(299 * MS);
    assert_eq!((turns(), node.store().resubmitted), (1, 3));
    assert!(!add.is_ready() && calls.iter().all(|call| !call.is_ready()));
    sim.advance(2 * MS);
    assert_eq!((turns(), node.store().resubmitted), (4, 4));
    assert_eq!(add.take(), Some(Ok(1)));
    let values: Vec<_> = calls.iter().map(|call| call.take().unwrap().unwrap()).collect();
    assert!(values.iter().all(|value| [1, 2].contains(value)), "{values:?}");
    assert_eq!(version(&disk, "a"), 2);
}

#[test]
fn an_actor_of_unknown_outcome_neither_leaves_nor_starts_over() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let actor = node.actor::<Ledger>("a");
    disk.faults().units_of(&ledger("a"), Some(UnitFault::UnknownAbsent));
    let add = node.begin(actor.add_slowly(1, 5).deadline(20 * SECOND));
    sim.run_until_idle();
    // A turn that panics wants the last durable state back: that has to wait, too.
    let fall = node.begin(actor.add_and_fall(1).deadline(10 * SECOND));
    let loads = disk.counts().loads;
    sim.advance(SECOND);
    disk.faults().units_of(&ledger("a"), None);
    assert_eq!((disk.counts().loads, node.runtime().activations()), (loads, 1));
    sim.advance(10 * SECOND);
    assert_eq!(add.take(), Some(Ok(1)));
    assert!(matches!(fall.take(), Some(Err(CallError::Panicked { .. }))));
    assert_eq!(sim.run_until(actor.get().into_future()), Ok(1));
}

/// Keeps what became of a foreign unit.
struct Sink(Mutex<Option<UnitOutcome>>);

impl UnitSink for Sink {
    fn settled(self: Arc<Self>, _: Token, outcome: UnitOutcome) {
        *self.0.lock() = Some(outcome);
    }
}

/// Another writer moves the ledger by ten turns.
fn overtake(sim: &Simulation, node: &Node, disk: &MemoryDisk, key: &str) {
    let before = stored(disk, key).expect("it is stored");
    let unit = Unit {
        actor: ledger(key),
        expected: before.version,
        version: Version(before.version.0 + 10),
        tenure: Tenure { view: 99, sequence: 1 },
        token: Token { incarnation: Incarnation(1), sequence: 9_999 },
        written_at_ms: 0,
        log: before.log,
        content: before.content,
        rows: Vec::new(),
        entries: Vec::new(),
    };
    let sink = Arc::new(Sink(Mutex::default()));
    node.engine().submit(Arc::new(unit), Arc::clone(&sink) as Arc<dyn UnitSink>);
    sim.run_until_idle();
    assert_eq!(*sink.0.lock(), Some(UnitOutcome::Committed));
}

#[test]
fn what_another_writer_overtook_is_discarded_and_told() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let actor = node.actor::<Ledger>("a");
    assert_eq!(sim.run_until(actor.add(5).into_future()), Ok(5));
    overtake(&sim, &node, &disk, "a");
    disk.faults().delay_batches(Some(10 * MS));
    let write = node.begin(actor.add(1));
    sim.run_until_idle();
    let in_flight = [write, node.begin(actor.get())];
    sim.run_until_idle();
    let pending = [node.begin(actor.add(1)), node.begin(actor.add(1))];
    sim.run_until_idle();
    let slow = node.begin(actor.add_slowly(1, 20));
    sim.run_until_idle();
    let waiting = node.begin(actor.get());
    sim.advance(11 * MS);
    for call in in_flight.iter().chain(&pending) {
        assert_eq!(storage_outcome(call.take()), Some(Outcome::NotExecuted));
    }
    sim.advance(20 * MS);
    assert_eq!(storage_outcome(slow.take()), Some(Outcome::NotExecuted), "it saw lost state");
    assert_eq!(waiting.take(), Some(Ok(5)), "who waited is served by what is stored");
    assert_eq!(node.metric("tenure_commit_conflicts_total"), 1.0);
    assert_eq!(sim.run_until(actor.add(1).into_future()), Ok(6));
    assert_eq!(version(&disk, "a"), 12);
}

/// Where the tests damage a record: in its body. Doing it twice undoes it.
fn damage(disk: &MemoryDisk, key: &str) {
    assert!(disk.faults().damage(&ledger(key), 70), "{key} is stored");
}

/// What a call was told that failed in the store: whether its turn counts, and the text.
fn told<T>(result: Option<Result<T, CallError>>) -> (Option<Outcome>, String) {
    let text = match &result {
        Some(Err(error)) => format!("{}: {error}", error.code().as_str()),
        _ => String::new(),
    };
    (storage_outcome(result), text)
}

/// The store has nothing to compare the unit with and never will: to submit it again would pause
/// the actor for ever.
#[test]
fn a_unit_that_meets_damage_is_lost_and_told() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let actor = node.actor::<Ledger>("a");
    assert_eq!(sim.run_until(actor.add(5).into_future()), Ok(5));
    damage(&disk, "a");
    disk.faults().delay_batches(Some(10 * MS));
    let write = node.begin(actor.add(1));
    sim.run_until_idle();
    let in_flight = [write, node.begin(actor.get())];
    sim.run_until_idle();
    let pending = node.begin(actor.add(1));
    sim.run_until_idle();
    let slow = node.begin(actor.add_slowly(1, 20));
    sim.run_until_idle();
    let waiting = node.begin(actor.get());
    sim.advance(11 * MS);
    for call in &in_flight {
        let (outcome, text) = told(call.take());
        assert_eq!(outcome, Some(Outcome::NotExecuted));
        assert!(
            text.contains(
                "damaged: ledger/a could not be saved: the record of ledger/a is damaged"
            ),
            "{text}"
        );
    }
    assert_eq!(told(pending.take()).0, Some(Outcome::NotExecuted));
    sim.advance(20 * MS);
    assert_eq!(told(slow.take()).0, Some(Outcome::NotExecuted), "it saw lost state");
    // Who waited, and who comes later, is told what a load of a damaged record is told, at once.
    let (began, later) = (sim.now(), sim.run_until(actor.get().into_future()));
    for (outcome, text) in [told(waiting.take()), told(Some(later))] {
        assert_eq!(outcome, Some(Outcome::NotExecuted));
        assert!(
            text.contains("damaged: ledger/a cannot be loaded: the record of ledger/a is damaged"),
            "{text}"
        );
    }
    assert_eq!(sim.now(), began);
    // One unit was lost; nothing else is.
    assert_eq!((node.store().resubmitted, node.store().units_open), (0, 0));
    assert_eq!(
        (node.metric("tenure_commit_failures_total"), node.runtime().activations()),
        (1., 0)
    );
    assert!(node.health().is_ready());
    assert_eq!(sim.run_until(node.actor::<Ledger>("b").add(1).into_future()), Ok(1));
    damage(&disk, "a");
    assert_eq!(sim.run_until(actor.add(1).into_future()), Ok(6), "what was stored is untouched");
}

/// A submission before the damage may have stored the unit.
#[test]
fn a_unit_of_unknown_outcome_that_meets_damage_stays_unknown() {
    for (fault, value) in [(UnitFault::UnknownCommitted, 6), (UnitFault::UnknownAbsent, 5)] {
        let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
        let node = start(&sim, &disk);
        let actor = node.actor::<Ledger>("a");
        assert_eq!(sim.run_until(actor.add(5).into_future()), Ok(5));
        disk.faults().next_unit(fault);
        let add = node.begin(actor.add(1));
        sim.run_until_idle();
        damage(&disk, "a");
        sim.advance(SECOND);
        let (outcome, text) = told(add.take());
        assert_eq!(outcome, Some(Outcome::Unknown));
        assert!(text.contains("the record of ledger/a is damaged"), "{text}");
        assert_eq!(node.store().resubmitted, 1);
        damage(&disk, "a");
        assert_eq!(sim.run_until(actor.get().into_future()), Ok(value));
    }
}

#[test]
fn a_fenced_node_opens_the_store_again_and_says_so() {
    for stored in [false, true] {
        let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
        let node = start(&sim, &disk);
        let (actor, witness) = (node.actor::<Ledger>("a"), node.actor::<Witness>("w"));
        assert_eq!(sim.run_until(actor.add(1).into_future()), Ok(1));
        // This one is in memory and saved; it answers as little as others while the fence stands.
        assert_eq!(sim.run_until(node.actor::<Ledger>("b").add(1).into_future()), Ok(1));
        disk.faults().fail_next_batch(stored);
        disk.faults().fail_opens(3);
        let add = node.begin(actor.add(1));
        sim.run_until_idle();
        assert_eq!(storage_outcome(add.take()), Some(Outcome::Unknown));
        assert!(!node.health().is_ready());
        assert_eq!(node.health().reasons()[0].condition, Condition::Store);
        assert_eq!(node.metric("tenure_store_available"), 0.0);
        // Durable types answer at once, volatile ones go on.
        let began = sim.now();
        for key in ["a", "b", "c"] {
            let refused = sim.run_until(node.actor::<Ledger>(key).get().into_future());
            assert_eq!(storage_outcome(Some(refused)), Some(Outcome::NotExecuted));
        }
        assert_eq!(sim.run_until(witness.see(1).into_future()), Ok(()));
        assert_eq!(sim.now(), began);
        // 100, 200 and 400 ms, each up to a quarter more.
        sim.advance(699 * MS);
        assert!(!node.health().is_ready());
        sim.advance(200 * MS);
        assert!(node.health().is_ready());
        assert_eq!(node.metric("tenure_store_available"), 1.0);
        assert_eq!((node.runtime().incarnation().0, disk.counts().opens), (2, 2));
        let value = 1 + u64::from(stored);
        assert_eq!(sim.run_until(actor.get().into_future()), Ok(value), "stored: {stored}");
        assert_eq!(sim.run_until(actor.add(1).into_future()), Ok(value + 1));
        assert_eq!(version(&disk, "a"), value + 1);
        assert_eq!(cast::stored(&disk, "a").unwrap().token.incarnation, Incarnation(2));
    }
}

/// A node that only loads learns of the failure as well.
#[test]
fn a_load_that_finds_the_store_closed_opens_it_again() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    disk.faults().fail("another process has taken the store");
    let refused = sim.run_until(node.actor::<Ledger>("a").get().into_future());
    assert_eq!(storage_outcome(Some(refused)), Some(Outcome::NotExecuted));
    sim.advance(SECOND);
    assert!(node.health().is_ready());
    assert_eq!(sim.run_until(node.actor::<Ledger>("a").add(1).into_future()), Ok(1));
    assert_eq!(disk.counts().opens, 2);
}

/// Units of the incarnation before are refused after the store was opened again: that is no
/// reason to open it once more, and so to fence what is on its way by then.
#[test]
fn one_failure_opens_the_store_once() {
    each_seed(100, |seed| {
        let options = Options { poll_time_max: Duration::from_micros(30), ..Options::default() };
        let (sim, disk) = (Simulation::with(seed, options), MemoryDisk::new());
        let node = start(&sim, &disk);
        let mut dice = sim.dice();
        let calls: Vec<_> = (0..20)
            .map(|caller| {
                let actor = node.actor::<Ledger>(caller);
                node.begin(async move {
                    let mut done = 0;
                    while done < 10 {
                        done += u64::from(actor.add(1).await.is_ok());
                    }
                })
            })
            .collect();
        sim.run_polls(50 + dice.below(300));
        for _ in 0..dice.below(3) {
            disk.faults().next_unit(UnitFault::UnknownAbsent);
        }
        sim.run_polls(dice.below(10));
        disk.faults().fail("the disk is gone");
        sim.advance(60 * SECOND);
        assert!(calls.iter().all(|call| call.take() == Some(())), "some caller never got through");
        assert_eq!(disk.counts().opens, 2);
    });
}

#[test]
fn a_state_that_is_too_large_is_rolled_back() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let actor = node.actor::<Ledger>("a");
    assert_eq!(
        sim.run_until(actor.grow(4 << 20).into_future()).unwrap_err().outcome(),
        Outcome::NotExecuted
    );
    assert_eq!(sim.run_until(actor.get().into_future()), Ok(0));
    assert_eq!(sim.run_until(actor.add(1).into_future()), Ok(1));
    let error = sim.run_until(actor.grow(5 << 20).into_future()).unwrap_err();
    assert!(matches!(&error, CallError::TooLarge { detail } if detail.contains("ledger/a")));
    assert_eq!(sim.run_until(actor.get().into_future()), Ok(1));
    assert_eq!(sim.run_until(actor.grow(1 << 20).into_future()), Ok(2));
    assert_eq!((version(&disk, "a"), disk.counts().units), (2, 2));
}

#[test]
fn a_state_that_cannot_be_encoded_is_rolled_back() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let actor = node.actor::<Ledger>("a");
    for value in 0..3 {
        let error = sim.run_until(actor.hide().into_future()).unwrap_err();
        assert!(error.to_string().contains("secrets are not written down"), "{error}");
        assert_eq!(error.outcome(), Outcome::NotExecuted);
        assert_eq!(sim.run_until(actor.get().into_future()), Ok(value));
        assert_eq!(sim.run_until(actor.add(1).into_future()), Ok(value + 1));
    }
    assert_eq!((version(&disk, "a"), disk.counts().units), (3, 3));
}

/// A turn that is rolled back takes nothing with it that an earlier turn encoded.
#[test]
fn a_rolled_back_turn_leaves_the_unit_before_it_alone() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let actor = node.actor::<Ledger>("a");
    disk.faults().delay_batches(Some(10 * MS));
    let first = node.begin(actor.add(1));
    sim.run_until_idle();
    let second = node.begin(actor.add(1));
    sim.run_until_idle();
    let hide = node.begin(actor.hide());
    sim.run_until_idle();
    let after = node.begin(actor.add(1));
    sim.run_until_idle();
    assert!(hide.take().unwrap().is_err());
    assert!(!first.is_ready() && !second.is_ready() && !after.is_ready());
    sim.advance(SECOND);
    assert_eq!((first.take(), second.take()), (Some(Ok(1)), Some(Ok(2))));
    assert_eq!((after.take(), version(&disk, "a")), (Some(Ok(3)), 3));
}
