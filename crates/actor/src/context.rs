use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tenure_types::{Instant, Key, Tenure};

use crate::host::{CallHead, Home, HostHandle};
use crate::shared;
use crate::{
    Actor, ActorRef, CallId, Cause, Effects, IntoKey, Link, NestedKeys, Origin, ReminderId, Share,
    SharedCopy, SharedError, Ticket,
};

mod finish;
mod leave;

/// What a handler knows of its turn, and its way to other actors.
///
/// Ask for `cx: &mut Context<Self>` as the parameter after `self`, which makes the turn exclusive,
/// or for `cx: &Context<Self>`, which lets other shared turns run beside it.
///
/// What a turn does through its context (events, reminders, timers, spawned work, deletion) counts
/// when the turn ends, together with its change of the state. A turn that panics does none of it.
pub struct Context<A: Actor> {
    turn: Option<Turn>,
    /// What few turns leave.
    left: Option<Box<Left<A>>>,
}

struct Left<A: Actor> {
    /// Boxed because that is how a host takes them.
    effects: Box<Effects>,
    /// The events of a command, in order: kept and applied when it has answered `Ok`.
    recorded: Vec<A::Event>,
}

impl<A: Actor> Default for Left<A> {
    fn default() -> Self {
        Self { effects: Box::default(), recorded: Vec::new() }
    }
}

struct Turn {
    home: Arc<dyn Home>,
    host: HostHandle,
    chain: Option<Arc<Link>>,
    deadline: Instant,
    unsaved: Option<Ticket>,
    call_id: CallId,
    /// What stands behind the turn, and the keys of its own calls.
    nested: Option<Arc<NestedKeys>>,
}

impl<A: Actor> Context<A> {
    pub(crate) fn new(home: Arc<dyn Home>, head: &CallHead, unsaved: Option<Ticket>) -> Self {
        let host = home.host();
        let nested = head
            .cause
            .as_ref()
            .map(|cause| Arc::new(NestedKeys::of(home.actor_type(), home.key(), cause)));
        let turn = Turn {
            chain: head.chain.clone(),
            deadline: head.deadline,
            unsaved,
            call_id: host.call_id(),
            nested,
            host,
            home,
        };
        Self { turn: Some(turn), left: None }
    }

    /// The context of a handler that does not use it.
    pub(crate) fn none() -> Self {
        Self { turn: None, left: None }
    }

    fn turn(&self) -> &Turn {
        self.turn.as_ref().expect("the handler says NEEDS_CONTEXT = false and uses its context")
    }

    /// The key of this actor.
    #[must_use]
    pub fn key(&self) -> &Key {
        self.turn().home.key()
    }

    /// A random number that names this call in logs.
    #[must_use]
    pub fn call_id(&self) -> CallId {
        self.turn().call_id
    }

    /// Which firing of which reminder this turn handles; `None` for every other call. The same
    /// one may come twice, if its first turn was lost.
    #[must_use]
    pub fn reminder(&self) -> Option<&ReminderId> {
        match self.turn().nested.as_ref().map(|nested| nested.cause()) {
            Some(Cause::Reminder(id)) => Some(id),
            _ => None,
        }
    }

    /// The number of this activation's right to its actor. A later activation has a higher one, on
    /// whatever node: a system outside that remembers the highest it has met can refuse what an
    /// activation of the past asks of it.
    #[must_use]
    pub fn tenure(&self) -> Tenure {
        self.turn().home.tenure()
    }

    /// When the caller stops waiting, on the node's boot-time clock.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.turn().deadline
    }

    /// How long the caller still waits; zero once it has stopped.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.turn().deadline.saturating_since(self.now())
    }

    /// The node's boot-time clock. A simulated node has a simulated clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.host().clock().now()
    }

    /// Unix time in milliseconds, for people: it may jump.
    #[must_use]
    pub fn unix_ms(&self) -> u64 {
        self.host().clock().unix_ms()
    }

    /// A reference to another actor.
    ///
    /// Calls through it belong to this turn: they end by this turn's deadline, a call back to an
    /// actor that waits in this chain answers `Cycle`, and they leave once what this turn saw of
    /// its own actor is durable. In a turn whose call has an idempotency key they have keys derived
    /// from it: should the turn run again, the same calls in the same order have one effect.
    pub fn actor<T: Actor>(&self, key: impl IntoKey) -> T::Ref {
        let turn = self.turn();
        let home = &turn.home;
        let chain = Link::after(turn.chain.clone(), home.actor_type(), home.key().clone());
        let origin = Origin {
            chain: Some(chain),
            deadline: turn.deadline,
            unsaved: turn.unsaved.clone(),
            nested: turn.nested.clone(),
        };
        ActorRef::<T>::from_turn(&turn.host, key, Some(Arc::new(origin))).into()
    }

    /// A reference to another actor that does not belong to this turn, for work that goes on
    /// outside of it ([`Context::spawn`]).
    ///
    /// Calls through it have a whole deadline and start a chain of their own. They leave once what
    /// this turn saw of its own actor is durable. A turn that waits for one of them itself may wait
    /// in a circle until its deadline.
    pub fn detached<T: Actor>(&self, key: impl IntoKey) -> T::Ref {
        let turn = self.turn();
        let origin = turn.unsaved.clone().map(|unsaved| {
            let deadline = Instant::NEVER;
            Arc::new(Origin { chain: None, deadline, unsaved: Some(unsaved), nested: None })
        });
        ActorRef::<T>::from_turn(&turn.host, key, origin).into()
    }

    /// This node's copy of what an actor is like, at most [`Share::MAX_AGE`] old. It takes no lock, calls
    /// nobody and never waits. A copy knows nothing of the turn's own calls that are newer than it.
    ///
    /// # Errors
    /// [`SharedError`] where there is none yet, or none young enough; the read has started one.
    pub fn shared<T: Share>(&self, key: impl IntoKey) -> Result<SharedCopy<T::Copy>, SharedError> {
        shared::read::<T>(self.host(), key.into_key()?)
    }

    /// Waits, from now on. The turn goes on meanwhile: an exclusive one keeps every other call
    /// waiting. The future may be taken into spawned work.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<A> {
        let host = self.host();
        host.tasks().sleep_until(host.clock().now() + duration)
    }

    /// Asks that this activation leaves memory after this turn, once everything is saved. The
    /// next call activates the actor again.
    pub fn deactivate(&mut self) {
        self.turn().home.deactivate();
    }

    fn host(&self) -> &HostHandle {
        &self.turn().host
    }
}

impl<A: Actor> fmt::Debug for Context<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.turn {
            Some(turn) => write!(f, "Context({}/{})", A::TYPE, turn.home.key()),
            None => write!(f, "Context({})", A::TYPE),
        }
    }
}
