//! P4, when replies and outgoing calls leave: not before what they show is durable, and not later.

mod cast;

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cast::{Ledger, MS, Refused, SECOND, Witness, ledger, start, stored, turns, version};
use tenure_sim::{Options, Simulation, each_seed};
use tenure_store::MemoryDisk;
use tenure_store::memory::UnitFault;
use tenure_types::{CallError, Outcome};

fn seen(sim: &Simulation, node: &tenure_sim::Node) -> Vec<u64> {
    sim.run_until(node.actor::<Witness>("w").seen().into_future()).expect("a witness answers")
}

#[test]
fn a_reply_waits_until_its_turn_is_durable() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    disk.faults().delay_batches(Some(10 * MS));
    let add = node.begin(node.actor::<Ledger>("a").add(1));
    sim.advance(9 * MS);
    assert_eq!((turns(), add.is_ready(), version(&disk, "a")), (1, false, 0));
    sim.advance(2 * MS);
    assert_eq!((turns(), add.take(), version(&disk, "a")), (1, Some(Ok(1)), 1));
}

#[test]
fn an_error_of_the_application_waits_as_a_reply_does() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    disk.faults().delay_batches(Some(10 * MS));
    let add = node.begin(node.actor::<Ledger>("a").add_and_refuse(1));
    sim.advance(9 * MS);
    assert!(!add.is_ready());
    sim.advance(2 * MS);
    assert_eq!(add.take(), Some(Err(CallError::App(Refused))));
    assert_eq!(sim.run_until(node.actor::<Ledger>("a").get().into_future()), Ok(1));
    assert_eq!(version(&disk, "a"), 1);
}

#[test]
fn a_reply_whose_unit_is_never_answered_is_unknown_by_its_deadline() {
    for fault in [UnitFault::SilentCommitted, UnitFault::SilentAbsent] {
        let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
        let node = start(&sim, &disk);
        disk.faults().next_unit(fault);
        let add = node.begin(node.actor::<Ledger>("a").add(1).deadline(5 * SECOND));
        sim.advance(4 * SECOND + 900 * MS);
        assert!(!add.is_ready());
        sim.advance(150 * MS);
        assert_eq!(add.take(), Some(Err(CallError::Deadline { outcome: Outcome::Unknown })));
    }
}

#[test]
fn a_read_waits_for_the_unsaved_state_it_saw_and_no_longer() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(1));
    disk.faults().delay_batches(Some(10 * MS));
    let began = sim.now();
    assert_eq!(sim.run_until(ledger.get().into_future()), Ok(1));
    assert_eq!(sim.now(), began, "a read of saved state waited");
    let add = node.begin(ledger.add(1));
    sim.run_until_idle();
    let before = turns();
    let reads = [node.begin(ledger.get()), node.begin(ledger.touch())];
    let slow = node.begin(ledger.get_slowly(2));
    sim.advance(9 * MS);
    assert_eq!(turns(), before + 3, "the turns themselves do not wait");
    assert!(!add.is_ready() && !slow.is_ready() && reads.iter().all(|read| !read.is_ready()));
    sim.advance(2 * MS);
    assert_eq!((add.take(), slow.take()), (Some(Ok(2)), Some(Ok(2))));
    assert!(reads.iter().all(|read| read.take() == Some(Ok(2))));
}

#[test]
fn turns_during_a_commit_become_one_further_unit() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(1));
    disk.faults().delay_batches(Some(10 * MS));
    let before = disk.counts();
    let calls: Vec<_> = (0..51)
        .map(|_| {
            let call = node.begin(ledger.add(1));
            sim.run_until_idle();
            call
        })
        .collect();
    assert_eq!(turns(), 52, "the next turn starts before the commit ends");
    assert_eq!(disk.counts().units, before.units + 1);
    sim.advance(11 * MS);
    assert_eq!(calls[0].take(), Some(Ok(2)));
    assert!(calls[1..].iter().all(|call| !call.is_ready()));
    sim.advance(11 * MS);
    for (at, call) in calls.iter().enumerate().skip(1) {
        assert_eq!(call.take(), Some(Ok(at as u64 + 2)));
    }
    assert_eq!(disk.counts().units, before.units + 2, "50 turns became one unit");
    assert_eq!(version(&disk, "a"), 52);
}

#[test]
fn a_turn_that_changes_nothing_writes_nothing() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(1));
    let before = (disk.counts().units, stored(&disk, "a"));
    assert_eq!(sim.run_until(ledger.touch().into_future()), Ok(1));
    assert_eq!(sim.run_until(ledger.add(0).into_future()), Ok(1));
    assert_eq!((disk.counts().units, stored(&disk, "a")), before);
    // The same after the record was read again.
    sim.run_until(ledger.leave().into_future()).expect("it leaves");
    let loads = disk.counts().loads;
    assert_eq!(sim.run_until(ledger.touch().into_future()), Ok(1));
    assert_eq!((disk.counts().units, disk.counts().loads), (before.0, loads + 1));
}

