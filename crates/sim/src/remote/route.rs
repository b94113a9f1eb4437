use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tenure_types::{BoxFuture, Instant, Tasks};

use crate::entropy::Dice;
use crate::machine::Machine;
use crate::net::{Places, below};
use crate::schedule::Owner;
use crate::simulation::Simulation;
use crate::tasks::SimTasks;
use crate::world::{NOBODY, World};

/// How the way to a server behaves when nothing is wrong. All times are true times.
#[derive(Clone, Debug)]
pub struct RouteConfig {
    /// The shortest way, in each direction.
    pub base: Duration,
    /// What is added at random, below this.
    pub jitter: Duration,
    /// How long the server takes at most for a request, at random.
    pub work: Duration,
    /// How many connections a process has. Requests on one stay in order, others overtake.
    pub connections: u32,
    /// How long a process waits for an answer.
    pub patience: Duration,
    /// So many requests of a million are lost with their connection.
    pub loses: u32,
    /// So many answers of a million are.
    pub forgets: u32,
    /// How long it takes at most from the decision to send until the kernel has the request.
    pub hold: Duration,
}

impl Default for RouteConfig {
    fn default() -> Self {
        Self {
            base: Duration::from_micros(150),
            jitter: Duration::from_micros(300),
            work: Duration::from_micros(800),
            connections: 4,
            patience: Duration::from_secs(2),
            loses: 50,
            forgets: 50,
            hold: Duration::from_micros(20),
        }
    }
}

/// What is wrong with a server, or with the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteTrouble {
    /// It does not run: requests are refused or lost.
    Down,
    /// It takes up to so much longer for each request.
    Slow(Duration),
    /// These machines cannot reach it.
    Cut(Places),
    /// So many requests of a million are lost.
    Loses(u32),
    /// So many answers of a million are lost: what was asked is done.
    Forgets(u32),
    /// So many requests of a million lie about for up to this long, whatever becomes of those who
    /// sent them, and are carried out then.
    Lingers(u32, Duration),
    /// It refuses whatever would need room.
    Full,
}

/// The answer did not come. Whether the request was or will be carried out is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The connection broke.
    #[error("the connection broke")]
    Broken,
    /// It took too long.
    #[error("no answer in time")]
    TimedOut,
    /// Nobody listens: this request was not carried out.
    #[error("nobody listens")]
    Refused,
}

/// What went over a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Routed {
    /// Requests that processes decided to send.
    pub asked: u64,
    /// Those that were carried out.
    pub served: u64,
    /// Those of them whose sender was dead by then.
    pub orphans: u64,
    /// Those whose sender heard no answer.
    pub lost: u64,
}

/// The way to one server and back.
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) world: Arc<World>,
    /// The server's own tasks: requests are carried out there.
    pub(crate) tasks: Arc<SimTasks>,
    state: Mutex<State>,
}

struct State {
    config: RouteConfig,
    dice: Dice,
    troubles: Vec<(u64, RouteTrouble)>,
    next_trouble: u64,
    /// Counts fail-overs: answers to requests from before one are lost.
    line: u64,
    counts: Routed,
}

/// One process as a client.
pub(crate) struct Client {
    route: Arc<Route>,
    machine: Machine,
    process: Arc<SimTasks>,
    /// When the last request on each connection arrives.
    arrivals: Mutex<Vec<Instant>>,
    /// When the kernel takes the last request that the process decided to send.
    last_send: Mutex<Instant>,
}

/// Takes the answer, or hears that there is none, in its process.
type Give<R> = Arc<Mutex<Option<Box<dyn FnOnce(Result<R, Lost>) + Send>>>>;

/// What the dice say of one request.
struct Fate {
    hold: Duration,
    there: Duration,
    lingers: Duration,
    work: Duration,
    back: Duration,
    is_lost: bool,
    is_forgotten: bool,
    /// A broken connection is noticed at once, rather than by waiting.
    is_noticed: bool,
    connection: usize,
}

impl Route {
    pub(crate) fn new(sim: &Simulation, name: &'static str, config: RouteConfig) -> Arc<Self> {
        let state = State {
            config,
            dice: sim.dice(),
            troubles: Vec::new(),
            next_trouble: 0,
            line: 0,
            counts: Routed::default(),
        };
        let (world, tasks) = (sim.world(), sim.tasks());
        Arc::new(Self { name, world, tasks, state: Mutex::new(state) })
    }

