use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use tenure_actor::{ActorType, Publications};
use tenure_cluster::{Config, Driver, Keeper, Rings};
use tenure_observe::{ClusterStatus, Health, Metrics};
use tenure_runtime::{Runtime, RuntimeConfig};
use tenure_sentinel::{NOTICE_BYTES, Sentinel};
use tenure_store::Store;
use tenure_transport::{Config as TransportConfig, Inbound, Network, Transport};
use tenure_types::{ActorId, Clock, Entropy, Tasks, ViewNumber};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::timeout;

use super::agreement::Agreement;
use super::berth::{Berth, JOIN_MAX};
use super::inbound::{Calls, FromPeers};
use super::local::LocalSeat;
use super::places::{row_address, shown_address};
use super::world::{NodeWorld, Stage};
use crate::config::Settings;
use crate::{Error, Result};

/// How often a node that leaves looks whether anybody is left to take its actors.
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// How long the member table may take to hear that a node has left.
const LEAVE_MAX: Duration = Duration::from_secs(2);

/// What a node is made of, whichever cluster it joins.
pub(crate) struct Around {
    pub(crate) types: Vec<ActorType>,
    pub(crate) runtime: RuntimeConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: Arc<dyn Tasks>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
    /// What other members are told of the node beside its address.
    pub(crate) about: Box<str>,
    /// Held by every thread of the node.
    pub(crate) sentinel: Option<Arc<Sentinel>>,
}

/// A node's place in a cluster.
pub(crate) struct Seated {
    driver: Arc<Driver<NodeWorld>>,
    transport: Arc<Transport>,
    agreement: Arc<Agreement>,
    stage: watch::Receiver<Stage>,
    sentinel: Option<Arc<Sentinel>>,
}

impl Seated {
    /// Joins a local cluster, and waits until the node takes calls. On the node's own threads.
    ///
    /// # Errors
    /// [`Error::Start`]; nothing is left running then but what the node's threads end.
    pub(crate) async fn local(seat: LocalSeat, around: Around) -> Result<(Self, Arc<Runtime>)> {
        Self::join(Berth::local(seat).await?, around).await
    }

    /// Joins the cluster that the settings name; as above.
    ///
    /// # Errors
    /// As above.
    pub(crate) async fn member(
        settings: &Settings,
        listen: SocketAddr,
        around: Around,
    ) -> Result<(Self, Arc<Runtime>)> {
        Self::join(Berth::of(settings, listen, &*around.entropy).await?, around).await
    }

    async fn join(berth: Berth, around: Around) -> Result<(Self, Arc<Runtime>)> {
        let Around { types, runtime, clock, tasks, entropy, metrics, health, about, sentinel } =
            around;
        let mut config = Config::new(types);
        config.membership.terms = berth.terms;
        config.membership.fast_path = berth.fast_path;
        config.level = config.level.filter(|_| berth.levels);
        config.cluster.report_patience = config.membership.terms.expiry();
        let config = Arc::new(config);
        let inbound = Arc::new(FromPeers::new(Arc::clone(&config)));
        let transport = Arc::new(lanes(&berth, &inbound, sentinel.as_deref()).await?);
        hear_notices(&transport, &inbound, &tasks).await;
        let sentinel = sentinel.filter(|sentinel| stands_guard(sentinel));
        let (tell, stage) = watch::channel(Stage::Joining);
        let address = berth.address(transport.address());
        let address = row_address(address, berth.identity.incarnation.0, &about);
        let agreement = Arc::new(berth.agreement);
        let world = NodeWorld {
            node: berth.identity.node,
            address,
            clock,
            tasks,
            entropy,
            metrics,
            health,
            runtime,
            agreement: Arc::clone(&agreement),
            inbound: Arc::clone(&inbound),
            transport: Arc::clone(&transport),
            lanes: ArcSwap::default(),
            rings: Rings::default(),
            stage: tell,
            views: watch::Sender::default(),
            sentinel: sentinel.clone(),
            newest: Arc::default(),
            owed: Mutex::default(),
            incarnation: OnceLock::new(),
            begun: Mutex::new(None),
        };
        let driver = Driver::new(world, config);
        let calls: Weak<dyn Calls> = Arc::downgrade(&(Arc::clone(&driver) as Arc<dyn Calls>));
        inbound.serve(calls);
        driver.start();
        let seated = Self { driver, transport, agreement, stage, sentinel };
        let runtime = seated.stands().await?;
        Ok((seated, runtime))
    }

    async fn stands(&self) -> Result<Arc<Runtime>> {
        let mut stage = self.stage.clone();
        let is_decided = |stage: &Stage| !matches!(stage, Stage::Joining);
        let decided = timeout(JOIN_MAX, stage.wait_for(is_decided)).await;
        match decided.as_ref().map(|it| it.as_deref()) {
            Ok(Ok(Stage::Stands(runtime))) => Ok(Arc::clone(runtime)),
            Err(_) => {
                let (waited, advice) = (JOIN_MAX, self.agreement.advice());
                let what = format!("the node got no place in its cluster in {waited:?}; {advice}");
                Err(Error::Start(what.into()))
            }
            _ => Err(Error::Start(
                "the node lost its place as soon as it had it; start it again".into(),
            )),
        }
    }

