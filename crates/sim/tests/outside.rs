//! The store and the member table behind a way that loses, holds up and forgets.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tenure_sim::net::Places;
use tenure_sim::remote::{
    Lost, RouteConfig, RouteTrouble, Service, ServiceHost, StoreHost, StoreLink,
};
use tenure_sim::{Background, ClockSpec, Machine, SimTasks, Simulation, Standstill};
use tenure_store::{
    Content, Encoded, EventLog, MemoryDisk, Store, StoreError, Unit, UnitOutcome, UnitSink,
};
use tenure_types::{ActorId, ActorTypeName, Incarnation, Key, Tenure, Token, Version};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const ALWAYS: u32 = 1_000_000;

/// A number that is compared and set.
#[derive(Default)]
struct Number(u64, u64);

impl Service for Number {
    type Request = (u64, u64);
    type Answer = Result<u64, u64>;

    fn apply(&mut self, (expected, next): (u64, u64)) -> Result<u64, u64> {
        if self.0 != expected {
            return Err(self.0);
        }
        self.0 = next;
        Ok(next)
    }

    fn fail_over(&mut self) {
        self.1 += 1;
    }
}

fn calm() -> RouteConfig {
    RouteConfig { loses: 0, forgets: 0, ..RouteConfig::default() }
}

struct Client {
    machine: Machine,
    process: Arc<SimTasks>,
}

fn client(sim: &Simulation) -> Client {
    let machine = sim.machine(ClockSpec::default());
    Client { process: machine.start(), machine }
}

impl Client {
    fn begin<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Background<T> {
        Background::run(&self.process, future)
    }
}

#[test]
fn a_request_is_done_or_not_and_its_answer_may_be_lost() {
    for (trouble, value, expected) in [
        (None, 1, Ok(Ok(1))),
        (Some(RouteTrouble::Loses(ALWAYS)), 0, Err(())),
        (Some(RouteTrouble::Forgets(ALWAYS)), 1, Err(())),
        (Some(RouteTrouble::Cut(Places::one(0))), 0, Err(())),
        (Some(RouteTrouble::Cut(Places::one(1))), 1, Ok(Ok(1))),
        (Some(RouteTrouble::Down), 0, Err(())),
        (Some(RouteTrouble::Slow(SECOND)), 1, Ok(Ok(1))),
    ] {
        let sim = Simulation::new(1);
        let host = ServiceHost::new(&sim, "table", calm(), Number::default());
        let client = client(&sim);
        let number = trouble.map(|trouble| host.begin(trouble));
        let link = host.link(&client.machine, &client.process);
        let asked = client.begin(link.ask((0, 1)));
        sim.advance(5 * SECOND);
        let answer = asked.take().expect("it is answered or given up");
        assert_eq!(answer.map_err(|_| ()), expected, "{trouble:?}");
        assert_eq!(host.with(|it| it.0), value, "{trouble:?}");
        if let Some(number) = number {
            host.end(number);
            let again = client.begin(link.ask((value, 9)));
            sim.advance(5 * SECOND);
            assert_eq!(again.take(), Some(Ok(Ok(9))), "{trouble:?} has ended");
        }
    }
}

#[test]
fn a_request_outlives_its_sender_and_its_answer_does_not_reach_another() {
    let sim = Simulation::new(1);
    let host = ServiceHost::new(&sim, "table", calm(), Number::default());
    let _lingers = host.begin(RouteTrouble::Lingers(ALWAYS, 10 * SECOND));
    let client = client(&sim);
    let asked = client.begin(host.link(&client.machine, &client.process).ask((0, 1)));
    sim.advance(100 * MS);
    client.process.kill();
    assert_eq!(host.with(|it| it.0), 0);
    sim.advance(10 * SECOND);
    assert_eq!((host.with(|it| it.0), host.counts().orphans), (1, 1));
    assert!(asked.take().is_none());
}

