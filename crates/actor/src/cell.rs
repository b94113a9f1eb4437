use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll, Waker};

use parking_lot::Mutex;
use tenure_types::{BoxFuture, CallError, Instant};

use crate::host::{
    Arrived, AsHome, CallHead, HostHandle, PendingCall, QueuedCall, Replied, Started, TurnGuard,
};
use crate::{
    Access, AppError, CODEC_NAMED, CodecError, Context, Handler, Message, StateRef, Target, Ticket,
    WaitSlot, decode_named, encode_as, encode_named,
};

/// A call that still lies in its caller's future.
pub(crate) struct Unstarted<A: Handler<M>, M: Message> {
    target: Target,
    pending: Pending<A, M>,
}

/// All of a call but its target, so that a host may be given both at once.
struct Pending<A: Handler<M>, M: Message> {
    head: CallHead,
    message: Option<M>,
    reply: Option<Result<A::Reply, A::Error>>,
    cell: Option<Arc<CallCell<A, M>>>,
}

impl<A: Handler<M>, M: Message> Unstarted<A, M> {
    #[inline]
    pub(crate) fn new(target: Target, head: CallHead, message: M) -> Self {
        let pending = Pending { head, message: Some(message), reply: None, cell: None };
        Self { target, pending }
    }

    #[inline]
    pub(crate) fn start(&mut self, host: &HostHandle) -> Started {
        host.start(&self.target, &mut self.pending)
    }

    /// Leaves the call with the host until `at`: nobody waits for it.
    pub(crate) fn start_at(&mut self, host: &HostHandle, at: Instant) -> Result<(), CallError> {
        let call = self.pending.share();
        host.start_at(at, self.target.clone(), call)
    }

    pub(crate) fn take_reply(&mut self) -> Result<A::Reply, A::Error> {
        self.pending.reply.take().expect("a host that says Ran has run the call")
    }

    pub(crate) fn take_cell(&mut self) -> Arc<CallCell<A, M>> {
        self.pending.cell.take().expect("a host that says Queued has shared the call")
    }
}

impl<A: Handler<M>, M: Message> PendingCall for Pending<A, M> {
    fn head(&self) -> &CallHead {
        &self.head
    }

    fn run(&mut self, state: StateRef<'_>, home: &dyn AsHome) {
        let message = self.message.take().expect("a call runs once");
        self.reply = Some(run_ready::<A, M>(state, home, &self.head, message));
    }

    fn share(&mut self) -> Arc<dyn QueuedCall> {
        let message = self.message.take().expect("a call is shared once, before it runs");
        let cell = CallCell::new(self.head.clone(), message);
        self.cell = Some(Arc::clone(&cell));
        cell
    }
}

/// A call in a host's hands: shared by the host and the caller's future.
pub(crate) struct CallCell<A: Handler<M>, M: Message> {
    head: CallHead,
    inner: Mutex<Inner<A, M>>,
    replayed: AtomicBool,
    actor: PhantomData<fn() -> A>,
}

struct Inner<A: Handler<M>, M: Message> {
    step: Step<A, M>,
    waker: Option<Waker>,
}

enum Step<A: Handler<M>, M: Message> {
    /// In a mailbox.
    Waiting(M),
    /// At another node, where its turn may run; kept for the case that it comes back.
    Away(M),
    /// The caller is gone or its deadline passed before the turn began.
    TakenBack,
    /// The turn runs.
    Running,
    /// The turn has run; the host is taking its effects.
    Kept(Result<A::Reply, A::Error>),
    /// The reply is released when the ticket is settled.
    Held(Result<A::Reply, A::Error>, Ticket),
    /// The reply can be taken.
    Ended(Result<A::Reply, CallError<A::Error>>),
    /// The reply was taken.
    Taken,
}

impl<A: Handler<M>, M: Message> CallCell<A, M> {
    /// A call that waits.
    pub(crate) fn new(head: CallHead, message: M) -> Arc<Self> {
        let inner = Mutex::new(Inner { step: Step::Waiting(message), waker: None });
        Arc::new(Self { head, inner, replayed: AtomicBool::new(false), actor: PhantomData })
    }

    /// Whether the reply is that of an earlier call.
    pub(crate) fn was_replayed(&self) -> bool {
        self.replayed.load(Ordering::Relaxed)
    }

    /// Takes the call back if its turn has not begun; `false` if it has, or may have at another node.
    pub(crate) fn take_back(&self) -> bool {
        let mut inner = self.inner.lock();
        let waker = inner.waker.take();
        let is_here = matches!(inner.step, Step::Waiting(_));
        let ends = is_here || matches!(inner.step, Step::Away(_));
        let message = ends.then(|| std::mem::replace(&mut inner.step, Step::TakenBack));
        drop(inner);
        // What comes from outside is dropped without the lock: the waker, and the user's message.
        drop((waker, message));
        is_here
    }

