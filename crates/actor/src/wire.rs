//! A call as bytes: what two nodes send each other of it.
//!
//! The node of the caller encodes a [`QueuedCall`](crate::host::QueuedCall) with [`encode_call`], which
//! leaves its message in place: the call may come back. The node of the actor makes a call of its own of the
//! bytes with [`Types::decode_call`]; what ends that goes to a [`ReplyTo`], as an [`Answer`]. The caller's
//! node gives the answer's bytes to [`end_call`].
//!
//! A frame is one byte for the version, one for the codec of what is the application's, four for the length
//! of the head, the head in postcard, and the message or the reply. Whoever reads one has checked the
//! lengths before it allocates, and answers everything that makes no sense with an error: a peer may lie,
//! and crashes nobody.
//!
//! - **The caller's clock stays at home**: a call carries the budget that is left, an answer how long the turn took.
//! - **What was not read did not run**: a call that cannot be decoded ends as not executed. An answer that
//!   cannot be read keeps its outcome.

mod answer;
mod arriving;
mod call;
mod error;
mod frame;
mod names;
mod reminder;
mod types;

pub use answer::{Answer, end_call};
pub use arriving::ReplyTo;
pub use call::{Decoded, encode_call};
pub use names::FOREIGN_TYPES_MAX;
pub use types::Types;

/// The version of the form that this program writes and reads.
pub const WIRE_VERSION: u8 = 1;

/// The most bytes of a call's or an answer's head: a chain of [`CHAIN_LEN_MAX`](crate::CHAIN_LEN_MAX)
/// actors with the longest names fits.
pub const HEAD_BYTES_MAX: usize = 192 << 10;

/// The most bytes of a message or of a reply between nodes. With a head it fits into a frame of 8 MiB.
pub const BODY_BYTES_MAX: usize = (8 << 20) - (256 << 10);

/// The longest text of an error that travels; of a longer one the beginning does.
pub const DETAIL_BYTES_MAX: usize = 16 << 10;

#[cfg(test)]
mod tests;
