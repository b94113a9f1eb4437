//! What tables are asked for.

use std::sync::Arc;

use proptest::prelude::*;
use tenure_protocol::view::MemberState;
use tenure_protocol::view::table::{JoinToken, Reason, TableAction, TableRequest};
use tenure_types::{Incarnation, NodeId, ViewNumber};

/// The wish of this node to be a member, by this token.
///
/// # Panics
/// Where the name is none.
#[must_use]
pub fn join(node: &str, token: u128) -> TableAction {
    let address = Arc::from(format!("{node}:1#2"));
    let node = NodeId::new(node).expect("a name");
    TableAction::Join { node, weight: 3, address, former: None, token: JoinToken(token) }
}

/// Any request.
pub(crate) fn request() -> impl Strategy<Value = TableRequest> {
    (0..5_u64, action()).prop_map(|(seen, action)| TableRequest { seen: ViewNumber(seen), action })
}

/// Any action, mostly on members that are there.
fn action() -> impl Strategy<Value = TableAction> {
    let incarnation = || (1..14_u64).prop_map(Incarnation);
    let beat = 0..3_u64;
    let watch = prop::collection::vec(incarnation(), 0..4);
    let state = prop::sample::select(vec![
        MemberState::Alive,
        MemberState::Leaving,
        MemberState::Left,
        MemberState::Down,
    ]);
    let reason = prop::sample::select(vec![Reason::PresumedDead, Reason::MissingReport]);
    let former = prop::option::of(incarnation());
    prop_oneof![
        2 => (0..12_u64, watch).prop_map(|(known, watch)| TableAction::Poll { known: ViewNumber(known), watch }),
        4 => (incarnation(), beat.clone()).prop_map(|(incarnation, beat)| TableAction::Beat { incarnation, beat }),
        4 => ("[abc]", former, 0..20_u128).prop_map(|(node, former, token)| match join(&node, token) {
            TableAction::Join { node, weight, address, token, .. } => {
                TableAction::Join { node, weight, address, former, token }
            }
            other => other,
        }),
        4 => (incarnation(), state).prop_map(|(incarnation, to)| TableAction::Advance { incarnation, to }),
        2 => (incarnation(), prop::option::of(beat.clone()), reason)
            .prop_map(|(incarnation, beat, reason)| TableAction::Condemn { incarnation, beat, reason }),
        2 => (incarnation(), beat).prop_map(|(incarnation, beat)| TableAction::Down { incarnation, beat }),
        1 => incarnation().prop_map(|incarnation| TableAction::DownProven { incarnation }),
        1 => prop::collection::vec(incarnation(), 0..4).prop_map(|incarnations| TableAction::Forget { incarnations }),
    ]
}
