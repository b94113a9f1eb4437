//! Actors that say where they live.

use tenure::prelude::*;

/// The variable that tells the campaign's server the name of its node.
pub const NODE_VARIABLE: &str = "CAMPAIGN_NODE";

/// An actor with little to keep.
#[tenure::data]
#[derive(Default)]
pub struct Tenant {
    moves: u64,
}

#[actor]
impl Tenant {
    /// The name of its node; empty where the node was not told.
    pub fn home(&self) -> String {
        std::env::var(NODE_VARIABLE).unwrap_or_default()
    }

    /// Counts a move that somebody made it; gives their number.
    pub fn count(&mut self) -> u64 {
        self.moves += 1;
        self.moves
    }
}
