//! The seam between what authors write and what runs it.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;
use tenure_types::{
    ActorTypeName, BoxFuture, CallError, Clock, FeedName, Instant, Key, Tasks, Tenure,
};

use crate::{
    CallId, Cause, CodecError, Link, MethodInfo, Receipt, ReminderChange, SharedCopies, StateRef,
    Target, Ticket, TimerChange, TimerId,
};

/// Runs calls: a node's runtime, a test context, a simulator.
pub trait Host: Send + Sync + 'static {
    /// Starts a call: runs its turn now, queues it, or refuses it.
    ///
    /// When this answers [`Started::Queued`] the host has called [`PendingCall::share`] and will
    /// settle what that returned, exactly once, unless it is taken back first.
    fn start(&self, target: &Target, call: &mut dyn PendingCall) -> Started;

    /// Keeps a message that nobody waits for until `at`, and starts it then. It is lost with the node.
    ///
    /// # Errors
    /// `Overloaded` when too many are kept already, `NotFound` when the type is not known.
    fn start_at(
        &self,
        at: Instant,
        target: Target,
        call: Arc<dyn QueuedCall>,
    ) -> Result<(), CallError>;

    /// The node's clock.
    fn clock(&self) -> &dyn Clock;

    /// Where the node's tasks run.
    fn tasks(&self) -> &dyn Tasks;

    /// A fresh random call id.
    fn call_id(&self) -> CallId;

    /// How long a call may take that says nothing about it.
    fn deadline_default(&self) -> Duration;

    /// Wakes `waker` once [`Clock::now`] reads `at` or later; the coarse reading may lag behind. The
    /// answer names the wish.
    fn wake_at(&self, at: Instant, waker: Waker) -> TimerKey;

    /// Forgets a wish; it may have come true already.
    fn forget(&self, timer: TimerKey);

    /// The node's copies of what many actors read; `None` where a host keeps none.
    fn shared(&self) -> Option<&SharedCopies> {
        None
    }
}

/// Names one wish to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerKey {
    /// Where the wish is kept.
    pub index: u32,
    /// Tells it from earlier ones kept there.
    pub generation: u32,
}

/// What became of a call at its start.
#[derive(Debug)]
pub enum Started {
    /// Its turn has run; the reply may be released when the ticket is settled, or at once.
    Ran(Option<Ticket>),
    /// It is in the host's hands.
    Queued,
    /// It has failed.
    Refused(CallError),
}

/// What a host must know of a call besides its target.
#[derive(Clone, Debug)]
pub struct CallHead {
    /// The method.
    pub method: &'static MethodInfo,
    /// When its caller stops waiting.
    pub deadline: Instant,
    /// The calls that wait for this one, the latest last.
    pub chain: Option<Arc<Link>>,
    /// Nobody waits for the reply.
    pub one_way: bool,
    /// The reply waits until what the turn saw is durable, whatever the type's mode.
    pub durable: bool,
    /// What stands behind the call, where that is more than a caller who waits.
    pub cause: Option<Arc<Cause>>,
    /// What the caller asks of the state, and wants to know of the turn.
    pub receipt: Option<Arc<Receipt>>,
}

impl CallHead {
    /// The head of a message of an actor to itself.
    #[must_use]
    pub fn to_self(method: &'static MethodInfo, deadline: Instant) -> Self {
        Self {
            method,
            deadline,
            chain: None,
            one_way: true,
            durable: false,
            cause: None,
            receipt: None,
        }
    }
}

/// A call before it was queued; it lives in its caller's future.
pub trait PendingCall {
    /// What the host must know.
    fn head(&self) -> &CallHead;

    /// Runs the handler and keeps its reply. Only for methods that cannot suspend.
    ///
    /// # Panics
    /// Where the handler does.
    fn run(&mut self, state: StateRef<'_>, home: &dyn AsHome);

    /// Moves the call out of the caller's future, so that another thread can run it.
    fn share(&mut self) -> Arc<dyn QueuedCall>;
}

/// A call in a host's hands.
pub trait QueuedCall: Send + Sync {
    /// What the host must know.
    fn head(&self) -> &CallHead;

    /// Whether the call still waits for its turn: it was not taken back.
    fn is_waiting(&self) -> bool;

