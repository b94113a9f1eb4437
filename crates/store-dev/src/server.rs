//! The process that has the store.

mod answer;
mod client;
mod hub;
mod outlet;
mod serve;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tenure_protocol::view::table::Table;
use tenure_store::{Store, StoreError};
use tenure_transport::{
    ClusterKey, ClusterName, Config, Network, PeerIdentity, Security, StartError, Transport,
};
use tenure_types::NodeId;

pub use hub::AdmitError;
use hub::Hub;

/// What a [`DevServer`] is made of.
#[derive(Clone, Debug)]
pub struct DevServerConfig {
    /// The cluster, as the clients have it.
    pub cluster: ClusterName,
    /// Who the server is to its clients.
    pub identity: PeerIdentity,
    /// Where to listen, `host:port`; port 0 takes any.
    pub listen: String,
    /// What connections are made of.
    pub network: Network,
    /// The cluster's key.
    pub key: ClusterKey,
}

/// Serves a store and a member table to the processes of a local cluster: **for development and tests
/// only.** See the crate's documentation for why.
///
/// It opens nothing itself: it is given a way to make a store for each client, all over the same data.
/// Dropped, it ends at once; the stores of its clients are dropped when what they do is done.
pub struct DevServer {
    hub: Arc<Hub>,
    transport: Arc<Transport>,
}

impl DevServer {
    /// Listens; nobody is admitted yet. `make` makes the store of one client, which is not open, and `table`
    /// begins at or past the highest incarnation that the store ever saw
    /// ([`Table::beginning_at`]). Runs on the current tokio runtime, which needs I/O and time.
    ///
    /// # Errors
    /// [`StartError`] when it cannot listen there.
    pub async fn start(
        config: DevServerConfig,
        table: Table,
        make: impl Fn() -> Arc<dyn Store> + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let hub = Arc::new(Hub::new(config.identity.clone(), table, Box::new(make)));
        let transport = Config {
            cluster: config.cluster,
            identity: config.identity,
            listen: config.listen,
            network: config.network,
            security: Security::Key(config.key),
            hello: Bytes::new(),
        };
        let transport = Transport::start(transport, Arc::clone(&hub) as Arc<_>).await?;
        let transport = Arc::new(transport);
        hub.begin(&transport);
        Ok(Self { hub, transport })
    }

    /// Where it listens, with the port that was taken.
    #[must_use]
    pub fn address(&self) -> &str {
        self.transport.address()
    }

    /// Who it is to its clients.
    #[must_use]
    pub fn identity(&self) -> &PeerIdentity {
        self.hub.identity()
    }

    /// Hears this process from now on; where it listens it says itself. Another run of the same node is
    /// dismissed first. Admitted again it changes nothing.
    ///
    /// # Errors
    /// [`AdmitError`]; nothing was changed.
    ///
    /// # Cancel safety
    /// Dropped, the client is admitted or not, and the store of the run before is closed or dropped.
    pub async fn admit(&self, client: PeerIdentity) -> Result<(), AdmitError> {
        let former = self.hub.admit(&client)?;
        if let Some(former) = former
            && let Err(error) = former.store.close().await
        {
            tracing::warn!(client = %former.identity, %error, "a store was not closed in order");
        }
        Ok(())
    }

    /// Hears the process no more and closes its store: what it submitted is committed first. One that is
    /// not there is no error.
    ///
    /// # Errors
    /// As [`Store::close`]; it is not heard any more all the same.
    ///
    /// # Cancel safety
    /// Dropped, the client is not heard any more, and its store is closed or dropped.
    pub async fn dismiss(&self, node: &NodeId) -> Result<(), StoreError> {
        match self.hub.dismiss(node) {
            Some(client) => client.store.close().await,
            None => Ok(()),
        }
    }

    /// Dismisses everybody and ends. What was answered still leaves.
    ///
    /// # Errors
    /// The first [`StoreError`] of a store that was not closed in order; all others were closed too.
    ///
    /// # Cancel safety
    /// Dropped, it ends at once.
    pub async fn close(self) -> Result<(), StoreError> {
        let clients: BTreeMap<_, _> = self.hub.end();
        let mut closed = Ok(());
        for client in clients.into_values() {
            closed = closed.and(client.store.close().await);
        }
        self.transport.close().await;
        closed
    }
}
