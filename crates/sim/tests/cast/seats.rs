//! Nodes of one cluster over one disk, whose seats are played by the test: it grants, takes away and
//! carries calls from node to node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tenure::prelude::*;
use tenure_actor::host::QueuedCall;
use tenure_actor::{ActorRef, Target};
use tenure_runtime::{LostBy, Seat};
use tenure_sim::{Node, NodeSpec, Simulation};
use tenure_store::MemoryDisk;
use tenure_types::{FeedName, Incarnation, Instant, Tenure};

/// What a seat was told.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    Leaving(String, Tenure),
    Lost(String, Tenure, LostBy),
    StoreLost,
}

/// A seat that keeps what it is given until the test asks for it.
pub struct HandSeat {
    incarnation: Incarnation,
    lease_until: AtomicU64,
    absent: Mutex<Vec<(Target, Arc<dyn QueuedCall>)>>,
    told: Mutex<Vec<Told>>,
    keeps_feeds: AtomicBool,
}

impl Seat for HandSeat {
    fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    fn lease_until(&self) -> Instant {
        Instant::from_nanos(self.lease_until.load(Ordering::Relaxed))
    }

    fn absent(&self, target: &Target, call: Arc<dyn QueuedCall>) {
        self.absent.lock().push((target.clone(), call));
    }

    fn leaving(&self, target: &Target, tenure: Tenure) {
        self.told.lock().push(Told::Leaving(name_of(target), tenure));
    }

    fn lost(&self, target: &Target, tenure: Tenure, by: LostBy) {
        self.told.lock().push(Told::Lost(name_of(target), tenure, by));
    }

    fn store_lost(&self, _: &str) {
        self.told.lock().push(Told::StoreLost);
    }

    fn keeps_feed(&self, _: &FeedName) -> bool {
        self.keeps_feeds.load(Ordering::Relaxed)
    }
}

impl HandSeat {
    /// The lease ends then.
    pub fn lease_until(&self, at: Instant) {
        self.lease_until.store(at.as_nanos(), Ordering::Relaxed);
    }

    /// Whether its node trims feeds from now on.
    pub fn keeps_feeds(&self, keeps: bool) {
        self.keeps_feeds.store(keeps, Ordering::Relaxed);
    }

    /// What it was told since the last time.
    pub fn told(&self) -> Vec<Told> {
        std::mem::take(&mut *self.told.lock())
    }

    /// The calls that were given to it since the last time.
    pub fn absent(&self) -> Vec<(Target, Arc<dyn QueuedCall>)> {
        std::mem::take(&mut *self.absent.lock())
    }
}

fn name_of(target: &Target) -> String {
    format!("{}/{}", target.type_name, target.key)
}

/// A node of a cluster, and its seat.
pub struct Seated {
    pub node: Node,
    pub seat: Arc<HandSeat>,
}

impl std::ops::Deref for Seated {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

/// Starts a node beside others, with a lease that never ends.
pub fn join(spec: &NodeSpec, sim: &Simulation, disk: &MemoryDisk, incarnation: u64) -> Seated {
    let seat = Arc::new(HandSeat {
        incarnation: Incarnation(incarnation),
        lease_until: AtomicU64::new(Instant::NEVER.as_nanos()),
        absent: Mutex::default(),
        told: Mutex::default(),
        keeps_feeds: AtomicBool::new(true),
    });
    let starting = spec.try_start_at(sim, disk, Some(Arc::clone(&seat) as Arc<dyn Seat>));
    let node = sim.run_until(starting).expect("the node joins");
    Seated { node, seat }
}

pub fn tenure(view: u64, sequence: u64) -> Tenure {
    Tenure { view, sequence }
}

impl Seated {
    /// Whom calls of this actor are for.
    pub fn target<A: Actor>(&self, key: &str) -> Target {
        let reference = ActorRef::<A>::new(&self.handle(), key);
        reference.target().expect("a good key").clone()
    }

    /// Grants the actor to this node.
    pub fn grant<A: Actor>(&self, key: &str, of: Tenure) {
        let granted = self.runtime().activate(&self.target::<A>(key), of);
        granted.unwrap_or_else(|error| panic!("{of} of {key} is refused: {error}"));
    }

    /// Gives the calls that are not for this node to another one, which has their actors.
    pub fn carry(&self, to: &Seated) -> usize {
        let calls = self.seat.absent();
        let count = calls.len();
        for (target, call) in calls {
            let back = to.runtime().take(&target, call);
            assert!(back.is_none(), "{} is not there", name_of(&target));
        }
        count
    }

    /// The lease ends so long from now.
    pub fn lease(&self, sim: &Simulation, left: Duration) {
        self.seat.lease_until(sim.now() + left);
    }
}
