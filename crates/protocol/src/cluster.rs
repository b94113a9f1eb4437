//! What one node knows and decides about slots, directory entries, placements and moves.
//!
//! A [`Cluster`] is three parties at once, and speaks to itself as to others: the *owner* of the slots
//! that the ring gives it, a *host* of activations, and a *caller* that looks actors up. Who is a
//! member, and for how long a node may release anything, is told by the membership beside it.

mod asks;
mod awaits;
mod config;
mod effect;
mod grants;
mod hosting;
mod lookups;
mod message;
mod moves;
mod offers;
mod placing;
mod reporting;
mod reports;
mod schedule;
mod serve;
mod state;
#[cfg(test)]
mod tests;
mod time;
mod unregister;
mod views;

pub use config::{ClusterConfig, Views};
pub use effect::{Alarm, Effect, Nowhere};
pub use message::{Message, Refusal, URGENT_SLOTS_MAX};
pub use state::{Cluster, Sizes};
