use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tenure_actor::ActorType;
use tenure_actor::wire::Types;
use tenure_protocol::cluster::ClusterConfig;
use tenure_protocol::directory::Wish;
use tenure_protocol::placement::Strategy;
use tenure_protocol::ring::Ring;
use tenure_protocol::view::View;
use tenure_protocol::view::membership::Config as MembershipConfig;
use tenure_runtime::RuntimeConfig;
use tenure_sim::Simulation;
use tenure_sim::judge::Rare;
use tenure_sim::net::Net;
use tenure_sim::remote::{ServiceHost, StoreHost};
use tenure_types::{Incarnation, ViewNumber};

use crate::frame::Frame;
use crate::machines::TableService;

/// How many views' rings are kept for members that learn them late.
const RINGS_MAX: usize = 64;

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
    /// The actor types that nodes run.
    pub types: Vec<ActorType>,
    /// The same, as nodes find them by what others send.
    pub(super) wire: Types,
    /// How each type is placed, by its name; balanced where it is not listed.
    pub strategies: BTreeMap<&'static str, Strategy>,
    /// Bounds and times of runtimes.
    pub runtime: RuntimeConfig,
    /// How nodes take part in the member table.
    pub membership: MembershipConfig,
    /// Bounds and times of directories.
    pub cluster: ClusterConfig,
    /// How often a killed node's sentinel lives to tell, of a hundred times.
    pub sentinel_percent: u64,
    /// How often rare states were reached.
    pub rare: Mutex<Rare>,
    /// What the protocol's rules exclude and a node saw.
    pub alarms: Mutex<Vec<String>>,
    /// Every process that was started.
    pub(super) neighbours: Mutex<Vec<Weak<dyn Neighbour>>>,
    rings: Mutex<BTreeMap<ViewNumber, Arc<Ring>>>,
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
            wire: Types::new(&types),
            types,
            strategies: BTreeMap::new(),
            runtime: RuntimeConfig::default(),
            membership: MembershipConfig::default(),
            cluster: ClusterConfig::default(),
            sentinel_percent: 70,
            rare: Mutex::default(),
            alarms: Mutex::default(),
            neighbours: Mutex::default(),
            rings: Mutex::default(),
        }
    }

    /// A rare state was reached.
    pub fn reached(&self, name: &'static str) {
        self.rare.lock().reached(name);
    }

    /// The ring of a view: the same at every member, so it is made once.
    pub(super) fn ring(&self, view: &View) -> Arc<Ring> {
        let mut rings = self.rings.lock();
        if let Some(ring) = rings.get(&view.number) {
            return Arc::clone(ring);
        }
        let before = rings.range(..view.number).next_back();
        let members = Ring::members_of(view);
        let ring =
            Arc::new(before.map_or_else(|| Ring::of([]), |(_, it)| Ring::clone(it)).after(members));
        rings.insert(view.number, Arc::clone(&ring));
        while rings.len() > RINGS_MAX {
            rings.pop_first();
        }
        ring
    }

    pub(super) fn wish(&self, type_name: &str) -> Wish {
        let strategy = self.strategies.get(type_name).copied().unwrap_or_default();
        let durable =
            self.types.iter().any(|it| it.name.as_str() == type_name && it.persist.is_durable());
        Wish { strategy, durable }
    }

    /// Every process that lives.
    pub(super) fn living(&self) -> Vec<Arc<dyn Neighbour>> {
        let mut neighbours = self.neighbours.lock();
        neighbours.retain(|it| it.upgrade().is_some_and(|it| it.is_living()));
        neighbours.iter().filter_map(Weak::upgrade).collect()
    }
}

/// A process, as the sentinels of others know it.
pub(super) trait Neighbour: Send + Sync {
    /// Whether its process lives.
    fn is_living(&self) -> bool;

    /// A sentinel tells it, soon, that this incarnation is dead.
    fn hear_of_death(self: Arc<Self>, incarnation: Incarnation);
}
