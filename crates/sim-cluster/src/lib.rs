//! Whole clusters on virtual time: the real runtime and the cluster's real protocol over a simulated network,
//! member table and store, with clients that remember everything they were told.
//!
//! [`node`] carries out what the protocol's machines decide, as the composition root of a real node does.
//! [`run`] is one run: a seed decides all of it.

pub mod cast;
pub mod clients;
pub mod crowd;
pub mod follow;
pub mod frame;
pub mod line;
pub mod machines;
pub mod node;
mod noted;
pub mod ops;
mod proxy;
pub mod readers;
pub mod run;
pub mod stage;
pub mod subscribers;
pub mod verdict;
