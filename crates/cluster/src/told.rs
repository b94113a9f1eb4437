use std::sync::Arc;

use tenure_protocol::view::membership::Effect;
use tenure_types::NodeId;

/// What a node's driver is to do for it.
#[derive(Debug)]
pub(crate) enum Told {
    /// As a member of whichever kind.
    Member(Effect),
    /// Have the store hand out so many incarnations; then `numbered`.
    Number(usize),
    /// Send a datagram to a member's address.
    Datagram { to: Arc<str>, datagram: Vec<u8> },
    /// Send a datagram to wherever the configuration knows that a member may be.
    Knock(Vec<u8>),
    /// This node has another list of nodes.
    OtherList(NodeId),
}
