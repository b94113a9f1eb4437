use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use tenure_types::{CallError, Instant, KeyError, Outcome, StateTag};

use crate::cause;
use crate::cell::{CallCell, Unstarted};
use crate::host::{CallHead, HostHandle, Started, TimerKey};
use crate::standing::Defer;
use crate::{
    Actor, ActorRef, CallKey, Cause, Handler, Message, MethodInfo, NestedKeys, Origin,
    Precondition, Receipt, Target, Ticket, WaitSlot, encode_named,
};

/// How long a call may take where neither the call nor the node's configuration says.
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(30);

/// A call that has not started: await it, or `.send()` it.
#[must_use = "a call does nothing until it is awaited or sent"]
pub struct Call<A, M> {
    host: HostHandle,
    target: Result<Target, KeyError>,
    origin: Option<Arc<Origin>>,
    deadline: Option<Duration>,
    /// What few calls ask for.
    options: Option<Box<Options>>,
    message: M,
    actor: std::marker::PhantomData<fn() -> A>,
}

#[derive(Default)]
struct Options {
    key: Option<Box<str>>,
    durable: bool,
    receipt: Option<Arc<Receipt>>,
}

/// A message that is sent later: `.send()` it.
#[must_use = "a delayed call does nothing until it is sent"]
pub struct Delayed<A, M> {
    call: Call<A, M>,
    after: Duration,
}

impl<A: Actor> ActorRef<A> {
    /// The call that sends `message`; it starts when it is awaited.
    #[inline]
    pub fn call<M: Message>(&self, message: M) -> Call<A, M>
    where
        A: Handler<M>,
    {
        let (host, target, origin) = self.parts();
        let actor = std::marker::PhantomData;
        Call { host, target, origin, deadline: None, options: None, message, actor }
    }
}

impl<A: Handler<M>, M: Message> Call<A, M> {
    /// How long the caller waits, from the moment the call starts. A call made in a turn ends
    /// with that turn's own deadline at the latest.
    pub fn deadline(mut self, budget: Duration) -> Self {
        self.deadline = Some(budget);
        self
    }

    /// Makes this call and every other one with the same key and arguments one effect on the actor:
    /// who makes the call again after an unknown outcome gets the reply of the turn that ran. The
    /// actor remembers 1,000 keys for 24 h. Of a method that only reads the key is ignored.
    ///
    /// While the turn runs, another call with its key ends in `InProgress`; one with other
    /// arguments always in `KeyReused`. A key has 1 to 256 bytes without control characters.
    pub fn idempotency_key(mut self, key: impl Into<Box<str>>) -> Self {
        self.options.get_or_insert_default().key = Some(key.into());
        self
    }

    /// Lets the reply wait until what the turn saw is durable, in a type that is written behind.
    /// Other stored types do so anyway; in a volatile one there is nothing to wait for.
    ///
    /// Of a message that is sent: `send` answers when a reminder of it is durable. The turn then runs
    /// at least once, and has one effect on its actor; volatile actors have no reminders and refuse it.
    pub fn durable(mut self) -> Self {
        self.options.get_or_insert_default().durable = true;
        self
    }

    /// Runs the turn only in a state that the receipt's precondition admits, else the call ends in
    /// `VersionMismatch`; and writes into the receipt which state the turn left and when it ran.
    pub fn receipt(mut self, receipt: Arc<Receipt>) -> Self {
        self.options.get_or_insert_default().receipt = Some(receipt);
        self
    }

    /// Runs the turn only if the actor's state still has this tag, as [`Receipt::tag`] gave it; else the
    /// call ends in `VersionMismatch`. Takes the place of an earlier receipt.
    pub fn if_match(self, tag: StateTag) -> Self {
        let precondition = Precondition::OneOf([tag].into());
        self.receipt(Arc::new(Receipt::new(Some(precondition))))
    }

    /// Sends the message after this time. The node that sends it keeps it, and it is lost with
    /// that node; a reminder is not.
    pub fn after(self, after: Duration) -> Delayed<A, M> {
        Delayed { call: self, after }
    }

