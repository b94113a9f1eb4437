use tenure_types::{Incarnation, NodeId};

/// The highest weight of a member; what is above counts as this.
pub const WEIGHT_MAX: u8 = 64;

/// A member, as far as the ring looks at it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RingMember {
    /// Its run. Of two with one node id, the higher counts.
    pub incarnation: Incarnation,
    /// Its name, from which its scores follow.
    pub node: NodeId,
    /// Its share beside others': 1 to [`WEIGHT_MAX`]. Below counts as 1, above as the highest.
    pub weight: u8,
}
