//! A load of every kind of call and fault, and a checker of what its callers were told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tenure_sim::{Dice, Node, NodeSpec, Options, Simulation};
use tenure_store::memory::{LoadFault, UnitFault};
use tenure_store::{MemoryDisk, StoreError};
use tenure_types::{CallError, Outcome};

use super::{Ledger, MS, SECOND, Witness, value, version};

const KEYS: u64 = 4;

/// What callers were told of each ledger, over all lives of the node.
#[derive(Clone, Default)]
pub struct Checker(Arc<Mutex<BTreeMap<String, Told>>>);

#[derive(Default)]
struct Told {
    /// The value after each acknowledged addition: each was told once.
    sums: BTreeSet<u64>,
    /// The largest value that anybody was told.
    most: u64,
    /// Additions that began.
    begun: u64,
    /// The largest version seen on the disk.
    version: u64,
    broken: Vec<String>,
}

impl Checker {
    fn with<T>(&self, key: &str, work: impl FnOnce(&mut Told) -> T) -> T {
        work(self.0.lock().entry(key.to_owned()).or_default())
    }

    fn begin_add(&self, key: &str) {
        self.with(key, |told| told.begun += 1);
    }

    /// The largest value told so far: what begins now must see it.
    fn most(&self, key: &str) -> u64 {
        self.with(key, |told| told.most)
    }

    fn added(&self, key: &str, sum: u64, least: u64, disk: u64) {
        self.with(key, |told| {
            if !told.sums.insert(sum) {
                told.broken.push(format!("{key}: the sum {sum} was told twice: one was lost"));
            }
            if sum <= least {
                told.broken.push(format!("{key}: {least} was known, and an addition gave {sum}"));
            }
            told.saw(key, sum, disk);
        });
    }

    fn read(&self, key: &str, value: u64, least: u64, disk: u64) {
        self.with(key, |told| {
            if value < least {
                told.broken.push(format!("{key}: {least} was known, and a read gave {value}"));
            }
            told.saw(key, value, disk);
        });
    }

    /// Looks at the disk: versions never go back, and hold everything that was told.
    pub fn look_at(&self, disk: &MemoryDisk) {
        for (key, told) in self.0.lock().iter_mut() {
            let (version, value) = (version(disk, key), value(disk, key));
            assert!(version >= told.version, "{key}: version {version} follows {}", told.version);
            assert!(value >= told.most, "{key}: {} was told, {value} is stored", told.most);
            assert!(value <= told.begun, "{key}: {value} of {} additions", told.begun);
            assert_eq!(told.broken, [""; 0]);
            told.version = version;
        }
    }

    /// How many additions were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.0.lock().values().map(|told| told.sums.len()).sum()
    }
}

impl Told {
    fn saw(&mut self, key: &str, value: u64, disk: u64) {
        if value > disk {
            self.broken.push(format!("{key}: {value} was told and {disk} is stored"));
        }
        if value > self.begun {
            self.broken.push(format!("{key}: {value} of {} additions", self.begun));
        }
        self.most = self.most.max(value);
    }
}

/// A simulation for this load.
#[must_use]
pub fn simulation(seed: u64) -> Simulation {
    let options = Options {
        is_worker: !seed.is_multiple_of(5),
        poll_time_max: Duration::from_micros(seed % 4 * 25),
        ..Options::default()
    };
    Simulation::with(seed, options)
}

/// Starts a node with small bounds, so that they are met. The store may be failing.
#[must_use]
pub fn start(sim: &Simulation, disk: &MemoryDisk) -> Node {
    let spec = NodeSpec::new().with::<Ledger>().with::<Witness>().config(|config| {
        config.mailbox_len_max = 6;
        config.uncommitted_turns_max = 5;
        (config.loads_in_flight_max, config.loads_waiting_max) = (2, 2);
        (config.idle_after, config.volatile_idle_after) = (SECOND, SECOND);
        config.deadline = 10 * SECOND;
    });
    sim.run_until(async {
        loop {
            if let Ok(node) = spec.try_start(sim, disk).await {
                return node;
            }
        }
    })
}

/// Starts callers in the node's process, each with its own dice.
pub fn spawn_callers(node: &Node, disk: &MemoryDisk, dice: &mut Dice, checker: &Checker) {
    for _ in 0..8 {
        let caller = Caller {
            handle: node.handle(),
            disk: disk.clone(),
            dice: dice.split(),
            checker: checker.clone(),
        };
        node.spawn("caller", caller.run(node_clock(node)));
    }
}

type Pause = Arc<dyn Fn(Duration) -> tenure_types::BoxFuture<'static, ()> + Send + Sync>;

fn node_clock(node: &Node) -> Pause {
    let handle = node.handle();
    Arc::new(move |pause| handle.tasks().sleep_until(handle.clock().now() + pause))
}

