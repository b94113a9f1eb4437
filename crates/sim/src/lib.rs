//! Whole nodes on one thread, a virtual clock and one seed: what goes wrong once goes wrong again.
//!
//! A [`Simulation`] stands behind the three seams through which a node meets the world:
//! [`SimClock`], [`SimEntropy`] and [`SimTasks`]. Which of the ready tasks runs next is drawn from
//! the seed, so another seed is another interleaving, and the [`Trace`] of one seed is always the
//! same. A [`Node`] is the real runtime on it, over a disk in memory that survives its crashes.
//!
//! Beside it there is what a cluster stands in: [`Machine`]s whose clocks drift and stand and whose
//! processes pause and end, a [`net`] between them, a state store and services behind a [`remote`]
//! way, [`faults`] as data, and [`campaign`]s of many runs.
//!
//! **Invariant:** nothing here reads a clock, starts a thread, or depends on an address or on the
//! order of a hash map.

mod background;
pub mod campaign;
mod clock;
mod entropy;
pub mod faults;
pub mod judge;
mod machine;
pub mod net;
mod node;
mod options;
pub mod remote;
mod schedule;
mod seeds;
mod simulation;
mod store;
mod tasks;
mod timers;
mod trace;
mod world;

pub use background::Background;
pub use clock::{RATE_PPB_MAX, SimClock, UNIX_MS_AT_START};
pub use entropy::{Dice, SimEntropy};
pub use machine::{ClockSpec, Machine, Stand, Standstill};
pub use node::{Node, NodeSpec};
pub use options::Options;
pub use schedule::Owner;
pub use seeds::{each_seed, long_run_factor};
pub use simulation::{Simulation, Stuck};
pub use store::{StoreWatch, Watched};
pub use tasks::SimTasks;
pub use trace::{Event, Happening, Keep, Listener, Trace};
