use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tenure_actor::Target;
use tenure_actor::host::QueuedCall;
use tenure_store::Unit;
use tenure_types::{Clock, Key, Planted, Tenure};

use super::packed::Packed;
use super::seat::Seat;
use crate::activation::{Activation, Hold, Owned};
use crate::sync::{AtomicBool, Mutex, Ordering};

/// How many calls of actors that are elsewhere a suspended node keeps.
pub const HELD_CALLS_MAX: usize = 4_096;
/// How many units' events a node keeps that became durable when its lease had ended; of further ones
/// who follows the actor reads with the next event.
pub const WITHHELD_MAX: usize = 1_024;

/// Which actor: the hash of type and key, the type's number, the key.
pub(crate) type Place = (u64, u32, Key);

/// What a runtime keeps because it is one of several.
pub(crate) struct Cluster {
    pub(super) seat: Arc<dyn Seat>,
    /// No turn starts and nothing is released.
    suspended: AtomicBool,
    /// Nothing ever will be.
    discarded: AtomicBool,
    /// Activations that are held for good: they lie in the catalog too, and calls queue there.
    pub(super) aside: Mutex<BTreeMap<Place, Aside>>,
    /// Calls of actors elsewhere, while nothing may leave.
    pub(super) held_calls: Mutex<VecDeque<(Target, Arc<dyn QueuedCall>)>>,
    /// Events that became durable and could not leave.
    pub(super) withheld: Mutex<VecDeque<(Arc<Activation>, Arc<Unit>)>>,
}

/// An activation that is held and runs no turns.
pub(super) enum Aside {
    /// It leaves when the keeper of its actor knows.
    Leaving { hold: Hold<Owned>, tenure: Tenure },
    /// It moves: it goes on here, or has moved.
    Sealed { hold: Hold<Owned>, tenure: Tenure, packed: Packed },
}

impl Cluster {
    pub(crate) fn new(seat: Arc<dyn Seat>) -> Self {
        Self {
            seat,
            suspended: AtomicBool::new(false),
            discarded: AtomicBool::new(false),
            aside: Mutex::default(),
            held_calls: Mutex::default(),
            withheld: Mutex::default(),
        }
    }

    pub(crate) fn seat(&self) -> &Arc<dyn Seat> {
        &self.seat
    }

    /// Whether an activation of this actor is held for good: it may have a successor elsewhere.
    pub(crate) fn has_aside(&self, target: &Target) -> bool {
        self.aside.lock().contains_key(&place_of(target))
    }

    pub(super) fn set_suspended(&self, is_suspended: bool) {
        self.suspended.store(is_suspended, Ordering::Release);
    }

    pub(super) fn set_discarded(&self) {
        self.discarded.store(true, Ordering::Release);
        self.set_suspended(true);
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    pub(crate) fn is_discarded(&self) -> bool {
        self.discarded.load(Ordering::Acquire)
    }

    /// Whether what was produced before this call may leave (DESIGN section 7, rule 2).
    #[inline]
    pub(crate) fn may_release(&self, clock: &dyn Clock) -> bool {
        !self.is_suspended() && (Planted::LeaseBefore.is_planted() || !self.has_lapsed(clock))
    }

    /// Reads the clock: the lease is that of the moment before.
    pub(crate) fn has_lapsed(&self, clock: &dyn Clock) -> bool {
        let until = self.seat.lease_until();
        clock.now() >= until
    }
}

pub(super) fn place_of(target: &Target) -> Place {
    (target.hash, target.slot, target.key.clone())
}
