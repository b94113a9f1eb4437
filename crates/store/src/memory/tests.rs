pub(crate) mod hand;

use std::time::Duration;

use tenure_types::{ActorTypeName, Instant, Key, Tenure, Version};

use self::hand::Hand;
use tenure_types::Token;

use super::*;
use crate::conformance::{self, Submitted, submit};
use crate::{Content, Encoded, EventLog, RowKey};

fn actor(key: &str) -> ActorId {
    ActorId {
        actor_type: ActorTypeName::new("cart").expect("a good name"),
        key: Key::new(key).expect("a good key"),
    }
}

/// A store over `disk` that is open, on tasks driven by hand.
struct Node {
    hand: Hand,
    store: MemoryStore,
    incarnation: Incarnation,
}

impl Node {
    fn start(disk: &MemoryDisk) -> Self {
        let hand = Hand::default();
        let (tasks, clock) = (Arc::new(hand.clone()), Arc::new(hand.clone()));
        let store = MemoryStore::with_clock(disk.clone(), tasks, clock);
        let incarnation = hand.run(store.open()).expect("the store opens");
        Self { hand, store, incarnation }
    }

    fn unit(&self, key: &str, expected: u64) -> Arc<Unit> {
        Arc::new(Unit {
            actor: actor(key),
            expected: Version(expected),
            version: Version(expected + 1),
            tenure: Tenure::default(),
            token: Token { incarnation: self.incarnation, sequence: expected + 1 },
            written_at_ms: 0,
            log: EventLog::default(),
            content: Content::State(Encoded {
                schema: 1,
                codec: 1,
                bytes: format!("{key} {}", expected + 1).into_bytes(),
            }),
            rows: Vec::new(),
            entries: Vec::new(),
        })
    }

    fn submit(&self, key: &str, expected: u64) -> Submitted {
        submit(&self.store, self.unit(key, expected))
    }

    fn commit(&self, key: &str, expected: u64) -> UnitOutcome {
        self.hand.run(self.submit(key, expected))
    }

    fn load(&self, key: &str) -> Result<Option<Version>, StoreError> {
        let loaded = self.hand.run(self.store.load(&actor(key)));
        loaded.map(|stored| stored.map(|stored| stored.version))
    }
}

fn is_unknown(outcome: &UnitOutcome) -> bool {
    matches!(outcome, UnitOutcome::Unknown { .. })
}

fn is_fenced(outcome: &UnitOutcome) -> bool {
    matches!(outcome, UnitOutcome::Fenced { .. })
}

struct TokioTasks;

impl Tasks for TokioTasks {
    #[expect(clippy::disallowed_methods, reason = "this is the real `Tasks` of a test")]
    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) {
        drop(tokio::spawn(task));
    }

    fn sleep_until(&self, _: Instant) -> BoxFuture<'static, ()> {
        unreachable!("no fault with a duration is set")
    }

    fn is_worker(&self) -> bool {
        true
    }

    fn poll_share(&self, _: &mut std::task::Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

struct MemorySubject {
    disk: MemoryDisk,
    tasks: Arc<dyn Tasks>,
}

impl conformance::Subject for MemorySubject {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new(self.disk.clone(), Arc::clone(&self.tasks)))
    }

    fn damage(&self, actor: &ActorId, key: Option<&RowKey>) {
        let faults = self.disk.faults();
        let is_stored = match key {
            None => faults.damage(actor, 70),
            Some(key) => faults.damage_row(actor, key, 24),
        };
        assert!(is_stored, "the damaged row is stored");
    }

    fn damage_feed(&self, feed: &FeedName) {
        assert!(self.disk.faults().damage_feed(feed), "an entry is damaged");
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the real runtime of a test")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_engine_conforms() {
    let make = || MemorySubject { disk: MemoryDisk::new(), tasks: Arc::new(TokioTasks) };
    conformance::run(make).await;
    conformance::run_several(make).await;
    conformance::incarnations_are_handed_out_to_join(&make()).await;
}

