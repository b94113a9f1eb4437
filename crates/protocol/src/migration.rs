//! Moving a live activation (DESIGN section 7, rule 6).
//!
//! The source offers, the target accepts; the source seals and ships; the slot owner decides between the
//! move and its cancellation, whichever is asked for first. An owner that took the slot over takes back no move
//! that one before it may have let happen. A source that hears nothing stays sealed and goes on asking: time
//! alone decides nothing.

mod outgoing;

use tenure_types::Incarnation;

pub(crate) use outgoing::{Outgoing, Step};

/// Names one move for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MoveId {
    /// Who moves the actor away.
    pub source: Incarnation,
    /// Counts the moves of that member, from 1.
    pub number: u64,
}
