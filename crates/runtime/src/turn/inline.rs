//! A call at its start: found, entered and run on the caller's thread if it can be.

use std::sync::Arc;

use tenure_actor::host::{CallHead, PendingCall, QueuedCall, Started};
use tenure_actor::{Link, Target};
use tenure_store::{ROW_BYTES_MAX, UNIT_BYTES_MAX, UNIT_ROWS_MAX};
use tenure_types::{CallError, Outcome};

use super::answer::Ended;
use super::contain;
use super::depth::Depth;
use super::ready::Ready;
use super::word::{Refusal, UNSAVED};
use crate::activation::{Activation, Here, Hold, Kind, Owned};
use crate::catalog::Found;
use crate::runtime::Runtime;

/// How many bytes may wait for an actor's unit in flight, of the state's rows and the newest state.
const PENDING_BYTES_MAX: usize = UNIT_BYTES_MAX + ROW_BYTES_MAX / 2;

/// How often a call looks its actor up again that left memory meanwhile.
const LOOKUPS_MAX: usize = 8;

impl Runtime {
    /// Starts a call: runs its turn, queues it, or refuses it.
    pub(crate) fn start_call(
        self: &Arc<Self>,
        target: &Target,
        call: &mut dyn PendingCall,
    ) -> Started {
        let Some(kind) = self.kinds.get(target.slot as usize).and_then(Option::as_ref) else {
            return Started::Refused(unregistered(target));
        };
        kind.meters.calls.increment();
        let started = match self.admit(kind, target, call) {
            Ok(()) => self.find_and_enter(kind, target, call),
            Err(error) => Started::Refused(error),
        };
        if let Started::Refused(error) = &started {
            kind.count_error(error.code());
        }
        started
    }

    /// Refuses what must not reach an actor.
    fn admit(&self, kind: &Kind, target: &Target, call: &dyn PendingCall) -> Result<(), CallError> {
        if self.is_stopped() {
            return Err(Self::stopped_error());
        }
        if call.head().chain.is_none() && self.is_draining() {
            return Err(CallError::Unavailable { detail: "the node is stopping".into() });
        }
        self.admit_actor(kind, target, call.head())
    }

    /// Refuses what this actor must not be given now.
    pub(crate) fn admit_actor(
        &self,
        kind: &Kind,
        target: &Target,
        head: &CallHead,
    ) -> Result<(), CallError> {
        if let Some(chain) = &head.chain {
            Link::check(chain, kind.actor_type.name, &target.key)?;
        }
        if kind.stored && !self.is_store_available() {
            return Err(self.store_unavailable());
        }
        self.check_lease_before()?;
        self.check_load(kind, head)
    }

    fn find_and_enter(
        self: &Arc<Self>,
        kind: &Arc<Kind>,
        target: &Target,
        call: &mut dyn PendingCall,
    ) -> Started {
        for _ in 0..LOOKUPS_MAX {
            let entered = match self.catalog.find(target) {
                Some(activation) => self.enter_found(&activation, call),
                None => match &self.cluster {
                    None => self.make_and_enter(kind, target, call),
                    Some(cluster) => {
                        self.meters.sent_on.increment();
                        Some(self.send_on(cluster, target, call))
                    }
                },
            };
            if let Some(started) = entered {
                return started;
            }
        }
        Started::Refused(CallError::Overloaded {
            detail: format!("{}/{} keeps leaving memory", target.type_name, target.key).into(),
            retry_after_ms: 10,
            actor: true,
        })
    }

    /// Makes the activation and starts the call on it; `None` if it left again meanwhile.
    fn make_and_enter(
        self: &Arc<Self>,
        kind: &Arc<Kind>,
        target: &Target,
        call: &mut dyn PendingCall,
    ) -> Option<Started> {
        if let Err(error) = self.check_memory() {
            return Some(Started::Refused(error));
        }
        let make = |state| match state {
            Some(state) => {
                Activation::live(Arc::clone(kind), target.key.clone(), target.hash, state)
            }
            None => Activation::loading(Arc::clone(kind), target.key.clone(), target.hash),
        };
        let state = if kind.stored {
            None
        } else {
            match contain(kind.actor_type.create) {
                Ok(state) => Some(state),
                Err(panic) => {
                    let detail = format!("{} cannot be made: {panic}", kind.actor_type.name);
                    return Some(Started::Refused(CallError::Panicked { detail: detail.into() }));
                }
            }
        };
        let activation = match self.catalog.find_or_make(target, || make(state)) {
            Found::There(activation) => return self.enter_found(&activation, call),
            Found::Full => return Some(Started::Refused(self.catalog_full())),
            Found::Made(activation) => activation,
        };
        activation.touch(self.clock.coarse());
        if !kind.stored {
            activation.set_right(self.next_tenure_sequence());
            kind.meters.activated.increment();
            self.greet(&activation);
            return self.enter(&activation, call);
        }
        // The call waits first and the load begins then, so that a failing load answers it.
        let started = self.enqueue(&activation, call);
        self.begin_load(Hold::adopt(Owned(activation)));
        started
    }

    /// Starts the call on an activation of the catalog; `None` if it has left memory.
    fn enter_found(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        call: &mut dyn PendingCall,
    ) -> Option<Started> {
        let started = self.enter(activation, call);
        if started.is_none() {
            // Whoever sealed it may not have taken it out yet: it must not be found again.
            self.catalog.remove(activation);
        }
        started
    }

