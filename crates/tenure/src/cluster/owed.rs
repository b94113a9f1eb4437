//! Answers that no lane took: whoever waits for one would learn nothing until its deadline, so they wait for the next lane.

use std::collections::BTreeMap;

use tenure_transport::{Frame, PeerIdentity};

/// The most answers that wait for one peer, and their bytes; later ones are lost, and their callers' deadlines end the
/// calls.
const ANSWERS_MAX: usize = 4_096;
const BYTES_MAX: usize = 8 << 20;

/// What peers are owed. It has one list for each peer that lanes lead to.
#[derive(Default)]
pub(super) struct Owed(BTreeMap<PeerIdentity, Waiting>);

#[derive(Default)]
struct Waiting {
    frames: Vec<Frame>,
    bytes: usize,
}

impl Owed {
    /// Keeps an answer; `false` where too many wait.
    pub(super) fn keep(&mut self, to: PeerIdentity, answer: Frame) -> bool {
        let waiting = self.0.entry(to).or_default();
        let bytes = waiting.bytes + answer.body.len();
        let has_room = waiting.frames.len() < ANSWERS_MAX && bytes <= BYTES_MAX;
        if has_room {
            waiting.bytes = bytes;
            waiting.frames.push(answer);
        }
        has_room
    }

    /// What a peer is owed, in the order in which it was kept.
    pub(super) fn take(&mut self, to: &PeerIdentity) -> Vec<Frame> {
        self.0.remove(to).unwrap_or_default().frames
    }

    /// Who is owed something.
    pub(super) fn peers(&self) -> Vec<PeerIdentity> {
        self.0.keys().cloned().collect()
    }

    /// Forgets what was for others: nobody there waits any more.
    pub(super) fn retain(&mut self, is_peer: impl Fn(&PeerIdentity) -> bool) {
        self.0.retain(|peer, _| is_peer(peer));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tenure_transport::Class;
    use tenure_types::{Incarnation, NodeId};

    use super::*;

    #[test]
    fn answers_wait_in_order_and_are_bounded() {
        let peer =
            |run| PeerIdentity { node: NodeId::new("a").unwrap(), incarnation: Incarnation(run) };
        let answer =
            |kind, len| Frame { class: Class::Call, kind, body: Bytes::from(vec![0; len]) };
        let mut owed = Owed::default();
        assert!(owed.keep(peer(1), answer(1, 10)) && owed.keep(peer(1), answer(2, 10)));
        assert!(!owed.keep(peer(1), answer(3, BYTES_MAX)), "too many bytes");
        assert!(owed.keep(peer(2), answer(4, BYTES_MAX)), "each peer has its own room");
        assert_eq!(owed.peers(), [peer(1), peer(2)]);
        let kinds: Vec<u8> = owed.take(&peer(1)).iter().map(|frame| frame.kind).collect();
        assert_eq!((kinds, owed.take(&peer(1)).len()), (vec![1, 2], 0));
        owed.retain(|it| *it == peer(1));
        assert!(owed.take(&peer(2)).is_empty(), "it is no peer any more");
        let kept = (0..=ANSWERS_MAX).filter(|_| owed.keep(peer(1), answer(1, 0))).count();
        assert_eq!(kept, ANSWERS_MAX);
    }
}
