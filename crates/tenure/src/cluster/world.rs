use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use tenure_cluster::{Body, Driver, Frame, Heard, Lane, Rings, World};
use tenure_observe::{Health, Metrics, resident_bytes};
use tenure_protocol::view::membership::{Lost, Seat as Place};
use tenure_protocol::view::table::{TableAnswer, TableError, TableRequest};
use tenure_protocol::view::{Member, MemberState, View};
use tenure_runtime::{Parts, Runtime, RuntimeConfig, Seat, StartError};
use tenure_sentinel::Sentinel;
use tenure_store::Store;
use tenure_transport::{
    Class, Frame as Carried, Lane as WayTo, Peer, PeerIdentity, SendError, Transport,
};
use tenure_types::{BoxFuture, Clock, Entropy, Incarnation, NodeId, Tasks, ViewNumber};
use tokio::net::lookup_host;
use tokio::sync::watch;

use super::agreement::Agreement;
use super::datagrams::Datagrams;
use super::inbound::{Calls, FromPeers};
use super::owed::Owed;
use super::parting::{Parting, Rows};
use super::places::{peer_of, peers_of, shown_address};

/// How far a node of a cluster has come.
#[derive(Clone, Default)]
pub(super) enum Stage {
    /// It joins.
    #[default]
    Joining,
    /// It takes calls.
    Stands(Arc<Runtime>),
    /// It has left, or has lost its place. Nothing follows.
    Ended,
}

/// Where frames for members go.
pub(super) type Lanes = BTreeMap<Incarnation, [Option<WayTo>; Class::ALL.len()]>;

/// What is around a real node.
pub(super) struct NodeWorld {
    pub(super) node: NodeId,
    /// Where it is, as its row says.
    pub(super) address: Arc<str>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tasks: Arc<dyn Tasks>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) health: Arc<Health>,
    pub(super) runtime: RuntimeConfig,
    /// The way to the state store and the member table.
    pub(super) agreement: Arc<Agreement>,
    pub(super) inbound: Arc<FromPeers>,
    pub(super) transport: Arc<Transport>,
    /// The lanes to each member of the newest view, by class.
    pub(super) lanes: ArcSwap<Lanes>,
    /// The way of gossip, where the node is a member by it.
    pub(super) datagrams: Option<Arc<Datagrams>>,
    pub(super) rings: Rings,
    pub(super) stage: watch::Sender<Stage>,
    /// The number of the newest view.
    pub(super) views: watch::Sender<ViewNumber>,
    /// Tells others of the death of this process, where there is one.
    pub(super) sentinel: Option<Arc<Sentinel>>,
    /// The number of the newest view, whose members the sentinel tells.
    pub(super) newest: Arc<AtomicU64>,
    /// Answers that no lane took.
    pub(super) owed: Mutex<Owed>,
    /// Whom it talks with.
    pub(super) parting: Mutex<Parting>,
    /// Its own incarnation.
    pub(super) incarnation: OnceLock<Incarnation>,
    /// Its runtime, until the view says that the node is alive.
    pub(super) begun: Mutex<Option<Arc<Runtime>>>,
}

impl NodeWorld {
    /// The sentinel is told who else there is. It does not look up names.
    fn tell_sentinel(&self, view: ViewNumber, peers: &[(Peer, Arc<str>)]) {
        let Some(sentinel) = self.sentinel.clone() else { return };
        let newest = Arc::clone(&self.newest);
        newest.store(view.0, Ordering::Relaxed);
        let others = peers.iter().filter(|(peer, _)| peer.identity.node != self.node);
        let others: Vec<String> = others.map(|(peer, _)| peer.address.clone()).collect();
        let tell = async move {
            let mut addresses = Vec::new();
            for other in others {
                match lookup_host(&other).await {
                    Ok(found) => addresses.extend(found.take(1)),
                    Err(error) => tracing::debug!(%error, other, "its address is not known now"),
                }
            }
            // Names of an older view may be found later than those of a newer one.
            if newest.load(Ordering::Relaxed) == view.0 {
                sentinel.tell(&addresses);
            }
        };
        self.tasks.spawn("sentinel", Box::pin(tell));
    }
}

impl NodeWorld {
    /// Sends an answer that no lane took, or keeps it for the next one.
    fn owe(&self, to: &PeerIdentity, answer: Carried) -> bool {
        // Under the lock: a lane that comes up now finds it.
        let mut owed = self.owed.lock();
        match self.transport.send(to, answer.clone()) {
            Err(SendError::Down | SendError::Full) => owed.keep(to.clone(), answer),
            sent => sent.is_ok(),
        }
    }
}

impl NodeWorld {
    /// These and nobody else, from now on.
    fn talk_with(&self, peers: Rows) {
        let rows = peers.iter().map(|(peer, row)| (peer.identity.clone(), Arc::clone(row)));
        self.inbound.know(rows.collect());
        self.owed.lock().retain(|owed| peers.iter().any(|(peer, _)| peer.identity == *owed));
        if let Err(error) = self.transport.set_peers(peers.into_iter().map(|(peer, _)| peer)) {
            tracing::error!(%error, "the members of a view cannot all be reached");
        }
    }

    fn pay(&self, peer: &PeerIdentity) {
        let answers = self.owed.lock().take(peer);
        for answer in answers {
            self.owe(peer, answer);
        }
    }
}

impl Calls for Driver<NodeWorld> {
    fn reached(self: Arc<Self>, peer: &PeerIdentity) {
        self.world().pay(peer);
    }

