mod form;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tenure_actor::{Delivery, State, Ticket, TimerId};
use tenure_store::Encoded;
use tenure_types::{ActorId, Instant, StateTag, Tenure};

use crate::activation::kept::Kept;
use crate::sync::Mutex;

pub use form::{PACKED_BYTES_MAX, PACKED_VERSION, PackError};

/// What an activation takes along when it moves: everything but the calls that wait, which follow
/// when it has moved. Clones are the same.
///
/// What is stored of its actor is durable when it is packed, so nothing of a move can lose it.
#[derive(Clone)]
pub struct Packed(pub(super) Arc<Contents>);

pub(super) struct Contents {
    pub(super) actor: ActorId,
    pub(super) tenure: Tenure,
    /// Names the state, and with it who produced it.
    pub(super) tag: StateTag,
    pub(super) state: PackedState,
    /// The event log with its window, outcomes of calls with keys, reminders.
    pub(super) kept: Option<Kept>,
    pub(super) timers: Vec<PackedTimer>,
    /// When it was packed: how old its events are is told by the clock that this was read from.
    pub(super) at: Instant,
}

pub(super) enum PackedState {
    /// The stored form, of types that have one.
    Encoded(Encoded),
    /// The state itself, which one of two takes: it moves within a process only. Of volatile types.
    Itself(Mutex<Option<Box<dyn State>>>),
}

/// A timer that runs.
pub(super) struct PackedTimer {
    pub(super) id: TimerId,
    pub(super) period: Duration,
    pub(super) once: bool,
    pub(super) delivery: Delivery,
    /// Until it fires next.
    pub(super) left: Duration,
}

/// Who waits for an activation to be packed.
#[derive(Clone, Default)]
pub(crate) struct Moving {
    pub(super) ended: Ticket,
    pub(super) packed: Arc<Mutex<Option<Packed>>>,
}

impl Packed {
    /// Which actor.
    #[must_use]
    pub fn actor(&self) -> &ActorId {
        &self.0.actor
    }

    /// The right under which the activation ran that was packed.
    #[must_use]
    pub fn tenure(&self) -> Tenure {
        self.0.tenure
    }

    /// The state that it has, and its version.
    #[must_use]
    pub fn tag(&self) -> StateTag {
        self.0.tag
    }

    /// About how many bytes travel. What a volatile state has on the heap is not known.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let state = match &self.0.state {
            PackedState::Encoded(state) => state.bytes.len(),
            PackedState::Itself(_) => 0,
        };
        let timers = self.0.timers.iter().map(|timer| timer.delivery.body.len()).sum::<usize>();
        state + timers + self.0.kept.as_ref().map_or(0, Kept::bytes)
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Contents { actor, tenure, tag, .. } = &*self.0;
        write!(f, "Packed({actor} {tenure} {tag})")
    }
}
