use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tenure_protocol::view::table::Table;
use tenure_store::Store;
use tenure_store_dev::{DevServer, DevServerConfig};
use tenure_store_embedded::EmbeddedStore;
use tenure_transport::{ClusterKey, ClusterName, Network, Peer, PeerIdentity};
use tenure_types::{Incarnation, NodeId, ViewNumber};

use crate::{Error, Result};

/// The cluster's name: its key is what keeps others out.
const CLUSTER: &str = "local";
/// The one who has the store, as nodes know it.
const HOST: &str = "local-store";

/// The store and the member table of a cluster on one machine: **for development and tests only.**
///
/// One process has them, in a folder, and serves them to the nodes: processes that it told of their [`LocalSeat`], or nodes
/// of its own. While it is away nobody commits, and its disk is the only one; nothing takes over.
///
/// # Examples
/// ```
/// use tenure::prelude::*;
/// use tenure::LocalCluster;
///
/// #[tenure::data]
/// #[derive(Default)]
/// pub struct Counter {
///     value: u64,
/// }
///
/// #[actor]
/// impl Counter {
///     pub fn add(&mut self, by: u64) -> u64 {
///         self.value += by;
///         self.value
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let cluster = LocalCluster::host(folder.path()).await?;
/// let mut nodes = Vec::new();
/// for name in ["a", "b", "c"] {
///     let seat = cluster.seat(name).await?;
///     nodes.push(Node::builder().actor::<Counter>().seat(seat).start().await?);
/// }
/// // One counter, whichever node is asked.
/// for (node, value) in nodes.iter().zip(1..) {
///     assert_eq!(node.actor::<Counter>("42").add(1).await?, value);
/// }
/// for node in nodes {
///     node.stop(std::time::Duration::from_secs(10)).await?;
/// }
/// cluster.close().await?;
/// # Ok(())
/// # }
/// ```
pub struct LocalCluster {
    base: EmbeddedStore,
    server: DevServer,
    key: String,
    runs: AtomicU64,
}

/// The place of one node in a [`LocalCluster`], for one run of it. Its text form is for another process, and a secret: it
/// has the cluster's key.
#[derive(Clone)]
pub struct LocalSeat {
    pub(super) identity: PeerIdentity,
    pub(super) server: Peer,
    pub(super) key: String,
}

/// Why a text is not a [`LocalSeat`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no seat in a local cluster; take the text that its host gives")]
pub struct LocalSeatError;

impl LocalCluster {
    /// Opens the embedded store in this folder and listens on this machine. Runs on the current tokio runtime, which needs
    /// I/O and time.
    ///
    /// # Errors
    /// [`Error::Start`] where the folder cannot be opened, or is open in another process.
    pub async fn host(folder: impl AsRef<Path>) -> Result<Self> {
        let failed = |error: &dyn std::error::Error| Error::Start(Error::chain(error));
        let base = EmbeddedStore::new(folder);
        let highest = base.host().await.map_err(|error| failed(&error))?;
        let key = ClusterKey::generate().map_err(|error| failed(&error))?;
        let node = NodeId::new(HOST).expect("a good name");
        let config = DevServerConfig {
            cluster: cluster_name(),
            identity: PeerIdentity { node, incarnation: Incarnation(highest.0 + 1) },
            listen: "127.0.0.1:0".to_owned(),
            network: Network::tcp(),
            key: ClusterKey::from_text(&key).map_err(|error| failed(&error))?,
        };
        let shared = base.share();
        let make = move || Arc::new(shared.share()) as Arc<dyn Store>;
        let table = Table::beginning_at(ViewNumber(highest.0));
        let server = DevServer::start(config, table, make).await.map_err(|error| failed(&error))?;
        Ok(Self { base, server, key, runs: AtomicU64::new(1) })
    }

    /// A place for a new run of this node. A run that there was before is not heard any more.
    ///
    /// # Errors
    /// [`Error::Usage`] where the name is none (1 to 64 bytes: lower-case letters, digits, `-` and `.`), or there are
    /// too many nodes.
    pub async fn seat(&self, node: &str) -> Result<LocalSeat> {
        let node = NodeId::new(node).map_err(|error| Error::Usage(error.to_string().into()))?;
        let incarnation = Incarnation(self.runs.fetch_add(1, Ordering::Relaxed));
        let identity = PeerIdentity { node, incarnation };
        let admitted = self.server.admit(identity.clone()).await;
        admitted.map_err(|error| Error::Usage(Error::chain(&error)))?;
        let address = self.server.address().to_owned();
        let server = Peer { identity: self.server.identity().clone(), address };
        Ok(LocalSeat { identity, server, key: self.key.clone() })
    }

    /// Ends: what was answered is stored, and nobody is served any more.
    ///
    /// # Errors
    /// [`Error::Stop`] when the store could not mark the orderly stop.
    pub async fn close(self) -> Result<()> {
        let served = self.server.close().await;
        let closed = self.base.close().await;
        served.and(closed).map_err(|error| Error::Stop(Error::chain(&error)))
    }
}

impl fmt::Debug for LocalCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalCluster")
            .field("listens", &self.server.address())
            .finish_non_exhaustive()
    }
}

pub(super) fn cluster_name() -> ClusterName {
    ClusterName::new(CLUSTER).expect("a good name")
}

impl LocalSeat {
    /// The node's name.
    #[must_use]
    pub fn node(&self) -> &str {
        self.identity.node.as_str()
    }

    /// For the environment of another process: [`LocalSeat::from_str`] reads it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let Self { identity, server, key } = self;
        let host = server.identity.incarnation;
        format!("{} {} {} {host} {key}", identity.node, identity.incarnation, server.address)
    }
}

impl FromStr for LocalSeat {
    type Err = LocalSeatError;

    fn from_str(text: &str) -> std::result::Result<Self, LocalSeatError> {
        let words: Vec<&str> = text.split(' ').collect();
        let [node, run, address, host, key] = words[..] else { return Err(LocalSeatError) };
        let identity = |node: &str, run: &str| {
            let node = NodeId::new(node).map_err(|_| LocalSeatError)?;
            let incarnation = Incarnation(run.parse().map_err(|_| LocalSeatError)?);
            Ok(PeerIdentity { node, incarnation })
        };
        ClusterKey::from_text(key).map_err(|_| LocalSeatError)?;
        let server = Peer { identity: identity(HOST, host)?, address: address.to_owned() };
        Ok(Self { identity: identity(node, run)?, server, key: key.to_owned() })
    }
}

/// Without its key.
impl fmt::Debug for LocalSeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalSeat({} at {})", self.identity, self.server.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_seat_is_passed_on_as_a_text() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = LocalCluster::host(folder.path()).await.unwrap();
        let seat = cluster.seat("node-1").await.unwrap();
        let text = seat.to_text();
        let read: LocalSeat = text.parse().unwrap();
        assert_eq!((read.to_text(), read.node()), (text.clone(), "node-1"));
        assert!(!format!("{read:?}").contains(&seat.key), "the key is a secret");
        for end in 0..text.len() {
            assert!(text[..end].parse::<LocalSeat>().is_err(), "{}", &text[..end]);
        }
        assert!(cluster.seat("Node 1").await.is_err());
        cluster.close().await.unwrap();
    }
}
