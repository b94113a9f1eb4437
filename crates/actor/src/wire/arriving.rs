//! A call of another node, as its host runs it.

use std::sync::Arc;

use tenure_types::{BoxFuture, CallError};

use super::answer::Answer;
use crate::host::{Arrived, AsHome, CallHead, Home, QueuedCall, Replied, TurnGuard};
use crate::{CodecError, StateRef, Ticket};

/// The way back to a caller at another node. Told exactly once of its call's end, unless the host
/// forgets the call.
pub trait ReplyTo: Send + Sync + 'static {
    /// A turn of this activation begins to run the call.
    fn runs(&self, _: &dyn Home) {}

    /// Runs a turn that cannot suspend; what it answers is the turn's.
    fn around(&self, turn: impl FnOnce() -> bool) -> bool {
        turn()
    }

    /// The call has ended: `answer` is to leave when the ticket, if any, is settled well, and
    /// [`Answer::failed`] in its place when it is not.
    fn reply(&self, answer: Answer, ticket: Option<Ticket>);
}

struct Arriving<R> {
    inner: Arc<dyn QueuedCall>,
    /// In which the caller understands the reply.
    codec: u8,
    reply_to: R,
}

pub(super) fn new(
    inner: Arc<dyn QueuedCall>,
    codec: u8,
    reply_to: impl ReplyTo,
) -> Arc<dyn QueuedCall> {
    Arc::new(Arriving { inner, codec, reply_to })
}

impl<R: ReplyTo> QueuedCall for Arriving<R> {
    fn head(&self) -> &CallHead {
        self.inner.head()
    }

    fn is_waiting(&self) -> bool {
        self.inner.is_waiting()
    }

    fn run(&self, state: StateRef<'_>, home: &dyn AsHome) -> bool {
        self.reply_to.runs(&*home.to_home());
        self.reply_to.around(|| self.inner.run(state, home))
    }

    fn begin(
        self: Arc<Self>,
        guard: Box<dyn TurnGuard>,
    ) -> Result<BoxFuture<'static, Box<dyn TurnGuard>>, Box<dyn TurnGuard>> {
        self.reply_to.runs(&*guard.home());
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
        let refused = self.inner.refuse(error.clone());
        if refused {
            self.reply_to.reply(Answer::failed(error), None);
        }
        refused
    }

    fn settle(&self, end: Result<Option<Ticket>, CallError>) {
        match end {
            Ok(ticket) => self.reply_to.reply(Answer::of(&*self.inner, self.codec), ticket),
            Err(error) => self.reply_to.reply(Answer::failed(error), None),
        }
    }
}
