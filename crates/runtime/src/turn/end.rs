//! The end of a turn: its effects go to the commit, its reply learns what to wait for.

use std::ops::Deref;
use std::sync::Arc;

use tenure_actor::{CODEC_NAMED, StateRef, Ticket};
use tenure_store::{UNIT_BYTES_MAX, Unit};
use tenure_types::{CallError, Outcome, Version};

use super::contain;
use super::word::{LOST, RESET, UNSAVED};
use crate::activation::{Activation, Hold};
use crate::runtime::Runtime;

impl Runtime {
    /// Takes the effects of a turn that has run, while it is still held.
    ///
    /// Gives what the reply waits for; or the error that the turn ends in because its effects
    /// cannot be kept.
    pub(super) fn end_turn<P: Deref<Target = Arc<Activation>>>(
        &self,
        activation: &Arc<Activation>,
        hold: &mut Hold<P>,
    ) -> Result<Option<Ticket>, CallError> {
        if !activation.kind.durable {
            if hold.is_exclusive() {
                activation.set_version(activation.version().next());
            }
            return Ok(None);
        }
        if hold.is_exclusive() {
            return self.commit_turn(activation, hold);
        }
        hold_reply(activation)
    }

    fn commit_turn<P: Deref<Target = Arc<Activation>>>(
        &self,
        activation: &Arc<Activation>,
        hold: &mut Hold<P>,
    ) -> Result<Option<Ticket>, CallError> {
        let body = self.encode(activation, hold.state())?;
        let before = activation.version();
        let changed = activation.note_encoded(self.hash_state(&body), body.len());
        if !changed && before != Version::NONE {
            return hold_reply(activation);
        }
        let after = before.next();
        activation.set_version(after);
        let token = self.next_token();
        let unit = Unit {
            actor: activation.id(),
            expected: before,
            version: after,
            tenure: activation.tenure(token.incarnation.0),
            token,
            schema: activation.kind.actor_type.schema,
            codec: CODEC_NAMED,
            written_at_ms: self.clock.unix_ms(),
            body,
        };
        let now = self.clock.now();
        let (ticket, submit) = activation.with_cold(|cold| {
            // A loss clears the pipeline under this lock: after it nothing may enter any more.
            if activation.word.read().has(LOST) {
                return Err(lost(activation));
            }
            activation.word.set(UNSAVED);
            Ok(cold.pipeline.turn_ended(unit, now))
        })?;
        if let Some(unit) = submit {
            self.submit(activation, unit);
        }
        Ok(Some(ticket))
    }

    /// The state's stored form. Where there is none the activation starts over: the turn's effects
    /// are dropped, nothing saved earlier is.
    fn encode(&self, activation: &Activation, state: StateRef<'_>) -> Result<Vec<u8>, CallError> {
        let StateRef::Exclusive(state) = state else {
            unreachable!("only exclusive turns are committed");
        };
        let mut body = Vec::with_capacity(activation.encoded_bytes() + 32);
        let encoded = contain(|| state.encode(&mut body));
        let error = match encoded {
            Ok(Ok(())) if body.len() <= UNIT_BYTES_MAX => return Ok(body),
            Ok(Ok(())) => CallError::TooLarge {
                detail: format!(
                    "the state of {} would have {} bytes, more than {UNIT_BYTES_MAX}; the turn \
                     was rolled back",
                    activation.id(),
                    body.len()
                )
                .into(),
            },
            Ok(Err(error)) => unencodable(activation, &error.to_string()),
            Err(panic) => unencodable(activation, &panic),
        };
        activation.word.set(RESET);
        Err(error)
    }

    /// A panic in an exclusive turn discards the state in memory and the turn's own effects,
    /// nothing that was encoded earlier. One in a shared turn fails that call only.
    pub(super) fn panicked<P: Deref<Target = Arc<Activation>>>(
        &self,
        activation: &Activation,
        hold: &Hold<P>,
        panic: &str,
    ) -> CallError {
        if hold.is_exclusive() {
            activation.word.set(RESET);
        }
        tracing::warn!(actor = %activation.id(), panic, "a handler panicked");
        CallError::Panicked { detail: panic.into() }
    }
}

/// What a reply waits for that saw the newest state: nothing, if that is durable.
fn hold_reply(activation: &Activation) -> Result<Option<Ticket>, CallError> {
    // One reading decides: a state that is neither unsaved nor lost at one moment is durable.
    let word = activation.word.read();
    if word.has(LOST) {
        return Err(lost(activation));
    }
    if !word.has(UNSAVED) {
        return Ok(None);
    }
    activation.with_cold(|cold| {
        if activation.word.read().has(LOST) {
            return Err(lost(activation));
        }
        Ok(cold.pipeline.hold_read())
    })
}

fn lost(activation: &Activation) -> CallError {
    CallError::Storage {
        detail: format!("what {} had in memory could not be saved", activation.id()).into(),
        outcome: Outcome::NotExecuted,
    }
}

fn unencodable(activation: &Activation, why: &str) -> CallError {
    CallError::Storage {
        detail: format!(
            "the state of {} cannot be encoded, the turn was rolled back: {why}",
            activation.id()
        )
        .into(),
        outcome: Outcome::NotExecuted,
    }
}