#[test]
fn the_memory_engine_conforms_on_tasks_driven_by_hand() {
    let hand = Hand::default();
    let make = || MemorySubject { disk: MemoryDisk::new(), tasks: Arc::new(hand.clone()) };
    hand.run(conformance::run(make));
    assert!(hand.spawned().iter().all(|name| *name == "memory-commit"));
}

#[test]
fn random_units_of_many_seeds_follow_the_model() {
    let hand = Hand::default();
    for seed in 100..150 {
        let subject = MemorySubject { disk: MemoryDisk::new(), tasks: Arc::new(hand.clone()) };
        hand.run(conformance::follow_the_model(&subject, seed));
    }
}

#[test]
fn units_that_arrive_during_a_batch_share_the_next() {
    let disk = MemoryDisk::new();
    let node = Node::start(&disk);
    let first = node.submit("a", 0);
    node.hand.poll_tasks();
    let rest: Vec<_> = (0..50).map(|n| node.submit(&format!("b{n}"), 0)).collect();
    assert_eq!(node.hand.run(first), UnitOutcome::Committed);
    for submitted in rest {
        assert_eq!(node.hand.run(submitted), UnitOutcome::Committed);
    }
    let counts = disk.counts();
    assert_eq!((counts.batches, counts.units, counts.commits), (2, 51, 51));
    assert_eq!(node.hand.spawned(), ["memory-commit"]);
}

#[test]
fn unknown_units_are_stored_or_not_as_asked() {
    for (fault, stored) in
        [(UnitFault::UnknownCommitted, Some(Version(1))), (UnitFault::UnknownAbsent, None)]
    {
        let disk = MemoryDisk::new();
        let node = Node::start(&disk);
        node.store.faults().next_unit(fault.clone());
        assert!(is_unknown(&node.commit("a", 0)), "{fault:?}");
        assert_eq!(node.load("a"), Ok(stored), "{fault:?}");
        let again = node.commit("a", 0);
        match stored {
            None => assert_eq!(again, UnitOutcome::Committed),
            Some(version) => {
                let token = node.unit("a", 0).token;
                assert_eq!(again, UnitOutcome::Conflict { version, token });
            }
        }
    }
}

#[test]
fn faults_of_one_actor_leave_others_alone() {
    let node = Node::start(&MemoryDisk::new());
    let faults = node.store.faults();
    faults.units_of(&actor("a"), Some(UnitFault::UnknownAbsent));
    assert!(is_unknown(&node.commit("a", 0)));
    assert!(is_unknown(&node.commit("a", 0)));
    assert_eq!(node.commit("b", 0), UnitOutcome::Committed);
    faults.units_of(&actor("a"), None);
    assert_eq!(node.commit("a", 0), UnitOutcome::Committed);
    faults.all_units(Some(UnitFault::UnknownCommitted));
    assert!(is_unknown(&node.commit("b", 1)));
    faults.clear();
    assert_eq!(node.commit("a", 1), UnitOutcome::Committed);
}

#[test]
fn late_units_are_answered_after_their_time_and_hold_nobody_up() {
    let node = Node::start(&MemoryDisk::new());
    node.store.faults().next_unit(UnitFault::Late(Duration::from_millis(200)));
    let late = node.submit("a", 0);
    let prompt = node.submit("b", 0);
    assert_eq!(node.hand.run(prompt), UnitOutcome::Committed);
    assert_eq!(node.hand.now(), Instant::ZERO);
    assert_eq!(node.load("a"), Ok(Some(Version(1))), "a late unit is stored at once");
    assert_eq!(node.hand.run(late), UnitOutcome::Committed);
    assert_eq!(node.hand.now().as_millis(), 200);
}

#[test]
fn silent_units_are_never_answered() {
    for (fault, stored) in
        [(UnitFault::SilentCommitted, Some(Version(1))), (UnitFault::SilentAbsent, None)]
    {
        let node = Node::start(&MemoryDisk::new());
        node.store.faults().next_unit(fault.clone());
        let silent = node.submit("a", 0);
        assert!(node.hand.is_stuck(silent), "{fault:?}");
        assert_eq!(node.load("a"), Ok(stored), "{fault:?}");
        assert_eq!(node.hand.run(node.store.close()), Ok(()), "a silent unit holds up no close");
    }
}