struct Caller {
    handle: tenure_actor::host::HostHandle,
    disk: MemoryDisk,
    dice: Dice,
    checker: Checker,
}

impl Caller {
    async fn run(mut self, pause: Pause) {
        loop {
            let key = format!("l{}", self.dice.below(KEYS));
            if self.dice.below(8) < 5 {
                self.add(&key).await;
            } else {
                self.disturb(&key).await;
            }
            // Sometimes long enough for actors to leave.
            match self.dice.below(30) {
                0 => pause(40 * SECOND).await,
                1..8 => pause(MS * self.dice.below(20) as u32).await,
                _ => {}
            }
        }
    }

    fn ledger(&self, key: &str) -> super::LedgerRef {
        tenure_actor::ActorRef::<Ledger>::new(&self.handle, key).into()
    }

    fn deadline(&mut self) -> Duration {
        match self.dice.below(3) {
            0 => MS * self.dice.below(30) as u32,
            _ => 5 * SECOND,
        }
    }

    async fn add(&mut self, key: &str) {
        let (ledger, deadline, least) = (self.ledger(key), self.deadline(), self.checker.most(key));
        self.checker.begin_add(key);
        let to = format!("w{}", self.dice.below(3));
        let sum = match self.dice.below(8) {
            0..4 => ledger.add(1).deadline(deadline).await.ok(),
            4 => ledger.add_slowly(1, self.dice.below(4)).deadline(deadline).await.ok(),
            5 => ledger.add_and_tell(to).deadline(deadline).await.ok(),
            6 => ledger.add_and_tell_late(2, to).deadline(deadline).await.ok(),
            _ => {
                let _ = ledger.add(1).send().await;
                None
            }
        };
        if let Some(sum) = sum {
            self.checker.added(key, sum, least, value(&self.disk, key));
        }
    }

    async fn disturb(&mut self, key: &str) {
        let (ledger, deadline, least) = (self.ledger(key), self.deadline(), self.checker.most(key));
        let kind = self.dice.below(10);
        let to = format!("w{}", self.dice.below(3));
        let seen = match kind {
            0 | 1 => ledger.get().deadline(deadline).await.ok(),
            2 => ledger.get_slowly(self.dice.below(4)).deadline(deadline).await.ok(),
            3 => ledger.touch().deadline(deadline).await.ok(),
            4 => ledger.read_and_tell(to).deadline(deadline).await.ok(),
            5 => ledger.read_and_send(to).deadline(deadline).await.ok(),
            _ => None,
        };
        match kind {
            6 => drop(ledger.add_and_fall(1).deadline(deadline).await),
            7 => drop(ledger.add_and_fall_late(1).deadline(deadline).await),
            8 => drop(ledger.hide().deadline(deadline).await),
            9 => drop(ledger.leave().deadline(deadline).await),
            _ => {}
        }
        if let Some(seen) = seen {
            self.checker.read(key, seen, least, value(&self.disk, key));
        }
    }
}

/// Makes something go wrong, or nothing.
pub fn upset(disk: &MemoryDisk, dice: &mut Dice) {
    let faults = disk.faults();
    match dice.below(14) {
        0 => faults.next_unit(UnitFault::UnknownCommitted),
        1 => faults.next_unit(UnitFault::UnknownAbsent),
        2 => faults.next_unit(UnitFault::Late(MS * dice.below(50) as u32)),
        3 => faults.delay_batches(Some(MS * dice.below(5) as u32)),
        4 => faults.delay_batches(None),
        5 => faults.next_load(LoadFault::Late(MS * dice.below(50) as u32)),
        6 => faults.next_load(LoadFault::Fail(StoreError::Unavailable { detail: "a test".into() })),
        7 if dice.one_in(3) => faults.fail_next_batch(dice.one_in(2)),
        8 if dice.one_in(3) => {
            faults.fail_opens(dice.below(3));
            faults.fail("the disk is gone");
        }
        _ => {}
    }
}

/// After all faults: every ledger answers, and has what was told of it.
pub fn check_all(sim: &Simulation, node: &Node, disk: &MemoryDisk, checker: &Checker) {
    checker.look_at(disk);
    for key in 0..KEYS {
        let key = format!("l{key}");
        let (least, ledger) = (checker.most(&key), node.actor::<Ledger>(key.as_str()));
        let value = sim.run_until(async {
            loop {
                match ledger.get().await {
                    Ok(value) => return value,
                    // The store is being opened again.
                    Err(CallError::Storage { outcome: Outcome::NotExecuted, .. }) => {
                        let handle = node.handle();
                        handle.tasks().sleep_until(handle.clock().now() + 50 * MS).await;
                    }
                    Err(error) => panic!("{key} answers {error}"),
                }
            }
        });
        assert!(value >= least, "{key}: {least} was told, {value} is left");
        checker.read(&key, value, least, super::value(disk, &key));
    }
    checker.look_at(disk);
}