#[test]
fn a_paused_process_gets_its_answer_when_it_goes_on() {
    let sim = Simulation::new(1);
    let host = ServiceHost::new(&sim, "table", calm(), Number::default());
    let client = client(&sim);
    let asked = client.begin(host.link(&client.machine, &client.process).ask((0, 1)));
    sim.advance(MS / 5);
    let stand = client.machine.stand(Standstill::Processes);
    sim.advance(60 * SECOND);
    assert_eq!((host.with(|it| it.0), asked.is_ready()), (1, false));
    drop(stand);
    sim.advance(MS);
    // Its patience has ended as well: the dice of the schedule are not asked, the first one counts.
    assert_eq!(asked.take(), Some(Ok(Ok(1))));
}

#[test]
fn several_connections_reorder_and_one_does_not() {
    let order = |connections| {
        let sim = Simulation::new(3);
        let config = RouteConfig { connections, work: Duration::ZERO, ..calm() };
        let host = ServiceHost::new(&sim, "table", config, Number::default());
        let client = client(&sim);
        let link = host.link(&client.machine, &client.process);
        let asked: Vec<_> =
            (0..20).map(|number| client.begin(link.ask((number, number + 1)))).collect();
        sim.advance(5 * SECOND);
        asked.iter().filter(|it| matches!(it.take(), Some(Ok(Ok(_))))).count()
    };
    assert_eq!(order(1), 20);
    assert!(order(4) < 20);
}

#[test]
fn a_fail_over_loses_answers_and_nothing_else() {
    let sim = Simulation::new(1);
    let config = RouteConfig { work: 100 * MS, ..calm() };
    let host = ServiceHost::new(&sim, "table", config, Number::default());
    let client = client(&sim);
    let asked = client.begin(host.link(&client.machine, &client.process).ask((0, 1)));
    sim.advance(MS / 2);
    host.fail_over();
    host.machine().jump_wall(-1_000_000);
    sim.advance(5 * SECOND);
    let answer = asked.take();
    assert!(matches!(answer, Some(Err(Lost::Broken | Lost::TimedOut))), "{answer:?}");
    assert_eq!(host.with(|it| (it.0, it.1)), (1, 1));
}

fn actor(key: &str) -> ActorId {
    let actor_type = ActorTypeName::new("cart").expect("a good name");
    ActorId { actor_type, key: Key::new(key).expect("a good key") }
}

#[derive(Default)]
struct Sink(Mutex<Option<UnitOutcome>>);

impl UnitSink for Sink {
    fn settled(self: Arc<Self>, _: Token, outcome: UnitOutcome) {
        let before = self.0.lock().replace(outcome);
        assert!(before.is_none(), "an outcome is told once");
    }
}

fn submit(link: &StoreLink, incarnation: Incarnation, expected: u64) -> Arc<Sink> {
    let content =
        Content::State(Encoded { schema: 1, codec: 1, bytes: expected.to_le_bytes().to_vec() });
    let unit = Unit {
        actor: actor("a"),
        expected: Version(expected),
        version: Version(expected + 1),
        tenure: Tenure::default(),
        token: Token { incarnation, sequence: expected + 1 },
        written_at_ms: 0,
        log: EventLog::default(),
        content,
        rows: Vec::new(),
        entries: Vec::new(),
    };
    let sink = Arc::new(Sink::default());
    link.submit(Arc::new(unit), Arc::clone(&sink) as Arc<dyn UnitSink>);
    sink
}

fn open(sim: &Simulation, link: &Arc<StoreLink>) -> Incarnation {
    sim.run_until(link.open()).expect("the store opens")
}

fn version(host: &StoreHost) -> u64 {
    host.disk().stored(&actor("a")).expect("it is whole").map_or(0, |stored| stored.version.0)
}

