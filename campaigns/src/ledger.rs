//! The actors of the campaigns' server.

use tenure::prelude::*;

/// How many ids are remembered.
const RECENT_MAX: usize = 16;

/// How many turns there were, and which were the last.
#[tenure::data]
#[derive(Clone, Default)]
pub struct Ledger {
    count: u64,
    /// The newest last.
    recent: Vec<u64>,
}

#[actor]
impl Ledger {
    /// Counts the turn `id`; gives its number.
    pub fn add(&mut self, id: u64) -> u64 {
        self.count += 1;
        if self.recent.len() == RECENT_MAX {
            self.recent.remove(0);
        }
        self.recent.push(id);
        self.count
    }

    /// Everything that is known.
    pub fn show(&self) -> Self {
        self.clone()
    }
}
