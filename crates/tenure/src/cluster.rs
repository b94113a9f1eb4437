//! Clusters: on one machine, for tests and development ([`LocalCluster`]); and a place in one for a service that
//! has no actors ([`Member`]).

mod agreement;
mod berth;
mod datagrams;
mod inbound;
mod keep;
mod local;
mod names;
mod owed;
mod parting;
mod places;
mod seated;
mod world;

pub use keep::{ABOUT_BYTES_MAX, Member, Owner};
pub use local::{LocalCluster, LocalSeat, LocalSeatError};
pub(crate) use seated::{Around, Seated};
