//! The real clock, randomness and tasks of a node.

mod clock;
mod entropy;
mod tasks;

pub(crate) use clock::SystemClock;
pub(crate) use entropy::SystemEntropy;
pub(crate) use tasks::{NodeTasks, mark_worker};
