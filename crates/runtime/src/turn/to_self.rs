//! Messages of an actor to itself: ticks, results of spawned work, hooks and reminders.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

use tenure_actor::host::{CallHead, QueuedCall, Started};
use tenure_actor::{CODEC_NAMED, Cause, Delivery, Method, NO_ARGUMENTS, Target, Ticket};
use tenure_observe::Gauge;
use tenure_types::{BoxFuture, CallError, Instant, Outcome};

use super::ready::Ready;
use super::word::KEPT;
use crate::activation::{Activation, Kind};
use crate::runtime::Runtime;
use crate::sync::Mutex;

impl Kind {
    /// The method of this name, internal ones included.
    pub(crate) fn method(&self, name: &str) -> Option<&'static Method> {
        let methods = self.actor_type.methods;
        methods.iter().find(|method| method.info.name == name)
    }
}

impl Runtime {
    /// The call that a delivery is; `None`, with a word in the log, if it makes no sense.
    pub(crate) fn to_self(
        &self,
        activation: &Activation,
        delivery: &Delivery,
        cause: Option<Arc<Cause>>,
    ) -> Option<Arc<dyn QueuedCall>> {
        match self.make_delivery(&activation.kind, delivery, cause) {
            Ok(call) => Some(call),
            Err(error) => {
                tracing::error!(actor = %activation.id(), %error, "a message cannot be delivered");
                None
            }
        }
    }

    /// The call that a delivery is.
    ///
    /// # Errors
    /// `Incompatible` when this program has no such method, or other arguments.
    pub(crate) fn make_delivery(
        &self,
        kind: &Kind,
        delivery: &Delivery,
        cause: Option<Arc<Cause>>,
    ) -> Result<Arc<dyn QueuedCall>, CallError> {
        let name = kind.actor_type.name;
        let incompatible = |detail: String| CallError::Incompatible {
            detail: detail.into(),
            outcome: Outcome::NotExecuted,
        };
        let Some(method) = kind.method(&delivery.method) else {
            let detail = format!("{name} has no method `{}` any more", delivery.method);
            return Err(incompatible(detail));
        };
        let head = CallHead { cause, ..self.head_to_self(method) };
        (method.deliver)(head, CODEC_NAMED, &delivery.body).map_err(|error| {
            let method = &delivery.method;
            incompatible(format!("a message of {name}::{method} cannot be read: {error}"))
        })
    }

    /// The call of a method without arguments.
    pub(crate) fn hook(&self, method: &'static Method) -> Option<Arc<dyn QueuedCall>> {
        (method.deliver)(self.head_to_self(method), CODEC_NAMED, NO_ARGUMENTS).ok()
    }

    fn head_to_self(&self, method: &'static Method) -> CallHead {
        CallHead::to_self(method.info, self.clock.coarse() + self.config.deadline)
    }

    /// Queues a call at this activation; it is lost if that has left memory.
    pub(crate) fn deliver_here(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        call: Arc<dyn QueuedCall>,
    ) {
        if let Some(Started::Refused(error)) = self.enqueue(activation, &mut Ready(call)) {
            activation.kind.count_error(error.code());
            tracing::warn!(actor = %activation.id(), %error, "a message was not delivered");
        }
    }

    /// Starts a call that nobody waits for, wherever its actor is.
    ///
    /// # Errors
    /// Everything that stops a call before its turn.
    pub(crate) fn deliver(
        self: &Arc<Self>,
        target: &Target,
        call: Arc<dyn QueuedCall>,
    ) -> Result<(), CallError> {
        match self.start_call(target, &mut Ready(call)) {
            Started::Refused(error) => Err(error),
            Started::Queued | Started::Ran(_) => Ok(()),
        }
    }

    /// Runs work outside of turns; its result is a message to the activation, which stays in
    /// memory meanwhile.
    pub(crate) fn spawn_work(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        work: BoxFuture<'static, Arc<dyn QueuedCall>>,
        ticket: Option<Ticket>,
    ) {
        activation.with_cold(|cold| {
            cold.spawned += 1;
            activation.word.set(KEPT);
        });
        self.meters.spawned.add(1);
        let (runtime, activation) = (Arc::clone(self), Arc::clone(activation));
        let ended = Working {
            activation: Arc::clone(&activation),
            meter: Arc::clone(&self.meters.spawned),
        };
        let task = async move {
            if let Some(ticket) = ticket
                && let Err(error) = ticket.wait().await
                // What was withheld is durable.
                && !matches!(error, CallError::Withheld { .. })
            {
                tracing::warn!(actor = %activation.id(), %error, "spawned work was not begun");
                return;
            }
            if !runtime.release_begins().await {
                return;
            }
            let call = work.await;
            // An activation that started over has the same place; one that left is looked up.
            let target = activation.target();
            // Nobody would make the work again: a full mailbox is waited for.
            while let Err(error) = runtime.deliver(&target, Arc::clone(&call)) {
                let CallError::Overloaded { retry_after_ms, .. } = error else {
                    tracing::warn!(actor = %activation.id(), %error, "a result was not delivered");
                    break;
                };
                let pause =
                    Duration::from_millis(retry_after_ms.into()).min(RESULT_AGAIN_AFTER_MAX);
                runtime.tasks.sleep_until(runtime.clock.now() + pause).await;
            }
            drop(ended);
        };
        self.tasks.spawn("spawned", Box::pin(task));
    }

    /// Keeps a call until `at`.
    pub(crate) fn start_at(
        self: &Arc<Self>,
        at: Instant,
        target: Target,
        call: Arc<dyn QueuedCall>,
    ) -> Result<(), CallError> {
        if self.kinds.get(target.slot as usize).and_then(Option::as_ref).is_none() {
            return Err(super::inline::unregistered(&target));
        }
        if self.is_stopped() || self.is_draining() {
            return Err(CallError::Unavailable { detail: "the node is stopping".into() });
        }
        let kept = self.delayed.fetch_add(1, Ordering::Relaxed);
        let delayed =
            Delayed { runtime: Arc::downgrade(self), message: Mutex::new(Some((target, call))) };
        if kept >= self.config.delayed_sends_max {
            return Err(CallError::Overloaded {
                detail: format!("{kept} delayed sends are kept on this node already").into(),
                retry_after_ms: 1_000,
                actor: false,
            });
        }
        self.timers.wake_at(at, Waker::from(Arc::new(delayed)));
        Ok(())
    }
}

/// A message that waits for its time.
struct Delayed {
    runtime: Weak<Runtime>,
    message: Mutex<Option<(Target, Arc<dyn QueuedCall>)>>,
}

impl Wake for Delayed {
    fn wake(self: Arc<Self>) {
        let Some((target, call)) = self.message.lock().take() else { return };
        let Some(runtime) = self.runtime.upgrade() else { return };
        if let Err(error) = runtime.deliver(&target, call) {
            let actor = format_args!("{}/{}", target.type_name, target.key);
            tracing::warn!(%actor, %error, "a delayed send failed");
        }
    }
}

impl Drop for Delayed {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.upgrade() {
            runtime.delayed.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The longest pause before a result is delivered again that met a full mailbox.
const RESULT_AGAIN_AFTER_MAX: Duration = Duration::from_secs(1);

/// Lets the activation leave memory again, also when the work panics.
struct Working {
    activation: Arc<Activation>,
    meter: Arc<Gauge>,
}

impl Drop for Working {
    fn drop(&mut self) {
        self.meter.add(-1);
        let activation = &self.activation;
        activation.with_cold(|cold| {
            cold.spawned -= 1;
            if cold.spawned == 0 {
                activation.word.clear(KEPT);
            }
        });
    }
}
