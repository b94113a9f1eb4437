//! Retries: what becomes of a call whose attempt did not bring its answer (DESIGN section 7, rule 9).
//!
//! An attempt that was not executed is made again; one of unknown outcome only if the call has an idempotency key. Nothing is made
//! again past the deadline. Between attempts there is a pause: a random part of a ceiling that doubles ("full jitter": Brooker,
//! "Exponential Backoff and Jitter", AWS Architecture Blog, 2015), so that callers that were cut off together come back apart.
//!
//! [`Pause`] is also the policy of `tenure-client`'s own back-off, whose floor it has; that one draws for itself, this
//! one is given what was drawn.

mod key;
mod pause;
#[cfg(test)]
mod tests;
mod trail;

use std::time::Duration;

use tenure_types::{CallError, CallErrorCode, Instant, Outcome};

pub use key::{CallKey, nested_key};
pub use pause::Pause;
pub use trail::{HINTS_MAX, Hint, Ignored, Trail};

/// The most attempts at one call, whatever its deadline.
pub const ATTEMPTS_MAX: u32 = 64;

/// How one attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// With a result, or with an error after which the call was executed or another attempt is of no use.
    Answered,
    /// Not executed, and another attempt would end the same: a bad request, a deadline that has passed.
    Refused {
        /// The error.
        code: CallErrorCode,
    },
    /// Not executed: the actor is elsewhere. Its hint, if there is one, goes through a [`Trail`].
    NotHere,
    /// Not executed: caller and callee look at different views, and the caller has to learn the newer one.
    WrongView,
    /// Not executed, and its cause may pass: a queue that was full, a node that is stopping.
    NotExecuted {
        /// What the last answer is when nothing else comes.
        code: CallErrorCode,
        /// The callee's hint: no sooner than this.
        after: Duration,
    },
    /// It may have been executed: the connection broke, or the callee does not know.
    Unknown,
}

impl Attempt {
    /// How an attempt ended that brought this error.
    ///
    /// A deadline ends the call. A panic would come again.
    #[must_use]
    pub fn of_error<E>(error: &CallError<E>) -> Self {
        let after = match error {
            CallError::Overloaded { retry_after_ms, .. } => {
                Duration::from_millis(u64::from(*retry_after_ms))
            }
            _ => Duration::ZERO,
        };
        match (error.outcome(), error.code()) {
            (Outcome::NotExecuted, CallErrorCode::Deadline) => {
                Self::Refused { code: CallErrorCode::Deadline }
            }
            (Outcome::NotExecuted, code) if error.is_retryable() => {
                Self::NotExecuted { code, after }
            }
            (Outcome::NotExecuted, code) => Self::Refused { code },
            (Outcome::Unknown, CallErrorCode::Storage) => Self::Unknown,
            _ => Self::Answered,
        }
    }
}

/// A call, as far as its retries go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// Whether it has an idempotency key.
    pub has_key: bool,
    /// When it must be answered.
    pub deadline: Instant,
    /// How many attempts were made, the one that just ended included.
    pub attempts: u32,
    /// Whether an earlier attempt ended in [`Attempt::Unknown`]: see [`Call::after`].
    pub is_unknown: bool,
}

/// What to do about a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Hand the attempt's own answer to the caller.
    Answer,
    /// Make another attempt then: always before the deadline.
    RetryAt(Instant),
    /// Tell the caller this error, with this outcome.
    GiveUp {
        /// Which error.
        code: CallErrorCode,
        /// [`Outcome::Unknown`] as soon as any attempt was.
        outcome: Outcome,
    },
}

impl Call {
    /// A call of which no attempt was made yet.
    #[must_use]
    pub const fn new(has_key: bool, deadline: Instant) -> Self {
        Self { has_key, deadline, attempts: 0, is_unknown: false }
    }

    /// The call after one more attempt. What one attempt may have done, no later one undoes.
    #[must_use]
    pub fn after(self, attempt: Attempt) -> Self {
        let is_unknown = self.is_unknown || attempt == Attempt::Unknown;
        Self { attempts: self.attempts.saturating_add(1), is_unknown, ..self }
    }

    /// What to do now that `attempt` has ended, which [`Call::after`] has counted. `drawn` is uniform over all of `u64`.
    ///
    /// The first answer of [`Attempt::NotHere`] or [`Attempt::WrongView`] is followed by another attempt at once: the news
    /// that it brought is why it will end otherwise.
    #[must_use]
    pub fn decide(&self, attempt: Attempt, pause: Pause, now: Instant, drawn: u64) -> Decision {
        let may_retry = match attempt {
            Attempt::Answered => return Decision::Answer,
            Attempt::Refused { .. } if !self.is_unknown => return Decision::Answer,
            Attempt::Refused { .. } => false,
            Attempt::Unknown => self.has_key,
            Attempt::NotHere | Attempt::WrongView | Attempt::NotExecuted { .. } => true,
        };
        if !may_retry || self.attempts >= ATTEMPTS_MAX {
            return self.give_up(attempt, now);
        }
        let at = now + self.wait(attempt, pause, drawn);
        if at < self.deadline { Decision::RetryAt(at) } else { self.give_up(attempt, now) }
    }

    fn wait(&self, attempt: Attempt, pause: Pause, drawn: u64) -> Duration {
        match attempt {
            Attempt::NotHere | Attempt::WrongView if self.attempts <= 1 => Duration::ZERO,
            Attempt::NotExecuted { after, .. } => {
                after.saturating_add(pause.after(self.attempts, drawn))
            }
            _ => pause.after(self.attempts, drawn),
        }
    }

    /// `Deadline` is the one error that can say "unknown" without blaming the store.
    fn give_up(&self, attempt: Attempt, now: Instant) -> Decision {
        if self.is_unknown || attempt == Attempt::Unknown {
            return Decision::GiveUp { code: CallErrorCode::Deadline, outcome: Outcome::Unknown };
        }
        let code = match attempt {
            _ if now >= self.deadline => CallErrorCode::Deadline,
            Attempt::NotExecuted { code, .. } => code,
            _ => CallErrorCode::Unavailable,
        };
        Decision::GiveUp { code, outcome: Outcome::NotExecuted }
    }
}