    /// Starts the call on an activation; `None` if it has left memory.
    fn enter(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        call: &mut dyn PendingCall,
    ) -> Option<Started> {
        let now = self.clock.coarse();
        activation.touch(now);
        self.busiest.note(activation, now);
        let head = call.head();
        if head.one_way {
            return self.enqueue(activation, call);
        }
        let exclusive = needs_alone(activation, head);
        let is_shared_out = head.method.may_suspend || head.cause.is_some();
        if let Some(cause) = &head.cause
            && head.method.exclusive
            && let Err(error) = self.check_in_progress(activation, cause)
        {
            return Some(Started::Refused(error));
        }
        if let Err(error) = self.check_held(activation) {
            return Some(Started::Refused(error));
        }
        if self.is_suspended() {
            return self.enqueue(activation, call);
        }
        let Some(_depth) = Depth::enter() else {
            return self.enqueue(activation, call);
        };
        match Hold::enter(activation, exclusive) {
            Ok(hold) if is_shared_out => {
                self.run_shared_out(activation, hold, call.share());
                Some(Started::Queued)
            }
            Ok(hold) => Some(self.run_inline(activation, hold, call)),
            Err(Refusal::Busy) => self.enqueue(activation, call),
            Err(Refusal::Gone) => None,
        }
    }

    /// Runs a call that lies outside of its caller's future, or queues it; `None` if the activation has left
    /// memory.
    pub(crate) fn enter_taken(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        call: &Arc<dyn QueuedCall>,
    ) -> Option<Started> {
        let head = call.head();
        if let Some(cause) = &head.cause
            && head.method.exclusive
            && let Err(error) = self.check_in_progress(activation, cause)
        {
            return Some(Started::Refused(error));
        }
        if let Err(error) = self.check_held(activation) {
            return Some(Started::Refused(error));
        }
        if head.one_way || self.is_suspended() {
            return self.enqueue(activation, &mut Ready(Arc::clone(call)));
        }
        let Some(_depth) = Depth::enter() else {
            return self.enqueue(activation, &mut Ready(Arc::clone(call)));
        };
        match Hold::enter(activation, needs_alone(activation, head)) {
            Ok(hold) => {
                self.run_queued(activation, hold, Arc::clone(call));
                Some(Started::Queued)
            }
            Err(Refusal::Busy) => self.enqueue(activation, &mut Ready(Arc::clone(call))),
            Err(Refusal::Gone) => None,
        }
    }

    fn run_inline(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        mut hold: Hold<&Arc<Activation>>,
        call: &mut dyn PendingCall,
    ) -> Started {
        if let Err(error) = self.check_state(activation, call.head()) {
            self.release(activation, hold);
            return match self.released(activation, false, Err(error)) {
                Err(error) => Started::Refused(error),
                Ok(ticket) => Started::Ran(ticket),
            };
        }
        let ran = contain(|| call.run(hold.state(), &Here(activation)));
        let ended = match ran {
            Ok(()) => {
                let ended = Ended { head: call.head(), call: None };
                self.end_turn(activation, &mut hold, ended)
            }
            Err(panic) => Err(self.panicked(activation, &hold, &panic)),
        };
        self.release(activation, hold);
        match self.released(activation, call.head().method.exclusive, ended) {
            Ok(ticket) => Started::Ran(ticket),
            Err(error) => Started::Refused(error),
        }
    }

    /// Refuses a turn in a state that its caller does not want.
    #[inline]
    pub(super) fn check_state(
        &self,
        activation: &Activation,
        head: &CallHead,
    ) -> Result<(), CallError> {
        match &head.receipt {
            None => Ok(()),
            Some(receipt) => receipt.begin(activation.tag(), self.clock.now()),
        }
    }

    /// Bounds how many replies of one actor may wait for the store.
    fn check_held(&self, activation: &Activation) -> Result<(), CallError> {
        if !activation.word.read().has(UNSAVED) {
            return Ok(());
        }
        let (held, (bytes, rows)) =
            activation.with_cold(|cold| (cold.pipeline.held(), cold.pipeline.pending()));
        if held < self.config.uncommitted_turns_max
            && bytes < PENDING_BYTES_MAX
            && rows < UNIT_ROWS_MAX / 2
        {
            return Ok(());
        }
        Err(CallError::Overloaded {
            detail: format!(
                "{held} replies of {} wait for the store, with {bytes} bytes",
                activation.id()
            )
            .into(),
            retry_after_ms: 50,
            actor: true,
        })
    }

    pub(crate) fn catalog_full(&self) -> CallError {
        CallError::Overloaded {
            detail: format!("the node holds {} actors already", self.catalog.len()).into(),
            retry_after_ms: 1_000,
            actor: false,
        }
    }

    pub(crate) fn store_unavailable(&self) -> CallError {
        CallError::Storage {
            detail: "the store is not available; the node is opening it again".into(),
            outcome: Outcome::NotExecuted,
        }
    }
}

pub(crate) fn unregistered(target: &Target) -> CallError {
    let name = target.type_name;
    CallError::NotFound {
        detail: format!(
            "this node does not run the actor type `{name}`; register it with .actor::<..>()"
        )
        .into(),
    }
}

/// Whether a call's turn runs beside no other. A durable read of what is written behind does so
/// too: its end encodes the state.
pub(super) fn needs_alone(activation: &Activation, head: &CallHead) -> bool {
    let kind = &activation.kind;
    head.method.exclusive || ((head.durable || head.method.durable) && kind.stored && !kind.durable)
}
