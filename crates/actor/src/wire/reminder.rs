//! A reminder that came from another node.

use std::sync::Arc;

use tenure_types::{BoxFuture, CallError};

use crate::host::{Arrived, AsHome, CallHead, QueuedCall, Replied, TurnGuard};
use crate::{CodecError, StateRef, Ticket};

/// Only a name: the activation makes a call of what it keeps under that.
pub(super) struct Reminder {
    pub(super) head: CallHead,
}

fn no_reply<T>() -> Result<T, CodecError> {
    Err(CodecError::new("a reminder has no reply"))
}

impl QueuedCall for Reminder {
    fn head(&self) -> &CallHead {
        &self.head
    }

    fn is_waiting(&self) -> bool {
        true
    }

    fn run(&self, _: StateRef<'_>, _: &dyn AsHome) -> bool {
        false
    }

    fn begin(
        self: Arc<Self>,
        guard: Box<dyn TurnGuard>,
    ) -> Result<BoxFuture<'static, Box<dyn TurnGuard>>, Box<dyn TurnGuard>> {
        Err(guard)
    }

    fn outcome(&self) -> Result<Option<Vec<u8>>, CodecError> {
        no_reply()
    }

    fn replay(&self, _: &[u8]) -> Result<bool, CodecError> {
        no_reply()
    }

    fn depart(&self, _: u8, _: &mut Vec<u8>) -> Result<bool, CodecError> {
        Ok(true)
    }

    fn come_back(&self) {}

    fn reply(&self, _: u8, _: &mut Vec<u8>) -> Result<Replied, CodecError> {
        no_reply()
    }

    fn keep_reply(&self, _: Arrived<'_>) -> Result<bool, CodecError> {
        no_reply()
    }

    fn refuse(&self, _: CallError) -> bool {
        false
    }

    fn settle(&self, _: Result<Option<Ticket>, CallError>) {}
}
