//! What stands before that which foca writes, little-endian, and the datagrams that foca has no part in.

use std::cmp::Reverse;

use tenure_types::{Incarnation, ViewNumber};

use super::Peer;

/// How many bytes stand before the body of each datagram.
pub(super) const HEAD_BYTES: usize = 34;
/// How long a verdict is, without the peer that says it.
const VERDICT_BYTES: usize = 20;

/// What each datagram says of its sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// It gives away what it has and takes nothing new.
    pub(super) is_leaving: bool,
    /// The number and the digest of its view.
    pub(super) number: ViewNumber,
    pub(super) digest: u64,
    /// The member that founded its cluster; zero while it has none.
    pub(super) founder: Incarnation,
    pub(super) from: Incarnation,
}

/// What the body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// What foca wrote.
    News,
    /// Who the sender is, for somebody of whom it knows the address alone.
    Knock,
    /// The answer to a knock: who the sender is.
    Welcome,
    /// The receiver is of another cluster, or gone, as the sender sees it.
    Verdict,
}

/// Says to one run that the sender is not with it, and which of two sides goes on then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Verdict {
    pub(super) on: Incarnation,
    pub(super) side: Side,
    /// Who says it.
    pub(super) by: Peer,
}

/// One side of a cluster that fell apart, or one of two that meet. The greater one stays: that with more members, then that
/// with the lowest incarnation, which is the oldest; then, where sides overlap, that of the older member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Side {
    pub(super) living: u32,
    pub(super) lowest: Reverse<Incarnation>,
    pub(super) of: Reverse<Incarnation>,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::News,
            1 => Self::Knock,
            2 => Self::Welcome,
            3 => Self::Verdict,
            _ => return None,
        })
    }

    fn to_byte(self) -> u8 {
        match self {
            Self::News => 0,
            Self::Knock => 1,
            Self::Welcome => 2,
            Self::Verdict => 3,
        }
    }
}

impl Head {
    pub(super) fn with(self, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len());
        bytes.extend([self.kind.to_byte(), u8::from(self.is_leaving)]);
        for number in [self.number.0, self.digest, self.founder.0, self.from.0] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(body);
        bytes
    }

    /// The head of a datagram, and its body; `None` where there is none.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ([kind, is_leaving], bytes) = bytes.split_first_chunk::<2>()?;
        let (number, bytes) = number(bytes)?;
        let (digest, bytes) = self::number(bytes)?;
        let (founder, bytes) = self::number(bytes)?;
        let (from, body) = self::number(bytes)?;
        let head = Self {
            kind: Kind::from_byte(*kind)?,
            is_leaving: *is_leaving == 1,
            number: ViewNumber(number),
            digest,
            founder: Incarnation(founder),
            from: Incarnation(from),
        };
        Some((head, body))
    }
}

impl Verdict {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Self { on, side, by } = self;
        let mut bytes = Vec::with_capacity(VERDICT_BYTES);
        bytes.extend_from_slice(&on.0.to_le_bytes());
        bytes.extend_from_slice(&side.lowest.0.0.to_le_bytes());
        bytes.extend_from_slice(&side.living.to_le_bytes());
        bytes.extend_from_slice(&by.to_bytes());
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (on, bytes) = number(bytes)?;
        let (lowest, bytes) = number(bytes)?;
        let (living, bytes) = bytes.split_first_chunk::<4>()?;
        let by = Peer::read(bytes)?;
        let living = u32::from_le_bytes(*living);
        let lowest = Reverse(Incarnation(lowest));
        let side = Side { living, lowest, of: Reverse(by.incarnation()) };
        Some(Self { on: Incarnation(on), side, by })
    }
}

impl Peer {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let (node, address) = (self.node().as_str(), self.address());
        let mut bytes = self.incarnation().0.to_le_bytes().to_vec();
        bytes.push(self.weight());
        // A node id has at most 64 bytes.
        bytes.push(node.len() as u8);
        bytes.extend_from_slice(node.as_bytes());
        bytes.extend_from_slice(address.as_bytes());
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (incarnation, bytes) = number(bytes)?;
        let ([weight, node_len], bytes) = bytes.split_first_chunk::<2>()?;
        let (node, address) = bytes.split_at_checked(usize::from(*node_len))?;
        let node = tenure_types::NodeId::new(std::str::from_utf8(node).ok()?).ok()?;
        let address = std::str::from_utf8(address).ok()?;
        Self::new(node, Incarnation(incarnation), *weight, address.into()).ok()
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use tenure_types::NodeId;

    use super::*;

    #[test]
    fn datagrams_are_read_as_they_were_written_and_not_when_cut() {
        let head = Head {
            kind: Kind::Verdict,
            is_leaving: true,
            number: ViewNumber(1),
            digest: 2,
            founder: Incarnation(3),
            from: Incarnation(4),
        };
        let node = NodeId::new("n1").unwrap();
        let peer = Peer::new(node, Incarnation(9), 3, "10.0.0.1:7072#8".into()).unwrap();
        let lowest = Reverse(Incarnation(6));
        let side = Side { living: 5, lowest, of: Reverse(peer.incarnation()) };
        let verdict = Verdict { on: Incarnation(7), side, by: peer.clone() };
        let bytes = head.with(&verdict.to_bytes());
        let (read, body) = Head::read(&bytes).unwrap();
        assert_eq!((read, Verdict::read(body)), (head, Some(verdict)));
        for end in 0..HEAD_BYTES + VERDICT_BYTES + 12 {
            let read = Head::read(&bytes[..end]).and_then(|(_, body)| Verdict::read(body));
            assert_eq!(read, None, "{end}");
        }
        assert_eq!(Head::read(&[9; 40]), None, "no such kind");
        assert_eq!(Peer::read(&peer.to_bytes()), Some(peer.clone()));
        for end in 0..12 {
            assert_eq!(Peer::read(&peer.to_bytes()[..end]), None, "{end}");
        }
    }

    #[test]
    fn the_greater_side_has_more_members_then_the_older_ones() {
        let side = |living, lowest, of| Side {
            living,
            lowest: Reverse(Incarnation(lowest)),
            of: Reverse(Incarnation(of)),
        };
        for (greater, other) in [
            (side(3, 9, 9), side(2, 1, 1)),
            (side(2, 1, 8), side(2, 2, 2)),
            (side(2, 1, 2), side(2, 1, 3)),
        ] {
            assert!(greater > other, "{greater:?} {other:?}");
        }
    }
}
