use std::io;

use tenure_types::NodeId;

use crate::identity::{ClusterName, PeerIdentity};
use crate::key::NoRandomness;
use crate::security::SecurityName;
use crate::wire::ReadError;

/// Why a connection did not become a lane. Both ends learn it, each in its own words; to a stranger, one
/// without the key or a certificate, nothing else is told. With TLS it does learn the names of node and cluster: the
/// acceptor's certificate says them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Nobody listens there: the machine itself said so.
    #[error("nobody listens there; start the node, or correct its address")]
    Refused,
    /// No connection came about.
    #[error("no connection came about; check the address and the network")]
    Unreachable(#[source] io::Error),
    /// Connecting or the handshake took too long.
    #[error("the other end did not answer in time; check that it runs and is not overloaded")]
    TimedOut,
    /// The connection ended in the middle of the handshake.
    #[error("the connection ended during the handshake; the other end's log may say why")]
    Lost(#[source] Option<io::Error>),
    /// Whatever answers speaks another protocol.
    #[error("the other end is no node of Tenure; check the address")]
    NotTenure,
    /// One end has TLS or a cluster key, and the other has not.
    #[error("this node is set up with {ours} and the other with {theirs}; set both up alike")]
    OtherSecurity {
        /// What this node has.
        ours: SecurityName,
        /// What the other end has.
        theirs: SecurityName,
    },
    /// No version of the protocol is known to both ends.
    #[error(
        "this node speaks versions {} to {} of the protocol and the other {} to {}; update the older",
        ours.0, ours.1, theirs.0, theirs.1
    )]
    WrongVersion {
        /// The oldest and newest version of this node.
        ours: (u16, u16),
        /// Those of the other end.
        theirs: (u16, u16),
    },
    /// The other end has another cluster key.
    #[error("the other end has another cluster key; give every node of a cluster the same one")]
    WrongKey,
    /// The other end's certificate is not accepted, or it does not accept ours.
    #[error(
        "a certificate is not accepted ({detail}); issue it by the cluster's authority for {name}"
    )]
    WrongCertificate {
        /// What the certificate must be for.
        name: String,
        /// What the library says.
        detail: String,
    },
    /// The other end is of another cluster.
    #[error("this node is of the cluster {ours} and the other end of another one{}", said(theirs.as_ref()))]
    WrongCluster {
        /// This node's cluster.
        ours: ClusterName,
        /// The other end's cluster, where it was told.
        theirs: Option<ClusterName>,
    },
    /// Somebody else is there: another node, or another run of the same one.
    #[error("{found} is there, and not {wanted}; the address or the member list is out of date")]
    AnotherNode {
        /// Who was wanted.
        wanted: PeerIdentity,
        /// Who is there.
        found: PeerIdentity,
    },
    /// The end that accepts does not count the one that dials among its peers, or not yet.
    #[error("{dialler} is no peer of {acceptor}, or not yet; it is tried again")]
    NotAPeer {
        /// Who dialled.
        dialler: PeerIdentity,
        /// Who accepts.
        acceptor: NodeId,
    },
    /// It did not show who it is, and another connection was let in instead.
    #[error(
        "it had not shown who it is when too many others came; look who opens so many connections"
    )]
    Displaced,
    /// What came is no handshake, although the other end is authenticated.
    #[error("the other end's handshake makes no sense; it may be of a broken version")]
    Malformed,
    /// A cluster without key and certificates does not leave the machine.
    #[error("a cluster without a key or TLS stays on one machine; give every node a cluster key")]
    Unprotected,
    /// The machine gave no random numbers.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

fn said(theirs: Option<&ClusterName>) -> String {
    theirs.map_or_else(String::new, |name| format!(", {name}"))
}

impl From<ReadError> for HandshakeError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Ended(source) => HandshakeError::Lost(source),
            ReadError::Altered | ReadError::TooLong => HandshakeError::Malformed,
        }
    }
}

impl HandshakeError {
    pub(crate) fn lost(source: io::Error) -> Self {
        HandshakeError::Lost(Some(source))
    }
}
