//! What Tenure decides, apart from everything that carries it out.
//!
//! Events in, effects out: a machine is told what happened through `handle_*` and says what is to be
//! done through `take_effects`. Its driver, a level up, does that and decides nothing.
//!
//! **Invariant:** nothing here does I/O, reads a clock, waits, or draws a random number.

pub mod balance;
pub mod cluster;
pub mod codec;
pub mod directory;
pub mod gossip;
pub mod lease;
pub mod migration;
pub mod placement;
pub mod retry;
pub mod ring;
pub mod session;
pub mod slot;
pub mod split_brain;
pub mod view;
