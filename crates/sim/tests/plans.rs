//! Plans of faults: drawn from a seed, written down and read back, carried out, and made smaller.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tenure_sim::faults::{Driver, Fault, Hooks, Kind, Outside, Plan, Shape, shrink};
use tenure_sim::net::{Class, Message, Net, NetConfig, Port};
use tenure_sim::remote::{RouteConfig, Service, ServiceHost, StoreHost};
use tenure_sim::{ClockSpec, Dice, Machine, SimTasks, Simulation, each_seed};
use tenure_store::{MemoryDisk, Store};
use tenure_types::{Clock, Tasks};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn hour() -> Shape {
    Shape::new(5, 3_600 * SECOND)
}

#[test]
fn a_seed_is_a_plan_and_its_text_is_the_same_plan() {
    each_seed(20, |seed| {
        let plan = Plan::draw(&mut Dice::new(seed), &hour());
        assert_eq!(plan, Plan::draw(&mut Dice::new(seed), &hour()));
        assert_ne!(plan, Plan::draw(&mut Dice::new(seed + 1), &hour()));
        let text = plan.to_string();
        assert_eq!(text.parse::<Plan>().as_ref(), Ok(&plan), "{text}");
        assert!((600..850).contains(&plan.faults.len()), "{} in an hour", plan.faults.len());
        assert!(plan.ends() <= 3_600 * SECOND);
        assert!(plan.faults.iter().all(|fault| fault.kind.is_promised()));
        let places: Vec<usize> = (1..plan.faults.len()).collect();
        assert_eq!(plan.without(&places).faults, plan.faults[..1]);
    });
}

#[test]
fn every_kind_is_drawn() {
    let shape = Shape { kinds: Kind::ALL.to_vec(), ..hour() };
    let mut drawn: BTreeMap<Kind, u32> = BTreeMap::new();
    for seed in 0..5 {
        for fault in Plan::draw(&mut Dice::new(seed), &shape).faults {
            *drawn.entry(fault.kind).or_default() += 1;
        }
    }
    assert_eq!(drawn.len(), Kind::ALL.len(), "{drawn:?}");
    for kind in Kind::ALL {
        assert_eq!(Kind::named(kind.name()), Some(*kind));
    }
}

#[test]
fn what_is_no_plan_is_refused_with_its_line() {
    for (text, expected) in [
        ("\n# a word\n1.000 +2.000 pause node=1\n", None),
        ("1.000 2.000 pause node=1", Some("line 1 of the plan: \"2.000\" has no +")),
        ("1.000 +2.000 pause", Some("pause has the arguments [\"node\"]")),
        ("1.000 +2.000 pause node=1 node=2", Some("pause has the arguments")),
        ("1.000 +2.000 pause nod=1", Some("\"nod=1\" is not node=NUMBER")),
        ("\n1.0 +2.000 pause node=1", Some("line 2 of the plan: \"1.0\" is not a time in seconds")),
        ("1.000 +2.000 sneeze", Some("no kind of fault is called \"sneeze\"")),
        ("99999999999999999999.000 +2.000 store-down", Some("is not a time in seconds")),
        ("1.000", Some("no duration")),
    ] {
        let read = text.parse::<Plan>().map_err(|error| error.to_string());
        match expected {
            None => assert_eq!(read.map(|plan| plan.faults.len()), Ok(1)),
            Some(expected) => {
                let error = read.expect_err(text);
                assert!(error.contains(expected), "{error}");
            }
        }
    }
}

fn numbered(numbers: impl IntoIterator<Item = u64>) -> Plan {
    let fault = |at_ms| Fault { at_ms, lasts_ms: 1, kind: Kind::StoreDown, arguments: vec![] };
    Plan { faults: numbers.into_iter().map(fault).collect() }
}

#[test]
fn a_plan_shrinks_to_what_it_takes() {
    for culprits in [vec![], vec![17], vec![3, 90], vec![0, 50, 51, 99]] {
        let mut asked = 0;
        let small = shrink(&numbered(0..100), 1_000, |plan| {
            asked += 1;
            let has = |number: &u64| plan.faults.iter().any(|fault| fault.at_ms == *number);
            culprits.iter().all(has)
        });
        assert_eq!(small, numbered(culprits.clone()));
        assert!(asked < 150, "{asked} for {culprits:?}");
    }
    let mut asked = 0;
    let same = shrink(&numbered(0..100), 20, |_| {
        asked += 1;
        false
    });
    assert_eq!((asked, same), (20, numbered(0..100)), "it asks no more often than it may");
}

#[derive(Clone)]
struct Word;

