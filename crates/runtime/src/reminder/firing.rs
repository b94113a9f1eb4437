use std::sync::{Arc, Weak};

use tenure_actor::host::{Arrived, AsHome, CallHead, QueuedCall, Replied, TurnGuard};
use tenure_actor::{CodecError, MethodInfo, StateRef, Ticket};
use tenure_store::Due;
use tenure_types::{BoxFuture, CallError};

use crate::runtime::Runtime;

pub(super) static FIRING: MethodInfo = MethodInfo::REMINDER;

/// A reminder on its way to its actor; it becomes a [`Handling`] when its turn has come.
pub(super) struct Firing {
    pub(super) head: CallHead,
    pub(super) due: Due,
    pub(super) runtime: Weak<Runtime>,
}

/// The turn of a reminder.
pub(super) struct Handling {
    pub(super) inner: Arc<dyn QueuedCall>,
    /// What it was before: it tells the node that delivers.
    pub(super) firing: Arc<dyn QueuedCall>,
}

fn done(runtime: &Weak<Runtime>, due: &Due, handled: bool) {
    if let Some(runtime) = runtime.upgrade() {
        runtime.reminders.done(due, handled, runtime.clock.unix_ms());
    }
}

impl QueuedCall for Firing {
    fn head(&self) -> &CallHead {
        &self.head
    }

    fn is_waiting(&self) -> bool {
        true
    }

    fn run(&self, _: StateRef<'_>, _: &dyn AsHome) -> bool {
        unreachable!("a firing becomes a handling before it runs");
    }

    fn begin(
        self: Arc<Self>,
        guard: Box<dyn TurnGuard>,
    ) -> Result<BoxFuture<'static, Box<dyn TurnGuard>>, Box<dyn TurnGuard>> {
        Err(guard)
    }

    fn outcome(&self) -> Result<Option<Vec<u8>>, CodecError> {
        Err(CodecError::new("a reminder has no reply"))
    }

    fn replay(&self, _: &[u8]) -> Result<bool, CodecError> {
        Err(CodecError::new("a reminder has no reply"))
    }

    /// Its actor keeps what is delivered: nothing but its name travels.
    fn depart(&self, _: u8, _: &mut Vec<u8>) -> Result<bool, CodecError> {
        Ok(true)
    }

    fn come_back(&self) {}

    fn reply(&self, _: u8, _: &mut Vec<u8>) -> Result<Replied, CodecError> {
        Err(CodecError::new("a reminder has no reply"))
    }

    fn keep_reply(&self, _: Arrived<'_>) -> Result<bool, CodecError> {
        Err(CodecError::new("a reminder has no reply"))
    }

    /// Nobody waits for a reminder: it closes no circle.
    fn refuse(&self, _: CallError) -> bool {
        false
    }

    /// `Ok` says that it is not due: nothing is left to do.
    fn settle(&self, end: Result<Option<Ticket>, CallError>) {
        done(&self.runtime, &self.due, end.is_ok());
    }
}

impl QueuedCall for Handling {
    fn head(&self) -> &CallHead {
        self.inner.head()
    }

    fn is_waiting(&self) -> bool {
        self.inner.is_waiting()
    }

    fn run(&self, state: StateRef<'_>, home: &dyn AsHome) -> bool {
        self.inner.run(state, home)
    }

    fn begin(
        self: Arc<Self>,
        guard: Box<dyn TurnGuard>,
    ) -> Result<BoxFuture<'static, Box<dyn TurnGuard>>, Box<dyn TurnGuard>> {
        Arc::clone(&self.inner).begin(guard)
    }

    fn outcome(&self) -> Result<Option<Vec<u8>>, CodecError> {
        self.inner.outcome()
    }

    fn replay(&self, outcome: &[u8]) -> Result<bool, CodecError> {
        self.inner.replay(outcome)
    }

    fn depart(&self, codec: u8, out: &mut Vec<u8>) -> Result<bool, CodecError> {
        self.inner.depart(codec, out)
    }

    fn come_back(&self) {
        self.inner.come_back();
    }

    fn reply(&self, codec: u8, out: &mut Vec<u8>) -> Result<Replied, CodecError> {
        self.inner.reply(codec, out)
    }

    fn keep_reply(&self, arrived: Arrived<'_>) -> Result<bool, CodecError> {
        self.inner.keep_reply(arrived)
    }

    fn refuse(&self, error: CallError) -> bool {
        self.inner.refuse(error)
    }

    fn settle(&self, end: Result<Option<Ticket>, CallError>) {
        let handled = end.as_ref().map(|_| None).map_err(Clone::clone);
        self.inner.settle(end);
        // Should its unit be lost, the next look at the store finds it again.
        self.firing.settle(handled);
    }
}