    /// Runs the handler and keeps its reply; `false` if the call was taken back. Only for methods
    /// that cannot suspend.
    ///
    /// # Panics
    /// Where the handler does.
    fn run(&self, state: StateRef<'_>, home: &dyn AsHome) -> bool;

    /// Starts a handler that may suspend; gives the guard back if the call was taken back. The
    /// future keeps the reply, and ends with the guard.
    fn begin(
        self: Arc<Self>,
        guard: Box<dyn TurnGuard>,
    ) -> Result<BoxFuture<'static, Box<dyn TurnGuard>>, Box<dyn TurnGuard>>;

    /// The reply that was kept, encoded so that [`QueuedCall::replay`] can give it again. `None` where it is
    /// an error after which the call may be made again: that one is not remembered.
    ///
    /// # Errors
    /// [`CodecError`] when serde refuses a value.
    ///
    /// # Panics
    /// If no reply was kept.
    fn outcome(&self) -> Result<Option<Vec<u8>>, CodecError>;

    /// Keeps the reply of an earlier call in place of running the handler; `Ok(false)` if the call
    /// was taken back.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not a reply of this method; the call still waits then.
    fn replay(&self, outcome: &[u8]) -> Result<bool, CodecError>;

    /// Appends the message, encoded as `codec` says, and lets the call leave: from now on its turn may run
    /// at another node, and only [`QueuedCall::come_back`] says that it does not. `Ok(false)` if the call
    /// was taken back.
    ///
    /// # Errors
    /// [`CodecError`] when serde or the codec refuses a value; the call has not left then.
    fn depart(&self, codec: u8, out: &mut Vec<u8>) -> Result<bool, CodecError>;

    /// The call that left is here again, and no turn of it has run.
    fn come_back(&self);

    /// Appends the reply that was kept, encoded as `codec` says; an error of the application in
    /// [`CODEC_NAMED`](crate::CODEC_NAMED).
    ///
    /// # Errors
    /// [`CodecError`] when serde or the codec refuses a value, or no reply was kept.
    fn reply(&self, codec: u8, out: &mut Vec<u8>) -> Result<Replied, CodecError>;

    /// Keeps the reply that another node has sent; `Ok(false)` if nobody waits for it any more.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not a reply of this method; the call still waits then.
    fn keep_reply(&self, arrived: Arrived<'_>) -> Result<bool, CodecError>;

    /// Ends the call with an error if it still waits for its turn; `false` if that has begun, or the
    /// call was taken back.
    fn refuse(&self, error: CallError) -> bool;

    /// Ends the call: the reply that was kept is released when the ticket, if any, is settled; or
    /// the call has failed.
    fn settle(&self, end: Result<Option<Ticket>, CallError>);
}

/// What a turn has replied, on its way to another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replied {
    /// It is an error of the application.
    pub is_error: bool,
    /// It is the reply of an earlier call.
    pub replayed: bool,
}

/// An encoded reply that came from another node.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a> {
    /// What it is.
    pub replied: Replied,
    /// How it is encoded.
    pub codec: u8,
    /// The reply, or the error of the application.
    pub body: &'a [u8],
}

/// A turn that may suspend, owned by its future: the hold on the state.
pub trait TurnGuard: Send {
    /// The state.
    fn state(&mut self) -> StateRef<'_>;

    /// The activation.
    fn home(&self) -> Arc<dyn Home>;

    /// What the turn's outgoing calls wait for.
    fn unsaved(&self) -> Option<Ticket>;

    /// Takes what the turn leaves besides its state; taken into account when it is finished.
    fn keep(&mut self, effects: Box<Effects>);

    /// Ends the turn: its effects are taken, and `call` is settled. Dropping a guard instead
    /// means that the turn did not end: it panicked.
    fn finish(self: Box<Self>, call: &dyn QueuedCall);

    /// Ends a turn that never began: its call was taken back.
    fn abandon(self: Box<Self>);
}

/// What a turn leaves besides its state. Taken by the host when the turn has ended, dropped with a
/// turn that panics.
#[derive(Default)]
pub struct Effects {
    /// Events, encoded, in order.
    pub events: Vec<Vec<u8>>,
    /// Reminders, in order.
    pub reminders: Vec<ReminderChange>,
    /// Entries of feeds, in order.
    pub entries: Vec<Appended>,
    /// Timers, in order.
    pub timers: Vec<TimerChange>,
    /// Work that goes on outside of the turn.
    pub spawned: Vec<Spawned>,
    /// The actor is deleted with this turn.
    pub delete: bool,
    /// Why the effects cannot be kept; the turn is then rolled back.
    pub failed: Option<CodecError>,
}

/// An entry that a turn appends to a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Which feed.
    pub feed: FeedName,
    /// The entry as JSON.
    pub data: Vec<u8>,
}

/// Work outside of the turn; its result is a message.
// The lock is never taken: it makes effects, and so contexts, `Sync`.
pub struct Spawned(Mutex<BoxFuture<'static, Arc<dyn QueuedCall>>>);

impl Spawned {
    pub(crate) fn new(work: BoxFuture<'static, Arc<dyn QueuedCall>>) -> Self {
        Self(Mutex::new(work))
    }

    /// The work: a call of the actor by itself, that nobody waits for.
    #[must_use]
    pub fn into_work(self) -> BoxFuture<'static, Arc<dyn QueuedCall>> {
        self.0.into_inner()
    }
}

impl std::fmt::Debug for Spawned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spawned")
    }
}

/// Makes an owned handle on the activation, only where a handler needs one.
pub trait AsHome {
    /// The activation.
    fn to_home(&self) -> Arc<dyn Home>;

    /// What the turn's outgoing calls wait for: the commit of what was unsaved when it began.
    fn unsaved(&self) -> Option<Ticket>;

    /// Takes what the turn leaves besides its state, when its handler has answered.
    fn keep(&self, effects: Box<Effects>);
}

/// An activation, as its own handlers see it.
pub trait Home: Send + Sync {
    /// Its actor's type.
    fn actor_type(&self) -> ActorTypeName;

    /// Its actor's key.
    fn key(&self) -> &Key;

    /// Who runs it.
    fn host(&self) -> HostHandle;

    /// Asks that the activation leaves memory after this turn, once everything is saved.
    fn deactivate(&self);

    /// A number from 1 that no other timer of this activation has.
    fn timer_id(&self) -> TimerId;

    /// Under which right the activation runs its turns.
    fn tenure(&self) -> Tenure;
}

/// A shared handle on a host.
///
/// [`HostHandle::clone`] shares one counter; [`HostHandle::fork`] makes a handle with a counter of
/// its own, so that callers on several cores do not write to one cache line with every call.
#[derive(Clone)]
pub struct HostHandle(Arc<Arc<dyn Host>>);

impl HostHandle {
    /// A handle on `host`.
    #[must_use]
    pub fn new(host: Arc<dyn Host>) -> Self {
        Self(Arc::new(host))
    }

    /// A handle on the same host with a counter of its own.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self(Arc::new(Arc::clone(&self.0)))
    }
}

impl std::ops::Deref for HostHandle {
    type Target = dyn Host;

    #[inline]
    fn deref(&self) -> &dyn Host {
        &**self.0
    }
}

impl std::fmt::Debug for HostHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostHandle")
    }
}