    /// Sends the message and waits only until it is in the actor's mailbox.
    ///
    /// The turn runs at most once; it is lost with the node, and its reply is thrown away. A sent
    /// message starts a chain of its own. What it needs of the calling turn's state is durable
    /// before it leaves.
    ///
    /// # Errors
    /// Everything that stops a call before its turn; not executed then.
    ///
    /// # Cancel safety
    /// Once polled to the end the message is on its way; before, it was not sent.
    pub async fn send(self) -> Result<(), CallError> {
        if self.options.as_ref().is_some_and(|options| options.durable) {
            return self.defer(Duration::ZERO)?.await;
        }
        let mut future = self.into_call_future(true);
        poll_fn(|cx| future.poll_sent(cx, None)).await
    }

    /// The call that keeps this message with its actor until `after` has passed.
    fn defer(self, after: Duration) -> Result<CallFuture<A, Defer>, CallError> {
        let bad = |detail: String| CallError::BadRequest { detail: detail.into() };
        if !A::PERSIST.is_stored() {
            return Err(bad(format!("`{}` is volatile: it has no reminders", A::TYPE)));
        }
        let mut body = Vec::new();
        encode_named(&self.message, &mut body)
            .map_err(|error| bad(format!("the arguments cannot be encoded: {error}")))?;
        let message = Defer {
            // A message that is sent again with its key is the same one.
            name: match self.options.as_ref().and_then(|options| options.key.as_ref()) {
                Some(key) => cause::name_of_sent(key),
                None => cause::name_of_sent(&format!("{:016x}", self.host.call_id().0)),
            },
            after_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
            method: M::METHOD.into(),
            body,
        };
        let Self { host, target, origin, deadline, options, actor, .. } = self;
        let call = Call { host, target, origin, deadline, options, message, actor };
        Ok(call.into_future())
    }

    #[inline]
    fn into_call_future(self, one_way: bool) -> CallFuture<A, M> {
        let now = self.host.clock().coarse();
        let own = now + self.deadline.unwrap_or_else(|| self.host.deadline_default());
        let (mut deadline, mut chain, mut unsaved) = (own, None, None);
        let (mut durable, mut cause, mut receipt, mut nested) = (false, None, None, None);
        if let Some(origin) = self.origin {
            deadline = own.min(origin.deadline);
            unsaved.clone_from(&origin.unsaved);
            chain = origin.chain.clone().filter(|_| !one_way);
            nested.clone_from(&origin.nested);
        }
        let slot = WaitSlot::default();
        if self.options.is_some() || nested.is_some() {
            match ask(self.options, nested, &self.message) {
                Ok(asked) => (durable, cause, receipt) = asked,
                Err(error) => {
                    let phase = Phase::Refused(error);
                    return CallFuture {
                        host: self.host,
                        phase,
                        unsaved,
                        slot,
                        deadline,
                        timer: None,
                    };
                }
            }
        }
        let phase = match self.target {
            // The caller has no time left: the turn that calls took all of it.
            _ if deadline <= now => Phase::Refused(too_late()),
            Ok(target) => {
                // The turn of a sent message has a time of its own.
                let deadline = if one_way { own } else { deadline };
                let method = MethodInfo::of::<A, M>();
                let head = CallHead { method, deadline, chain, one_way, durable, cause, receipt };
                Phase::Unstarted(Unstarted::new(target, head, self.message))
            }
            Err(error) => {
                Phase::Refused(CallError::BadRequest { detail: error.to_string().into() })
            }
        };
        CallFuture { host: self.host, phase, unsaved, slot, deadline, timer: None }
    }
}

/// Whether the reply waits for the store; what stands behind the call, the caller's key or one derived
/// from the turn that calls; and the receipt.
type Asked = (bool, Option<Arc<Cause>>, Option<Arc<Receipt>>);

#[cold]
fn ask<M: Message>(
    options: Option<Box<Options>>,
    nested: Option<Arc<NestedKeys>>,
    message: &M,
) -> Result<Asked, CallError> {
    let Options { key, durable, receipt } = options.map(|options| *options).unwrap_or_default();
    let key = match (key, nested) {
        (Some(key), _) => {
            let checked = cause::check_name("an idempotency key", &key);
            checked.map_err(|detail| CallError::BadRequest { detail: detail.into() })?;
            key
        }
        (None, Some(nested)) => nested.next(),
        (None, None) => return Ok((durable, None, receipt)),
    };
    let arguments = CallKey::arguments_of(message).map_err(|error| {
        let detail = format!("the arguments cannot be encoded: {error}");
        CallError::BadRequest { detail: detail.into() }
    })?;
    Ok((durable, Some(Arc::new(Cause::Key(CallKey { key, arguments }))), receipt))
}

