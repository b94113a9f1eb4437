use std::convert::Infallible;
use std::fmt;

/// Whether a call that failed had its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The turn ran to its end and is as durable as its actor's mode says.
    Executed,
    /// The call had no effect on its actor.
    NotExecuted,
    /// The call may or may not have had its effect.
    Unknown,
}

impl Outcome {
    /// The word used in HTTP problems and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Executed => "executed",
            Outcome::NotExecuted => "not-executed",
            Outcome::Unknown => "unknown",
        }
    }
}

/// Which [`CallError`] it is, without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallErrorCode {
    /// See [`CallError::App`].
    App,
    /// See [`CallError::BadRequest`].
    BadRequest,
    /// See [`CallError::NotFound`].
    NotFound,
    /// See [`CallError::Denied`].
    Denied,
    /// See [`CallError::InProgress`].
    InProgress,
    /// See [`CallError::KeyReused`].
    KeyReused,
    /// See [`CallError::VersionMismatch`].
    VersionMismatch,
    /// See [`CallError::TooLarge`].
    TooLarge,
    /// See [`CallError::Deadline`].
    Deadline,
    /// See [`CallError::Overloaded`].
    Overloaded,
    /// See [`CallError::Unavailable`].
    Unavailable,
    /// See [`CallError::Cycle`].
    Cycle,
    /// See [`CallError::Panicked`].
    Panicked,
    /// See [`CallError::Incompatible`].
    Incompatible,
    /// See [`CallError::Damaged`].
    Damaged,
    /// See [`CallError::Storage`].
    Storage,
    /// See [`CallError::Withheld`].
    Withheld,
}

impl CallErrorCode {
    /// The stable word used in HTTP problems, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            CallErrorCode::App => "app",
            CallErrorCode::BadRequest => "bad_request",
            CallErrorCode::NotFound => "not_found",
            CallErrorCode::Denied => "denied",
            CallErrorCode::InProgress => "in_progress",
            CallErrorCode::KeyReused => "key_reused",
            CallErrorCode::VersionMismatch => "version_mismatch",
            CallErrorCode::TooLarge => "too_large",
            CallErrorCode::Deadline => "deadline",
            CallErrorCode::Overloaded => "overloaded",
            CallErrorCode::Unavailable => "unavailable",
            CallErrorCode::Cycle => "cycle",
            CallErrorCode::Panicked => "panicked",
            CallErrorCode::Incompatible => "incompatible",
            CallErrorCode::Damaged => "damaged",
            CallErrorCode::Storage => "storage",
            CallErrorCode::Withheld => "withheld",
        }
    }
}

