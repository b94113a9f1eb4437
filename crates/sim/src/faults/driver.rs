use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tenure_types::Instant;

use super::kind::Kind;
use super::plan::{Fault, Plan};
use crate::machine::{Machine, Standstill};
use crate::net::{Ill, Message, Net, Places, Trouble};
use crate::remote::{RouteTrouble, Service, ServiceHost, StoreHost};
use crate::simulation::Simulation;
use crate::world::{NOBODY, World};

/// What the faults do to nodes. Nodes are named by the numbers of their machines.
pub trait Hooks: Send + Sync + 'static {
    /// Kills the process of a node, if it has one, and closes its sockets as late as its memory says.
    fn crash(&self, node: u32, memory_mib: u32);

    /// Takes the power of a node's machine.
    fn power_off(&self, node: u32);

    /// Starts a process there, if there is none.
    fn start(&self, node: u32);

    /// Lets a node leave in good order.
    fn drain(&self, node: u32);
}

/// What faults act upon beside the nodes.
pub struct Outside<M, S> {
    /// The network between the nodes.
    pub net: Net<M>,
    /// The state store.
    pub store: StoreHost,
    /// The member table.
    pub table: ServiceHost<S>,
    /// The nodes' machines, by number.
    pub machines: Vec<Machine>,
}

/// Lets the faults of a plan happen.
pub struct Driver<M, S, H> {
    world: Arc<World>,
    outside: Outside<M, S>,
    hooks: H,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    begun: BTreeMap<&'static str, u64>,
    /// How many faults keep a node down.
    down: BTreeMap<u32, u32>,
}

/// Ends a fault.
type Undo = Box<dyn FnOnce() + Send>;

impl<M: Message, S: Service, H: Hooks> Driver<M, S, H> {
    /// A driver that does nothing yet.
    ///
    /// # Panics
    /// If the nodes' machines are not those with the first numbers, in order.
    #[must_use]
    pub fn new(sim: &Simulation, outside: Outside<M, S>, hooks: H) -> Arc<Self> {
        let mut numbers = outside.machines.iter().map(Machine::number).zip(0..);
        assert!(numbers.all(|(number, at)| number == at), "the nodes' machines come first");
        Arc::new(Self { world: sim.world(), outside, hooks, state: Mutex::default() })
    }

    /// Lets the faults of `plan` happen, its times counted from now.
    pub fn follow(self: &Arc<Self>, plan: &Plan) {
        let start = self.world.clock.true_now();
        for fault in &plan.faults {
            let (driver, fault) = (Arc::clone(self), fault.clone());
            let at = start + Duration::from_millis(fault.at_ms);
            let until = start + fault.ends();
            self.world.plan(at, NOBODY, move |_| driver.happen(&fault, until));
        }
    }

