//! A node of a cluster: it carries out what the protocol's machines decide.
//!
//! [`Driver`] owns the machines of one process (`tenure_protocol`) and the runtime that runs its actors. Everything
//! that happens to it comes through one queue, in the order in which it happened; what a call needs
//! and no machine decides goes past the queue (`way`, [`Driver::take_now`]). A process that was condemned goes on as a new
//! incarnation, where its [`World`] wants that.
//!
//! **Invariant:** nothing here does I/O, reads a clock or draws a random number but through [`World`]. So the
//! simulation runs these very sources.

mod calls;
mod codec;
mod config;
mod directory;
mod drain;
mod driver;
mod follow;
mod following;
mod gossiping;
mod keeper;
mod level;
mod levelling;
mod life;
mod members;
mod membership;
mod message;
mod places;
mod refusals;
mod reply;
mod rings;
mod roll;
mod seat;
mod status;
mod told;
mod unsent;
mod way;
mod world;

pub use codec::FRAME_VERSION;
pub use config::{Config, LevelConfig};
pub use driver::Driver;
pub use following::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Following, News};
pub use gossiping::{GossipConfig, WithoutTable};
pub use keeper::Keeper;
pub use levelling::{Carried, Levelling, NAMED_MAX};
pub use life::Picture;
pub use message::{Body, Frame, Lane, Part};
pub use rings::{RINGS_MAX, Rings};
pub use way::PARTING_MAX;
pub use world::{Heard, World};
