use std::sync::Arc;

use tenure_types::{Incarnation, Instant, ViewNumber};

use crate::view::View;
use crate::view::table::{TableError, TableRequest};

/// What the driver of a [`Membership`](super::Membership) is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Carry a request to the table and its answer to `handle_answer`, once. Without an answer after
    /// [`LeaseTerms::ask_time_max`](crate::lease::LeaseTerms::ask_time_max) say [`Lost`].
    Ask {
        /// Names it among this node's requests.
        request: u64,
        /// What to carry.
        ask: TableRequest,
    },
    /// Call `handle_timer` at `at` or later. It replaces the timer before.
    SetTimer {
        /// What to give back.
        timer: Timer,
        /// When.
        at: Instant,
    },
    /// It has a row and this incarnation. Open the state store for it, then call `ready`.
    Joined(Incarnation),
    /// There is a newer view. Those between it and the one before were not seen and never will be.
    View(Arc<View>),
    /// The lease ran out: no turn starts, nothing is released, memory stays.
    Suspend,
    /// The lease holds again.
    Resume,
    /// It was condemned or is down: drop everything, and then join as a new incarnation.
    Discard,
    /// It has left in order, or was put down while it was about to. Nothing follows.
    Left,
    /// Fence this incarnation in the state store, as often as it takes, then call `handle_fenced`.
    Fence(Incarnation),
    /// Tell every member that there is a view with this number, so that it looks (`handle_number`).
    Hint(ViewNumber),
    /// The table is in trouble that somebody has to look at. Said once until it is over; the node goes on
    /// trying.
    Trouble(TableError),
}

/// Names one arming of the timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timer {
    pub(super) number: u64,
}

/// No answer came: the request was done, will be done, or never is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the member table did not answer in time")]
pub struct Lost;
