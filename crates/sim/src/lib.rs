//! Whole nodes on one thread, a virtual clock and one seed: what goes wrong once goes wrong again.
//!
//! A [`Simulation`] stands behind the three seams through which a node meets the world:
//! [`SimClock`], [`SimEntropy`] and [`SimTasks`]. Which of the ready tasks runs next is drawn from
//! the seed, so another seed is another interleaving, and the [`Trace`] of one seed is always the
//! same. A [`Node`] is the real runtime on it, over a disk in memory that survives its crashes.
//!
//! **Invariant:** nothing here reads a clock, starts a thread, or depends on an address or on the
//! order of a hash map.

mod background;
mod clock;
mod entropy;
mod node;
mod seeds;
mod simulation;
mod store;
mod tasks;
mod trace;
mod world;

pub use background::Background;
pub use clock::SimClock;
pub use entropy::{Dice, SimEntropy};
pub use node::{Node, NodeSpec};
pub use seeds::{each_seed, long_run_factor};
pub use simulation::{Options, Simulation, Stuck};
pub use store::{StoreWatch, Watched};
pub use tasks::SimTasks;
pub use trace::{Event, Happening, Trace};