#[test]
fn a_unit_is_unknown_when_its_answer_is_lost_and_conflicts_with_itself_afterwards() {
    let sim = Simulation::new(1);
    let host = StoreHost::new(&sim, calm(), MemoryDisk::new());
    let client = client(&sim);
    let link = host.link(&client.machine, &client.process);
    let incarnation = open(&sim, &link);
    let forgets = host.begin(RouteTrouble::Forgets(ALWAYS));
    let first = submit(&link, incarnation, 0);
    sim.advance(3 * SECOND);
    assert!(matches!(*first.0.lock(), Some(UnitOutcome::Unknown { .. })));
    host.end(forgets);
    let again = submit(&link, incarnation, 0);
    sim.advance(SECOND);
    let token = Token { incarnation, sequence: 1 };
    assert_eq!(*again.0.lock(), Some(UnitOutcome::Conflict { version: Version(1), token }));
    let loaded = sim.run_until(link.load(&actor("a"))).expect("it is loaded");
    assert_eq!(loaded.expect("it is stored").version, Version(1));
}

#[test]
fn a_commit_lands_seconds_after_its_node_died_unless_it_was_fenced() {
    for is_fenced in [false, true] {
        let sim = Simulation::new(1);
        let host = StoreHost::new(&sim, calm(), MemoryDisk::new());
        let (dead, heir) = (client(&sim), client(&sim));
        let link = host.link(&dead.machine, &dead.process);
        let incarnation = open(&sim, &link);
        let lingers = host.begin(RouteTrouble::Lingers(ALWAYS, 10 * SECOND));
        let sink = submit(&link, incarnation, 0);
        sim.advance(MS);
        dead.process.kill();
        host.end(lingers);
        let next = host.link(&heir.machine, &heir.process);
        if is_fenced {
            sim.run_until(next.fence(incarnation)).expect("it is fenced");
        }
        assert_eq!(version(&host), 0);
        sim.advance(10 * SECOND);
        assert_eq!(version(&host), u64::from(!is_fenced));
        assert_eq!((host.counts().orphans, sink.0.lock().clone()), (1, None));
    }
}

#[test]
fn a_full_store_reads_and_changes_nothing() {
    let sim = Simulation::new(1);
    let host = StoreHost::new(&sim, calm(), MemoryDisk::new());
    let client = client(&sim);
    let link = host.link(&client.machine, &client.process);
    let incarnation = open(&sim, &link);
    let full = host.begin(RouteTrouble::Full);
    let sink = submit(&link, incarnation, 0);
    assert!(matches!(sim.run_until(link.fence(incarnation)), Err(StoreError::Io { .. })));
    assert_eq!(sim.run_until(link.load(&actor("a"))), Ok(None));
    assert!(matches!(*sink.0.lock(), Some(UnitOutcome::Unknown { .. })));
    host.end(full);
    let sink = submit(&link, incarnation, 0);
    sim.advance(SECOND);
    assert_eq!((sink.0.lock().clone(), version(&host)), (Some(UnitOutcome::Committed), 1));
}

#[test]
fn a_fail_over_keeps_what_was_committed_and_a_lost_tail_does_not() {
    for (lag, expected) in [(None, 10), (Some(3), 7)] {
        let sim = Simulation::new(1);
        let host = match lag {
            None => StoreHost::new(&sim, calm(), MemoryDisk::new()),
            Some(lag) => StoreHost::with_standby(&sim, calm(), MemoryDisk::new(), lag),
        };
        let client = client(&sim);
        let link = host.link(&client.machine, &client.process);
        let incarnation = open(&sim, &link);
        for expected in 0..10 {
            let sink = submit(&link, incarnation, expected);
            sim.advance(SECOND);
            assert_eq!(*sink.0.lock(), Some(UnitOutcome::Committed));
        }
        host.fail_over();
        assert_eq!((version(&host), host.lose_tail()), (10, 10 - expected as usize));
        assert_eq!(version(&host), expected);
        let sink = submit(&link, incarnation, expected);
        sim.advance(SECOND);
        assert_eq!(*sink.0.lock(), Some(UnitOutcome::Committed), "the session goes on");
    }
}
