//! Calls whose turn may have run before: repeated ones, and reminders.

use std::sync::Arc;

use tenure_actor::host::QueuedCall;
use tenure_actor::{CallKey, Cause, Ticket};
use tenure_types::{CallError, Outcome};

use crate::activation::Activation;
use crate::activation::outcomes::Known;
use crate::activation::reminder_row::Reminder;
use crate::runtime::Runtime;

/// What is to be done with a call whose turn has come.
pub(super) enum Before {
    /// Its turn runs.
    Run,
    /// It was taken back.
    Nothing,
    /// The turn of this call runs in its place.
    Become(Arc<dyn QueuedCall>),
    /// It has the reply of the turn that ran before.
    Replayed,
    /// It is answered without a turn.
    Answer(Result<Option<Ticket>, CallError>),
}

impl Runtime {
    /// Looks whether the turn of `call` ran before. The activation is held.
    pub(super) fn before_turn(
        self: &Arc<Self>,
        activation: &Activation,
        call: &Arc<dyn QueuedCall>,
    ) -> Before {
        let head = call.head();
        let Some(cause) = head.cause.as_ref().filter(|_| head.method.exclusive) else {
            return Before::Run;
        };
        match &**cause {
            Cause::Key(key) => match activation.look_up_outcome(key) {
                Known::New => Before::Run,
                Known::Reused => Before::Answer(Err(reused(activation, key))),
                Known::Replied(reply) => match call.replay(&reply) {
                    Ok(false) => Before::Nothing,
                    Ok(true) => Before::Replayed,
                    Err(error) => Before::Answer(Err(CallError::Incompatible {
                        detail: format!(
                            "the turn ran before, and its reply cannot be read: {error}"
                        )
                        .into(),
                        outcome: Outcome::Executed,
                    })),
                },
            },
            Cause::Reminder(id) => {
                let kept = activation.reminder(&id.name);
                // Otherwise it was handled, moved or cancelled meanwhile.
                let Some(reminder) = kept.filter(|kept| kept.due_ms == id.due_ms) else {
                    return Before::Answer(Ok(None));
                };
                match self.handling(activation, call, cause, &reminder.delivery) {
                    Ok(handling) => Before::Become(handling),
                    Err(error) => Before::Answer(Err(error)),
                }
            }
        }
    }

    /// Refuses a call while another one with its key waits or runs.
    pub(super) fn check_in_progress(
        &self,
        activation: &Activation,
        cause: &Arc<Cause>,
    ) -> Result<(), CallError> {
        let Cause::Key(key) = &**cause else { return Ok(()) };
        let other = activation.with_cold(|cold| {
            let running = cold.running.iter().cloned();
            running.chain(cold.mailbox.causes()).find_map(|other| match &*other {
                Cause::Key(other) if other.key == key.key => Some(other.clone()),
                _ => None,
            })
        });
        match other {
            None => Ok(()),
            Some(other) if other.arguments == key.arguments => Err(CallError::InProgress {
                detail: format!(
                    "a call of {} with the key {:?} has not ended; make it again",
                    activation.id(),
                    key.key
                )
                .into(),
            }),
            Some(_) => Err(reused(activation, key)),
        }
    }
}

impl Activation {
    fn look_up_outcome(&self, key: &CallKey) -> Known {
        self.with_cold(|cold| match &cold.kept {
            Some(kept) => kept.outcomes.look_up(key),
            None => Known::New,
        })
    }

    fn reminder(&self, name: &str) -> Option<Reminder> {
        self.with_cold(|cold| cold.kept.as_ref()?.reminders.get(name).cloned())
    }
}

fn reused(activation: &Activation, key: &CallKey) -> CallError {
    CallError::KeyReused {
        detail: format!(
            "the key {:?} belongs to another call of {}: other method or arguments",
            key.key,
            activation.id()
        )
        .into(),
    }
}
