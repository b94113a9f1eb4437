use std::sync::Arc;

use tenure_protocol::view::{Member, View};
use tenure_transport::{Peer, PeerIdentity};
use tenure_types::Incarnation;

/// What stands between where a process listens and which one it is.
const RUN_MARK: char = '#';
/// What stands before what a process says of itself.
const ABOUT_MARK: char = ' ';

/// Where a process is, as its row in the member table has it: where it listens, and the number of its run, by which
/// lanes know it. An incarnation is handed out only when it has joined, and it may join again. Then, if there is
/// anything, what it says of itself.
pub(super) fn row_address(listens: &str, run: u64, about: &str) -> Arc<str> {
    let row = format!("{listens}{RUN_MARK}{run}");
    if about.is_empty() { row.into() } else { format!("{row}{ABOUT_MARK}{about}").into() }
}

/// What a member says of itself.
pub(super) fn about(row: &str) -> &str {
    row.split_once(ABOUT_MARK).map_or("", |(_, about)| about)
}

/// Whom a row names; `None` if its address makes no sense.
pub(super) fn peer_of(member: &Member) -> Option<Peer> {
    let (address, rest) = member.address.split_once(RUN_MARK)?;
    let (run, _) = rest.split_once(ABOUT_MARK).unwrap_or((rest, ""));
    let incarnation = Incarnation(run.parse().ok()?);
    let identity = PeerIdentity { node: member.node.clone(), incarnation };
    Some(Peer { identity, address: address.to_owned() })
}

/// Where a member listens, as people are shown it.
pub(super) fn shown_address(row: &str) -> &str {
    row.split_once(RUN_MARK).map_or(row, |(listens, _)| listens)
}

/// Everybody to talk with: of two runs of one node the later.
pub(super) fn peers_of(view: &View) -> Vec<(Peer, Arc<str>)> {
    let mut peers: Vec<(Peer, Arc<str>)> = Vec::new();
    // By incarnation: a later run comes later.
    for member in view.members().filter(|member| !member.state.is_gone()) {
        let Some(peer) = peer_of(member) else { continue };
        peers.retain(|(known, _)| known.identity.node != peer.identity.node);
        peers.push((peer, Arc::clone(&member.address)));
    }
    peers
}

#[cfg(test)]
mod tests {
    use tenure_protocol::view::MemberState;
    use tenure_types::{NodeId, ViewNumber};

    use super::*;

    fn member(incarnation: u64, node: &str, state: MemberState, address: &str) -> Member {
        let node = NodeId::new(node).unwrap();
        let incarnation = Incarnation(incarnation);
        Member { incarnation, node, state, presumed: false, weight: 1, address: address.into() }
    }

    #[test]
    fn the_later_run_of_a_node_is_talked_with_and_nobody_who_is_gone() {
        let alive = MemberState::Alive;
        let members = [
            member(1, "a", MemberState::Condemned, "127.0.0.1:1#7"),
            member(2, "b", alive, "[::1]:2#8"),
            member(3, "c", MemberState::Down, "127.0.0.1:3#9"),
            member(4, "a", alive, &row_address("127.0.0.1:4", 10, "http://a#b c")),
            member(5, "d", alive, "nonsense"),
            member(6, "e", alive, "127.0.0.1:6#x"),
        ];
        let view = View::new(ViewNumber(6), members);
        let told: Vec<String> = peers_of(&view)
            .iter()
            .map(|(peer, row)| format!("{} {} {row}", peer.identity, peer.address))
            .collect();
        assert_eq!(shown_address("[::1]:2#8"), "[::1]:2");
        let last = "a#10 127.0.0.1:4 127.0.0.1:4#10 http://a#b c";
        assert_eq!(told, ["b#8 [::1]:2 [::1]:2#8", last]);
        assert_eq!(["[::1]:2#8", &row_address("x:1", 2, "a b")].map(about), ["", "a b"]);
    }
}
