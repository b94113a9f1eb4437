//! Turns that may suspend: polled once where they start, then on a task of their own, so that a
//! caller who goes away never stops one half-way.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tenure_actor::host::{CallHead, Home, QueuedCall, TurnGuard};
use tenure_actor::{Effects, MethodInfo, Persist, StateRef, Ticket};
use tenure_observe::Gauge;
use tenure_types::{BoxFuture, CallError};

use super::answer::Ended;
use super::contain;
use super::word::{MOVING, QUEUED, RESET, UNSAVED};
use crate::activation::{Activation, Hold, Owned};
use crate::runtime::Runtime;

type TurnFuture = BoxFuture<'static, Box<dyn TurnGuard>>;

impl Runtime {
    /// Begins a turn that may suspend.
    pub(super) fn begin_detachable(self: &Arc<Self>, hold: Hold<Owned>, call: Arc<dyn QueuedCall>) {
        let activation = Arc::clone(hold.activation());
        let mut hold = hold;
        if hold.is_exclusive() {
            self.before_suspending(&activation, &mut hold, call.head());
        }
        let method = call.head().method;
        let guard = Guard { hold: Some(hold), method, runtime: Arc::clone(self) };
        let mut turn = match Arc::clone(&call).begin(Box::new(guard)) {
            Ok(turn) => turn,
            Err(guard) => return guard.abandon(),
        };
        // A timer or socket made on another runtime would hang or panic: the first poll is inline
        // only on a thread of this node.
        if self.tasks.is_worker() {
            let mut cx = Context::from_waker(Waker::noop());
            match poll_turn(&mut turn, &mut cx) {
                Poll::Ready(ended) => return conclude(turn, ended, &*call),
                Poll::Pending => {}
            }
        }
        let suspended = Suspended::count(&self.meters.suspended);
        let task = async move {
            let mut turn = turn;
            // Counted until the future ends or is dropped.
            let _suspended = suspended;
            let ended = poll_fn(|cx| poll_turn(&mut turn, cx)).await;
            conclude(turn, ended, &*call);
        };
        self.tasks.spawn("turn", Box::pin(task));
    }
}

impl Runtime {
    /// A suspended turn keeps its hold for long: what was written behind before is encoded first,
    /// and calls with its key are told that it runs.
    fn before_suspending(
        &self,
        activation: &Arc<Activation>,
        hold: &mut Hold<Owned>,
        head: &CallHead,
    ) {
        if matches!(activation.kind.actor_type.persist, Persist::WriteBehind { .. })
            && activation.word.read().has(UNSAVED)
            && let Err(error) = self.encode_behind(activation, &hold.state())
        {
            tracing::error!(actor = %activation.id(), %error, "a flush before a turn failed");
        }
        if let Some(cause) = &head.cause {
            activation.with_cold(|cold| cold.running = Some(Arc::clone(cause)));
        }
    }
}

/// The turn with this hold has ended.
fn not_running(hold: &Hold<Owned>) {
    if hold.is_exclusive() {
        hold.activation().with_cold(|cold| cold.running = None);
    }
}

fn poll_turn(
    turn: &mut TurnFuture,
    cx: &mut Context<'_>,
) -> Poll<Result<Box<dyn TurnGuard>, Box<str>>> {
    match contain(|| turn.as_mut().poll(cx)) {
        Ok(Poll::Ready(guard)) => Poll::Ready(Ok(guard)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(panic)),
    }
}

fn conclude(turn: TurnFuture, ended: Result<Box<dyn TurnGuard>, Box<str>>, call: &dyn QueuedCall) {
    match ended {
        Ok(guard) => {
            guard.finish(call);
            drop(turn);
        }
        Err(panic) => {
            // The future still owns the guard, whose drop ends the turn as panicked. What else it
            // owns is the user's, and may panic again.
            if let Err(second) = contain(move || drop(turn)) {
                tracing::error!(panic = %second, "dropping a panicked turn panicked");
            }
            call.settle(Err(CallError::Panicked { detail: panic }));
        }
    }
}

/// Counts a turn among those that have begun and wait for something.
struct Suspended(Arc<Gauge>);

impl Suspended {
    fn count(gauge: &Arc<Gauge>) -> Self {
        gauge.add(1);
        Self(Arc::clone(gauge))
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

/// A suspended turn's hold. Dropped without an end it is a panic, or the node's own end.
struct Guard {
    hold: Option<Hold<Owned>>,
    method: &'static MethodInfo,
    runtime: Arc<Runtime>,
}

impl Guard {
    fn hold(&self) -> &Hold<Owned> {
        self.hold.as_ref().expect("a guard has its hold until its end")
    }

    fn activation(&self) -> &Arc<Activation> {
        self.hold().activation()
    }

    fn release(&mut self) {
        if let Some(hold) = self.hold.take() {
            let activation = Arc::clone(hold.activation());
            not_running(&hold);
            let word = hold.release();
            self.runtime.after_release(&activation, word);
        }
    }
}

impl TurnGuard for Guard {
    fn state(&mut self) -> StateRef<'_> {
        self.hold.as_mut().expect("a guard has its hold until its end").state()
    }

    fn home(&self) -> Arc<dyn Home> {
        Arc::clone(self.activation()) as Arc<dyn Home>
    }

    fn unsaved(&self) -> Option<Ticket> {
        self.activation().unsaved()
    }

    fn keep(&mut self, effects: Box<Effects>) {
        self.activation().keep(effects);
    }

    fn finish(mut self: Box<Self>, call: &dyn QueuedCall) {
        let activation = Arc::clone(self.activation());
        let hold = self.hold.as_mut().expect("a guard has its hold until its end");
        let ended = Ended { head: call.head(), call: Some(call) };
        self.runtime.said_farewell(&activation, call.head());
        let ended = self.runtime.end_turn(&activation, hold, ended);
        self.release();
        self.runtime.settle(&activation, call, ended);
    }

    fn abandon(mut self: Box<Self>) {
        self.release();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(hold) = self.hold.take() else { return };
        let activation = Arc::clone(hold.activation());
        self.runtime.greeting_panicked(&activation, self.method);
        self.runtime.panicked(&activation, &hold, "the turn did not end");
        not_running(&hold);
        let word = hold.release();
        // What comes next runs on a task: this is the unwinding of a panic, or the node's end.
        if word.has(QUEUED | RESET | MOVING) && !word.is_held() {
            self.runtime.hand_over(&activation);
        }
    }
}
