use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use tenure_types::{CallError, Instant, KeyError, Outcome};

use crate::cell::{CallCell, Unstarted};
use crate::host::{CallHead, HostHandle, Started, TimerKey};
use crate::{Actor, ActorRef, Handler, Message, MethodInfo, Origin, Target, Ticket, WaitSlot};

/// How long a call may take where neither the call nor the node's configuration says.
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(30);

/// A call that has not started: await it, or `.send()` it.
#[must_use = "a call does nothing until it is awaited or sent"]
pub struct Call<A, M> {
    host: HostHandle,
    target: Result<Target, KeyError>,
    origin: Option<Arc<Origin>>,
    deadline: Option<Duration>,
    message: M,
    actor: std::marker::PhantomData<fn() -> A>,
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
        Call { host, target, origin, deadline: None, message, actor }
    }
}

impl<A: Handler<M>, M: Message> Call<A, M> {
    /// How long the caller waits, from the moment the call starts. A call made in a turn ends
    /// with that turn's own deadline at the latest.
    pub fn deadline(mut self, budget: Duration) -> Self {
        self.deadline = Some(budget);
        self
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
        let mut future = self.into_call_future(true);
        poll_fn(|cx| future.poll_sent(cx)).await
    }

    #[inline]
    fn into_call_future(self, one_way: bool) -> CallFuture<A, M> {
        let now = self.host.clock().coarse();
        let own = now + self.deadline.unwrap_or_else(|| self.host.deadline_default());
        let (mut deadline, mut chain, mut unsaved) = (own, None, None);
        if let Some(origin) = self.origin {
            deadline = own.min(origin.deadline);
            unsaved.clone_from(&origin.unsaved);
            chain = (!one_way).then(|| Arc::clone(&origin.chain));
        }
        let phase = match self.target {
            // The caller has no time left: the turn that calls took all of it.
            _ if deadline <= now => Phase::Refused(too_late()),
            Ok(target) => {
                // The turn of a sent message has a time of its own.
                let deadline = if one_way { own } else { deadline };
                let method = MethodInfo::of::<A, M>();
                let head = CallHead { method, deadline, chain, one_way };
                Phase::Unstarted(Unstarted::new(target, head, self.message))
            }
            Err(error) => {
                Phase::Refused(CallError::BadRequest { detail: error.to_string().into() })
            }
        };
        let slot = WaitSlot::default();
        CallFuture { host: self.host, phase, unsaved, slot, deadline, timer: None }
    }
}

impl<A: Handler<M>, M: Message> IntoFuture for Call<A, M> {
    type Output = Result<A::Reply, CallError<A::Error>>;
    type IntoFuture = CallFuture<A, M>;

    #[inline]
    fn into_future(self) -> CallFuture<A, M> {
        self.into_call_future(false)
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
    Done,
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
                let Phase::Held(reply, _) = std::mem::replace(&mut self.phase, Phase::Done) else {
                    unreachable!("matched above");
                };
                Poll::Ready(match settled {
                    Ok(()) => reply.map_err(CallError::App),
                    Err(error) => Err(error.widen()),
                })
            }
            Phase::Queued(cell) => cell.poll(&mut self.slot, cx),
            Phase::Refused(_) => Poll::Ready(self.refused()),
            Phase::Unstarted(_) | Phase::Done => panic!("a call was polled after its end"),
        }
    }

    /// Hands over a message that nobody waits for.
    fn poll_sent(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), CallError>> {
        let Phase::Unstarted(call) = &mut self.phase else {
            return Poll::Ready(self.refused());
        };
        let (unsaved, slot) = (&mut self.unsaved, &mut self.slot);
        let Poll::Ready(left) = poll_leave(&self.host, unsaved, slot, self.deadline, cx) else {
            return self.poll_deadline(cx).map(Err);
        };
        let sent = left.and_then(|()| match call.start(&self.host) {
            Started::Refused(error) => Err(error),
            Started::Queued | Started::Ran(_) => Ok(()),
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
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Refused(error) => Err(error.widen()),
            _ => panic!("a call was polled after its end"),
        }
    }

    fn finish(&mut self) {
        self.phase = Phase::Done;
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