    fn take_now(self: Arc<Self>, frame: Frame) -> Option<Frame> {
        Driver::take_now(&self, frame)
    }
}

impl World for NodeWorld {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    fn tasks(&self) -> Arc<dyn Tasks> {
        Arc::clone(&self.tasks)
    }

    /// By multiplication (Lemire 2019), without its rejection: ends are small beside 2^64.
    fn below(&self, end: u64) -> u64 {
        ((u128::from(self.entropy.next_u64()) * u128::from(end)) >> 64) as u64
    }

    fn place(&self) -> Place {
        Place { node: self.node.clone(), weight: 1, address: Arc::clone(&self.address) }
    }

    async fn heard(&self) -> Heard {
        self.inbound.next().await
    }

    fn send(&self, to: &Member, frame: Frame) -> bool {
        let class = match frame.body.lane() {
            Lane::Control => Class::Control,
            Lane::Call => Class::Call,
            Lane::Bulk => Class::Bulk,
        };
        let lanes = self.lanes.load();
        let known = lanes.get(&to.incarnation).and_then(|of| of[class as usize].clone());
        // A view's lanes are made before they are listed.
        let made = || self.transport.lane(&peer_of(to)?.identity, class);
        let Some(lane) = known.or_else(made) else { return false };
        let encode = || match frame.encode() {
            Ok((kind, body)) => Some((kind, Bytes::from(body))),
            Err(error) => {
                tracing::error!(%error, "what a node is to be told cannot be written");
                None
            }
        };
        let Some((kind, body)) = encode() else { return false };
        let is_answer = matches!(frame.body, Body::NotHere { .. } | Body::Settled { .. });
        match lane.send(kind, body) {
            Err(SendError::Down | SendError::Full) if is_answer => encode()
                .is_some_and(|(kind, body)| self.owe(lane.peer(), Carried { class, kind, body })),
            Err(error) => {
                let (to, name) = (lane.peer(), frame.body.name());
                tracing::debug!(%to, name, %error, "a frame was not taken");
                false
            }
            Ok(()) => true,
        }
    }

    fn learnt(&self, view: &Arc<View>) {
        self.tell_sentinel(view.number, &peers_of(view));
        self.views.send_replace(view.number);
        let peers = self.parting.lock().learn(self.clock.now(), view);
        self.talk_with(peers);
        let lanes = view.members().filter_map(|member| {
            let to = peer_of(member)?.identity;
            Some((member.incarnation, Class::ALL.map(|class| self.transport.lane(&to, class))))
        });
        self.lanes.store(Arc::new(lanes.collect()));
        let me = self.incarnation.get();
        if me.and_then(|me| view.state(*me)) == Some(MemberState::Alive)
            && let Some(runtime) = self.begun.lock().take()
        {
            self.stage.send_replace(Stage::Stands(runtime));
        }
    }

    /// Lanes that were full may have room, and who left is not waited for any more.
    fn look(&self) {
        let fewer = self.parting.lock().look(self.clock.now());
        if let Some(peers) = fewer {
            self.talk_with(peers);
        }
        let peers = self.owed.lock().peers();
        peers.iter().for_each(|peer| self.pay(peer));
    }

    fn ask_table(&self, ask: TableRequest) -> BoxFuture<'static, Result<TableAnswer, Lost>> {
        self.agreement.ask(ask)
    }

    fn send_datagram(&self, to: &Arc<str>, datagram: Vec<u8>) {
        if let Some(datagrams) = &self.datagrams {
            datagrams.send(shown_address(to), &datagram);
        }
    }

    fn knock(&self, datagram: Vec<u8>) {
        if let Some(datagrams) = &self.datagrams {
            datagrams.knock(datagram);
        }
    }

    fn misread(&self, why: &str) {
        if let Some(datagrams) = &self.datagrams {
            datagrams.dropped(why);
        }
    }

    fn differs(&self, node: &NodeId) {
        tracing::error!(
            %node,
            "cluster.nodes names other nodes there than here; the later of the two ends: give all nodes the same list"
        );
    }

    fn rings(&self) -> &Rings {
        &self.rings
    }

    fn store(&self) -> Arc<dyn Store> {
        self.agreement.store()
    }

    fn parts(&self, store: Arc<dyn Store>, seat: Arc<dyn Seat>) -> Parts {
        self.incarnation.get_or_init(|| seat.incarnation());
        Parts {
            config: self.runtime.clone(),
            store,
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            tasks: Arc::clone(&self.tasks),
            resident: resident_bytes,
            metrics: Arc::clone(&self.metrics),
            health: Arc::clone(&self.health),
            seat: Some(seat),
        }
    }

    /// One process is one incarnation: whoever runs it starts another one.
    fn discarded(&self, incarnation: Incarnation) -> bool {
        tracing::error!(%incarnation, "the node has no place in the cluster any more; start it again");
        false
    }

    fn stands(&self, runtime: &Arc<Runtime>) {
        *self.begun.lock() = Some(Arc::clone(runtime));
    }

    fn left(&self) {
        self.stage.send_replace(Stage::Ended);
    }

    fn alarm(&self, what: String) {
        tracing::error!(
            what,
            "something happened that the cluster's rules exclude; please report it"
        );
    }

    fn trouble(&self, trouble: &TableError) {
        tracing::error!(%trouble, "the member table is in trouble");
    }

    fn refused(&self, error: &StartError) {
        tracing::warn!(%error, "the store was not joined; it is tried again");
    }
}
