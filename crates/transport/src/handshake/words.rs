use bytes::{Buf, BufMut, Bytes};
use tenure_types::{Incarnation, NodeId};

use crate::bounds::HELLO_BYTES_MAX;
use crate::frame::Class;
use crate::identity::{ClusterName, PeerIdentity};

/// What the dialler says once the connection is authenticated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Introduction {
    pub(crate) cluster: ClusterName,
    pub(crate) dialler: PeerIdentity,
    /// Whom it wants to reach.
    pub(crate) wanted: PeerIdentity,
    pub(crate) class: Class,
    pub(crate) hello: Bytes,
}

/// What the acceptor answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Welcome { credit: u64, hello: Bytes },
    WrongCluster { cluster: ClusterName },
    WrongCertificate,
    AnotherNode { found: PeerIdentity },
    NotAPeer,
}

impl Introduction {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_text(&mut out, self.cluster.as_str());
        put_identity(&mut out, &self.dialler);
        put_identity(&mut out, &self.wanted);
        out.put_u8(self.class.index() as u8);
        out.put_slice(&self.hello);
        out
    }

    /// `None` when it makes no sense.
    pub(crate) fn decode(mut bytes: Bytes) -> Option<Self> {
        let cluster = ClusterName::new(&take_text(&mut bytes)?).ok()?;
        let dialler = take_identity(&mut bytes)?;
        let wanted = take_identity(&mut bytes)?;
        let class = Class::from_wire(bytes.try_get_u8().ok()?)?;
        (bytes.len() <= HELLO_BYTES_MAX).then_some(())?;
        Some(Self { cluster, dialler, wanted, class, hello: bytes })
    }
}

impl Verdict {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Verdict::Welcome { credit, hello } => {
                out.put_u8(0);
                out.put_u64_le(*credit);
                out.put_slice(hello);
            }
            Verdict::WrongCluster { cluster } => {
                out.put_u8(1);
                put_text(&mut out, cluster.as_str());
            }
            Verdict::WrongCertificate => out.put_u8(2),
            Verdict::AnotherNode { found } => {
                out.put_u8(3);
                put_identity(&mut out, found);
            }
            Verdict::NotAPeer => out.put_u8(4),
        }
        out
    }

    /// `None` when it makes no sense.
    pub(crate) fn decode(mut bytes: Bytes) -> Option<Self> {
        Some(match bytes.try_get_u8().ok()? {
            0 => {
                let credit = bytes.try_get_u64_le().ok()?;
                (bytes.len() <= HELLO_BYTES_MAX).then_some(())?;
                Verdict::Welcome { credit, hello: bytes }
            }
            1 => Verdict::WrongCluster { cluster: ClusterName::new(&take_text(&mut bytes)?).ok()? },
            2 => Verdict::WrongCertificate,
            3 => Verdict::AnotherNode { found: take_identity(&mut bytes)? },
            4 => Verdict::NotAPeer,
            _ => return None,
        })
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.put_u8(u8::try_from(text.len()).expect("names are short"));
    out.put_slice(text.as_bytes());
}

fn put_identity(out: &mut Vec<u8>, identity: &PeerIdentity) {
    put_text(out, identity.node.as_str());
    out.put_u64_le(identity.incarnation.0);
}

fn take_text(bytes: &mut Bytes) -> Option<String> {
    let length = usize::from(bytes.try_get_u8().ok()?);
    (length <= bytes.len()).then_some(())?;
    String::from_utf8(bytes.split_to(length).to_vec()).ok()
}

fn take_identity(bytes: &mut Bytes) -> Option<PeerIdentity> {
    let node = NodeId::new(&take_text(bytes)?).ok()?;
    let incarnation = Incarnation(bytes.try_get_u64_le().ok()?);
    Some(PeerIdentity { node, incarnation })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn identity(node: &str, incarnation: u64) -> PeerIdentity {
        PeerIdentity { node: NodeId::new(node).unwrap(), incarnation: Incarnation(incarnation) }
    }

    #[test]
    fn words_are_read_as_they_were_said() {
        let introduction = Introduction {
            cluster: ClusterName::new("prod").unwrap(),
            dialler: identity("n1", 7),
            wanted: identity("n2", u64::MAX),
            class: Class::Bulk,
            hello: Bytes::from_static(b"hello"),
        };
        let said = introduction.encode();
        assert_eq!(Introduction::decode(said.clone().into()), Some(introduction));
        // The hello is the rest, so only what comes before it can be cut short.
        for end in 0..said.len() - 5 {
            assert_eq!(Introduction::decode(said[..end].to_vec().into()), None, "{end}");
        }
        for verdict in [
            Verdict::Welcome { credit: 12, hello: Bytes::from_static(b"hello") },
            Verdict::WrongCluster { cluster: ClusterName::new("prod").unwrap() },
            Verdict::WrongCertificate,
            Verdict::AnotherNode { found: identity("n1", 7) },
            Verdict::NotAPeer,
        ] {
            assert_eq!(Verdict::decode(verdict.encode().into()), Some(verdict));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_readers(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _any = Introduction::decode(bytes.clone().into());
            let _any = Verdict::decode(bytes.into());
        }
    }
}
