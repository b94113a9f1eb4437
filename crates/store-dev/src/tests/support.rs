//! A server and its clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tenure_protocol::view::table::Table;
use tenure_store::{Content, Encoded, EventLog, Store, Unit};
use tenure_store_embedded::EmbeddedStore;
use tenure_transport::{ClusterKey, ClusterName, Network, Peer, PeerIdentity};
use tenure_types::{
    ActorId, ActorTypeName, Incarnation, Key, NodeId, Tenure, Token, Version, ViewNumber,
};
use tokio::runtime::Handle;
use tokio::task::{block_in_place, yield_now};
use tokio::time::Instant;

use crate::{DevClient, DevClientConfig, DevServer, DevServerConfig};

/// How long a test waits for what must happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs what cannot wait where it is asked for.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(future))
}

/// Waits until `is_so`.
pub(super) async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "it does not come to pass that {what}");
        yield_now().await;
    }
}

/// An embedded store that is served.
pub(super) struct Served {
    pub(super) folder: TempDir,
    pub(super) base: Arc<EmbeddedStore>,
    pub(super) server: DevServer,
    pub(super) key: ClusterKey,
    clients: AtomicU64,
}

impl Served {
    pub(super) async fn start() -> Self {
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new());
        let folder = folder.expect("a folder");
        let base = Arc::new(EmbeddedStore::new(folder.path()));
        let key = ClusterKey::generate().map(|it| ClusterKey::from_text(&it));
        let key = key.expect("randomness").expect("a key");
        let config = DevServerConfig {
            cluster: cluster(),
            identity: identity("parent", 1),
            listen: "127.0.0.1:0".to_owned(),
            network: Network::tcp(),
            key: key.clone(),
        };
        let table = Table::beginning_at(ViewNumber(7));
        let shared = Arc::clone(&base);
        let make = move || Arc::new(shared.share()) as Arc<dyn Store>;
        let server = DevServer::start(config, table, make).await.expect("it listens");
        Self { folder, base, server, key, clients: AtomicU64::new(0) }
    }

    pub(super) fn peer(&self) -> Peer {
        let address = self.server.address().to_owned();
        Peer { identity: self.server.identity().clone(), address }
    }

    pub(super) fn config(&self, identity: PeerIdentity) -> DevClientConfig {
        DevClientConfig {
            cluster: cluster(),
            identity,
            server: self.peer(),
            listen: "127.0.0.1:0".to_owned(),
            advertise: None,
            network: Network::tcp(),
            key: self.key.clone(),
            patience: PATIENCE,
        }
    }

    /// A client that was not there before. There are few at a time: who was there long before is dismissed.
    pub(super) async fn client(&self) -> DevClient {
        let number = self.clients.fetch_add(1, Ordering::Relaxed);
        let identity = identity(&format!("child-{}", number % 16), number + 1);
        self.server.admit(identity.clone()).await.expect("there is room");
        DevClient::start(self.config(identity)).await.expect("it listens")
    }

    /// A client that has joined as this incarnation.
    pub(super) async fn joined(&self, number: u64) -> Joined {
        let client = self.client().await;
        let (store, incarnation) = (Arc::new(client.store()), Incarnation(number));
        store.join(incarnation).await.expect("it joins");
        Joined { client, store, incarnation }
    }

    /// Ends everybody, so that nobody has the folder open.
    pub(super) async fn dismiss_all(&self) {
        for number in 0..16 {
            let node = NodeId::new(&format!("child-{number}")).expect("a good name");
            self.server.dismiss(&node).await.expect("its store is closed");
        }
    }
}

pub(super) struct Joined {
    pub(super) client: DevClient,
    pub(super) store: Arc<dyn Store>,
    pub(super) incarnation: Incarnation,
}

impl Joined {
    pub(super) fn unit(&self, key: &str, expected: u64) -> Unit {
        Unit {
            actor: actor(key),
            expected: Version(expected),
            version: Version(expected + 1),
            tenure: Tenure { view: self.incarnation.0, sequence: 1 },
            token: Token { incarnation: self.incarnation, sequence: expected + 1 },
            written_at_ms: 5,
            log: EventLog::default(),
            content: Content::State(Encoded { schema: 1, codec: 2, bytes: key.into() }),
            rows: Vec::new(),
            entries: Vec::new(),
        }
    }
}

pub(super) fn actor(key: &str) -> ActorId {
    ActorId {
        actor_type: ActorTypeName::new("cart").expect("a good name"),
        key: Key::new(key).expect("a good key"),
    }
}

pub(super) fn cluster() -> ClusterName {
    ClusterName::new("test").expect("a good name")
}

pub(super) fn identity(node: &str, run: u64) -> PeerIdentity {
    let node = NodeId::new(node).expect("a good name");
    PeerIdentity { node, incarnation: Incarnation(run) }
}
