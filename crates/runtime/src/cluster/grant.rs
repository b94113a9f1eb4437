//! Activations by grant, and calls of actors that are elsewhere.

use std::sync::Arc;

use tenure_actor::Target;
use tenure_actor::host::{PendingCall, QueuedCall, Started};
use tenure_types::{ActorId, CallError, Tenure};

use super::right;
use super::seat::LostBy;
use super::state::{Cluster, HELD_CALLS_MAX};
use crate::activation::{Activation, Hold, Kind, Owned};
use crate::catalog::Found;
use crate::runtime::Runtime;
use crate::turn::inline::unregistered;

/// How often a call looks its actor up again that left memory meanwhile.
const LOOKUPS_MAX: usize = 8;

impl Runtime {
    /// Makes the activation of an actor: the keeper of its actor has granted it under `tenure`. Its
    /// calls come by [`Runtime::take`], also before it is loaded.
    ///
    /// # Errors
    /// Why there will be none, and the grant is free again: `NotFound` where this node does not run
    /// the type, `Overloaded` where it has no room, `Unavailable` where it has an activation of the
    /// actor already, has stopped or was discarded, or the tenure is out of bounds. One that fails
    /// to load later is told by [`Seat::lost`](super::Seat::lost).
    ///
    /// # Panics
    /// If the runtime is alone.
    pub fn activate(self: &Arc<Self>, target: &Target, tenure: Tenure) -> Result<(), CallError> {
        let activation = self.make_granted(target, tenure)?;
        let is_stored = activation.kind.stored;
        let hold = Hold::adopt(Owned(activation));
        if is_stored {
            self.begin_load(hold);
        } else {
            self.restart(hold);
        }
        Ok(())
    }

    /// Puts the activation of a grant into the catalog, held by who makes it live.
    pub(super) fn make_granted(
        &self,
        target: &Target,
        tenure: Tenure,
    ) -> Result<Arc<Activation>, CallError> {
        assert!(self.cluster.is_some(), "a runtime alone needs no grants");
        let kind = self.kinds.get(target.slot as usize).and_then(Option::as_ref);
        let kind = kind.ok_or_else(|| unregistered(target))?;
        let granted = right::pack(tenure).ok_or_else(|| {
            unavailable(format!("the tenure {tenure} is out of bounds; open the slot anew"))
        })?;
        if self.is_stopped() {
            return Err(Self::stopped_error());
        }
        self.check_memory()?;
        let make = || Activation::loading(Arc::clone(kind), target.key.clone(), target.hash);
        let activation = match self.catalog.find_or_make(target, make) {
            Found::Made(activation) => activation,
            Found::There(_) => {
                let actor = format_args!("{}/{}", target.type_name, target.key);
                return Err(unavailable(format!("{actor} has an activation here already")));
            }
            Found::Full => return Err(self.catalog_full()),
        };
        activation.touch(self.clock.coarse());
        activation.with_cold(|cold| cold.granted = Some(granted));
        Ok(activation)
    }

    /// The actor with this name, as calls have it; `None` where this node does not run its type.
    #[must_use]
    pub fn target_of(&self, actor: &ActorId) -> Option<Target> {
        let kind = self.kinds.iter().flatten().find(|it| it.actor_type.name == actor.actor_type);
        kind.map(|kind| kind.target(&actor.key))
    }

