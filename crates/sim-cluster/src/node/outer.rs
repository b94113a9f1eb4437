use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tenure_actor::ActorType;
use tenure_cluster::{Config, Rings};
use tenure_runtime::RuntimeConfig;
use tenure_sim::Simulation;
use tenure_sim::judge::Rare;
use tenure_sim::net::Net;
use tenure_sim::remote::{ServiceHost, StoreHost};
use tenure_types::{Incarnation, Instant};

use crate::frame::Frame;
use crate::machines::TableService;

/// What all nodes of a cluster share: the world around them, and how they are configured.
pub struct Outer {
    /// The simulation.
    pub sim: Arc<Simulation>,
    /// The network.
    pub net: Net<Frame>,
    /// The state store.
    pub store: StoreHost,
    /// The member table.
    pub table: ServiceHost<TableService>,
    /// How nodes take part in their cluster.
    pub config: Arc<Config>,
    /// Bounds and times of runtimes.
    pub runtime: RuntimeConfig,
    /// How often a killed node's sentinel lives to tell, of a hundred times.
    pub sentinel_percent: u64,
    /// Nodes are processes of their own, as real ones: what they send each other is bytes, a state without a
    /// stored form does not move, and a process that was discarded ends.
    pub is_apart: bool,
    /// How often rare states were reached.
    pub rare: Mutex<Rare>,
    /// What the protocol's rules exclude and a node saw.
    pub alarms: Mutex<Vec<String>>,
    /// Every process that was started.
    pub(super) neighbours: Mutex<Vec<Weak<dyn Neighbour>>>,
    /// When incarnations were fenced.
    pub(super) fenced: Mutex<BTreeMap<Incarnation, Instant>>,
    pub(super) rings: Rings,
}

impl Outer {
    /// A world with this network and these servers, and default configurations.
    #[must_use]
    pub fn new(
        sim: Arc<Simulation>,
        net: Net<Frame>,
        store: StoreHost,
        table: ServiceHost<TableService>,
        types: Vec<ActorType>,
    ) -> Self {
        Self {
            sim,
            net,
            store,
            table,
            config: Arc::new(Config::new(types)),
            runtime: RuntimeConfig::default(),
            sentinel_percent: 70,
            is_apart: false,
            rare: Mutex::default(),
            alarms: Mutex::default(),
            neighbours: Mutex::default(),
            fenced: Mutex::default(),
            rings: Rings::default(),
        }
    }

    /// A rare state was reached.
    pub fn reached(&self, name: &'static str) {
        self.rare.lock().reached(name);
    }

    /// Every process that lives.
    pub(super) fn living(&self) -> Vec<Arc<dyn Neighbour>> {
        let mut neighbours = self.neighbours.lock();
        neighbours.retain(|it| it.upgrade().is_some_and(|it| it.is_living()));
        neighbours.iter().filter_map(Weak::upgrade).collect()
    }
}

/// Who answers what is not said between nodes.
pub(super) trait Desk: Send + Sync {
    /// A client asks, or a node on behalf of one; `place` is where that is.
    fn answer(self: Arc<Self>, place: u32, frame: Frame);
}

/// A process, as the sentinels of others know it.
pub(super) trait Neighbour: Send + Sync {
    /// Whether its process lives.
    fn is_living(&self) -> bool;

    /// A sentinel tells it, soon, that this incarnation is dead.
    fn hear_of_death(self: Arc<Self>, incarnation: Incarnation);
}
