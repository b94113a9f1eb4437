//! One process of the cluster: what it asks the server of.

mod channel;
mod connection;
mod link;
mod store;
mod table;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tenure_transport::{
    ClusterKey, ClusterName, Config, Network, Peer, PeerIdentity, Security, StartError,
};

use connection::Connection;
pub use store::DevStore;
pub use table::DevTable;

/// What a [`DevClient`] is made of.
#[derive(Clone, Debug)]
pub struct DevClientConfig {
    /// The cluster, as the server has it.
    pub cluster: ClusterName,
    /// Who this process is to the server, which was told of it. Not its incarnation in the cluster: that
    /// it asks for.
    pub identity: PeerIdentity,
    /// The server, and where it listens.
    pub server: Peer,
    /// Where to listen for the server's answers, `host:port`; port 0 takes any.
    pub listen: String,
    /// Where the server finds that, if not where it listens.
    pub advertise: Option<String>,
    /// What connections are made of.
    pub network: Network,
    /// The cluster's key.
    pub key: ClusterKey,
    /// How long a request waits while the server is not reached;
    /// [`PATIENCE`](crate::bounds::PATIENCE) is a good one.
    pub patience: Duration,
}

/// A process's way to its [`DevServer`](crate::DevServer), for development and tests only. It ends when it, its
/// stores and its tables are dropped.
#[derive(Clone)]
pub struct DevClient {
    connection: Arc<Connection>,
}

impl DevClient {
    /// Listens for answers and begins to dial the server; whether it is there shows later. Runs on the
    /// current tokio runtime, which needs I/O and time.
    ///
    /// # Errors
    /// [`StartError`] when it cannot listen there, or the address of the server is none.
    pub async fn start(config: DevClientConfig) -> Result<Self, StartError> {
        let patience = config.patience;
        let DevClientConfig { cluster, identity, server, listen, network, key, .. } = config;
        let (security, hello) = (Security::Key(key), Bytes::new());
        let transport = Config { cluster, identity, listen, network, security, hello };
        let connection = Connection::start(transport, server, config.advertise, patience).await?;
        Ok(Self { connection: Arc::new(connection) })
    }

    /// Where it listens for answers, with the port that was taken.
    #[must_use]
    pub fn address(&self) -> &str {
        self.connection.address()
    }

    /// The store that the server keeps for this process. It is one, however often it is asked for.
    #[must_use]
    pub fn store(&self) -> DevStore {
        DevStore::new(Arc::clone(&self.connection))
    }

    /// The member table of the cluster.
    #[must_use]
    pub fn table(&self) -> DevTable {
        DevTable::new(Arc::clone(&self.connection))
    }

    /// Ends the way to the server in good order: what was sent still leaves. What is not answered by then
    /// is answered as where the way breaks.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it to end by itself.
    pub async fn close(&self) {
        self.connection.close().await;
    }
}