/// How a call can end without a reply. `E` is the application's own error.
///
/// [`CallError::outcome`] says whether the turn had its effect, [`CallError::is_retryable`]
/// whether the same call may succeed if it is simply made again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError<E = Infallible> {
    /// The handler returned `Err`. Executed: what the handler changed before is kept.
    App(E),
    /// The request makes no sense to its actor: wrong arguments or a bad key. Not executed.
    BadRequest {
        /// What is wrong and how to mend it.
        detail: Box<str>,
    },
    /// No such actor type or method. Not executed.
    NotFound {
        /// What was looked for, and what there is.
        detail: Box<str>,
    },
    /// The authorisation hook refused. Not executed.
    Denied {
        /// What the hook said.
        detail: Box<str>,
    },
    /// Another call with the same idempotency key runs now. This one is not executed; once that one
    /// has ended, the same call is answered with its reply.
    InProgress {
        /// Which key.
        detail: Box<str>,
    },
    /// The idempotency key was used before, for another method or other arguments. Not executed.
    KeyReused {
        /// Which key.
        detail: Box<str>,
    },
    /// The actor's state is not the one that the caller asked for. Not executed.
    VersionMismatch {
        /// Which state it has.
        detail: Box<str>,
    },
    /// A bound on size was passed: arguments, a call chain (both not executed), or the record a
    /// turn wanted to store (the turn is rolled back with its activation).
    TooLarge {
        /// What was too large and what the bound is.
        detail: Box<str>,
    },
    /// The deadline passed first.
    Deadline {
        /// `NotExecuted` when the call never left the mailbox, `Unknown` when its turn had begun.
        outcome: Outcome,
    },
    /// A bounded queue was full. Not executed; try again after `retry_after_ms`.
    Overloaded {
        /// Which bound was met.
        detail: Box<str>,
        /// A hint, in milliseconds.
        retry_after_ms: u32,
        /// Whether this one actor is the cause (HTTP 429), not the node (HTTP 503).
        actor: bool,
    },
    /// The node is stopping, or nobody can host the actor now. Not executed.
    Unavailable {
        /// Why.
        detail: Box<str>,
    },
    /// The call would wait for itself. Not executed.
    Cycle {
        /// The chain of calls, as in `cart/7 > user/3 > cart/7`.
        path: Box<str>,
    },
    /// The handler panicked. `Unknown`: state in memory was discarded where the turn was
    /// exclusive, but effects outside the actor may have happened.
    Panicked {
        /// The panic's message.
        detail: Box<str>,
    },
    /// What is stored, or what another node has sent, cannot be read by this code: it is of another
    /// version. A record is untouched.
    Incompatible {
        /// What cannot be read, and why.
        detail: Box<str>,
        /// `NotExecuted` where it is the record or the call, `Executed` or `Unknown` where it is the
        /// answer.
        outcome: Outcome,
    },
    /// The stored record is damaged: no call of this actor can be served until it is restored or
    /// deleted. The record is untouched; other actors go on.
    Damaged {
        /// Which record, how that was found, and what to do.
        detail: Box<str>,
        /// `NotExecuted` when nothing was stored, `Unknown` when the fate of an earlier write is not
        /// known.
        outcome: Outcome,
    },
    /// The store failed.
    Storage {
        /// What failed.
        detail: Box<str>,
        /// `NotExecuted` when nothing was stored, `Unknown` when the write's fate is not known.
        outcome: Outcome,
    },
    /// The turn ran, and when its reply could have left its node's lease had ended: another node may
    /// have the actor by then.
    Withheld {
        /// Of which actor.
        detail: Box<str>,
        /// `NotExecuted` where the turn only read, or nothing of it will ever be stored; else
        /// `Unknown`.
        outcome: Outcome,
    },
}

impl<E> CallError<E> {
    /// Which error this is.
    #[must_use]
    pub fn code(&self) -> CallErrorCode {
        match self {
            CallError::App(_) => CallErrorCode::App,
            CallError::BadRequest { .. } => CallErrorCode::BadRequest,
            CallError::NotFound { .. } => CallErrorCode::NotFound,
            CallError::Denied { .. } => CallErrorCode::Denied,
            CallError::InProgress { .. } => CallErrorCode::InProgress,
            CallError::KeyReused { .. } => CallErrorCode::KeyReused,
            CallError::VersionMismatch { .. } => CallErrorCode::VersionMismatch,
            CallError::TooLarge { .. } => CallErrorCode::TooLarge,
            CallError::Deadline { .. } => CallErrorCode::Deadline,
            CallError::Overloaded { .. } => CallErrorCode::Overloaded,
            CallError::Unavailable { .. } => CallErrorCode::Unavailable,
            CallError::Cycle { .. } => CallErrorCode::Cycle,
            CallError::Panicked { .. } => CallErrorCode::Panicked,
            CallError::Incompatible { .. } => CallErrorCode::Incompatible,
            CallError::Damaged { .. } => CallErrorCode::Damaged,
            CallError::Storage { .. } => CallErrorCode::Storage,
            CallError::Withheld { .. } => CallErrorCode::Withheld,
        }
    }