    pub(crate) fn is_one_way(&self) -> bool {
        self.head.one_way
    }

    pub(crate) fn poll(
        &self,
        slot: &mut WaitSlot,
        cx: &TaskContext<'_>,
    ) -> Poll<Result<A::Reply, CallError<A::Error>>> {
        let mut inner = self.inner.lock();
        if let Step::Held(_, ticket) = &inner.step {
            let settled = std::task::ready!(ticket.poll(slot, cx));
            let Step::Held(reply, _) = std::mem::replace(&mut inner.step, Step::Taken) else {
                unreachable!("matched above");
            };
            return Poll::Ready(match settled {
                Ok(()) => reply.map_err(CallError::App),
                Err(error) => Err(error.widen()),
            });
        }
        if let Step::Ended(_) = &inner.step {
            let Step::Ended(result) = std::mem::replace(&mut inner.step, Step::Taken) else {
                unreachable!("matched above");
            };
            return Poll::Ready(result);
        }
        match &mut inner.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    fn take_message(&self) -> Option<M> {
        let mut inner = self.inner.lock();
        match std::mem::replace(&mut inner.step, Step::Running) {
            Step::Waiting(message) => Some(message),
            other => {
                inner.step = other;
                None
            }
        }
    }

    fn keep(&self, reply: Result<A::Reply, A::Error>) {
        self.inner.lock().step = Step::Kept(reply);
    }
}

impl<A: Handler<M>, M: Message> QueuedCall for CallCell<A, M> {
    fn head(&self) -> &CallHead {
        &self.head
    }

    fn is_waiting(&self) -> bool {
        matches!(self.inner.lock().step, Step::Waiting(_) | Step::Away(_))
    }

    fn run(&self, state: StateRef<'_>, home: &dyn AsHome) -> bool {
        let Some(message) = self.take_message() else {
            return false;
        };
        let reply = run_ready::<A, M>(state, home, &self.head, message);
        self.keep(reply);
        true
    }

    fn begin(
        self: Arc<Self>,
        guard: Box<dyn TurnGuard>,
    ) -> Result<BoxFuture<'static, Box<dyn TurnGuard>>, Box<dyn TurnGuard>> {
        let Some(message) = self.take_message() else {
            return Err(guard);
        };
        Ok(Box::pin(async move {
            let mut guard = guard;
            let mut context = Context::new(guard.home(), &self.head, guard.unsaved());
            let mut state = guard.state();
            let actor = <A::Access as Access>::borrow(&mut state);
            let reply = A::handle(actor, &mut context, message).await;
            if let Some(effects) = context.finish(&mut state, reply.is_ok()) {
                guard.keep(effects);
            }
            self.keep(reply);
            guard
        }))
    }

    fn outcome(&self) -> Result<Option<Vec<u8>>, CodecError> {
        let inner = self.inner.lock();
        let Step::Kept(reply) = &inner.step else {
            panic!("a call has an outcome between its turn and its end");
        };
        let mut out = Vec::new();
        match reply {
            Ok(reply) => {
                out.push(OUTCOME_OK);
                encode_named(reply, &mut out)?;
            }
            Err(error) if error.retry_after().is_some() => return Ok(None),
            Err(error) => {
                out.push(OUTCOME_ERR);
                error.encode(&mut out)?;
            }
        }
        Ok(Some(out))
    }

    fn replay(&self, outcome: &[u8]) -> Result<bool, CodecError> {
        let reply = match outcome.split_first() {
            Some((&OUTCOME_OK, reply)) => Ok(decode_named(CODEC_NAMED, reply)?),
            Some((&OUTCOME_ERR, error)) => Err(A::Error::decode(error)?),
            _ => return Err(CodecError::new("it is neither a reply nor an error")),
        };
        let message = self.take_message();
        let taken = message.is_some();
        // Its destructor is the user's code: not under the lock.
        drop(message);
        if taken {
            self.replayed.store(true, Ordering::Relaxed);
            self.keep(reply);
        }
        Ok(taken)
    }

    fn depart(&self, codec: u8, out: &mut Vec<u8>) -> Result<bool, CodecError> {
        let mut inner = self.inner.lock();
        let (Step::Waiting(message) | Step::Away(message)) = &inner.step else {
            return Ok(false);
        };
        encode_as(codec, message, out)?;
        inner.step = match std::mem::replace(&mut inner.step, Step::Taken) {
            Step::Waiting(message) => Step::Away(message),
            other => other,
        };
        Ok(true)
    }

