use std::collections::BTreeSet;

use tenure_types::NodeId;

/// What a node has of the others right now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Picture {
    /// All members that it lists, itself included. Whoever is suspected or down stays here until [`SplitBrain::decide`](super::SplitBrain::decide) was asked; who left in
    /// order does not.
    pub members: BTreeSet<NodeId>,
    /// Those of them that it suspects.
    pub suspected: BTreeSet<NodeId>,
    /// Those of them that it heard from within the last period of failure detection.
    pub heard: BTreeSet<NodeId>,
}