    /// Whether the turn had its effect on its actor.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            CallError::App(_) => Outcome::Executed,
            CallError::Deadline { outcome }
            | CallError::Damaged { outcome, .. }
            | CallError::Storage { outcome, .. }
            | CallError::Withheld { outcome, .. }
            | CallError::Incompatible { outcome, .. } => *outcome,
            CallError::Panicked { .. } => Outcome::Unknown,
            CallError::BadRequest { .. }
            | CallError::NotFound { .. }
            | CallError::Denied { .. }
            | CallError::InProgress { .. }
            | CallError::KeyReused { .. }
            | CallError::VersionMismatch { .. }
            | CallError::TooLarge { .. }
            | CallError::Overloaded { .. }
            | CallError::Unavailable { .. }
            | CallError::Cycle { .. } => Outcome::NotExecuted,
        }
    }

    /// Whether making the same call again is safe and may succeed: it was not executed, and the
    /// cause can pass by itself.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let passes = matches!(
            self,
            CallError::Deadline { .. }
                | CallError::InProgress { .. }
                | CallError::Overloaded { .. }
                | CallError::Unavailable { .. }
                | CallError::Storage { .. }
                | CallError::Withheld { .. }
        );
        passes && self.outcome() == Outcome::NotExecuted
    }

    /// Turns the application's error into another, and leaves every other case as it is.
    pub fn map_app<F>(self, map: impl FnOnce(E) -> F) -> CallError<F> {
        match self {
            CallError::App(error) => CallError::App(map(error)),
            CallError::BadRequest { detail } => CallError::BadRequest { detail },
            CallError::NotFound { detail } => CallError::NotFound { detail },
            CallError::Denied { detail } => CallError::Denied { detail },
            CallError::InProgress { detail } => CallError::InProgress { detail },
            CallError::KeyReused { detail } => CallError::KeyReused { detail },
            CallError::VersionMismatch { detail } => CallError::VersionMismatch { detail },
            CallError::TooLarge { detail } => CallError::TooLarge { detail },
            CallError::Deadline { outcome } => CallError::Deadline { outcome },
            CallError::Overloaded { detail, retry_after_ms, actor } => {
                CallError::Overloaded { detail, retry_after_ms, actor }
            }
            CallError::Unavailable { detail } => CallError::Unavailable { detail },
            CallError::Cycle { path } => CallError::Cycle { path },
            CallError::Panicked { detail } => CallError::Panicked { detail },
            CallError::Incompatible { detail, outcome } => {
                CallError::Incompatible { detail, outcome }
            }
            CallError::Damaged { detail, outcome } => CallError::Damaged { detail, outcome },
            CallError::Storage { detail, outcome } => CallError::Storage { detail, outcome },
            CallError::Withheld { detail, outcome } => CallError::Withheld { detail, outcome },
        }
    }
}

impl CallError<Infallible> {
    /// The same error for a call whose handler can also fail with `E`.
    #[must_use]
    pub fn widen<E>(self) -> CallError<E> {
        self.map_app(|never| match never {})
    }
}

impl<E> From<E> for CallError<E> {
    fn from(error: E) -> Self {
        CallError::App(error)
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::App(error) => error.fmt(f),
            CallError::BadRequest { detail }
            | CallError::NotFound { detail }
            | CallError::Denied { detail }
            | CallError::InProgress { detail }
            | CallError::KeyReused { detail }
            | CallError::VersionMismatch { detail }
            | CallError::TooLarge { detail }
            | CallError::Overloaded { detail, .. }
            | CallError::Unavailable { detail }
            | CallError::Incompatible { detail, .. }
            | CallError::Damaged { detail, .. }
            | CallError::Storage { detail, .. }
            | CallError::Withheld { detail, .. } => f.write_str(detail),
            CallError::Deadline { outcome: Outcome::NotExecuted } => {
                f.write_str("the deadline passed before the call's turn began")
            }
            CallError::Deadline { .. } => f.write_str("the deadline passed before the reply came"),
            CallError::Cycle { path } => write!(f, "the call would wait for itself: {path}"),
            CallError::Panicked { detail } => write!(f, "the handler panicked: {detail}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for CallError<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_executed_and_can_pass_is_retryable() {
        let detail = || Box::<str>::from("x");
        for (error, outcome, retryable) in [
            (CallError::App(1), Outcome::Executed, false),
            (CallError::BadRequest { detail: detail() }, Outcome::NotExecuted, false),
            (CallError::InProgress { detail: detail() }, Outcome::NotExecuted, true),
            (CallError::KeyReused { detail: detail() }, Outcome::NotExecuted, false),
            (CallError::Deadline { outcome: Outcome::NotExecuted }, Outcome::NotExecuted, true),
            (CallError::Deadline { outcome: Outcome::Unknown }, Outcome::Unknown, false),
            (
                CallError::Overloaded { detail: detail(), retry_after_ms: 5, actor: true },
                Outcome::NotExecuted,
                true,
            ),
            (CallError::Panicked { detail: detail() }, Outcome::Unknown, false),
            (
                CallError::Damaged { detail: detail(), outcome: Outcome::NotExecuted },
                Outcome::NotExecuted,
                false,
            ),
            (
                CallError::Withheld { detail: detail(), outcome: Outcome::NotExecuted },
                Outcome::NotExecuted,
                true,
            ),
            (
                CallError::Storage { detail: detail(), outcome: Outcome::Unknown },
                Outcome::Unknown,
                false,
            ),
        ] {
            assert_eq!(error.outcome(), outcome, "{error:?}");
            assert_eq!(error.is_retryable(), retryable, "{error:?}");
        }
    }
}
