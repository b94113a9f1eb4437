use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use tenure_cluster::{Frame as Between, Heard, Rings, World};
use tenure_observe::{Health, Metrics};
use tenure_protocol::view::Member;
use tenure_protocol::view::membership::{Lost, Seat as Place};
use tenure_protocol::view::table::{TableAnswer, TableError, TableRequest};
use tenure_runtime::{Busy, Parts, Runtime, Seat};
use tenure_sim::judge::Cause;
use tenure_sim::net::{Closed, Heard as Came, Port};
use tenure_sim::remote::ServiceLink;
use tenure_sim::{Dice, Machine, SimTasks};
use tenure_store::Store;
use tenure_types::{ActorId, BoxFuture, Clock, Incarnation, Instant, NodeId, Tasks, Tenure};

use super::built::Built;
use super::outer::{Desk, Outer};
use crate::build::Build;
use crate::cast;
use crate::frame::{Body, Frame};
use crate::machines::TableService;
use crate::noted::noted;
use crate::stage;

/// What is around a simulated process.
pub(super) struct NodeWorld {
    pub(super) outer: Arc<Outer>,
    pub(super) machine: Machine,
    pub(super) process: Arc<SimTasks>,
    /// The same, where every task knows which build of the program it is of.
    pub(super) tasks: Arc<dyn Tasks>,
    pub(super) port: Port<Frame>,
    table: ServiceLink<TableService>,
    dice: Mutex<Dice>,
    /// Its newest run.
    incarnation: Mutex<Option<Incarnation>>,
    /// The activations here of which replies left for other nodes. Bounded by the length of a run.
    told_others: Mutex<BTreeSet<(ActorId, Tenure)>>,
    /// Who answers clients.
    desk: OnceLock<Weak<dyn Desk>>,
}

impl NodeWorld {
    pub(super) fn new(outer: &Arc<Outer>, machine: &Machine, build: Build) -> Self {
        let process = machine.start();
        let tasks = Built::of(Arc::clone(&process) as Arc<dyn Tasks>, build);
        let port = outer.net.bind(machine, &process);
        let dice = Mutex::new(outer.sim.dice());
        Self {
            table: outer.table.link(machine, &process),
            outer: Arc::clone(outer),
            machine: machine.clone(),
            process,
            tasks,
            port,
            dice,
            incarnation: Mutex::default(),
            told_others: Mutex::default(),
            desk: OnceLock::new(),
        }
    }

    /// Whether replies of this activation, which is here, left for other nodes.
    pub(super) fn has_told_others(&self, actor: &ActorId, tenure: Tenure) -> bool {
        self.told_others.lock().contains(&(actor.clone(), tenure))
    }

    /// From now on this one answers clients.
    pub(super) fn answers(&self, desk: Weak<dyn Desk>) {
        self.desk.get_or_init(|| desk);
    }

    /// A frame as its receiver reads it from the bytes that a lane carries.
    fn carried(&self, frame: &Between) -> Result<Between, String> {
        let (kind, bytes) = frame.encode().map_err(|error| format!("not written: {error}"))?;
        let types = &self.outer.config.wire();
        Between::decode(kind, bytes, types).map_err(|error| format!("not read: {error}"))
    }

    /// Its memory is gone. Since an incarnation was fenced nothing of it could be saved, and nothing that is written
    /// behind was acknowledged in time.
    pub(super) fn excuse_fenced(&self, incarnation: Incarnation) {
        if let Some(since) = self.outer.fenced.lock().get(&incarnation).copied() {
            stage::tell(|jury, now| jury.behind.store_away(since, now));
            stage::parted(Cause::LeaseLost);
        }
    }

    pub(super) fn draw(&self, end: u64) -> u64 {
        self.dice.lock().below(end)
    }
}

impl World for NodeWorld {
    const IS_WITNESS: bool = true;

    fn clock(&self) -> Arc<dyn Clock> {
        self.process.clock()
    }

    fn tasks(&self) -> Arc<dyn Tasks> {
        Arc::clone(&self.tasks)
    }