impl Message for Word {
    fn class(&self) -> Class {
        Class::Datagram
    }

    fn bytes(&self) -> u32 {
        10
    }

    fn name(&self) -> &'static str {
        "word"
    }
}

#[derive(Default)]
struct Counter(u64);

impl Service for Counter {
    type Request = ();
    type Answer = u64;

    fn apply(&mut self, (): ()) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// Nodes that greet each other, ask the table and the store, and tick, ten times a second.
struct Town {
    net: Net<Word>,
    store: StoreHost,
    table: ServiceHost<Counter>,
    machines: Vec<Machine>,
    nodes: Mutex<BTreeMap<u32, Arc<SimTasks>>>,
    seen: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

struct TownHooks(Arc<Town>);

fn count(seen: &Mutex<BTreeMap<&'static str, u64>>, what: &'static str) {
    *seen.lock().entry(what).or_default() += 1;
}

async fn greet(port: Port<Word>, process: Arc<SimTasks>, seen: Seen) {
    loop {
        process.sleep_until(process.clock().now() + 100 * MS).await;
        count(&seen, "tick");
        (0..3).filter(|to| *to != port.place()).for_each(|to| port.send(to, Word));
        while port.try_heard().is_some() {
            count(&seen, "heard");
        }
    }
}

type Seen = Arc<Mutex<BTreeMap<&'static str, u64>>>;

impl Town {
    fn start(&self, node: u32) {
        let machine = &self.machines[node as usize];
        let mut nodes = self.nodes.lock();
        if nodes.contains_key(&node) {
            return;
        }
        let process = machine.start();
        let port = self.net.bind(machine, &process);
        process.spawn("greeter", Box::pin(greet(port, Arc::clone(&process), self.seen.clone())));
        let (own, seen) = (Arc::clone(&process), Arc::clone(&self.seen));
        let table = self.table.link(machine, &process);
        let store = self.store.link(machine, &process);
        process.spawn(
            "asker",
            Box::pin(async move {
                loop {
                    own.sleep_until(own.clock().now() + 100 * MS).await;
                    let asked = table.ask(()).await;
                    count(&seen, if asked.is_ok() { "asked" } else { "not asked" });
                    let opened = store.open().await;
                    count(&seen, if opened.is_ok() { "stored" } else { "not stored" });
                }
            }),
        );
        nodes.insert(node, process);
    }

    fn end(&self, node: u32) -> Option<Arc<SimTasks>> {
        let process = self.nodes.lock().remove(&node)?;
        process.kill();
        Some(process)
    }
}

impl Hooks for TownHooks {
    fn crash(&self, node: u32, memory_mib: u32) {
        count(&self.0.seen, "crash");
        if let Some(process) = self.0.end(node) {
            self.0.net.killed(&self.0.machines[node as usize], &process, memory_mib);
        }
    }

    fn power_off(&self, node: u32) {
        count(&self.0.seen, "power off");
        if self.0.end(node).is_some() {
            self.0.net.power_off(&self.0.machines[node as usize]);
        }
    }

    fn start(&self, node: u32) {
        count(&self.0.seen, "start");
        self.0.start(node);
    }

