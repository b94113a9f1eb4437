//! What can be seen of a node from outside: metrics, health, and the node's picture of itself.
//!
//! A [`Counter`] or [`Histogram`] is looked up once, at registration, and then costs its user a
//! few nanoseconds: every thread writes to a cell of its own, and the cells are summed when
//! somebody scrapes. [`Health`] is the set of reasons why a node is not ready, [`NodeStatus`] the
//! one picture that the admin API, the command line and the dashboard show.
//!
//! **Invariant:** nothing here reads a clock, and no metric changes what a node does.

mod counter;
mod gauge;
mod health;
mod histogram;
mod metrics;
pub mod names;
mod process;
mod seat;
mod status;

pub use counter::Counter;
pub use gauge::Gauge;
pub use health::{BEAT_AGE_MAX, Condition, Health, Reason};
pub use histogram::{BUCKETS, Histogram, bucket_bound_seconds};
pub use metrics::{MetricError, Metrics};
pub use names::Description;
pub use process::{memory_bytes_max, register_process, resident_bytes};
pub use status::{
    BusyActor, ClusterStatus, LiveActor, MemberStatus, NodeStatus, StoredActor, StoredReminder,
    TypeStatus, UnsavedStatus,
};