    /// Takes a call that another node has sent here, or that waited for a grant, and gives it back
    /// where its actor has no activation here. The runtime ends the call that it takes.
    #[must_use]
    pub fn take(
        self: &Arc<Self>,
        target: &Target,
        call: Arc<dyn QueuedCall>,
    ) -> Option<Arc<dyn QueuedCall>> {
        let Some(kind) = self.kinds.get(target.slot as usize).and_then(Option::as_ref) else {
            call.settle(Err(unregistered(target)));
            return None;
        };
        for _ in 0..LOOKUPS_MAX {
            let Some(activation) = self.catalog.find(target) else { return Some(call) };
            if let Err(error) = self.admit_taken(kind, target, &*call) {
                kind.count_error(error.code());
                call.settle(Err(error));
                return None;
            }
            let now = self.clock.coarse();
            activation.touch(now);
            self.busiest.note(&activation, now);
            match self.enter_taken(&activation, &call) {
                None => self.catalog.remove(&activation),
                Some(Started::Refused(error)) => {
                    kind.count_error(error.code());
                    call.settle(Err(error));
                    return None;
                }
                Some(Started::Queued | Started::Ran(_)) => {
                    kind.meters.calls.increment();
                    return None;
                }
            }
        }
        Some(call)
    }

    /// Hands a call on whose actor is not here; keeps it while nothing may leave.
    pub(crate) fn send_on(
        &self,
        cluster: &Cluster,
        target: &Target,
        call: &mut dyn PendingCall,
    ) -> Started {
        if cluster.may_release(&*self.clock) {
            cluster.seat.absent(target, call.share());
            return Started::Queued;
        }
        if !cluster.is_suspended() {
            let detail = "the node's lease has ended, and nothing leaves it".to_owned();
            return Started::Refused(unavailable(detail));
        }
        let mut held = cluster.held_calls.lock();
        held.retain(|(_, call)| call.is_waiting());
        if held.len() >= HELD_CALLS_MAX {
            return Started::Refused(CallError::Overloaded {
                detail: format!("{HELD_CALLS_MAX} calls wait for the node's lease").into(),
                retry_after_ms: 1_000,
                actor: false,
            });
        }
        held.push_back((target.clone(), call.share()));
        // Its end may have come meanwhile.
        drop(held);
        if !cluster.is_suspended() || cluster.is_discarded() {
            self.end_held_calls(cluster);
        }
        Started::Queued
    }

    /// Sends on, or ends, the calls that were kept.
    pub(super) fn end_held_calls(&self, cluster: &Cluster) {
        let held = std::mem::take(&mut *cluster.held_calls.lock());
        for (target, call) in held {
            if !call.is_waiting() {
                continue;
            }
            match cluster.is_discarded() {
                true => call.settle(Err(Self::stopped_error())),
                false => cluster.seat.absent(&target, call),
            }
        }
    }

    /// Refuses an activation whose actor is stored under a higher tenure than it was granted.
    pub(crate) fn check_tenure(
        &self,
        activation: &Activation,
        stored: Tenure,
    ) -> Result<(), CallError> {
        if self.cluster.as_ref().is_some_and(|cluster| !cluster.seat.orders_tenures()) {
            return Ok(());
        }
        let granted = activation.with_cold(|cold| cold.granted);
        let Some(granted) = granted.map(right::unpack).filter(|granted| stored > *granted) else {
            return Ok(());
        };
        self.meters.conflicts.increment();
        let id = activation.id();
        tracing::error!(actor = %id, %stored, %granted, "a higher tenure is stored than was granted");
        Err(unavailable(format!(
            "{id} was granted to this node as {granted}, and {stored} is stored already"
        )))
    }

    /// Tells the seat that an activation ends which was granted and did not become live.
    pub(crate) fn tell_unloaded(&self, activation: &Activation, by: LostBy) {
        let Some(cluster) = &self.cluster else { return };
        let granted = activation.with_cold(|cold| cold.granted.take());
        if let Some(granted) = granted {
            cluster.seat.lost(&activation.target(), right::unpack(granted), by);
        }
    }

    /// As a call from here is admitted; nobody is refused because the node drains, as its calls move.
    fn admit_taken(
        &self,
        kind: &Kind,
        target: &Target,
        call: &dyn QueuedCall,
    ) -> Result<(), CallError> {
        if self.is_stopped() {
            return Err(Self::stopped_error());
        }
        self.admit_actor(kind, target, call.head())
    }
}

pub(super) fn unavailable(detail: String) -> CallError {
    CallError::Unavailable { detail: detail.into() }
}
