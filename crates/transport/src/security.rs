use std::fmt;

use crate::key::ClusterKey;
use crate::tls::TlsIdentity;

/// How the nodes of a cluster know each other. The same on all of them.
#[derive(Clone, Debug)]
pub enum Security {
    /// Not at all: for one machine, so that addresses of others are refused. Anybody on that machine can
    /// join.
    Open,
    /// By a secret that all have. Every connection is authenticated by both ends, encrypted, and
    /// protected against alteration, replay and truncation.
    Key(ClusterKey),
    /// By certificates that one authority issued (TLS 1.3, both ends show theirs).
    Tls(TlsIdentity),
}

impl Security {
    pub(crate) fn name(&self) -> SecurityName {
        match self {
            Security::Open => SecurityName::Open,
            Security::Key(_) => SecurityName::Key,
            Security::Tls(_) => SecurityName::Tls,
        }
    }
}

/// Which kind of [`Security`] an end has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecurityName {
    /// [`Security::Open`].
    Open,
    /// [`Security::Key`].
    Key,
    /// [`Security::Tls`].
    Tls,
    /// One of the other two: seen from outside of TLS they look alike.
    NotTls,
}

impl SecurityName {
    pub(crate) fn to_wire(self) -> u8 {
        match self {
            SecurityName::Open => 0,
            SecurityName::Key => 1,
            SecurityName::Tls => 2,
            // Never said: it is what others look like.
            SecurityName::NotTls => u8::MAX,
        }
    }

    pub(crate) fn from_wire(byte: u8) -> Option<Self> {
        [SecurityName::Open, SecurityName::Key, SecurityName::Tls].get(usize::from(byte)).copied()
    }
}

impl fmt::Display for SecurityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SecurityName::Open => "neither a key nor TLS",
            SecurityName::Key => "a cluster key",
            SecurityName::Tls => "TLS",
            SecurityName::NotTls => "something that is not TLS",
        })
    }
}
