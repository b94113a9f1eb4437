use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tenure_types::NodeId;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use crate::bounds::{ADDRESS_BYTES_MAX, PEERS_MAX};
use crate::credit::Account;
use crate::frame::Class;
use crate::identity::{Peer, PeerIdentity};
use crate::inbound::Stop;
use crate::node::Node;
use crate::outbound::{LaneStatus, Outbound, run};

/// Why a list of peers was not taken. The former one still counts.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeersError {
    /// More than the bound.
    #[error("{count} peers are more than {PEERS_MAX}; make the cluster smaller")]
    TooMany {
        /// How many were given.
        count: usize,
    },
    /// A node is in the list twice.
    #[error("{0} is in the list of peers twice; give each node once")]
    Twice(NodeId),
    /// An address is empty or too long.
    #[error("the address of {0} is empty or longer than {ADDRESS_BYTES_MAX} bytes; give host:port")]
    Address(NodeId),
}

/// Whom this node talks with, and the lanes to and from them.
pub(crate) struct Peers {
    node: Arc<Node>,
    tasks: Handle,
    outbound: RwLock<HashMap<NodeId, [Arc<Outbound>; Class::ALL.len()]>>,
    inbound: Mutex<HashMap<(NodeId, Class), Slot>>,
    /// What each task of a lane holds while it runs; none once the transport closes.
    alive: Mutex<Option<mpsc::Sender<Infallible>>>,
}

/// The inbound lane of one node and class. There is at most one, and one that waits to follow it.
struct Slot {
    /// None when the last one has ended.
    lane: Option<(PeerIdentity, Arc<Stop>)>,
    place: Arc<Place>,
}

/// What the inbound lanes of one node and class have in common, one after the other.
pub(crate) struct Place {
    /// Whose turn it is to hand frames on: a lane that is replaced ends before the next one begins.
    pub(crate) baton: Semaphore,
    pub(crate) account: Arc<Account>,
}

impl Slot {
    fn new(class: Class) -> Self {
        let (baton, account) = (Semaphore::new(1), Arc::new(Account::new(class)));
        Self { lane: None, place: Arc::new(Place { baton, account }) }
    }

    /// Whether a lane is there, or one that has ended is still seen: by its task, or by who holds its frames.
    fn is_used(&self) -> bool {
        let is_held = Arc::strong_count(&self.place.account) > 1;
        self.lane.is_some() || is_held || Arc::strong_count(&self.place) > 1
    }
}

/// The right to have an inbound lane.
pub(crate) struct Admission {
    pub(crate) stop: Arc<Stop>,
    pub(crate) place: Arc<Place>,
    /// Held while the lane runs: closing waits for lanes, and not for who has not shown who it is.
    _alive: mpsc::Sender<Infallible>,
}

impl Peers {
    pub(crate) fn new(node: Arc<Node>, tasks: Handle, alive: mpsc::Sender<Infallible>) -> Self {
        let (outbound, inbound) = (RwLock::default(), Mutex::default());
        Self { node, tasks, outbound, inbound, alive: Mutex::new(Some(alive)) }
    }

    /// Makes `peers` the whole list: dials who is new, and ends the lanes of who is not in it.
    pub(crate) fn set(&self, peers: Vec<Peer>) -> Result<(), PeersError> {
        if peers.len() > PEERS_MAX {
            return Err(PeersError::TooMany { count: peers.len() });
        }
        let mut names = HashSet::new();
        for peer in &peers {
            if !names.insert(&peer.identity.node) {
                return Err(PeersError::Twice(peer.identity.node.clone()));
            }
            if !peer.has_bounded_address() {
                return Err(PeersError::Address(peer.identity.node.clone()));
            }
        }
        let mut outbound = self.outbound.write();
        // Looked at under the lock, or lanes could be made after `close` has ended all of them.
        let Some(alive) = self.alive() else { return Ok(()) };
        let mut former = std::mem::take(&mut *outbound);
        for peer in peers {
            // A node has no lanes to itself, nor to a former run of itself.
            if peer.identity.node == self.node.local.identity.node {
                continue;
            }
            let name = peer.identity.node.clone();
            // A peer that was given anew, with another address or incarnation, stays among the former ones.
            let kept = match former.entry(name.clone()) {
                Entry::Occupied(lanes) if lanes.get()[0].peer == peer => Some(lanes.remove()),
                Entry::Occupied(_) | Entry::Vacant(_) => None,
            };
            let lanes = kept.unwrap_or_else(|| self.spawn(&peer, &alive));
            outbound.insert(name, lanes);
        }
        let is_peer = |peer: &PeerIdentity| {
            outbound.get(&peer.node).is_some_and(|lanes| lanes[0].peer.identity == *peer)
        };
        let mut inbound = self.inbound.lock();
        let lanes = inbound.values().filter_map(|slot| slot.lane.as_ref());
        for (_, stop) in lanes.filter(|(peer, _)| !is_peer(peer)) {
            stop.remove();
        }
        inbound.retain(|_, slot| slot.is_used());
        drop(inbound);
        drop(outbound);
        for lane in former.into_values().flatten() {
            lane.queue.close(false);
        }
        Ok(())
    }

