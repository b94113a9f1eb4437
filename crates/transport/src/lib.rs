//! The way between the nodes of a cluster: it moves opaque bodies, in order and bounded, and knows
//! nothing of actors.
//!
//! A [`Transport`] has a *lane* to each peer for each [`Class`] of frames, and each peer has lanes to it:
//! one TCP connection, dialled by its sender, on which the receiver only gives credit back. Who talks
//! with whom is given by [`Transport::set_peers`]; what arrives, and what happens to lanes, goes to an
//! [`Inbound`]. Each connection is authenticated by a [`ClusterKey`] or by certificates ([`TlsIdentity`]).
//! [`Network::memory`] carries the same lanes within one process.
//!
//! **Invariant:** every length is checked against a bound of [`bounds`] before anything is allocated for
//! it, and nobody who is not authenticated is heard beyond the handshake's fixed first bytes.
//!
//! # Examples
//! ```
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use tenure_transport::{
//!     Class, ClusterKey, ClusterName, Config, Credit, Event, Frame, Inbound, Network, Peer,
//!     PeerIdentity, Security, Transport,
//! };
//! use tenure_types::{Incarnation, NodeId};
//! use tokio::sync::mpsc;
//!
//! struct Told(mpsc::Sender<Frame>);
//!
//! impl Inbound for Told {
//!     fn received(&self, _from: &PeerIdentity, frame: Frame, _credit: Credit<'_>) {
//!         self.0.try_send(frame).ok(); // full: it is dropped
//!     }
//!     fn happened(&self, _event: Event) {}
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let key = ClusterKey::from_text(&ClusterKey::generate()?)?;
//! let (sender, mut received) = mpsc::channel(16);
//! let start = |name: &str| -> Result<_, Box<dyn std::error::Error>> {
//!     let config = Config {
//!         cluster: ClusterName::new("example")?,
//!         identity: PeerIdentity { node: NodeId::new(name)?, incarnation: Incarnation(1) },
//!         listen: "127.0.0.1:0".to_owned(),
//!         network: Network::tcp(),
//!         security: Security::Key(key.clone()),
//!         hello: Bytes::new(),
//!     };
//!     let identity = config.identity.clone();
//!     Ok((identity, Transport::start(config, Arc::new(Told(sender.clone())))))
//! };
//! let ((a, to_a), (b, to_b)) = (start("a")?, start("b")?);
//! let (to_a, to_b) = (to_a.await?, to_b.await?);
//! to_b.set_peers([Peer { identity: a, address: to_a.address().to_owned() }])?;
//! to_a.set_peers([Peer { identity: b.clone(), address: to_b.address().to_owned() }])?;
//! to_a.send(&b, Frame { class: Class::Call, kind: 1, body: Bytes::from_static(b"hello") })?;
//! assert_eq!(received.recv().await.map(|frame| frame.body), Some(Bytes::from_static(b"hello")));
//! to_a.close().await;
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```

mod accept;
mod backoff;
pub mod bounds;
mod credit;
mod datagram;
mod event;
mod frame;
mod handshake;
mod identity;
mod inbound;
mod key;
mod network;
mod node;
mod outbound;
mod peers;
mod queue;
mod seal;
mod security;
#[cfg(test)]
mod tests;
mod tls;
mod transport;
mod wire;

pub use credit::{Credit, Permit};
pub use datagram::{
    DATAGRAM_EXTRA_BYTES, DATAGRAM_MARK, DATAGRAM_PLAIN_MAX, DatagramError, DatagramOpener,
    DatagramSealer, SENDERS_MAX,
};
pub use event::{Direction, Event, Inbound, LaneEnd};
pub use frame::{Class, Frame, FrameError, HEADER_BYTES};
pub use handshake::error::HandshakeError;
pub use identity::{CLUSTER_NAME_BYTES_MAX, ClusterName, ClusterNameError, Peer, PeerIdentity};
pub use key::{CLUSTER_KEY_BYTES, ClusterKey, ClusterKeyError, NoRandomness};
pub use network::Network;
pub use outbound::LaneStatus;
pub use peers::PeersError;
pub use queue::SendError;
pub use security::{Security, SecurityName};
pub use tls::{Authority, AuthorityError, Issued, TlsError, TlsIdentity, certificate_name};
pub use transport::{Config, Lane, StartError, Transport};
