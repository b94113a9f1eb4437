use std::fmt;

use tenure_types::{Incarnation, NodeId};

use crate::bounds::ADDRESS_BYTES_MAX;

/// The most bytes of a [`ClusterName`].
pub const CLUSTER_NAME_BYTES_MAX: usize = 63;

/// A cluster's name. Nodes of other clusters are refused, also when they have the same key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ClusterName(Box<str>);

/// Why a text is not a [`ClusterName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cluster name {name:?} is not lower-case letters, digits and '-', a letter or digit first and last, \
     1 to {CLUSTER_NAME_BYTES_MAX} bytes; choose a name of that form, the same on every node"
)]
pub struct ClusterNameError {
    name: String,
}

impl ClusterName {
    /// Checks the name: lower-case ASCII letters, digits and `-`, first and last a letter or digit. It is
    /// one label of the names in certificates.
    ///
    /// # Errors
    /// [`ClusterNameError`] when `name` breaks the rule above.
    pub fn new(name: &str) -> Result<Self, ClusterNameError> {
        let is_outer = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = name.as_bytes();
        let outer_ok = bytes.first().copied().is_some_and(is_outer)
            && bytes.last().copied().is_some_and(is_outer);
        let inner_ok = bytes.iter().all(|&byte| is_outer(byte) || byte == b'-');
        if outer_ok && inner_ok && name.len() <= CLUSTER_NAME_BYTES_MAX {
            Ok(Self(name.into()))
        } else {
            let name = name.chars().take(2 * CLUSTER_NAME_BYTES_MAX).collect();
            Err(ClusterNameError { name })
        }
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One run of one node: who is at the other end of a lane.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PeerIdentity {
    /// The node's name.
    pub node: NodeId,
    /// Which run of it.
    pub incarnation: Incarnation,
}

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.node, self.incarnation)
    }
}

/// Another node of the cluster, and where it listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Who must answer there. Another node, or another run of the same, is refused.
    pub identity: PeerIdentity,
    /// `host:port`, at most [`ADDRESS_BYTES_MAX`] bytes; the host is looked up at every attempt.
    pub address: String,
}

impl Peer {
    pub(crate) fn has_bounded_address(&self) -> bool {
        (1..=ADDRESS_BYTES_MAX).contains(&self.address.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_names_follow_the_rule() {
        let long = "c".repeat(CLUSTER_NAME_BYTES_MAX);
        for (name, ok) in [
            ("prod", true),
            ("eu-west-1", true),
            ("7", true),
            (long.as_str(), true),
            ("", false),
            ("-a", false),
            ("a-", false),
            ("Prod", false),
            ("a.b", false),
            (&format!("{long}c"), false),
        ] {
            assert_eq!(ClusterName::new(name).is_ok(), ok, "{name:?}");
        }
    }
}