    pub(crate) fn client(self: &Arc<Self>, machine: &Machine, process: &Arc<SimTasks>) -> Client {
        let connections = self.state.lock().config.connections.max(1) as usize;
        let arrivals = Mutex::new(vec![Instant::ZERO; connections]);
        let (machine, process) = (machine.clone(), Arc::clone(process));
        let last_send = Mutex::default();
        Client { route: Arc::clone(self), machine, process, arrivals, last_send }
    }

    pub(crate) fn begin(&self, trouble: RouteTrouble) -> u64 {
        let mut state = self.state.lock();
        state.next_trouble += 1;
        let number = state.next_trouble;
        state.troubles.push((number, trouble));
        number
    }

    pub(crate) fn end(&self, trouble: u64) {
        self.state.lock().troubles.retain(|(number, _)| *number != trouble);
    }

    /// Another server takes over: nothing that was asked before is answered any more.
    pub(crate) fn fail_over(&self) {
        self.state.lock().line += 1;
    }

    pub(crate) fn counts(&self) -> Routed {
        self.state.lock().counts
    }

    pub(crate) fn has(&self, wanted: impl Fn(RouteTrouble) -> bool) -> bool {
        self.state.lock().troubles.iter().any(|(_, trouble)| wanted(*trouble))
    }

    fn is_cut(&self, machine: &Machine) -> bool {
        let place = machine.number();
        let is_cut = |trouble| matches!(trouble, RouteTrouble::Cut(places) if places.has(place));
        !machine.is_running() || self.has(is_cut)
    }

    fn is_down(&self) -> bool {
        self.has(|trouble| trouble == RouteTrouble::Down)
    }

    fn at(&self, after: Duration) -> Instant {
        self.world.clock.true_now() + after
    }
}

impl State {
    fn draw(&mut self) -> Fate {
        let (mut loses, mut forgets, mut slower) =
            (self.config.loses, self.config.forgets, Duration::ZERO);
        let mut lingers = Duration::ZERO;
        for (_, trouble) in &self.troubles {
            match *trouble {
                RouteTrouble::Loses(millionths) => loses = loses.max(millionths),
                RouteTrouble::Forgets(millionths) => forgets = forgets.max(millionths),
                RouteTrouble::Slow(by) => slower = slower.max(by),
                RouteTrouble::Lingers(millionths, most) => {
                    if self.dice.below(1_000_000) < u64::from(millionths) {
                        lingers = lingers.max(below(&mut self.dice, most));
                    }
                }
                RouteTrouble::Down | RouteTrouble::Cut(_) | RouteTrouble::Full => {}
            }
        }
        let (config, dice) = (&self.config, &mut self.dice);
        let mut way = || config.base + below(dice, config.jitter);
        let (there, back) = (way(), way());
        let hold = below(dice, config.hold);
        let spent = below(dice, config.work + slower);
        // Of two requests that take longer one is carried out late, and the other answered late.
        let is_answered_late = spent > config.work && spent.subsec_nanos() % 2 == 1;
        let late = if is_answered_late { spent - config.work } else { Duration::ZERO };
        Fate {
            hold,
            there,
            lingers,
            work: spent - late,
            back: back + late,
            is_lost: dice.below(1_000_000) < u64::from(loses),
            is_forgotten: dice.below(1_000_000) < u64::from(forgets),
            is_noticed: dice.one_in(2),
            connection: dice.below(u64::from(config.connections.max(1))) as usize,
        }
    }
}

