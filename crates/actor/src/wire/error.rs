//! Errors of calls as they travel: by their stable word and their outcome, so that one of a newer node
//! still says what became of the call.

use serde::{Deserialize, Serialize};
use tenure_types::{CallError, CallErrorCode, Outcome};

use super::DETAIL_BYTES_MAX;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct WireError<'a> {
    /// [`CallErrorCode::as_str`].
    pub(super) code: &'a str,
    pub(super) outcome: u8,
    pub(super) is_retryable: bool,
    pub(super) detail: &'a str,
    pub(super) retry_after_ms: u32,
    pub(super) of_actor: bool,
}

const OUTCOMES: [Outcome; 3] = [Outcome::NotExecuted, Outcome::Executed, Outcome::Unknown];

impl<'a> WireError<'a> {
    pub(super) fn of(error: &'a CallError) -> Self {
        let (detail, retry_after_ms, of_actor): (&str, _, _) = match error {
            CallError::BadRequest { detail }
            | CallError::NotFound { detail }
            | CallError::Denied { detail }
            | CallError::InProgress { detail }
            | CallError::KeyReused { detail }
            | CallError::VersionMismatch { detail }
            | CallError::TooLarge { detail }
            | CallError::Unavailable { detail }
            | CallError::Cycle { path: detail }
            | CallError::Panicked { detail }
            | CallError::Incompatible { detail, .. }
            | CallError::Damaged { detail, .. }
            | CallError::Storage { detail, .. }
            | CallError::Withheld { detail, .. } => (detail, 0, false),
            CallError::Overloaded { detail, retry_after_ms, actor } => {
                (detail, *retry_after_ms, *actor)
            }
            CallError::Deadline { .. } => ("", 0, false),
            // An error of the application travels as a reply.
            _ => ("an error that this program cannot send", 0, false),
        };
        let outcome = OUTCOMES.iter().position(|it| *it == error.outcome()).unwrap_or(2);
        Self {
            code: error.code().as_str(),
            outcome: outcome as u8,
            is_retryable: error.is_retryable(),
            detail: &detail[..detail.floor_char_boundary(DETAIL_BYTES_MAX)],
            retry_after_ms,
            of_actor,
        }
    }

    /// The error. One that is not known here is `Unavailable` or `Incompatible`; the outcome is kept.
    pub(super) fn to_error(self) -> CallError {
        let outcome = OUTCOMES.get(usize::from(self.outcome)).copied().unwrap_or(Outcome::Unknown);
        match self.known(outcome) {
            Some(error) if error.outcome() == outcome => error,
            _ => self.unknown(outcome),
        }
    }

    fn detail(self) -> Box<str> {
        self.detail[..self.detail.floor_char_boundary(DETAIL_BYTES_MAX)].into()
    }

    fn known(self, outcome: Outcome) -> Option<CallError> {
        let detail = self.detail();
        let is = |code: CallErrorCode| self.code == code.as_str();
        Some(match () {
            () if is(CallErrorCode::BadRequest) => CallError::BadRequest { detail },
            () if is(CallErrorCode::NotFound) => CallError::NotFound { detail },
            () if is(CallErrorCode::Denied) => CallError::Denied { detail },
            () if is(CallErrorCode::InProgress) => CallError::InProgress { detail },
            () if is(CallErrorCode::KeyReused) => CallError::KeyReused { detail },
            () if is(CallErrorCode::VersionMismatch) => CallError::VersionMismatch { detail },
            () if is(CallErrorCode::TooLarge) => CallError::TooLarge { detail },
            () if is(CallErrorCode::Deadline) => CallError::Deadline { outcome },
            () if is(CallErrorCode::Overloaded) => CallError::Overloaded {
                detail,
                retry_after_ms: self.retry_after_ms,
                actor: self.of_actor,
            },
            () if is(CallErrorCode::Unavailable) => CallError::Unavailable { detail },
            () if is(CallErrorCode::Cycle) => CallError::Cycle { path: detail },
            () if is(CallErrorCode::Panicked) => CallError::Panicked { detail },
            () if is(CallErrorCode::Incompatible) => CallError::Incompatible { detail, outcome },
            () if is(CallErrorCode::Damaged) => CallError::Damaged { detail, outcome },
            () if is(CallErrorCode::Storage) => CallError::Storage { detail, outcome },
            () if is(CallErrorCode::Withheld) => CallError::Withheld { detail, outcome },
            () => return None,
        })
    }

    fn unknown(self, outcome: Outcome) -> CallError {
        let code = &self.code[..self.code.floor_char_boundary(64)];
        let detail = format!(
            "another node answered with an error that this program does not know, `{code}`: {}",
            self.detail()
        )
        .into();
        match outcome {
            Outcome::NotExecuted if self.is_retryable => CallError::Unavailable { detail },
            _ => CallError::Incompatible { detail, outcome },
        }
    }
}