    /// How many faults of each kind have begun.
    #[must_use]
    pub fn begun(&self) -> BTreeMap<&'static str, u64> {
        self.state.lock().begun.clone()
    }

    /// What the faults do to nodes.
    #[must_use]
    pub fn hooks(&self) -> &H {
        &self.hooks
    }

    fn happen(self: &Arc<Self>, fault: &Fault, until: Instant) {
        *self.state.lock().begun.entry(fault.kind.name()).or_default() += 1;
        self.mark("fault", fault);
        let undo = self.begin(fault);
        let (driver, fault) = (Arc::clone(self), fault.clone());
        self.world.plan(until, NOBODY, move |_| {
            driver.mark("fault ends", &fault);
            undo();
        });
    }

    fn mark(&self, what: &'static str, fault: &Fault) {
        let argument = |at: usize| fault.arguments.get(at).map_or(0, |value| *value as u64);
        let numbers = [argument(0), argument(1), fault.lasts_ms];
        self.world.mark(what, fault.kind.name(), numbers);
    }

    fn begin(self: &Arc<Self>, fault: &Fault) -> Undo {
        let node = u32::try_from(fault.argument("node")).unwrap_or(u32::MAX);
        match fault.kind {
            Kind::Pause => self.stand(node, Standstill::Processes),
            Kind::Sleep => self.stand(node, Standstill::Machine),
            Kind::Suspend => self.stand(node, Standstill::MachineAndClock),
            Kind::Drift => self.drift(node, fault.argument("ppb")),
            Kind::Crash => {
                let memory_mib = u32::try_from(fault.argument("memory_mib")).unwrap_or(0);
                self.down(node, |hooks| hooks.crash(node, memory_mib))
            }
            Kind::PowerOff => self.down(node, |hooks| hooks.power_off(node)),
            Kind::Drain => self.down(node, |hooks| hooks.drain(node)),
            Kind::Join => {
                self.hooks.start(node);
                let driver = Arc::clone(self);
                Box::new(move || driver.hooks.drain(node))
            }
            Kind::Partition
            | Kind::OneWay
            | Kind::Sever
            | Kind::Flap
            | Kind::Lag
            | Kind::Lossy
            | Kind::Doubling
            | Kind::Reset
            | Kind::Refuse
            | Kind::LookDead => self.begin_net(fault, node),
            Kind::StoreSlow
            | Kind::StoreDown
            | Kind::StoreFull
            | Kind::StoreCut
            | Kind::StoreLoses
            | Kind::StoreForgets
            | Kind::StoreLingers
            | Kind::StoreFailOver
            | Kind::StoreLosesTail => self.begin_store(fault),
            Kind::TableSlow
            | Kind::TableDown
            | Kind::TableCut
            | Kind::TableLoses
            | Kind::TableForgets
            | Kind::TableLingers
            | Kind::TableFailOver
            | Kind::TableWall => self.begin_table(fault),
        }
    }

    fn stand(&self, node: u32, how: Standstill) -> Undo {
        let machine = self.outside.machines.get(node as usize);
        let stand = machine.map(|machine| machine.stand(how));
        Box::new(move || drop(stand))
    }

    fn drift(&self, node: u32, rate_ppb: i64) -> Undo {
        let Some(machine) = self.outside.machines.get(node as usize).cloned() else {
            return Box::new(|| {});
        };
        // The last one to begin says how fast the clock goes, also after its end.
        machine.set_rate_ppb(rate_ppb);
        Box::new(|| {})
    }

    /// A node goes down, and is started when the last fault that wants it down is over.
    fn down(self: &Arc<Self>, node: u32, go: impl FnOnce(&H)) -> Undo {
        *self.state.lock().down.entry(node).or_default() += 1;
        go(&self.hooks);
        let driver = Arc::clone(self);
        Box::new(move || {
            let is_free = {
                let mut state = driver.state.lock();
                let down = state.down.entry(node).or_default();
                *down -= 1;
                *down == 0
            };
            if is_free {
                driver.hooks.start(node);
            }
        })
    }

    fn begin_net(&self, fault: &Fault, node: u32) -> Undo {
        let net = &self.outside.net;
        let set = |name| Places(fault.argument(name) as u64);
        let one = |name| Places::one(u32::try_from(fault.argument(name)).unwrap_or(u32::MAX));
        let ms = |name| Duration::from_millis(fault.argument(name).unsigned_abs());
        let millionths = u32::try_from(fault.argument("millionths")).unwrap_or(0);
        let side = set("side");
        let both = |from: Places, to: Places, ill| {
            vec![Trouble { from, to, ill }, Trouble { from: to, to: from, ill }]
        };
        let troubles = match fault.kind {
            Kind::Partition => both(side, side.others(), Ill::Cut),
            Kind::OneWay => {
                let (from, to) = (set("from"), set("to"));
                vec![Trouble { from, to: Places(to.0 & !from.0), ill: Ill::Cut }]
            }
            Kind::Sever => both(one("one"), one("other"), Ill::Cut),
            Kind::Flap => both(side, side.others(), Ill::Flaps(ms("period_ms"))),
            Kind::Lag => both(side, Places::ALL, Ill::Slow(ms("most_ms"))),
            Kind::Lossy => {
                vec![Trouble { from: side, to: Places::ALL, ill: Ill::Loses(millionths) }]
            }
            Kind::Doubling => {
                vec![Trouble { from: side, to: Places::ALL, ill: Ill::Doubles(millionths) }]
            }
            Kind::Reset => {
                let number = |name| u32::try_from(fault.argument(name)).unwrap_or(u32::MAX);
                net.reset(number("one"), number("other"));
                Vec::new()
            }
            Kind::LookDead => {
                for other in self.outside.machines.iter().map(Machine::number) {
                    net.reset(node, other);
                }
                vec![Trouble { from: Places::ALL, to: Places::one(node), ill: Ill::Refuses }]
            }
            _ => vec![Trouble { from: Places::ALL, to: Places::one(node), ill: Ill::Refuses }],
        };
        let begun: Vec<u64> = troubles.into_iter().map(|trouble| net.begin(trouble)).collect();
        let net = net.clone();
        Box::new(move || begun.into_iter().for_each(|number| net.end(number)))
    }

    fn begin_store(&self, fault: &Fault) -> Undo {
        let store = self.outside.store.clone();
        match fault.kind {
            Kind::StoreFailOver => store.fail_over(),
            Kind::StoreLosesTail => drop(store.lose_tail()),
            _ => {}
        }
        let number = store.begin(route_trouble(fault));
        Box::new(move || store.end(number))
    }

    fn begin_table(&self, fault: &Fault) -> Undo {
        let table = self.outside.table.clone();
        if fault.kind == Kind::TableWall {
            let ms = fault.argument("ms");
            table.machine().jump_wall(ms);
            return Box::new(move || table.machine().jump_wall(-ms));
        }
        if fault.kind == Kind::TableFailOver {
            table.fail_over();
        }
        let number = table.begin(route_trouble(fault));
        Box::new(move || table.end(number))
    }
}

/// What is wrong with a server under a fault.
fn route_trouble(fault: &Fault) -> RouteTrouble {
    let most = Duration::from_millis(fault.argument("most_ms").unsigned_abs());
    let millionths = u32::try_from(fault.argument("millionths")).unwrap_or(0);
    match fault.kind {
        Kind::StoreSlow | Kind::TableSlow => RouteTrouble::Slow(most),
        Kind::StoreFull => RouteTrouble::Full,
        Kind::StoreCut | Kind::TableCut => {
            RouteTrouble::Cut(Places(fault.argument("nodes") as u64))
        }
        Kind::StoreLoses | Kind::TableLoses => RouteTrouble::Loses(millionths),
        Kind::StoreForgets | Kind::TableForgets => RouteTrouble::Forgets(millionths),
        Kind::StoreLingers | Kind::TableLingers => RouteTrouble::Lingers(millionths, most),
        // While another takes over, nobody serves.
        _ => RouteTrouble::Down,
    }
}