impl Client {
    pub(crate) fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// Asks the server to `run`; `give` hears once what came of it, in the process that asked,
    /// unless that has ended.
    pub(crate) fn ask<R: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        run: impl FnOnce() -> BoxFuture<'static, R> + Send + 'static,
        give: impl FnOnce(Result<R, Lost>) + Send + 'static,
    ) {
        let (fate, patience, line) = {
            let mut state = self.route.state.lock();
            state.counts.asked += 1;
            (state.draw(), state.config.patience, state.line)
        };
        let give: Give<R> = Arc::new(Mutex::new(Some(Box::new(give))));
        let (client, waiting) = (Arc::clone(self), Arc::clone(&give));
        let until = self.route.at(patience);
        self.route.world.plan(until, self.process.group(), move |owner| {
            if owner == Owner::Runs {
                client.given(&waiting, Err(Lost::TimedOut));
            }
        });
        let client = Arc::clone(self);
        let at = {
            let mut last = self.last_send.lock();
            *last = self.route.at(fate.hold).max(*last);
            *last
        };
        let depart = move |owner| {
            let is_gone = owner == Owner::Dead && client.route.world.draw(|dice| dice.one_in(2));
            if !is_gone {
                client.depart(what, fate, line, run, give);
            }
        };
        self.route.world.plan(at, self.process.group(), depart);
    }

    /// The kernel has the request: it is on its way.
    fn depart<R: Send + 'static>(
        self: Arc<Self>,
        what: &'static str,
        fate: Fate,
        line: u64,
        run: impl FnOnce() -> BoxFuture<'static, R> + Send + 'static,
        give: Give<R>,
    ) {
        let numbers = [u64::from(self.machine.number()), u64::from(self.process.group()), 0];
        self.route.world.mark(self.route.name, what, numbers);
        if fate.is_lost || self.route.is_cut(&self.machine) {
            return self.broken(&fate, give, Lost::Broken);
        }
        let at = {
            let mut arrivals = self.arrivals.lock();
            let last = &mut arrivals[fate.connection];
            *last = self.route.at(fate.there).max(*last + Duration::from_nanos(1));
            // What lies about at the server holds up nobody else.
            *last + fate.lingers
        };
        let world = Arc::clone(&self.route.world);
        world.plan(at, NOBODY, move |_| self.arrive(what, fate, line, run, give));
    }

    /// The server has the request.
    fn arrive<R: Send + 'static>(
        self: Arc<Self>,
        what: &'static str,
        fate: Fate,
        line: u64,
        run: impl FnOnce() -> BoxFuture<'static, R> + Send + 'static,
        give: Give<R>,
    ) {
        let route = Arc::clone(&self.route);
        if route.is_down() {
            return self.broken(&fate, give, Lost::Refused);
        }
        let until = route.at(fate.work);
        let tasks = Arc::clone(&route.tasks);
        route.tasks.spawn(
            what,
            Box::pin(async move {
                tasks.sleep_until(until).await;
                let answer = run().await;
                self.answer(&fate, line, answer, give);
            }),
        );
    }

    /// The server has done what was asked.
    fn answer<R: Send + 'static>(
        self: Arc<Self>,
        fate: &Fate,
        line: u64,
        answer: R,
        give: Give<R>,
    ) {
        let is_another = {
            let mut state = self.route.state.lock();
            state.counts.served += 1;
            state.counts.orphans += u64::from(self.process.is_dead());
            state.line != line
        };
        let is_lost = fate.is_forgotten || is_another || self.route.is_down();
        if is_lost || self.route.is_cut(&self.machine) {
            return self.broken(fate, give, Lost::Broken);
        }
        let (world, at) = (Arc::clone(&self.route.world), self.route.at(fate.back));
        let group = self.process.group();
        world.plan(at, group, move |owner| {
            if owner == Owner::Runs {
                self.given(&give, Ok(answer));
            }
        });
    }

    /// The connection broke, or nobody listens: sometimes that is noticed at once.
    fn broken<R: Send + 'static>(self: Arc<Self>, fate: &Fate, give: Give<R>, why: Lost) {
        let is_heard = fate.is_noticed && !self.route.is_cut(&self.machine);
        if !is_heard {
            return;
        }
        let (world, at) = (Arc::clone(&self.route.world), self.route.at(fate.back));
        let group = self.process.group();
        world.plan(at, group, move |owner| {
            if owner == Owner::Runs {
                self.given(&give, Err(why));
            }
        });
    }

    fn given<R>(&self, give: &Give<R>, result: Result<R, Lost>) {
        // The guard must not live while it is called.
        let give = give.lock().take();
        let Some(give) = give else { return };
        if result.is_err() {
            self.route.state.lock().counts.lost += 1;
        }
        give(result);
    }
}
