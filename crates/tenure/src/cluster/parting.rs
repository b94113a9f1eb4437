//! Whom a node talks with: the members of its view, and for a moment more those that left in order, whose last answers
//! may be on their way.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_cluster::PARTING_MAX;
use tenure_protocol::view::{MemberState, View};
use tenure_transport::{Peer, PeerIdentity};
use tenure_types::Instant;

use super::places::{peer_of, peers_of};

/// Peers and their rows.
pub(super) type Rows = Vec<(Peer, Arc<str>)>;

/// Who was talked with last, and until when with whom of them that has left.
#[derive(Default)]
pub(super) struct Parting {
    rows: Rows,
    until: BTreeMap<PeerIdentity, Instant>,
}

impl Parting {
    /// Whom to talk with by this view.
    pub(super) fn learn(&mut self, now: Instant, view: &View) -> Rows {
        let members = peers_of(view);
        let left: Vec<_> = view.in_state(MemberState::Left).filter_map(peer_of).collect();
        let has_left = |peer: &Peer| left.iter().any(|it| it.identity == peer.identity);
        let came_again =
            |peer: &Peer| members.iter().any(|(it, _)| it.identity.node == peer.identity.node);
        self.rows.retain(|(peer, _)| has_left(peer) && !came_again(peer));
        let leave = |(peer, _): &(Peer, Arc<str>)| peer.identity.clone();
        let leaving: Vec<_> = self.rows.iter().map(leave).collect();
        self.until.retain(|peer, _| leaving.contains(peer));
        for peer in leaving {
            self.until.entry(peer).or_insert(now + PARTING_MAX);
        }
        self.rows.extend(members);
        self.forget(now);
        self.rows.clone()
    }

    /// Whom to talk with, where somebody's moment is over.
    pub(super) fn look(&mut self, now: Instant) -> Option<Rows> {
        self.forget(now).then(|| self.rows.clone())
    }

    fn forget(&mut self, now: Instant) -> bool {
        let before = self.until.len();
        let Self { rows, until } = self;
        rows.retain(|(peer, _)| until.get(&peer.identity).is_none_or(|until| now < *until));
        until.retain(|_, until| now < *until);
        until.len() < before
    }
}

#[cfg(test)]
mod tests {
    use tenure_protocol::view::Member;
    use tenure_types::{Incarnation, NodeId, ViewNumber};

    use super::*;

    fn view(members: &[(u64, &str, MemberState)]) -> View {
        let member = |&(incarnation, node, state): &(u64, &str, MemberState)| Member {
            incarnation: Incarnation(incarnation),
            node: NodeId::new(node).unwrap(),
            state,
            presumed: false,
            weight: 1,
            address: format!("{node}:1#{incarnation}").into(),
        };
        View::new(ViewNumber(9), members.iter().map(member))
    }

    fn runs(rows: &Rows) -> Vec<u64> {
        rows.iter().map(|(peer, _)| peer.identity.incarnation.0).collect()
    }

    #[test]
    fn who_has_left_is_heard_for_a_moment_and_who_is_down_is_not() {
        use MemberState::{Alive, Down, Left};

        let (start, mut parting) = (Instant::ZERO, Parting::default());
        let all = view(&[(1, "a", Alive), (2, "b", Alive), (3, "c", Alive)]);
        assert_eq!(runs(&parting.learn(start, &all)), [1, 2, 3]);
        let less = view(&[(1, "a", Alive), (2, "b", Left), (3, "c", Down), (4, "d", Left)]);
        assert_eq!(runs(&parting.learn(start, &less)), [2, 1], "d was never talked with");
        assert_eq!(parting.look(start + PARTING_MAX / 2), None);
        let later = start + PARTING_MAX / 2;
        assert_eq!(runs(&parting.learn(later, &less)), [2, 1], "its moment is the same");
        assert_eq!(parting.look(start + PARTING_MAX).as_ref().map(runs), Some(vec![1]));
        assert_eq!(parting.look(start + 2 * PARTING_MAX), None);
        assert_eq!(runs(&parting.learn(start + 2 * PARTING_MAX, &less)), [1]);
    }

    #[test]
    fn a_node_that_came_again_is_talked_with_in_its_place() {
        use MemberState::{Alive, Left};

        let mut parting = Parting::default();
        parting.learn(Instant::ZERO, &view(&[(1, "a", Alive), (2, "b", Alive)]));
        let again = view(&[(1, "a", Alive), (2, "b", Left), (3, "b", Alive)]);
        assert_eq!(runs(&parting.learn(Instant::ZERO, &again)), [1, 3]);
    }
}
