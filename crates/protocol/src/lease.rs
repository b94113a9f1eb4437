//! Leases, which are observed and never timed by a server (DESIGN section 7, rules 1 and 2).
//!
//! The holder counts from before it asked, on its own clock ([`Lease`]); whoever wants to end it counts
//! from after it read, on another clock, and somewhat longer ([`Observed`]). Nobody compares the readings
//! of two clocks, so only their rates matter (Gray and Cheriton 1989, without their synchronised clocks).

mod observed;
mod own;
mod terms;
#[cfg(test)]
mod tests;

pub use observed::Observed;
pub use own::{Lease, LeaseChange};
pub use terms::{LEASE_DEFAULT, LEASE_EMBEDDED, LeaseTerms};
