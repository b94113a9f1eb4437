use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenure_types::{Incarnation, NUMBER_MAX, NodeId, NodeIdError};

/// The most bytes of a peer's address.
pub const ADDRESS_BYTES_MAX: usize = 256;

/// One run of a node, as gossip names it. Of two with one node id, the higher incarnation is the node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Encoded", into = "Encoded")]
pub struct Peer {
    node: NodeId,
    incarnation: Incarnation,
    weight: u8,
    address: Arc<str>,
}

/// Why something is not a [`Peer`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// Its node id is none.
    #[error(transparent)]
    Node(#[from] NodeIdError),
    /// Its address is too long for a datagram.
    #[error(
        "an address has {bytes} bytes and may have {ADDRESS_BYTES_MAX}; advertise a shorter one"
    )]
    Address {
        /// How long it is.
        bytes: usize,
    },
    /// No store hands out its incarnation: a view with it would be beyond all numbers.
    #[error("incarnations are from 1 to {NUMBER_MAX}, and {number} is none")]
    Incarnation {
        /// What it names.
        number: u64,
    },
    /// Its weight is zero.
    #[error("a weight is at least 1")]
    Weight,
}

#[derive(Serialize, Deserialize)]
struct Encoded {
    node: String,
    incarnation: u64,
    weight: u8,
    address: String,
}

impl Peer {
    /// Names a run of a node.
    ///
    /// # Errors
    /// [`PeerError`] when the address is longer than [`ADDRESS_BYTES_MAX`], the weight zero, or the incarnation one that no
    /// store hands out.
    pub fn new(
        node: NodeId,
        incarnation: Incarnation,
        weight: u8,
        address: Arc<str>,
    ) -> Result<Self, PeerError> {
        if address.len() > ADDRESS_BYTES_MAX {
            return Err(PeerError::Address { bytes: address.len() });
        }
        if incarnation.0 == 0 || incarnation.0 > NUMBER_MAX {
            return Err(PeerError::Incarnation { number: incarnation.0 });
        }
        if weight == 0 {
            return Err(PeerError::Weight);
        }
        Ok(Self { node, incarnation, weight, address })
    }

    /// The node that this is a run of.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// Which run.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Its share of the slots beside others', from 1.
    #[must_use]
    pub fn weight(&self) -> u8 {
        self.weight
    }

    /// Where its peers reach it.
    #[must_use]
    pub fn address(&self) -> &Arc<str> {
        &self.address
    }
}

impl TryFrom<Encoded> for Peer {
    type Error = PeerError;

    fn try_from(it: Encoded) -> Result<Self, PeerError> {
        let node = NodeId::new(&it.node)?;
        Self::new(node, Incarnation(it.incarnation), it.weight, it.address.into())
    }
}

impl From<Peer> for Encoded {
    fn from(it: Peer) -> Self {
        let (node, address) = (it.node.as_str().to_owned(), it.address.as_ref().to_owned());
        Self { node, incarnation: it.incarnation.0, weight: it.weight, address }
    }
}

impl foca::Identity for Peer {
    type Addr = NodeId;

    /// A member that was declared down comes back as a new incarnation only, which it does not give itself.
    fn renew(&self) -> Option<Self> {
        None
    }

    fn addr(&self) -> NodeId {
        self.node.clone()
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        (self.incarnation, &self.address) > (adversary.incarnation, &adversary.address)
    }
}