/// What leaves a turn shows the state that the turn began with.
#[test]
fn calls_leave_a_turn_once_what_it_began_with_is_durable() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    disk.faults().delay_batches(Some(10 * MS));
    // This one began with nothing unsaved: its call leaves at once.
    let first = node.begin(ledger.add_and_tell("w".to_owned()));
    sim.advance(9 * MS);
    assert_eq!((seen(&sim, &node), first.is_ready()), (vec![0], false));
    let calls = [
        node.begin(ledger.read_and_tell("w".to_owned())),
        node.begin(ledger.read_and_send("w".to_owned())),
    ];
    sim.run_until_idle();
    let change = node.begin(ledger.add_and_tell("w".to_owned()));
    sim.run_until_idle();
    assert_eq!(seen(&sim, &node), [0], "a call left with unsaved state");
    sim.advance(2 * MS);
    assert_eq!(first.take(), Some(Ok(1)));
    assert_eq!(seen(&sim, &node), [0, 1, 1, 1]);
    sim.advance(SECOND);
    assert!(calls.iter().all(|call| call.take() == Some(Ok(1))));
    assert_eq!(change.take(), Some(Ok(2)));
}

#[test]
fn calls_of_a_turn_whose_state_is_lost_never_leave() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    assert_eq!(sim.run_until(ledger.add(1).into_future()), Ok(1));
    disk.faults().delay_batches(Some(10 * MS));
    let add = node.begin(ledger.add(1));
    sim.run_until_idle();
    let calls = [
        node.begin(ledger.read_and_tell("w".to_owned())),
        node.begin(ledger.read_and_send("w".to_owned())),
    ];
    sim.run_until_idle();
    disk.faults().fail("the disk is gone");
    sim.advance(11 * MS);
    assert_eq!(add.take().unwrap().unwrap_err().outcome(), Outcome::Unknown);
    for call in calls {
        let error = call.take().unwrap().unwrap_err();
        assert!(matches!(error, CallError::Storage { outcome: Outcome::NotExecuted, .. }));
    }
    assert_eq!(seen(&sim, &node), [0; 0]);
    sim.advance(SECOND);
    assert_eq!(sim.run_until(ledger.get().into_future()), Ok(1));
}

/// A turn that waits with its send for a store which never answers ends by its deadline.
#[test]
fn a_send_that_cannot_leave_fails_by_its_deadline() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    let ledger = node.actor::<Ledger>("a");
    disk.faults().next_unit(UnitFault::SilentCommitted);
    let add = node.begin(ledger.add(1).deadline(SECOND));
    sim.run_until_idle();
    let send = node.begin(ledger.read_and_send("w".to_owned()).deadline(2 * SECOND));
    sim.advance(40 * SECOND);
    assert!(add.take().unwrap().is_err() && send.take().unwrap().is_err());
    assert_eq!(node.tasks().live_of("turn"), 0, "the turn hangs");
    assert_eq!(seen(&sim, &node), [0; 0]);
}

/// Whatever the store does and whoever comes when: no reply is ahead of the disk.
#[test]
fn no_reply_overtakes_its_state() {
    let replies = Arc::new(AtomicU64::new(0));
    each_seed(300, |seed| {
        let options = Options { poll_time_max: Duration::from_micros(20), ..Options::default() };
        let (sim, disk) = (Simulation::with(seed, options), MemoryDisk::new());
        let node = start(&sim, &disk);
        let mut dice = sim.dice();
        let ahead = Arc::new(AtomicU64::new(0));
        let calls: Vec<_> = (0..40)
            .map(|_| {
                let key = ["a", "b"][dice.below(2) as usize];
                let kind = dice.below(5);
                match dice.below(6) {
                    0 => disk.faults().next_unit(UnitFault::Late(MS * dice.below(5) as u32)),
                    1 => disk.faults().next_unit(UnitFault::UnknownCommitted),
                    2 => disk.faults().next_unit(UnitFault::UnknownAbsent),
                    3 => disk.faults().delay_batches(Some(MS * dice.below(3) as u32)),
                    _ => {}
                }
                let actor = node.actor::<Ledger>(key);
                let (disk, ahead, replies) =
                    (disk.clone(), Arc::clone(&ahead), Arc::clone(&replies));
                let call = node.begin(async move {
                    let reply = match kind {
                        0 | 1 => actor.add(1).deadline(1_000 * SECOND).await,
                        2 => actor.add_slowly(1, 1).deadline(1_000 * SECOND).await,
                        3 => actor.get_slowly(1).deadline(1_000 * SECOND).await,
                        _ => actor.get().deadline(1_000 * SECOND).await,
                    };
                    let value = reply.expect("every unit is resolved in time");
                    if value > version(&disk, key) {
                        ahead.fetch_add(1, Ordering::Relaxed);
                    }
                    replies.fetch_add(1, Ordering::Relaxed);
                });
                sim.run_polls(dice.below(8));
                call
            })
            .collect();
        sim.advance(100 * SECOND);
        assert!(calls.iter().all(|call| call.take() == Some(())), "some call did not end");
        assert_eq!(ahead.load(Ordering::Relaxed), 0, "a reply overtook its state");
    });
    assert!(replies.load(Ordering::Relaxed) > 0);
}

#[test]
fn the_rows_on_the_disk_say_who_wrote_them() {
    let (sim, disk) = (Simulation::new(1), MemoryDisk::new());
    let node = start(&sim, &disk);
    assert_eq!(sim.run_until(node.actor::<Ledger>("a").add(1).into_future()), Ok(1));
    let row = stored(&disk, "a").expect("it is stored");
    assert_eq!((row.version.0, row.tenure.view, row.token.incarnation.0), (1, 1, 1));
    assert_eq!(row.content.state().map(|state| state.schema), Some(1));
    assert!(disk.stored(&ledger("b")).unwrap().is_none());
}