    fn is_one_process(&self) -> bool {
        !self.outer.is_apart
    }

    fn below(&self, end: u64) -> u64 {
        self.draw(end)
    }

    fn place(&self) -> Place {
        let number = self.machine.number();
        let node = NodeId::new(&format!("node-{number}")).expect("a good name");
        Place { node, weight: 1, address: number.to_string().into() }
    }

    async fn heard(&self) -> Heard {
        match self.port.heard().await {
            Came::Message { from: place, message, .. } => match message {
                Frame { from, to, body: Body::Node(body) } => {
                    Heard::Frame(Between { from, to, body })
                }
                frame => {
                    if let Some(desk) = self.desk.get().and_then(Weak::upgrade) {
                        desk.answer(place, frame);
                    }
                    Heard::Else
                }
            },
            Came::Closed { peer, why, .. } => {
                let address = peer.to_string().into();
                Heard::Broken { address, refused: why == Closed::Refused }
            }
        }
    }

    fn send(&self, to: &Member, mut frame: Between) -> bool {
        if self.outer.is_apart {
            match self.carried(&frame) {
                Ok(carried) => frame = carried,
                Err(why) => {
                    self.alarm(why);
                    return false;
                }
            }
        }
        if let Ok(place) = to.address.parse() {
            let Between { from, to, body } = frame;
            self.port.send(place, Frame { from, to, body: Body::Node(body) });
        }
        true
    }

    fn ask_table(&self, ask: TableRequest) -> BoxFuture<'static, Result<TableAnswer, Lost>> {
        let asking = self.table.ask(ask);
        Box::pin(async move { asking.await.map_err(|_| Lost) })
    }

    fn rings(&self) -> &Rings {
        &self.outer.rings
    }

    fn store(&self) -> Arc<dyn Store> {
        self.outer.store.link(&self.machine, &self.process)
    }

    fn parts(&self, store: Arc<dyn Store>, seat: Arc<dyn Seat>) -> Parts {
        *self.incarnation.lock() = Some(seat.incarnation());
        Parts {
            config: self.outer.runtime.clone(),
            store,
            clock: self.process.clock(),
            entropy: self.outer.sim.entropy(),
            tasks: Arc::clone(&self.tasks),
            resident: || None,
            metrics: Arc::new(Metrics::new()),
            health: Arc::new(Health::new()),
            seat: Some(seat),
        }
    }

    fn left(&self) {
        // It may have lost its place while it was about to leave.
        self.incarnation.lock().into_iter().for_each(|it| self.excuse_fenced(it));
        self.process.kill();
        self.outer.net.killed(&self.machine, &self.process, 0);
    }

    fn suspended(&self) {
        stage::parted(Cause::LeaseLost);
    }

    fn fenced(&self, incarnation: Incarnation) {
        self.outer.fenced.lock().entry(incarnation).or_insert_with(stage::now);
    }

    fn discarded(&self, incarnation: Incarnation) -> bool {
        self.excuse_fenced(incarnation);
        !self.outer.is_apart
    }

    fn reached(&self, name: &'static str) {
        self.outer.reached(name);
    }

    fn alarm(&self, what: String) {
        self.outer.alarms.lock().push(format!("{what} at {:?}", self.outer.sim.now()));
    }

    fn trouble(&self, _: &TableError) {
        self.outer.reached("table in trouble");
    }

    /// A sample by threads, which serve many runs, is none that comes again.
    fn busiest(&self, _: &Runtime) -> Vec<Busy> {
        Vec::new()
    }

    fn around(&self, turn: impl FnOnce() -> bool) -> bool {
        stage::from_elsewhere(turn)
    }

    async fn noted<F: Future + Send>(&self, future: F) -> (F::Output, Instant) {
        noted(future).await
    }

    fn released(&self, actor: &ActorId, node: Incarnation, tenure: Tenure, at: Option<Instant>) {
        cast::released(actor, node, tenure, at.unwrap_or_else(stage::now));
        self.told_others.lock().insert((actor.clone(), tenure));
    }
}