#[test]
fn a_failed_disk_refuses_until_it_is_opened_again() {
    let disk = MemoryDisk::new();
    let node = Node::start(&disk);
    assert_eq!(node.commit("a", 0), UnitOutcome::Committed);
    disk.faults().fail("the disk is on fire");
    assert!(is_fenced(&node.commit("a", 1)));
    assert!(matches!(node.load("a"), Err(StoreError::Unavailable { .. })));
    disk.faults().fail_opens(2);
    for _ in 0..2 {
        assert!(node.hand.run(node.store.open()).is_err());
    }
    let incarnation = node.hand.run(node.store.open()).expect("the third open succeeds");
    assert_eq!(incarnation, Incarnation(2), "a failed open hands out nothing");
    assert_eq!(node.load("a"), Ok(Some(Version(1))));
    assert!(is_fenced(&node.commit("a", 1)), "the earlier incarnation stays fenced");
}

#[test]
fn a_failed_batch_is_fenced_whether_it_was_stored_or_not() {
    for stored in [false, true] {
        let disk = MemoryDisk::new();
        let node = Node::start(&disk);
        disk.faults().fail_next_batch(stored);
        assert!(is_fenced(&node.commit("a", 0)));
        assert!(is_fenced(&node.commit("b", 0)));
        let node = Node::start(&disk);
        assert_eq!(node.load("a"), Ok(stored.then_some(Version(1))));
        assert_eq!(node.load("b"), Ok(None));
    }
}

#[test]
fn loads_are_late_or_fail_as_asked() {
    let disk = MemoryDisk::new();
    let node = Node::start(&disk);
    let faults = node.store.faults();
    let error = StoreError::Unavailable { detail: "a test".into() };
    faults.next_load(LoadFault::Fail(error.clone()));
    faults.next_load(LoadFault::Late(Duration::from_millis(30)));
    assert_eq!(node.load("a"), Err(error));
    assert_eq!(node.load("a"), Ok(None));
    assert_eq!(node.hand.now().as_millis(), 30);
    faults.loads_of(&actor("a"), Some(LoadFault::Silent));
    assert!(node.hand.is_stuck(node.store.load(&actor("a"))));
    assert_eq!(node.load("b"), Ok(None));
    assert_eq!(disk.counts().loads, 4);
}

#[test]
fn a_node_that_stops_at_any_point_finds_its_unit_absent_or_whole() {
    let mut seen = [false; 2];
    for polls in 0..5 {
        let disk = MemoryDisk::new();
        let node = Node::start(&disk);
        drop(node.submit("a", 0));
        for _ in 0..polls {
            node.hand.poll_tasks();
        }
        node.hand.kill();
        let node = Node::start(&disk);
        let loaded = node.load("a").expect("the disk is well");
        assert!(matches!(loaded, None | Some(Version(1))));
        seen[usize::from(loaded.is_some())] = true;
        assert_eq!(node.commit("b", 0), UnitOutcome::Committed);
    }
    assert_eq!(seen, [true, true], "both ends of the race were seen");
}

#[test]
fn batches_take_as_long_as_asked() {
    let disk = MemoryDisk::new();
    let node = Node::start(&disk);
    disk.faults().delay_batches(Some(Duration::from_millis(5)));
    for expected in 0..3 {
        assert_eq!(node.commit("a", expected), UnitOutcome::Committed);
    }
    assert_eq!(node.hand.now().as_millis(), 15);
    assert_eq!(disk.counts().batches, 3);
}

#[test]
fn an_incarnation_fenced_before_it_is_handed_out_is_passed_over() {
    let disk = MemoryDisk::new();
    let node = Node::start(&disk);
    assert_eq!(node.hand.run(node.store.fence(Incarnation(7))), Ok(()));
    assert_eq!(node.commit("a", 0), UnitOutcome::Committed);
    assert_eq!(node.hand.run(node.store.open()), Ok(Incarnation(8)));
}
