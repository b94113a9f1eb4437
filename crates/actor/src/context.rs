use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use tenure_types::{Instant, Key};

use crate::host::{CallHead, Home, HostHandle};
use crate::{Actor, ActorRef, CallId, IntoKey, Link, Origin, Ticket};

/// What a handler knows of its turn, and its way to other actors.
///
/// Ask for `cx: &mut Context<Self>` as the parameter after `self`, which makes the turn exclusive,
/// or for `cx: &Context<Self>`, which lets other shared turns run beside it.
pub struct Context<A> {
    turn: Option<Turn>,
    marker: PhantomData<fn() -> A>,
}

struct Turn {
    home: Arc<dyn Home>,
    host: HostHandle,
    chain: Option<Arc<Link>>,
    deadline: Instant,
    unsaved: Option<Ticket>,
    call_id: CallId,
}

impl<A: Actor> Context<A> {
    pub(crate) fn new(home: Arc<dyn Home>, head: &CallHead, unsaved: Option<Ticket>) -> Self {
        let host = home.host();
        let turn = Turn {
            chain: head.chain.clone(),
            deadline: head.deadline,
            unsaved,
            call_id: host.call_id(),
            host,
            home,
        };
        Self { turn: Some(turn), marker: PhantomData }
    }

    /// The context of a handler that does not use it.
    pub(crate) fn none() -> Self {
        Self { turn: None, marker: PhantomData }
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
    /// its own actor is durable.
    pub fn actor<T: Actor>(&self, key: impl IntoKey) -> T::Ref {
        let turn = self.turn();
        let home = &turn.home;
        let origin = Origin {
            chain: Link::after(turn.chain.clone(), home.actor_type(), home.key().clone()),
            deadline: turn.deadline,
            unsaved: turn.unsaved.clone(),
        };
        ActorRef::<T>::from_turn(&turn.host, key, Some(Arc::new(origin))).into()
    }

    /// Waits. The turn goes on meanwhile: an exclusive one keeps every other call waiting.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn sleep(&self, duration: Duration) {
        let host = self.host();
        host.tasks().sleep_until(host.clock().now() + duration).await;
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
