//! What callers are told.

use tenure_types::{ActorId, CallError, Outcome};

pub(crate) fn crowded(detail: String) -> CallError {
    CallError::Overloaded { detail: detail.into(), retry_after_ms: 100, actor: false }
}

pub(crate) fn not_executed() -> CallError {
    CallError::Unavailable { detail: "the node has lost its place in the cluster".into() }
}

pub(crate) fn away(actor: &ActorId) -> CallError {
    let detail = format!("the node that {actor} lives on is away, and no other takes its place");
    CallError::Unavailable { detail: detail.into() }
}

pub(crate) fn unknown() -> CallError {
    CallError::Withheld {
        detail: "the node that was asked did not answer".into(),
        outcome: Outcome::Unknown,
    }
}
