//! What the program `shop-careless` leaves out, to show that the campaign notices.

use std::sync::OnceLock;

static DRILL: OnceLock<Drill> = OnceLock::new();

/// A mechanism to leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drill {
    /// Nothing is left out.
    #[default]
    None,
    /// A refused order keeps what it reserved.
    NoCompensation,
    /// An order goes on by a timer, which ends with the process, and not by a reminder.
    NoReminders,
}

/// Leaves a mechanism out from now on. The first word counts.
pub fn begin(drill: Drill) {
    let _ = DRILL.set(drill);
}

/// Whether this is left out.
pub(crate) fn is(drill: Drill) -> bool {
    DRILL.get().copied().unwrap_or_default() == drill
}
