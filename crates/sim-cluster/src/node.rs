//! One node of a simulated cluster: the real driver of a node (`tenure_cluster`) in a simulated process, with
//! its clients.

mod built;
mod follow;
mod host;
mod outer;
mod world;

pub use host::Host;
pub use outer::Outer;
