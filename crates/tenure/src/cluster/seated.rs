use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use tenure_actor::{ActorType, Publications};
use tenure_cluster::{Config, Driver, Keeper, Rings, WithoutTable};
use tenure_observe::{ClusterStatus, Health, Metrics, names};
use tenure_protocol::cluster::Views;
use tenure_protocol::gossip::ADDRESS_BYTES_MAX;
use tenure_runtime::{Runtime, RuntimeConfig};
use tenure_sentinel::Sentinel;
use tenure_store::Store;
use tenure_transport::{
    Config as TransportConfig, DATAGRAM_EXTRA_BYTES, DATAGRAM_MARK, DATAGRAM_PLAIN_MAX, Inbound,
    Network, Transport,
};
use tenure_types::{ActorId, Clock, Entropy, Tasks, ViewNumber};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::timeout;

use super::agreement::Agreement;
use super::berth::{Berth, JOIN_MAX};
use super::datagrams::Datagrams;
use super::inbound::{Calls, FromPeers};
use super::local::LocalSeat;
use super::places::{row_address, shown_address};
use super::world::{NodeWorld, Stage};
use crate::config::Settings;
use crate::{Error, Result};

/// How often a node that leaves looks whether anybody is left to take its actors.
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// How long a node that has left answers calls which others sent before they knew.
const LINGER: Duration = Duration::from_millis(100);
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
        config.without_table = berth.without_table.as_ref().map(|it| it.config.clone());
        config.cluster.views = match &config.without_table {
            None => Views::Agreed,
            Some(WithoutTable::Gossip(_)) => Views::Heard,
            Some(WithoutTable::Fixed(_)) => Views::Fixed,
        };
        let config = Arc::new(config);
        let inbound = Arc::new(FromPeers::new(Arc::clone(&config)));
        let transport = Arc::new(lanes(&berth, &inbound, sentinel.as_deref()).await?);
        let socket = UdpSocket::bind(transport.address()).await.map(Arc::new);
        let datagrams = datagrams(&berth, &socket, (&clock, &tasks), &metrics)?;
        hear_datagrams(socket, transport.address(), (&inbound, &datagrams), &tasks);
        let sentinel = sentinel.filter(|sentinel| stands_guard(sentinel));
        let (tell, stage) = watch::channel(Stage::Joining);
        let address = berth.address(transport.address());
        let address = row_address(address, berth.identity.incarnation.0, &about);
        if berth.without_table.is_some() && address.len() > ADDRESS_BYTES_MAX {
            return Err(Error::Start(
                format!("{address} is too long for a datagram; choose a shorter cluster.advertise")
                    .into(),
            ));
        }
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
            datagrams,
            rings: Rings::default(),
            stage: tell,
            views: watch::Sender::default(),
            sentinel: sentinel.clone(),
            newest: Arc::default(),
            owed: Mutex::default(),
            parting: Mutex::default(),
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
        if self.driver.has_others() {
            tokio::time::sleep(LINGER).await;
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

/// The node's way to others by datagrams, where it is a member without a table.
fn datagrams(
    berth: &Berth,
    socket: &std::io::Result<Arc<UdpSocket>>,
    (clock, tasks): (&Arc<dyn Clock>, &Arc<dyn Tasks>),
    metrics: &Metrics,
) -> Result<Option<Arc<Datagrams>>> {
    let Some(without) = &berth.without_table else { return Ok(None) };
    let failed = |what: &dyn std::error::Error| Error::Start(Error::chain(what));
    let socket = match socket {
        Ok(socket) => Arc::clone(socket),
        Err(error) => {
            let what = format!("the UDP port of cluster.listen is needed too: {error}");
            return Err(Error::Start(what.into()));
        }
    };
    let dropped = metrics.register_counter(names::DATAGRAMS_DROPPED, &[]);
    Ok(Some(Arc::new(Datagrams::new(
        socket,
        (&without.key, &berth.cluster, berth.identity.incarnation.0),
        without.seeds.clone(),
        (Arc::clone(clock), Arc::clone(tasks)),
        dropped.map_err(|error| failed(&error))?,
    ))))
}

/// Listens for sentinels of other nodes, and for gossip: datagrams at the port where this node's lanes begin.
fn hear_datagrams(
    socket: std::io::Result<Arc<UdpSocket>>,
    address: &str,
    (inbound, datagrams): (&Arc<FromPeers>, &Option<Arc<Datagrams>>),
    tasks: &Arc<dyn Tasks>,
) {
    let socket = match socket {
        Ok(socket) => socket,
        Err(error) => {
            return tracing::warn!(%error, address, "sentinels of other nodes are not heard");
        }
    };
    let (inbound, datagrams) = (Arc::downgrade(inbound), datagrams.clone());
    let hear = async move {
        // Longer than any, so that what is longer is none.
        let mut datagram = [0; DATAGRAM_PLAIN_MAX + DATAGRAM_EXTRA_BYTES + 1];
        loop {
            let came = socket.recv_from(&mut datagram).await;
            let Some(inbound) = inbound.upgrade() else { return };
            let Ok((len, _)) = came else { continue };
            let datagram = &datagram[..len];
            match &datagrams {
                Some(datagrams) if datagram.first() == Some(&DATAGRAM_MARK) => {
                    datagrams.open(datagram).into_iter().for_each(|plain| inbound.gossiped(plain));
                }
                _ => inbound.noticed(datagram),
            }
        }
    };
    tasks.spawn("datagrams", Box::pin(hear));
}
