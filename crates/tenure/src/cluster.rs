//! A node that is one of several.

mod agreement;
mod berth;
mod inbound;
mod local;
mod owed;
mod places;
mod seated;
mod world;

pub use local::{LocalCluster, LocalSeat, LocalSeatError};
pub(crate) use seated::{Around, Seated};
