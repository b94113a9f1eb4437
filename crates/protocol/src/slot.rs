//! Slots: who keeps the directory of which part of the hash space, and the barrier of reports that a
//! slot passes when it changes hands (DESIGN section 7, rule 3).
//!
//! **Invariant:** a member gives up a slot only by reporting it to another owner. So a directory is
//! complete as long as its keeper reported nothing of it since it opened: nobody else can have
//! opened the slot without that report.

mod awaited;
mod awaiting;
mod map;
mod owned;
mod promises;
mod report;

pub use report::{REPORT_PARTS_MAX, Reported, ReportedAs, SlotReport};

pub(crate) use awaited::Awaited;
pub(crate) use awaiting::Awaiting;
pub(crate) use map::SlotMap;
pub(crate) use owned::{Dead, Openness, OwnedSlot, Waiting};
pub(crate) use promises::{Promises, Unfit};
pub(crate) use report::Parts;

use tenure_types::{ActorId, Slot, actor_hash};

/// The slot of an actor.
pub(crate) fn slot_of(actor: &ActorId) -> Slot {
    Slot::of(actor_hash(actor.actor_type.as_str(), actor.key.as_str()))
}
