//! A runtime's place in a cluster: activations by grant, the lease, and leaving with an answer.
//!
//! Alone a runtime activates whatever is called, and releases what its turns produce. In a cluster a
//! [`Seat`] says until when it may release; an activation is made by a grant, [`Runtime::activate`],
//! and leaves when the keeper of its actor knows; calls of actors that are not here go to the seat.
//!
//! [`Runtime::activate`]: crate::Runtime::activate

mod depart;
mod gate;
mod grant;
mod migrate;
pub(crate) mod packed;
mod right;
mod seat;
mod state;
mod suspend;

pub use packed::{PACKED_BYTES_MAX, PACKED_VERSION, PackError, Packed};
pub use right::{TENURE_SEQUENCE_MAX, TENURE_VIEW_MAX};
pub use seat::{LostBy, Seat};
pub(crate) use state::Cluster;
pub use state::{HELD_CALLS_MAX, WITHHELD_MAX};
