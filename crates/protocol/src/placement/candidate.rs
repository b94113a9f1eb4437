use tenure_types::Incarnation;

use crate::ring::WEIGHT_MAX;

/// A member that may host, as the slot owner knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Which one.
    pub incarnation: Incarnation,
    /// Its share beside others', 1 to [`WEIGHT_MAX`]; what is outside counts as the nearest inside.
    pub weight: u8,
    /// What it carries, in whatever unit is the same for all: activations, or milliseconds of turns.
    pub load: u64,
    /// Whether its operator keeps new activations from it.
    pub is_cordoned: bool,
    /// Whether it is about to leave.
    pub is_leaving: bool,
    /// Whether it joined since the deploy that is under way began: what a drain moves goes there first, so that
    /// it is not moved again when the older ones leave. `false` for all when no deploy is under way.
    pub is_new_in_roll: bool,
}

/// Numbers that the caller drew, each uniformly over all of `u64`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draw {
    /// For the first member to look at.
    pub first: u64,
    /// For the second one.
    pub second: u64,
}

impl Candidate {
    /// Whether new activations may go there.
    #[must_use]
    pub const fn takes_new(&self) -> bool {
        !self.is_cordoned && !self.is_leaving
    }

    pub(super) fn share(&self) -> u64 {
        u64::from(self.weight.clamp(1, WEIGHT_MAX))
    }
}
