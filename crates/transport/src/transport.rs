use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::accept;
use crate::bounds::{CLOSE_MAX, HELLO_BYTES_MAX};
use crate::event::Inbound;
use crate::frame::{Class, Frame};
use crate::handshake::Local;
use crate::identity::{ClusterName, Peer, PeerIdentity};
use crate::network::Network;
use crate::node::Node;
use crate::outbound::{LaneStatus, Outbound};
use crate::peers::{Peers, PeersError};
use crate::queue::SendError;
use crate::security::Security;

/// What a [`Transport`] is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// The cluster; who is of another one is refused.
    pub cluster: ClusterName,
    /// Who this node is. A new incarnation is a new transport.
    pub identity: PeerIdentity,
    /// Where to listen, `host:port`; port 0 takes any.
    pub listen: String,
    /// What connections are made of.
    pub network: Network,
    /// How nodes know each other.
    pub security: Security,
    /// What the level above says of this node to each peer, at most [`HELLO_BYTES_MAX`] bytes.
    pub hello: Bytes,
}

/// Why a transport did not start. Nothing listens then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It cannot listen there.
    #[error("cannot listen for other nodes on {address}; choose another address, or free this one")]
    Listen {
        /// What was asked for.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// Others could reach a node that has no way to know them.
    #[error(
        "{address} can be reached from other machines, and this node has neither a cluster key nor TLS; \
         give it one, or listen on 127.0.0.1"
    )]
    Unprotected {
        /// What was asked for.
        address: String,
    },
    /// The hello is too long.
    #[error("a hello of {len} bytes is longer than {HELLO_BYTES_MAX}; say less")]
    Hello {
        /// Its length.
        len: usize,
    },
}

/// The way to the other nodes of a cluster: lanes to and from each peer, one for each class and
/// direction.
///
/// It knows nothing of what it carries. Frames of one lane arrive in the order they were sent, each at
/// most once; between lanes there is no order, and what was under way when a lane is lost may have
/// arrived or not. Dropped, it ends all lanes at once; [`Transport::close`] lets what waits leave first.
pub struct Transport {
    peers: Arc<Peers>,
    address: String,
    accepting: AbortHandle,
    /// Ends when no task of a lane is left.
    ended: Mutex<Option<mpsc::Receiver<Infallible>>>,
}

impl Transport {
    /// Listens, and runs on the current tokio runtime, which needs I/O and time. It has no peers yet.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: Config, inbound: Arc<dyn Inbound>) -> Result<Self, StartError> {
        let Config { cluster, identity, listen, network, security, hello } = config;
        let local = Local::new(cluster, identity, hello, security);
        Self::start_as(local, listen, network, inbound).await
    }

    pub(crate) async fn start_as(
        local: Local,
        listen: String,
        network: Network,
        inbound: Arc<dyn Inbound>,
    ) -> Result<Self, StartError> {
        if local.hello.len() > HELLO_BYTES_MAX {
            return Err(StartError::Hello { len: local.hello.len() });
        }
        let failed = |source| StartError::Listen { address: listen.clone(), source };
        let listener = network.listen(&listen).await.map_err(failed)?;
        let address = listener.address().map_err(failed)?;
        if matches!(local.security, Security::Open) && !listener.is_local().map_err(failed)? {
            return Err(StartError::Unprotected { address });
        }
        let node = Arc::new(Node { local, network, inbound });
        let (alive, ended) = mpsc::channel(1);
        let peers = Arc::new(Peers::new(Arc::clone(&node), Handle::current(), alive));
        let accepting = tokio::spawn(accept::run(listener, node, Arc::clone(&peers)));
        let (accepting, ended) = (accepting.abort_handle(), Mutex::new(Some(ended)));
        Ok(Self { peers, address, accepting, ended })
    }

    /// Where it listens, with the port that was taken.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Makes `peers` the whole list of whom this node talks with. Lanes to who is new, or has another
    /// incarnation or address, are made; lanes to and from who is not in the list any more end, and what
    /// waited for them comes back with their last event. This node itself may be in the list.
    ///
    /// A node is heard only when it is in the list, with its incarnation. Who is ahead with a list dials
    /// again until the other has it too. Once the transport closes this does nothing.
    ///
    /// # Errors
    /// [`PeersError`]; then the former list still counts.
    pub fn set_peers(&self, peers: impl IntoIterator<Item = Peer>) -> Result<(), PeersError> {
        self.peers.set(peers.into_iter().collect())
    }

    /// Puts a frame at the end of what waits for a peer. Never waits: it was taken, or it was not and will not
    /// be sent. While a lane is made, frames wait for it; once an attempt has failed they are refused.
    ///
    /// # Errors
    /// [`SendError`], which says why it was not taken.
    pub fn send(&self, to: &PeerIdentity, frame: Frame) -> Result<(), SendError> {
        let lane = self.peers.lane(to, frame.class).ok_or(SendError::NotAPeer)?;
        lane.queue.push(frame)
    }

    /// The lane to a peer, for who sends often: it saves the look-up. None when it is no peer.
    #[must_use]
    pub fn lane(&self, to: &PeerIdentity, class: Class) -> Option<Lane> {
        self.peers.lane(to, class).map(Lane)
    }

    /// How the lane of each class to each peer is at present, for people and metrics.
    #[must_use]
    pub fn lanes(&self) -> Vec<LaneStatus> {
        self.peers.status()
    }

    /// Ends all lanes in good order: what waits leaves first, and the other ends are told and have read it.
    /// A lane that is being made is still made once when frames wait for it. Takes at most [`CLOSE_MAX`]; the
    /// rest is cut off. Frames are refused from its start on.
    ///
    /// # Cancel safety
    /// Lanes go on to end; nobody cuts them off then.
    pub async fn close(&self) {
        self.accepting.abort();
        self.peers.close(true);
        let ended = self.ended.lock().take();
        if let Some(mut ended) = ended {
            let _late = timeout(CLOSE_MAX, ended.recv()).await;
        }
        self.peers.close(false);
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.accepting.abort();
        self.peers.close(false);
    }
}

/// The lane to one peer for one class. It stays the same while the peer is in the list, however often
/// its connection is made anew.
#[derive(Clone, Debug)]
pub struct Lane(Arc<Outbound>);

impl Lane {
    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &PeerIdentity {
        &self.0.peer.identity
    }

    /// Puts a frame at the end of what waits, as [`Transport::send`].
    ///
    /// # Errors
    /// [`SendError`].
    pub fn send(&self, kind: u8, body: Bytes) -> Result<(), SendError> {
        self.0.queue.push(Frame { class: self.0.class, kind, body })
    }
}