impl<A: Handler<M>, M: Message> IntoFuture for Call<A, M> {
    type Output = Result<A::Reply, CallError<A::Error>>;
    type IntoFuture = CallFuture<A, M>;

    #[inline]
    fn into_future(self) -> CallFuture<A, M> {
        self.into_call_future(false)
    }
}

impl<A: Handler<M>, M: Message> Delayed<A, M> {
    /// Leaves the message with this node, which sends it when its time has come. The turn then has
    /// the call's deadline from that moment.
    ///
    /// # Errors
    /// Everything that stops a call before its turn and is known by now; not executed then.
    ///
    /// # Cancel safety
    /// Once polled to the end the message is kept; before, it was not.
    pub async fn send(self) -> Result<(), CallError> {
        let Self { mut call, after } = self;
        if call.options.as_ref().is_some_and(|options| options.durable) {
            return call.defer(after)?.await;
        }
        let budget = call.deadline.unwrap_or_else(|| call.host.deadline_default());
        call.deadline = Some(budget.saturating_add(after));
        let mut future = call.into_call_future(true);
        poll_fn(|cx| future.poll_sent(cx, Some(after))).await
    }
}

impl<A, M> std::fmt::Debug for Delayed<A, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delayed").field("call", &self.call).field("after", &self.after).finish()
    }
}

impl<A, M> std::fmt::Debug for Call<A, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("target", &self.target).finish_non_exhaustive()
    }
}

/// A started call. Nothing is allocated unless the call has to wait.
///
/// # Cancel safety
/// Dropping it before the turn began takes the call back; a turn that has begun runs to its end.
#[must_use = "a call does nothing until it is awaited"]
pub struct CallFuture<A: Handler<M>, M: Message> {
    host: HostHandle,
    phase: Phase<A, M>,
    unsaved: Option<Ticket>,
    slot: WaitSlot,
    deadline: Instant,
    timer: Option<(TimerKey, Waker)>,
}

enum Phase<A: Handler<M>, M: Message> {
    /// Nothing has happened yet; perhaps the calling turn's state is on its way to the disk.
    Unstarted(Unstarted<A, M>),
    /// The host has it.
    Queued(Arc<CallCell<A, M>>),
    /// The turn ran on this thread; its reply is held until the ticket is settled.
    Held(Result<A::Reply, A::Error>, Ticket),
    Refused(CallError),
    Done {
        /// The reply was that of an earlier call.
        replayed: bool,
    },
}

// The message and the reply are moved, never pinned.
impl<A: Handler<M>, M: Message> Unpin for CallFuture<A, M> {}

impl<A: Handler<M>, M: Message> Future for CallFuture<A, M> {
    type Output = Result<A::Reply, CallError<A::Error>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = this.advance(cx);
        if polled.is_pending() {
            return this.poll_deadline(cx).map(|error| Err(error.widen()));
        }
        this.finish();
        polled
    }
}

impl<A: Handler<M>, M: Message> CallFuture<A, M> {
    /// Whether the reply that was given is that of an earlier call with the same idempotency key.
    #[must_use]
    pub fn was_replayed(&self) -> bool {
        matches!(self.phase, Phase::Done { replayed: true })
    }

