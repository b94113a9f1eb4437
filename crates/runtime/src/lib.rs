//! The turn engine: runs the actors of one node.
//!
//! A call is looked up in the `catalog` and runs on its caller's own thread if its actor is
//! idle (`turn`); otherwise it waits in the actor's `mailbox`. Durable turns go through the
//! `commit` pipeline, and their replies wait for it while the next turn already runs.
//!
//! **Invariant:** nothing here knows an actor's type, reads a clock, starts a thread or draws a
//! random number but through what [`Parts`] brings in, so that a simulator can run it.

mod activation;
mod admission;
mod busy;
mod catalog;
mod cluster;
mod commit;
mod config;
mod events;
mod feed;
mod mailbox;
mod memory;
mod meters;
mod pace;
mod recover;
mod reminder;
mod runtime;
mod show;
mod stop;
mod sync;
mod timer;
mod turn;
mod watch;

pub use busy::Busy;
pub use cluster::{
    HELD_CALLS_MAX, LostBy, PACKED_BYTES_MAX, PACKED_VERSION, PackError, Packed, Seat,
    TENURE_SEQUENCE_MAX, TENURE_VIEW_MAX, WITHHELD_MAX,
};
pub use commit::behind::Unsaved;
pub use config::RuntimeConfig;
pub use feed::FeedReadError;
pub use memory::ResidentBytes;
pub use runtime::{Parts, Runtime, StartError, TypeCounts};
pub use show::{Live, Reminded};
