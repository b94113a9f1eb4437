//! The ranking that is learnt from comparisons, in a process of its own: it reads the feed in batches, and
//! stores what it has counted together with its place in the feed, so that every comparison counts once.

mod ledger;
mod strength;
mod tally;

pub use ledger::{Ledger, LedgerError};
pub use strength::{Strength, strengths};
pub use tally::{Entry, Page, Tally};
