//! Whole clusters on virtual time: the real runtime and the cluster's real protocol over a simulated network,
//! member table and store, with clients that remember everything they were told.
//!
//! [`node`] runs the driver of a real node (`tenure_cluster`) in a simulated process.
//! [`run`] is one run: a seed decides all of it.

pub mod build;
pub mod cast;
pub mod clients;
pub mod crowd;
pub mod ears;
pub mod follow;
pub mod frame;
pub mod line;
pub mod machines;
pub mod node;
mod noted;
pub mod ops;
pub mod readers;
pub mod run;
pub mod stage;
pub mod subscribers;
pub mod verdict;
