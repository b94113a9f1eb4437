//! The gate: what turns produce leaves only within the node's lease (DESIGN section 7, rule 2).
//!
//! **Invariant:** the clock is read after what is to leave was produced and, where it waits for the
//! store, after its unit was answered. A reply passes here when its turn has ended or its unit is
//! durable, events and entries of feeds when theirs is, a call when it leaves its node.

use std::sync::Arc;
use std::time::Duration;

use tenure_actor::Ticket;
use tenure_store::Unit;
use tenure_types::{CallError, Incarnation, Outcome, Planted, Tenure};

use super::right;
use super::state::WITHHELD_MAX;
use crate::activation::Activation;
use crate::runtime::Runtime;

/// How often work that waits for the lease looks for it.
const LOOK_PERIOD: Duration = Duration::from_millis(10);

impl Runtime {
    /// Whether what was produced before this call may leave the node.
    #[inline]
    #[must_use]
    pub fn may_release(&self) -> bool {
        match &self.cluster {
            None => true,
            Some(cluster) => cluster.may_release(&*self.clock),
        }
    }

    /// Whether no turn starts now.
    #[inline]
    pub(crate) fn is_suspended(&self) -> bool {
        self.cluster.as_ref().is_some_and(|cluster| cluster.is_suspended())
    }

    pub(crate) fn is_discarded(&self) -> bool {
        self.cluster.as_ref().is_some_and(|cluster| cluster.is_discarded())
    }

    /// What a turn ends in, once it has passed the gate. A reply with a ticket passes when that is
    /// settled.
    #[inline]
    pub(crate) fn released(
        &self,
        activation: &Activation,
        changes: bool,
        ended: Result<Option<Ticket>, CallError>,
    ) -> Result<Option<Ticket>, CallError> {
        let Some(cluster) = &self.cluster else { return ended };
        let is_reply = match &ended {
            Ok(ticket) => ticket.is_none(),
            // It says which state the actor has.
            Err(error) => matches!(error, CallError::VersionMismatch { .. }),
        };
        if !is_reply || cluster.may_release(&*self.clock) {
            return ended;
        }
        let outcome = match ended {
            Ok(_) if changes => Outcome::Unknown,
            _ => Outcome::NotExecuted,
        };
        Err(withheld(activation, outcome))
    }

    /// Ends the replies whose unit is durable.
    pub(crate) fn settle_durable(&self, activation: &Activation, ticket: &Ticket) {
        if self.may_release() {
            return ticket.settle(Ok(()));
        }
        // Later events of the activation may leave all the same: the record says that they do.
        activation.with_cold(|cold| {
            if let Some(kept) = &mut cold.kept {
                kept.opening.note_stored(ticket);
            }
        });
        ticket.settle(Err(withheld(activation, Outcome::Unknown)));
    }

    /// Refuses a turn that would begin after the lease. For a planted bug alone, which looks then
    /// and not at the end.
    pub(crate) fn check_lease_before(&self) -> Result<(), CallError> {
        let cluster = self.cluster.as_ref().filter(|_| Planted::LeaseBefore.is_planted());
        match cluster.is_some_and(|it| it.has_lapsed(&*self.clock)) {
            true => Err(CallError::Unavailable { detail: "the node's lease has ended".into() }),
            false => Ok(()),
        }
    }

    /// Lets the events and entries of a unit that is durable leave, or keeps them.
    pub(crate) fn release_unit(&self, activation: &Arc<Activation>, unit: &Arc<Unit>) {
        let Some(cluster) = &self.cluster else { return self.publish_unit(activation, unit) };
        if cluster.may_release(&*self.clock) {
            self.release_withheld();
            return self.publish_unit(activation, unit);
        }
        let mut withheld = cluster.withheld.lock();
        if withheld.len() < WITHHELD_MAX {
            withheld.push_back((Arc::clone(activation), Arc::clone(unit)));
        }
    }

    fn publish_unit(&self, activation: &Activation, unit: &Unit) {
        self.publish_stored(activation, unit);
        if !unit.entries.is_empty() {
            self.appended(unit);
        }
    }

    /// Lets go what was kept while the lease had ended.
    pub(super) fn release_withheld(&self) {
        let Some(cluster) = &self.cluster else { return };
        // One at a time, and its turn is over before the next one's events leave.
        loop {
            let next = cluster.withheld.lock().pop_front();
            let Some((activation, unit)) = next else { return };
            self.publish_unit(&activation, &unit);
            self.publish_window(&activation);
        }
    }

    /// Waits until something may leave; `false` if nothing ever will.
    pub(crate) async fn release_begins(&self) -> bool {
        while !self.may_release() {
            if self.is_discarded() || self.is_stopped() {
                return false;
            }
            self.tasks.sleep_until(self.clock.now() + LOOK_PERIOD).await;
        }
        true
    }

    /// The tenure under which an activation's turns run. On a node alone it is the incarnation and
    /// a sequence of its own.
    #[inline]
    pub(crate) fn tenure_of(&self, activation: &Activation, incarnation: Incarnation) -> Tenure {
        match &self.cluster {
            None => Tenure { view: incarnation.0, sequence: activation.right() },
            Some(_) => right::unpack(activation.right()),
        }
    }
}

pub(super) fn withheld(activation: &Activation, outcome: Outcome) -> CallError {
    CallError::Withheld {
        detail: format!(
            "the node's lease had ended when the reply of {} could leave; look at what the call \
             was to change before it is made again",
            activation.id()
        )
        .into(),
        outcome,
    }
}
