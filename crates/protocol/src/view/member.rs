use std::fmt;
use std::sync::Arc;

use tenure_types::{Incarnation, NodeId};

/// Where a member stands. Only forward, in this order: nobody comes back but as a new incarnation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MemberState {
    /// It has an incarnation and runs nothing yet.
    Joining,
    /// It keeps slots and runs actors.
    Alive,
    /// It runs what it still has, takes nothing new and keeps no slot.
    Leaving,
    /// Its renewals are refused: its lease runs out. What it runs may still be heard until then.
    Condemned,
    /// Its lease has run out or its death is proven. Nothing of it may be heard any more.
    Down,
    /// It went in order, and has nothing left that could be heard.
    Left,
}

impl MemberState {
    /// Whether it may renew its lease.
    #[must_use]
    pub const fn is_living(self) -> bool {
        matches!(self, Self::Joining | Self::Alive | Self::Leaving)
    }

    /// Whether it may run actors, and so has to report them.
    #[must_use]
    pub const fn may_host(self) -> bool {
        matches!(self, Self::Alive | Self::Leaving)
    }

    /// Whether nothing of it may be heard any more.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Down | Self::Left)
    }
}

impl fmt::Display for MemberState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Joining => "Joining",
            Self::Alive => "Alive",
            Self::Leaving => "Leaving",
            Self::Condemned => "Condemned",
            Self::Down => "Down",
            Self::Left => "Left",
        })
    }
}

/// One run of a node, as a view lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The number of this run: the number of the view in which it joined, so no other has it.
    pub incarnation: Incarnation,
    /// The node it is a run of.
    pub node: NodeId,
    /// Where it stands.
    pub state: MemberState,
    /// Whether it was condemned because its death is presumed. Its durable actors may then start
    /// elsewhere once it is fenced; the others wait until it is `Down`.
    pub presumed: bool,
    /// Its share of the slots beside others', from 1.
    pub weight: u8,
    /// Where its peers reach it; opaque here.
    pub address: Arc<str>,
}