    fn drain(&self, node: u32) {
        count(&self.0.seen, "drain");
        self.crash(node, 0);
    }
}

struct Outcome {
    hash: u64,
    during: BTreeMap<&'static str, u64>,
    after: BTreeMap<&'static str, u64>,
    begun: BTreeMap<&'static str, u64>,
}

/// What three nodes see during ten seconds of `plan`, and in the ten seconds after its end.
fn run(seed: u64, plan: &Plan, during: Duration) -> Outcome {
    let sim = Simulation::new(seed);
    let calm = RouteConfig { loses: 0, forgets: 0, ..RouteConfig::default() };
    let machines: Vec<Machine> = (0..4).map(|_| sim.machine(ClockSpec::default())).collect();
    let config = NetConfig { loses: 0, doubles: 0, ..NetConfig::default() };
    let town = Arc::new(Town {
        net: Net::new(&sim, config),
        store: StoreHost::with_standby(&sim, calm.clone(), MemoryDisk::new(), 2),
        table: ServiceHost::new(&sim, "table", calm, Counter::default()),
        machines,
        nodes: Mutex::default(),
        seen: Seen::default(),
    });
    (0..3).for_each(|node| town.start(node));
    let outside = Outside {
        net: town.net.clone(),
        store: town.store.clone(),
        table: town.table.clone(),
        machines: town.machines.clone(),
    };
    let driver = Driver::new(&sim, outside, TownHooks(Arc::clone(&town)));
    driver.follow(plan);
    sim.advance(during);
    let during = std::mem::take(&mut *town.seen.lock());
    // Whoever still waits for an answer that was lost has given up by then.
    sim.advance(30 * SECOND);
    town.seen.lock().clear();
    sim.advance(10 * SECOND);
    let after = town.seen.lock().clone();
    Outcome { hash: sim.trace().hash(), during, after, begun: driver.begun() }
}

fn one(kind: Kind, arguments: &[i64]) -> Plan {
    let fault = Fault { at_ms: 0, lasts_ms: 10_000, kind, arguments: arguments.to_vec() };
    Plan { faults: vec![fault] }
}

/// What is seen of each kind of fault: less, or more, of something than without it.
#[test]
fn every_kind_of_fault_is_felt_and_over_when_it_ends() {
    let calm = run(1, &Plan::default(), 10 * SECOND);
    let (ppb, most) = (10_000_000, 900_000);
    let less = [
        (Kind::Pause, vec![1], "tick"),
        (Kind::Sleep, vec![1], "tick"),
        (Kind::Suspend, vec![1], "tick"),
        (Kind::Drift, vec![1, -ppb], "tick"),
        (Kind::Crash, vec![1, 8_192], "tick"),
        (Kind::PowerOff, vec![1], "tick"),
        (Kind::Drain, vec![1], "tick"),
        (Kind::Partition, vec![1], "heard"),
        (Kind::OneWay, vec![1, 6], "heard"),
        (Kind::Sever, vec![0, 2], "heard"),
        (Kind::Flap, vec![1, 300], "heard"),
        (Kind::Lossy, vec![7, most], "heard"),
        (Kind::StoreSlow, vec![1_000], "stored"),
        (Kind::StoreDown, vec![], "stored"),
        (Kind::StoreFull, vec![], "stored"),
        (Kind::StoreCut, vec![1], "stored"),
        (Kind::StoreLoses, vec![most], "stored"),
        (Kind::StoreForgets, vec![most], "stored"),
        (Kind::StoreLingers, vec![most, 10_000], "stored"),
        (Kind::StoreFailOver, vec![], "stored"),
        (Kind::StoreLosesTail, vec![], "stored"),
        (Kind::TableSlow, vec![1_000], "asked"),
        (Kind::TableDown, vec![], "asked"),
        (Kind::TableCut, vec![1], "asked"),
        (Kind::TableLoses, vec![most], "asked"),
        (Kind::TableForgets, vec![most], "asked"),
        (Kind::TableLingers, vec![most, 10_000], "asked"),
        (Kind::TableFailOver, vec![], "asked"),
    ];
    let seen = |outcome: &BTreeMap<&str, u64>, what| outcome.get(what).copied().unwrap_or(0);
    for (kind, arguments, what) in less {
        let outcome = run(1, &one(kind, &arguments), 10 * SECOND);
        let (with, without) = (seen(&outcome.during, what), seen(&calm.during, what));
        assert!(with < without, "{}: {with} {what}, {without} without", kind.name());
        assert_eq!(outcome.begun.get(kind.name()), Some(&1));
        for what in ["tick", "heard", "asked", "stored"] {
            let (with, without) = (seen(&outcome.after, what), seen(&calm.after, what));
            let is_the_same = with * 100 >= without * 97;
            assert!(is_the_same, "{}: {with} {what} after it, {without} else", kind.name());
        }
    }
    let joined = run(1, &one(Kind::Join, &[3]), 9 * SECOND);
    assert!(seen(&joined.during, "tick") > seen(&calm.during, "tick"), "a fourth node ticks");
}

/// A day that jumps on the table's host, and back, is nothing that anybody could see.
#[test]
fn the_tables_wall_clock_decides_nothing() {
    let (calm, jumped) =
        (run(1, &Plan::default(), 10 * SECOND), run(1, &one(Kind::TableWall, &[-9]), 10 * SECOND));
    assert_eq!((calm.during, calm.after), (jumped.during, jumped.after));
}

#[test]
fn a_plan_of_everything_is_the_same_run_twice() {
    let shape = Shape { kinds: Kind::ALL.to_vec(), ..Shape::new(3, 120 * SECOND) };
    let mut hashes = Vec::new();
    each_seed(5, |seed| {
        let plan = Plan::draw(&mut Dice::new(seed), &shape);
        let (first, again) = (run(seed, &plan, 120 * SECOND), run(seed, &plan, 120 * SECOND));
        assert_eq!((first.hash, first.during), (again.hash, again.during));
        assert_eq!(first.begun.values().sum::<u64>(), plan.faults.len() as u64);
        hashes.push(first.hash);
    });
    let runs = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), runs, "two seeds gave one run");
}
