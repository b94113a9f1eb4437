//! One run of a cluster: a seed decides its shape, what goes wrong, and what its clients ask.

mod ending;
mod excepted;
mod fleet;
mod plan;
mod shape;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use tenure_sim::campaign::{RunReport, Settings};
use tenure_sim::faults::{Driver, Outside, Plan};
use tenure_sim::judge::{Hosted, Jury, Picture, Promises, Samples};
use tenure_sim::net::Net;
use tenure_sim::remote::ServiceHost;
use tenure_sim::{Machine, SimTasks, Simulation};
use tenure_types::{ActorId, Incarnation, Instant, Tasks as _, Tenure};

use self::fleet::Fleet;
use self::shape::Shape;
use crate::cast::{self, Who};
use crate::clients::{BUDGET_MAX, Client, TURN_MAX};
use crate::crowd::{Crowd, FEED_READERS, SUBSCRIBERS};
use crate::ears::Ear;
use crate::frame::Frame;
use crate::line::Line;
use crate::machines::TableService;
use crate::node::Outer;
use crate::readers::Reader;
use crate::stage::Stage;
use crate::subscribers::Subscriber;
use crate::verdict;

/// Rare states that many runs together must reach, beside those that they find by themselves.
const EXPECTED: &[&str] = &[
    "accused",
    "activated from a move",
    "discarded",
    "events told by another node",
    "left",
    "move taken back",
    "newer build beside an older one",
    "reminder fired twice",
    "resumed",
    "slot opened while a grant was in flight",
    "stopped before everything had moved",
    "suspended",
];
/// When the clients begin, after the nodes.
const CLIENTS_FROM: Duration = Duration::from_secs(2);
/// How often nodes that ended are started again, and the cluster is looked at.
const LOOK_PERIOD: Duration = Duration::from_millis(250);
/// How often sizes are told to the jury, in milliseconds.
const MEASURE_PERIOD_MS: u64 = 10_000;
/// How long after the last question every answer must be there.
const ANSWERS_WITHIN: Duration = Duration::from_secs(12);
/// How many clients read every actor when the faults are over.
const READERS: usize = 6;
/// How many of the last events a report tells.
const TAIL_EVENTS: usize = 200;

/// Runs a cluster. The seed and the settings decide all of it.
#[must_use]
pub fn run(seed: u64, settings: &Settings) -> RunReport {
    let shape = Shape::draw(seed, settings.vacuity);
    let plan = shape.plan(seed, settings);
    let sim = Arc::new(settings.simulation(seed, &shape.options));
    let samples = Samples { open_max: 6, actors_max: 4, states_max: 20_000, ..Samples::default() };
    let excepted = settings.vacuity.filter(|_| settings.remaining);
    let without = excepted.map(excepted::silent).unwrap_or_default();
    let promises = Promises { without, flush: shape.flush, samples, ..Promises::default() };
    let stage = Stage::new(Jury::new(promises), sim.clock());
    let _on_stage = stage.enter();
    let mut cluster = Cluster::build(&sim, &shape, stage);
    cluster.is_excepted = excepted.is_some();
    plan::excuse(&plan, &cluster.stage, sim.now());
    cluster.driver.follow(&plan);
    cluster.play(&plan);
    let report = cluster.report(seed, plan);
    cluster.end();
    report
}

/// A cluster with its clients.
struct Cluster {
    sim: Arc<Simulation>,
    stage: Stage,
    outer: Arc<Outer>,
    driver: Arc<Driver<Frame, TableService, Fleet>>,
    fleet: Fleet,
    crowd: Arc<Crowd>,
    /// The machines of clients, of subscribers, of readers of the feed, and of those who read at the end.
    clients: Vec<Machine>,
    subscribers: Vec<Machine>,
    feed_readers: Vec<Machine>,
    readers: Vec<Machine>,
    ears: Vec<Arc<Ear>>,
    processes: Vec<Arc<SimTasks>>,
    /// What nodes know of actors that did not answer in the end.
    stuck: Vec<String>,
    /// How long the death of a node may go unseen.
    silence: Duration,
    /// Only what remains under an exception is judged.
    is_excepted: bool,
}

