//! What members tell each other, and ask of the member table, as bytes.
//!
//! A document begins with the byte [`VERSION`]; then come a byte for its kind and what belongs to it.
//! Numbers are of variable length, seven bits in a byte, the lowest first; texts and lists have their length
//! before them. The kinds, and the order of what belongs to each, are for ever: another form is another
//! version.
//!
//! - **Every value has one form**: what is read is written as the same bytes again.
//! - **A length is compared with what is left, and with its bound, before anything is allocated**: what a
//!   document takes in memory is bounded by its own bytes. How long it may be is the lane's affair.
//! - **A peer may lie, or be newer**: what cannot be read is a [`CodecError`], and never half read.

mod actor;
mod error;
mod message;
mod reader;
mod table;
#[cfg(test)]
mod tests;
mod writer;

use tenure_types::Slot;

pub use error::CodecError;
pub use reader::Reader;
pub use writer::Writer;

/// The version of the form that this program writes and reads.
pub const VERSION: u8 = 1;

/// The most bytes of a member's address.
pub const ADDRESS_BYTES_MAX: usize = 512;

/// The most slots that one message asks for or reports.
pub const SLOTS_MAX: usize = Slot::COUNT;

/// The most activations in one part of one slot's report. Senders keep to
/// [`ClusterConfig::report_len_max`](crate::cluster::ClusterConfig::report_len_max), which is far less.
pub const REPORTED_MAX: usize = 65_536;