    fn come_back(&self) {
        let mut inner = self.inner.lock();
        inner.step = match std::mem::replace(&mut inner.step, Step::Taken) {
            Step::Away(message) => Step::Waiting(message),
            other => other,
        };
    }

    fn reply(&self, codec: u8, out: &mut Vec<u8>) -> Result<Replied, CodecError> {
        let inner = self.inner.lock();
        let Step::Kept(reply) = &inner.step else {
            return Err(CodecError::new("no turn has left a reply"));
        };
        match reply {
            Ok(reply) => encode_as(codec, reply, out)?,
            Err(error) => error.encode(out)?,
        }
        Ok(Replied { is_error: reply.is_err(), replayed: self.was_replayed() })
    }

    fn keep_reply(&self, arrived: Arrived<'_>) -> Result<bool, CodecError> {
        let reply = match arrived.replied.is_error {
            false => Ok(decode_named(arrived.codec, arrived.body)?),
            true => Err(A::Error::decode(arrived.body)?),
        };
        let mut inner = self.inner.lock();
        if !matches!(inner.step, Step::Away(_)) {
            // The reply is dropped after the lock: it was made before.
            return Ok(false);
        }
        let message = std::mem::replace(&mut inner.step, Step::Kept(reply));
        drop(inner);
        drop(message);
        self.replayed.store(arrived.replied.replayed, Ordering::Relaxed);
        Ok(true)
    }

    fn refuse(&self, error: CallError) -> bool {
        let mut inner = self.inner.lock();
        if !matches!(inner.step, Step::Waiting(_)) {
            return false;
        }
        let message = std::mem::replace(&mut inner.step, Step::Ended(Err(error.widen())));
        let waker = inner.waker.take();
        drop(inner);
        // Its destructor is the user's code: not under the lock.
        drop(message);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn settle(&self, end: Result<Option<Ticket>, CallError>) {
        let mut inner = self.inner.lock();
        let step = std::mem::replace(&mut inner.step, Step::Taken);
        let waker = inner.waker.take();
        // What is the user's is dropped without the lock: it leaves the match as `lost`.
        let (next, lost) = match (step, end) {
            (Step::TakenBack, _) => (Step::TakenBack, None),
            (Step::Kept(reply), Ok(Some(ticket))) => {
                let slot = &mut WaitSlot::default();
                // The caller is woken once: when the ticket is settled.
                let waker = waker.map(|waker| ticket.wake_later(slot, waker));
                inner.step = Step::Held(reply, ticket);
                drop(inner);
                if let Some(Err(waker)) = waker {
                    waker.wake();
                }
                return;
            }
            (Step::Kept(reply), Ok(None)) => (Step::Ended(reply.map_err(CallError::App)), None),
            // A message that nobody waits for was taken.
            (Step::Away(message), Ok(_)) => (Step::TakenBack, Some(Step::Away(message))),
            (lost, Err(error)) => (Step::Ended(Err(error.widen())), Some(lost)),
            (_, Ok(_)) => unreachable!("a call is settled well only after its reply was kept"),
        };
        inner.step = next;
        drop(inner);
        drop(lost);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The first byte of an outcome, before the encoded reply or error.
const OUTCOME_OK: u8 = 0;
const OUTCOME_ERR: u8 = 1;

/// Runs a handler that is ready at its first poll.
#[inline]
fn run_ready<A: Handler<M>, M: Message>(
    mut state: StateRef<'_>,
    home: &dyn AsHome,
    head: &CallHead,
    message: M,
) -> Result<A::Reply, A::Error> {
    if !A::NEEDS_CONTEXT {
        // Nothing is in it, so that nothing needs to be dropped.
        let mut context = ManuallyDrop::new(Context::<A>::none());
        return poll_once::<A, M>(&mut state, &mut context, message);
    }
    let mut context = Context::<A>::new(home.to_home(), head, home.unsaved());
    let reply = poll_once::<A, M>(&mut state, &mut context, message);
    if let Some(effects) = context.finish(&mut state, reply.is_ok()) {
        home.keep(effects);
    }
    reply
}

#[inline]
fn poll_once<A: Handler<M>, M: Message>(
    state: &mut StateRef<'_>,
    context: &mut Context<A>,
    message: M,
) -> Result<A::Reply, A::Error> {
    let actor = <A::Access as Access>::borrow(state);
    let turn = pin!(A::handle(actor, context, message));
    match turn.poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(reply) => reply,
        Poll::Pending => panic!(
            "{}::{} was declared never to suspend and did; set MAY_SUSPEND",
            A::TYPE,
            M::METHOD
        ),
    }
}