impl Cluster {
    fn build(sim: &Arc<Simulation>, shape: &Shape, stage: Stage) -> Self {
        let nodes = shape.nodes + shape.spares;
        let machines: Vec<Machine> =
            (0..nodes).map(|at| sim.machine(shape.clocks[at as usize])).collect();
        let people = |count: u32| (0..count).map(|_| sim.machine(Default::default())).collect();
        let clients = people(shape.clients);
        let (subscribers, feed_readers) = (people(SUBSCRIBERS), people(FEED_READERS));
        let readers = people(READERS as u32);
        let net = Net::new(sim, shape.net.clone());
        let store = shape.store(sim);
        let route = shape.route.clone();
        let table = ServiceHost::new(sim, "table", route, TableService::default());
        let mut outer =
            Outer::new(Arc::clone(sim), net.clone(), store.clone(), table.clone(), cast::types());
        shape.configure(&mut outer);
        // What was asked before may keep an actor busy that long.
        let busy = BUDGET_MAX + TURN_MAX;
        let silence = busy.max(outer.config.membership.terms.expiry() + Duration::from_secs(1));
        let outer = Arc::new(outer);
        let fleet = Fleet::new(&outer, machines.clone(), (stage.clone(), shape.rolls));
        let outside = Outside { net, store, table, machines };
        let driver = Driver::new(sim, outside, fleet.clone());
        let (actors, numbers) = (shape.actors.clone(), (0..nodes).collect());
        let crowd = Crowd::new(stage.clone(), actors, numbers, (shape.think, shape.taste));
        let crowd = Arc::new(crowd);
        let ears = Ear::all(&crowd, || sim.dice());
        for node in 0..shape.nodes {
            fleet.want(node);
        }
        let (sim, processes) = (Arc::clone(sim), Vec::new());
        Self {
            sim,
            stage,
            outer,
            driver,
            fleet,
            crowd,
            clients,
            subscribers,
            feed_readers,
            readers,
            ears,
            processes,
            stuck: Vec::new(),
            silence,
            is_excepted: false,
        }
    }

    /// The line of somebody on this machine.
    fn line(&mut self, machine: &Machine) -> (Line, Arc<SimTasks>) {
        let process = machine.start();
        let port = self.outer.net.bind(machine, &process);
        let line = Line::new(&self.crowd, machine, &process, port, self.sim.dice());
        self.processes.push(Arc::clone(&process));
        (line, process)
    }

    /// Everything from the first start to the last answer.
    fn play(&mut self, plan: &Plan) {
        let start = self.sim.now();
        self.advance_to(start + CLIENTS_FROM);
        for machine in self.clients.clone() {
            let (line, process) = self.line(&machine);
            process.spawn("asks", Box::pin(Client::new(line).live()));
        }
        for machine in self.subscribers.clone() {
            let (line, process) = self.line(&machine);
            process.spawn("follows", Box::pin(Subscriber::new(line).live()));
        }
        for machine in self.feed_readers.clone() {
            let (line, process) = self.line(&machine);
            process.spawn("reads", Box::pin(Reader::new(line).live()));
        }
        self.advance_to(start + plan.ends().max(CLIENTS_FROM));
        self.crowd.is_brief.store(true, Ordering::Relaxed);
        // A silent death at the very end takes as long to be seen as any other (P9).
        let calm = self.sim.now() + self.silence;
        self.advance_to(calm);
        self.heal();
        self.crowd.is_over.store(true, Ordering::Relaxed);
        self.advance_to(self.sim.now() + ANSWERS_WITHIN);
        self.settle();
    }

    /// Advances, and starts nodes that have ended and are wanted.
    fn advance_to(&self, until: Instant) {
        while self.sim.now() < until {
            self.fleet.look();
            if self.sim.now() >= Instant::ZERO + CLIENTS_FROM {
                let living = self.fleet.living();
                self.ears.iter().for_each(|ear| ear.look(&living));
            }
            if self.sim.now().as_millis() % MEASURE_PERIOD_MS < LOOK_PERIOD.as_millis() as u64 {
                self.measure();
            }
            let next = (self.sim.now() + LOOK_PERIOD).min(until);
            self.sim.advance(next - self.sim.now());
        }
    }

