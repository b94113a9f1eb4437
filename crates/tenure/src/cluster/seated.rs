use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tenure_actor::ActorType;
use tenure_cluster::{Config, Driver, Rings};
use tenure_observe::{Health, Metrics};
use tenure_protocol::lease::{LEASE_EMBEDDED, LeaseTerms};
use tenure_runtime::{Runtime, RuntimeConfig};
use tenure_store::Store;
use tenure_store_dev::{DevClient, DevClientConfig, bounds::PATIENCE};
use tenure_transport::{
    ClusterKey, Config as TransportConfig, Inbound, Network, Security, Transport,
};
use tenure_types::{Clock, Entropy, Tasks};
use tokio::sync::watch;
use tokio::time::timeout;

use super::inbound::{Calls, FromPeers};
use super::local::{LocalSeat, cluster_name};
use super::places::row_address;
use super::world::{NodeWorld, Stage};
use crate::{Error, Result};

/// How long a node may take to get its place and its store.
const JOIN_MAX: Duration = Duration::from_secs(30);
/// How often a node that leaves looks whether anybody is left to take its actors.
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// How long the member table may take to hear that a node has left.
const LEAVE_MAX: Duration = Duration::from_secs(2);
/// Where nodes of a local cluster listen for each other, and for the store's answers.
const LISTEN: &str = "127.0.0.1:0";

/// What a node is made of, whichever cluster it joins.
pub(crate) struct Around {
    pub(crate) types: Vec<ActorType>,
    pub(crate) runtime: RuntimeConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: Arc<dyn Tasks>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
}

/// A node's place in a cluster.
pub(crate) struct Seated {
    driver: Arc<Driver<NodeWorld>>,
    transport: Arc<Transport>,
    client: DevClient,
    stage: watch::Receiver<Stage>,
}

impl Seated {
    /// Joins, and waits until the node takes calls. On the node's own threads.
    ///
    /// # Errors
    /// [`Error::Start`]; nothing is left running then but what the node's threads end.
    pub(crate) async fn join(seat: LocalSeat, around: Around) -> Result<(Self, Arc<Runtime>)> {
        let failed = |error: &dyn std::error::Error| Error::Start(Error::chain(error));
        let LocalSeat { identity, server, key } = seat;
        let key = ClusterKey::from_text(&key).map_err(|error| failed(&error))?;
        let client = DevClient::start(DevClientConfig {
            cluster: cluster_name(),
            identity: identity.clone(),
            server,
            listen: LISTEN.to_owned(),
            advertise: None,
            network: Network::tcp(),
            key: key.clone(),
            patience: PATIENCE,
        });
        let client = client.await.map_err(|error| failed(&error))?;
        let Around { types, runtime, clock, tasks, entropy, metrics, health } = around;
        let mut config = Config::new(types);
        config.membership.terms = LeaseTerms::new(LEASE_EMBEDDED);
        config.cluster.report_patience = config.membership.terms.expiry();
        let config = Arc::new(config);
        let inbound = Arc::new(FromPeers::new(Arc::clone(&config)));
        let transport = TransportConfig {
            cluster: cluster_name(),
            identity: identity.clone(),
            listen: LISTEN.to_owned(),
            network: Network::tcp(),
            security: Security::Key(key),
            hello: Bytes::new(),
        };
        let transport = Transport::start(transport, Arc::clone(&inbound) as Arc<dyn Inbound>);
        let transport = Arc::new(transport.await.map_err(|error| failed(&error))?);
        let (tell, stage) = watch::channel(Stage::Joining);
        let world = NodeWorld {
            node: identity.node,
            address: row_address(transport.address(), identity.incarnation.0),
            clock,
            tasks,
            entropy,
            metrics,
            health,
            runtime,
            client: client.clone(),
            inbound: Arc::clone(&inbound),
            transport: Arc::clone(&transport),
            rings: Rings::default(),
            stage: tell,
            incarnation: OnceLock::new(),
            begun: Mutex::new(None),
        };
        let driver = Driver::new(world, config);
        let calls: Weak<dyn Calls> = Arc::downgrade(&(Arc::clone(&driver) as Arc<dyn Calls>));
        inbound.serve(calls);
        driver.start();
        let seated = Self { driver, transport, client, stage };
        let runtime = seated.stands().await?;
        Ok((seated, runtime))
    }

    async fn stands(&self) -> Result<Arc<Runtime>> {
        let mut stage = self.stage.clone();
        let is_decided = |stage: &Stage| !matches!(stage, Stage::Joining);
        let decided = timeout(JOIN_MAX, stage.wait_for(is_decided)).await;
        match decided.as_ref().map(|it| it.as_deref()) {
            Ok(Ok(Stage::Stands(runtime))) => Ok(Arc::clone(runtime)),
            Err(_) => Err(Error::Start(
                "the node got no place in its cluster in 30 s; is its host there, and was it given this run's seat?".into(),
            )),
            _ => Err(Error::Start("the node lost its place as soon as it had it; start it again".into())),
        }
    }

    /// What its actors are kept in.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.client.store())
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

    /// The runtime has stopped: the member table is told, and the ways to others end in good order.
    pub(crate) async fn leave(&self) {
        self.driver.stopped();
        if timeout(LEAVE_MAX, self.ended()).await.is_err() {
            tracing::warn!(
                "the member table was not told that this node has left; its lease runs out"
            );
        }
        self.transport.close().await;
        self.client.close().await;
    }

    /// Ends when the node has left, or has lost its place.
    pub(crate) async fn ended(&self) {
        let mut stage = self.stage.clone();
        stage.wait_for(|stage| matches!(stage, Stage::Ended)).await.ok();
    }
}
