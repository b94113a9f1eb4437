//! Leaving in a cluster: the keeper of an actor knows before its activation is gone.

use std::collections::VecDeque;
use std::sync::Arc;

use tenure_actor::Target;
use tenure_actor::host::{QueuedCall, Started};
use tenure_types::{CallError, Tenure};

use super::right;
use super::seat::LostBy;
use super::state::{Aside, Cluster, place_of};
use crate::activation::{Activation, Hold, Owned};
use crate::runtime::Runtime;
use crate::turn::contain;
use crate::turn::ready::Ready;
use crate::turn::word::SEALED;

impl Runtime {
    /// The keeper of the actor knows that the activation under `tenure` leaves: it is dropped, and
    /// the calls that came meanwhile go to [`Seat::absent`](super::Seat::absent). Anything else than the answer to
    /// [`Seat::leaving`](super::Seat::leaving) changes nothing.
    pub fn left(self: &Arc<Self>, target: &Target, tenure: Tenure) {
        let Some(cluster) = &self.cluster else { return };
        let mut aside = cluster.aside.lock();
        let place = place_of(target);
        let leaves =
            matches!(aside.get(&place), Some(Aside::Leaving { tenure: it, .. }) if *it == tenure);
        let left = leaves.then(|| aside.remove(&place)).flatten();
        drop(aside);
        if let Some(Aside::Leaving { hold, .. }) = left {
            self.drop_departed(cluster, hold);
        }
    }

    /// Ends an activation that was asked to leave, or lost its state. The hold is exclusive, nothing
    /// is unsaved. Who waits gets `refusal` if there is one.
    pub(crate) fn depart(
        self: &Arc<Self>,
        cluster: &Cluster,
        hold: Hold<Owned>,
        refusal: Option<&CallError>,
    ) {
        let activation = Arc::clone(hold.activation());
        // Before moves are refused that are under way: none begins after that, which would wait for this hold.
        activation.with_cold(|cold| cold.leaving = true);
        self.stay(&activation, "it leaves memory");
        if let Some(error) = refusal {
            let calls = self.take_calls(&activation);
            refuse(&activation, calls, error);
        }
        let (target, tenure) = (activation.target(), right::unpack(activation.right()));
        let is_overtaken = activation.with_cold(|cold| std::mem::take(&mut cold.overtaken));
        if is_overtaken {
            cluster.seat.lost(&target, tenure, LostBy::Conflict);
            return self.drop_departed(cluster, hold);
        }
        // Before it is told: the answer may come at once.
        let replaced =
            cluster.aside.lock().insert(place_of(&target), Aside::Leaving { hold, tenure });
        debug_assert!(replaced.is_none(), "an activation is held once");
        drop(replaced);
        cluster.seat.leaving(&target, tenure);
    }

    /// Begins to leave if the activation is idle; says whether it does.
    pub(crate) fn depart_if_idle(
        self: &Arc<Self>,
        cluster: &Cluster,
        activation: &Arc<Activation>,
    ) -> bool {
        if cluster.is_suspended() || !activation.set_out() {
            return false;
        }
        self.depart(cluster, Hold::adopt(Owned(Arc::clone(activation))), None);
        true
    }

    /// Drops an activation that is held, and hands on the calls that wait.
    pub(super) fn drop_departed(self: &Arc<Self>, cluster: &Cluster, mut hold: Hold<Owned>) {
        let activation = Arc::clone(hold.activation());
        let state = hold.replace(None);
        // A destructor is the user's code.
        if let Err(panic) = contain(move || drop(state)) {
            tracing::error!(actor = %activation.id(), %panic, "dropping the state panicked");
        }
        activation.set_right(0);
        // Ticks that wait end with their timers.
        let ticks = activation.with_cold(|cold| cold.timers.ticks());
        let calls = self.seal_for_good(&activation);
        self.stay(&activation, "it has left memory");
        self.catalog.remove(&activation);
        hold.release();
        let target = activation.target();
        for call in calls.into_iter().filter(|call| call.is_waiting()) {
            let is_tick = ticks.iter().any(|tick| Arc::ptr_eq(tick, &call));
            if !is_tick && !activation.kind.is_hook(call.head().method) {
                self.pass_on(cluster, &target, &call);
            }
        }
    }

    /// Nobody queues at the activation any more; gives the calls that wait. What it kept is dropped,
    /// its timers end.
    pub(super) fn seal_for_good(&self, activation: &Activation) -> VecDeque<Arc<dyn QueuedCall>> {
        let (timers, kept) = activation.with_cold(|cold| {
            activation.word.set(SEALED);
            cold.farewell = false;
            cold.greeting_failed = false;
            cold.leaving = false;
            (cold.timers.take_all(), cold.kept.take())
        });
        drop(kept);
        timers.into_iter().for_each(|timer| self.timers.forget(timer));
        self.take_calls(activation)
    }

    pub(super) fn take_calls(&self, activation: &Activation) -> VecDeque<Arc<dyn QueuedCall>> {
        let calls = activation.with_cold(|cold| cold.mailbox.take_all());
        self.count_waiting(calls.len(), 0);
        calls
    }

    /// Hands on a call that waited here.
    pub(super) fn pass_on(
        self: &Arc<Self>,
        cluster: &Cluster,
        target: &Target,
        call: &Arc<dyn QueuedCall>,
    ) {
        let mut pending = Ready(Arc::clone(call));
        if let Started::Refused(error) = self.send_on(cluster, target, &mut pending) {
            call.settle(Err(error));
        }
    }
}

pub(super) fn refuse(
    activation: &Activation,
    calls: VecDeque<Arc<dyn QueuedCall>>,
    error: &CallError,
) {
    for call in calls {
        activation.kind.count_error(error.code());
        call.settle(Err(error.clone()));
    }
}