    /// The faults are over: the cluster must be seen healed in time.
    fn heal(&mut self) {
        let calm = self.sim.now();
        self.stage.tell(|jury| jury.healing.calm(calm));
        let unanswered: BTreeSet<Who> = self.crowd.actors.iter().copied().collect();
        let unanswered = Arc::new(Mutex::new(unanswered));
        self.fleet.look();
        let nodes: Vec<u32> = self.fleet.living().iter().map(|host| host.number()).collect();
        for (at, machine) in self.readers.clone().iter().enumerate() {
            let (line, process) = self.line(machine);
            let left = Arc::clone(&unanswered);
            let actors = self.crowd.actors.iter().skip(at).step_by(READERS).copied().collect();
            let read = Client::new(line).read(actors, nodes.clone(), move |who| {
                left.lock().remove(&who);
            });
            process.spawn("reads", Box::pin(read));
        }
        while self.sim.now() - calm <= Duration::from_secs(5) + LOOK_PERIOD {
            self.advance_to(self.sim.now() + LOOK_PERIOD);
            let picture = self.picture(&unanswered.lock());
            self.stage.tell(|jury| jury.healing.look(&picture));
            if self.stage.tell(|jury| jury.healing.healed_after().is_some()) {
                return;
            }
        }
        // What the nodes say of it, for the reader of the failure.
        for who in unanswered.lock().iter() {
            for host in self.fleet.living() {
                self.stuck.push(host.explain(&who.id()));
            }
        }
    }

    fn picture(&self, unanswered: &BTreeSet<Who>) -> Picture {
        let (mut views, mut activations, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for host in self.fleet.living() {
            let picture = host.picture();
            let me = picture.incarnation;
            views.push((me, picture.view));
            let live = picture.hosted.iter().filter(|(_, _, is_live)| *is_live);
            activations.extend(live.filter_map(|(it, of, _)| self.hosted(it, me, *of)));
            let kept = picture.entries.iter();
            entries.extend(kept.filter_map(|(it, host, of)| self.hosted(it, *host, *of)));
        }
        Picture {
            at: self.sim.now(),
            views,
            activations,
            entries,
            has_directory: true,
            unanswered: unanswered.iter().map(|&who| self.crowd.number(who)).collect(),
        }
    }

    fn hosted(&self, actor: &ActorId, node: Incarnation, tenure: Tenure) -> Option<Hosted> {
        let who = self.crowd.actors.iter().find(|who| who.id() == *actor)?;
        Some(Hosted { actor: self.crowd.number(*who), node, tenure })
    }

    /// Tells the jury how large everything is that is bounded.
    fn measure(&self) {
        let (config, at) = (&self.outer.config.cluster, self.sim.now());
        for host in self.fleet.living() {
            let Some((node, sizes)) = host.sizes() else { continue };
            let sizes = [
                ("lookups", sizes.lookups, config.lookups_max),
                ("awaited places", sizes.awaits, config.awaits_max),
                ("locations", sizes.locations, config.locations_max),
                ("slot waiters", sizes.slot_waiters, config.slot_waiters_max),
                ("moves out", sizes.moves_out, config.moves_out_max),
                ("moves in", sizes.moves_in, config.moves_in_max),
            ];
            self.stage.tell(|jury| {
                for (name, size, max) in sizes {
                    jury.bounds.sampled(name, node, size as u64, max as u64, at);
                }
            });
        }
    }

    fn report(&self, seed: u64, plan: Plan) -> RunReport {
        let disk = self.outer.store.disk();
        let (verdict, mut violations) = verdict::ask(&self.crowd, &disk, self.is_excepted);
        if !self.is_excepted {
            let alarms = self.outer.alarms.lock();
            violations.extend(alarms.iter().map(|alarm| format!("alarm: {alarm}")));
        }
        let mut rare = verdict::rare(&self.stage);
        let store = &self.outer.store;
        let stored = [
            ("entries that a fence kept out", store.entries_fenced()),
            ("unit re-submitted twice", store.came_thrice()),
        ];
        for (name, times) in stored.into_iter().chain(self.outer.rare.lock().iter()) {
            *rare.entry(name).or_default() += times;
        }
        // One that is never reached is told, too.
        EXPECTED.iter().for_each(|name| *rare.entry(name).or_default() += 0);
        let trace = self.sim.trace();
        RunReport {
            seed,
            simulated: self.sim.now() - Instant::ZERO,
            trace_hash: trace.hash(),
            events: trace.len(),
            plan,
            faults: self.driver.begun(),
            calls: verdict.calls,
            acknowledged: verdict.acknowledged,
            rare,
            tail: match violations.is_empty() {
                true => String::new(),
                false => format!("{}\n{}", self.stuck.join("\n"), trace.tail(TAIL_EVENTS)),
            },
            violations,
        }
    }

    /// Ends every process: they would keep the simulation alive.
    fn end(self) {
        for host in self.fleet.living() {
            host.process().kill();
        }
        self.processes.iter().for_each(|process| process.kill());
    }
}
