//! What a client is told: events, and why something cannot be.

use serde_json::Value;

use crate::Position;
use crate::words::Failure;

/// Why a call has no reply.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallFailed {
    /// The node, or the actor, answered an error.
    #[error("{message} ({code})")]
    Answered {
        /// An HTTP status; below 400, a code of the protocol.
        code: u16,
        /// What went wrong, in words.
        message: String,
        /// Whether the same call had no effect and may succeed later.
        retryable: bool,
        /// The problem that HTTP would have answered: `code`, `outcome` and the author's own error.
        problem: Option<Value>,
    },
    /// The connection broke, or the time ended, before the reply came: it may have been executed.
    #[error("no reply came: {0}")]
    Unknown(&'static str),
    /// The call was not sent: the node refuses this client. It was not executed.
    #[error("the connection has ended: {0}")]
    Ended(String),
    /// The arguments are no JSON, or the reply is another type's. In the latter case it was executed.
    #[error("arguments or reply do not fit")]
    Json(#[source] std::sync::Arc<serde_json::Error>),
}

/// Why a topic cannot be followed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Refusal {
    /// A code of the protocol, or an HTTP status.
    pub code: u16,
    /// In words.
    pub message: String,
}

/// What happens on a topic, in order.
#[derive(Clone, Debug)]
pub enum Happened {
    /// What is known of the actor begins here: with what its `#[attach]` answered, or null. It comes
    /// first, and again where events may be missing: then what was known before is void.
    Began {
        /// What `#[attach]` answered.
        data: Value,
        /// Where the actor's events stood.
        at: Position,
    },
    /// The next event.
    Event {
        /// The event.
        data: Value,
        /// Its number in its log.
        at: Position,
    },
    /// The actor, or the node, lets this client not follow it. Nothing more comes.
    Refused(Refusal),
}

impl From<Failure> for CallFailed {
    fn from(failure: Failure) -> Self {
        let Failure { code, message, temporary, problem } = failure;
        Self::Answered { code, message, retryable: temporary, problem }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code, message: failure.message }
    }
}