    #[inline]
    fn advance(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<A::Reply, CallError<A::Error>>> {
        if let Phase::Unstarted(call) = &mut self.phase {
            let (unsaved, slot) = (&mut self.unsaved, &mut self.slot);
            std::task::ready!(poll_leave(&self.host, unsaved, slot, self.deadline, cx))
                .map_err(CallError::widen)?;
            self.phase = match call.start(&self.host) {
                Started::Ran(ticket) => {
                    let reply = call.take_reply();
                    match ticket {
                        None => return Poll::Ready(reply.map_err(CallError::App)),
                        Some(ticket) => Phase::Held(reply, ticket),
                    }
                }
                Started::Queued => Phase::Queued(call.take_cell()),
                Started::Refused(error) => return Poll::Ready(Err(error.widen())),
            };
        }
        match &mut self.phase {
            Phase::Held(_, ticket) => {
                let settled = std::task::ready!(ticket.poll(&mut self.slot, cx));
                let Phase::Held(reply, _) = self.end() else {
                    unreachable!("matched above");
                };
                Poll::Ready(match settled {
                    Ok(()) => reply.map_err(CallError::App),
                    Err(error) => Err(error.widen()),
                })
            }
            Phase::Queued(cell) => {
                let reply = std::task::ready!(cell.poll(&mut self.slot, cx));
                let replayed = cell.was_replayed();
                self.phase = Phase::Done { replayed };
                Poll::Ready(reply)
            }
            Phase::Refused(_) => Poll::Ready(self.refused()),
            Phase::Unstarted(_) | Phase::Done { .. } => panic!("a call was polled after its end"),
        }
    }

    /// Hands over a message that nobody waits for, now or for later.
    fn poll_sent(
        &mut self,
        cx: &mut TaskContext<'_>,
        after: Option<Duration>,
    ) -> Poll<Result<(), CallError>> {
        let Phase::Unstarted(call) = &mut self.phase else {
            return Poll::Ready(self.refused());
        };
        let (unsaved, slot) = (&mut self.unsaved, &mut self.slot);
        let Poll::Ready(left) = poll_leave(&self.host, unsaved, slot, self.deadline, cx) else {
            return self.poll_deadline(cx).map(Err);
        };
        let sent = left.and_then(|()| match after {
            Some(after) => call.start_at(&self.host, self.host.clock().now() + after),
            None => match call.start(&self.host) {
                Started::Refused(error) => Err(error),
                Started::Queued | Started::Ran(_) => Ok(()),
            },
        });
        self.finish();
        Poll::Ready(sent)
    }

    /// Arms the deadline's timer at the first wait, and gives the error once it has passed.
    fn poll_deadline(&mut self, cx: &mut TaskContext<'_>) -> Poll<CallError> {
        if self.host.clock().now() >= self.deadline {
            let began = match &self.phase {
                Phase::Unstarted(_) => false,
                Phase::Queued(cell) => !cell.take_back(),
                _ => true,
            };
            let outcome = if began { Outcome::Unknown } else { Outcome::NotExecuted };
            self.finish();
            return Poll::Ready(CallError::Deadline { outcome });
        }
        match &self.timer {
            Some((_, waker)) if waker.will_wake(cx.waker()) => {}
            _ => {
                self.disarm();
                let waker = cx.waker().clone();
                self.timer = Some((self.host.wake_at(self.deadline, waker.clone()), waker));
            }
        }
        Poll::Pending
    }

    fn refused<T, E>(&mut self) -> Result<T, CallError<E>> {
        match self.end() {
            Phase::Refused(error) => Err(error.widen()),
            _ => panic!("a call was polled after its end"),
        }
    }

    fn end(&mut self) -> Phase<A, M> {
        std::mem::replace(&mut self.phase, Phase::Done { replayed: false })
    }

    fn finish(&mut self) {
        if !matches!(self.phase, Phase::Done { .. }) {
            self.phase = Phase::Done { replayed: false };
        }
        self.disarm();
    }

    fn disarm(&mut self) {
        if let Some((timer, _)) = self.timer.take() {
            self.host.forget(timer);
        }
    }
}

impl<A: Handler<M>, M: Message> Drop for CallFuture<A, M> {
    fn drop(&mut self) {
        if let Phase::Queued(cell) = &self.phase
            && !cell.is_one_way()
        {
            cell.take_back();
        }
        self.disarm();
    }
}

/// Waits until a call may leave: what its turn began with is durable, and its task has a share of
/// its thread left.
#[inline]
fn poll_leave(
    host: &HostHandle,
    unsaved: &mut Option<Ticket>,
    slot: &mut WaitSlot,
    deadline: Instant,
    cx: &mut TaskContext<'_>,
) -> Poll<Result<(), CallError>> {
    if let Some(ticket) = unsaved {
        std::task::ready!(ticket.poll(slot, cx)).map_err(not_sent)?;
        (*unsaved, *slot) = (None, WaitSlot::default());
        if deadline <= host.clock().coarse() {
            return Poll::Ready(Err(too_late()));
        }
    }
    // A loop of calls that are always ready still lets other tasks run.
    host.tasks().poll_share(cx).map(Ok)
}

fn too_late() -> CallError {
    CallError::Deadline { outcome: Outcome::NotExecuted }
}

/// The state that the call depends on was lost before the call left.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` wants")]
fn not_sent(error: CallError) -> CallError {
    CallError::Storage {
        detail: format!("the call did not leave: the calling turn's state was not saved: {error}")
            .into(),
        outcome: Outcome::NotExecuted,
    }
}
