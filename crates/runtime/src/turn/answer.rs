//! What a turn answers, and what its reply waits for.

use tenure_actor::host::{CallHead, QueuedCall};
use tenure_actor::{CODEC_NAMED, Ticket};
use tenure_store::Encoded;
use tenure_types::{CallError, Outcome, Planted};

use super::word::{LOST, UNSAVED};
use crate::activation::Activation;

/// A turn as its end sees it.
#[derive(Clone, Copy)]
pub(super) struct Ended<'a> {
    pub(super) head: &'a CallHead,
    /// The call, where it lies outside of its caller's future.
    pub(super) call: Option<&'a dyn QueuedCall>,
}

impl Ended<'_> {
    /// Whether the reply waits for what is written behind.
    pub(super) fn is_durable(self) -> bool {
        self.head.durable || self.head.method.durable
    }
}

pub(super) fn encoded(activation: &Activation, bytes: Vec<u8>) -> Encoded {
    Encoded { schema: activation.kind.actor_type.schema, codec: CODEC_NAMED, bytes }
}

/// What a reply waits for that saw the newest state: nothing, if that is durable.
pub(super) fn hold_reply(activation: &Activation) -> Result<Option<Ticket>, CallError> {
    // One reading decides: a state that is neither unsaved nor lost at one moment is durable.
    let word = activation.word.read();
    if word.has(LOST) {
        return Err(lost(activation));
    }
    if !word.has(UNSAVED) || Planted::EarlyRead.is_planted() {
        return Ok(None);
    }
    activation.with_cold(|cold| {
        if activation.word.read().has(LOST) {
            return Err(lost(activation));
        }
        Ok(cold.pipeline.hold_read())
    })
}

pub(super) fn lost(activation: &Activation) -> CallError {
    CallError::Storage {
        detail: format!("what {} had in memory could not be saved", activation.id()).into(),
        outcome: Outcome::NotExecuted,
    }
}

pub(super) fn unencodable(activation: &Activation, why: &str) -> CallError {
    CallError::Storage {
        detail: format!(
            "what the turn of {} leaves cannot be encoded, the turn was rolled back: {why}",
            activation.id()
        )
        .into(),
        outcome: Outcome::NotExecuted,
    }
}