    /// What its actors are kept in.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.agreement.store()
    }

    /// What the node knows of its cluster.
    pub(crate) fn status(&self) -> ClusterStatus {
        let mut status = self.driver.status();
        for member in &mut status.members {
            let listens = shown_address(&member.address).len();
            member.address.truncate(listens);
        }
        status
    }

    /// Who keeps the part of the hash space in which this name lies.
    pub(crate) fn keeper_of(&self, name: &ActorId) -> Keeper {
        self.driver.keeper_of(name)
    }

    /// The newest view that the node knows, and those that follow.
    pub(crate) fn views(&self) -> watch::Receiver<ViewNumber> {
        self.driver.world().views.subscribe()
    }

    /// What actors publish, wherever they live; `None` where the node has lost its place.
    pub(crate) fn publications(&self) -> Option<Arc<dyn Publications>> {
        self.driver.publications()
    }

    /// Lets the node take no new activations, or take them again.
    pub(crate) fn cordon(&self, is_cordoned: bool) {
        self.driver.cordon(is_cordoned);
    }

    /// Lets everything move away while the node's servers still take calls, if there is somebody to take it.
    pub(crate) fn retreat(&self) {
        if self.driver.has_others() {
            self.driver.retreat();
        }
    }

    /// Lets everything move away, if there is somebody to take it. Gives up after `budget`.
    pub(crate) async fn drain(&self, budget: Duration) {
        self.driver.drain();
        let until = tokio::time::Instant::now() + budget;
        while self.driver.has_others() {
            if timeout(LOOK_PERIOD, self.ended()).await.is_ok() {
                return;
            }
            if tokio::time::Instant::now() >= until {
                return tracing::warn!(
                    ?budget,
                    "not everything had moved when the budget was over"
                );
            }
        }
    }

    /// The runtime has stopped, and saved everything or not: the member table is told, and the ways to others end in
    /// good order.
    pub(crate) async fn leave(&self, has_saved: bool) {
        self.driver.stopped(has_saved);
        if timeout(LEAVE_MAX, self.ended()).await.is_err() {
            tracing::warn!(
                "the member table was not told that this node has left; its lease runs out"
            );
        }
        self.transport.close().await;
        self.agreement.close().await;
        if let Some(sentinel) = self.sentinel.clone() {
            // It waits for a process that was killed.
            tokio::task::spawn_blocking(move || sentinel.end()).await.ok();
        }
    }

    /// Ends when the node has left, or has lost its place.
    pub(crate) async fn ended(&self) {
        let mut stage = self.stage.clone();
        stage.wait_for(|stage| matches!(stage, Stage::Ended)).await.ok();
    }
}

/// Listens for other nodes.
async fn lanes(
    berth: &Berth,
    inbound: &Arc<FromPeers>,
    sentinel: Option<&Sentinel>,
) -> Result<Transport> {
    let transport = TransportConfig {
        cluster: berth.cluster.clone(),
        identity: berth.identity.clone(),
        listen: berth.listen.clone(),
        network: Network::tcp(),
        security: berth.security.clone(),
        hello: hello(sentinel),
    };
    let started = Transport::start(transport, Arc::clone(inbound) as Arc<dyn Inbound>).await;
    started.map_err(|error| Error::Start(Error::chain(&error)))
}

/// What peers must know of this process.
fn hello(sentinel: Option<&Sentinel>) -> Bytes {
    let commitment = sentinel.map(Sentinel::commitment);
    commitment.map_or_else(Bytes::new, |it| Bytes::copy_from_slice(it.as_bytes()))
}

/// Starts the sentinel; without one the others wait for the lease.
fn stands_guard(sentinel: &Sentinel) -> bool {
    let started = sentinel.start();
    if let Err(error) = &started {
        tracing::warn!(error = %Error::chain(error), "nobody will prove this node's death");
    }
    started.is_ok()
}

/// Listens for sentinels of other nodes: datagrams at the port where this node's lanes begin.
async fn hear_notices(transport: &Transport, inbound: &Arc<FromPeers>, tasks: &Arc<dyn Tasks>) {
    let socket = match UdpSocket::bind(transport.address()).await {
        Ok(socket) => socket,
        Err(error) => {
            let address = transport.address();
            return tracing::warn!(%error, address, "sentinels of other nodes are not heard");
        }
    };
    let inbound = Arc::downgrade(inbound);
    let hear = async move {
        // Longer than a notice, so that what is longer is none.
        let mut datagram = [0; NOTICE_BYTES + 1];
        loop {
            let came = socket.recv_from(&mut datagram).await;
            let Some(inbound) = inbound.upgrade() else { return };
            if let Ok((len, _)) = came {
                inbound.noticed(&datagram[..len]);
            }
        }
    };
    tasks.spawn("notices", Box::pin(hear));
}