    fn spawn(
        &self,
        peer: &Peer,
        alive: &mpsc::Sender<Infallible>,
    ) -> [Arc<Outbound>; Class::ALL.len()] {
        Class::ALL.map(|class| {
            let lane = Arc::new(Outbound::new(peer.clone(), class));
            let (node, alive) = (Arc::clone(&self.node), alive.clone());
            let driven = Arc::clone(&lane);
            self.tasks.spawn(async move {
                run(&driven, &node).await;
                drop(alive);
            });
            lane
        })
    }

    /// The lane to a peer, unless it is none.
    pub(crate) fn lane(&self, to: &PeerIdentity, class: Class) -> Option<Arc<Outbound>> {
        let outbound = self.outbound.read();
        let lane = &outbound.get(&to.node)?[class.index()];
        (lane.peer.identity == *to).then(|| Arc::clone(lane))
    }

    /// How each outbound lane is, in the order of names.
    pub(crate) fn status(&self) -> Vec<LaneStatus> {
        let outbound = self.outbound.read();
        let mut found: Vec<_> = outbound.values().flatten().map(|lane| lane.status()).collect();
        found.sort_unstable_by(|a, b| (&a.peer, a.class).cmp(&(&b.peer, b.class)));
        found
    }

    /// Lets `peer` have an inbound lane, which ends the one it has; none when it is no peer, or the
    /// transport closes.
    pub(crate) fn admit(&self, peer: &PeerIdentity, class: Class) -> Option<Admission> {
        let outbound = self.outbound.read();
        let lanes = outbound.get(&peer.node).filter(|lanes| lanes[0].peer.identity == *peer)?;
        // It is there and knows this node, so lanes to it need not wait for their next attempt.
        for lane in lanes {
            lane.queue.kick();
        }
        let stop = Arc::new(Stop::default());
        let mut inbound = self.inbound.lock();
        // Under the lock, as in `set`.
        let alive = self.alive()?;
        let slot = inbound.entry((peer.node.clone(), class)).or_insert_with(|| Slot::new(class));
        if let Some((_, former)) = slot.lane.replace((peer.clone(), Arc::clone(&stop))) {
            former.replace();
        }
        Some(Admission { stop, place: Arc::clone(&slot.place), _alive: alive })
    }

    /// Forgets an inbound lane that has ended, unless another one took its place.
    pub(crate) fn forget(&self, peer: &PeerIdentity, class: Class, admission: &Admission) {
        let key = (peer.node.clone(), class);
        if let Some(slot) = self.inbound.lock().get_mut(&key) {
            slot.lane.take_if(|(_, stop)| Arc::ptr_eq(stop, &admission.stop));
        }
    }

    /// What a task of a lane holds while it runs.
    fn alive(&self) -> Option<mpsc::Sender<Infallible>> {
        self.alive.lock().clone()
    }

    /// Ends every lane; with `drains` what waits for outbound ones still leaves. No lane follows.
    pub(crate) fn close(&self, drains: bool) {
        self.alive.lock().take();
        for lane in self.outbound.read().values().flatten() {
            lane.queue.close(drains);
        }
        for (_, stop) in self.inbound.lock().values().filter_map(|slot| slot.lane.as_ref()) {
            stop.remove();
        }
    }
}
