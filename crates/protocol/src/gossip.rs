//! Gossip between members: SWIM with suspicion and refutation (Das, Gupta and Motivala 2002), by the
//! library `foca`, which does no I/O and draws its randomness from us.
//!
//! [`Gossip`] takes datagrams and timers and gives datagrams, timers, hints and views. With `consensus` only
//! its hints count, and a hint says no more than "look at that row now" (DESIGN section 7). With `gossip` its
//! views are the cluster's: their numbers are Lamport clocks (Lamport 1978), so a later view that knows of an
//! earlier one has a higher number, and views that meet end with one list under the higher number. Two views
//! that have not met may share a number and differ. A number that was told otherwise, and whose view does not come, is
//! passed ([`Gossip::handle_number`]).
//!
//! **One cluster.** A member that finds nobody *founds* a cluster, which is named by its incarnation. Sides of one that
//! fell apart, and clusters that were founded apart, never merge their lists: when two of their members meet, each
//! tells the other its side (a *verdict*), and those of the smaller side end and come back as new incarnations.

mod collected;
mod datagram;
mod draws;
mod fixed;
mod machine;
mod peer;
mod roll;
#[cfg(test)]
mod tests;

pub use fixed::Fixed;
pub use machine::{
    DATAGRAM_BYTES_MAX, Founding, Gossip, GossipEffect, GossipError, GossipTimer, Hint, PEERS_MAX,
};
pub use peer::{ADDRESS_BYTES_MAX, Peer, PeerError};
pub use roll::GONE_LISTED_MAX;
