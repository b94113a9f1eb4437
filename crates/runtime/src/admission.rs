//! Admission: how much a node takes on at once, whatever the bounds of its actors are.
//!
//! Calls that turns make have a reserve of as much again, so that what has begun can end: a node full
//! of turns which wait for calls of theirs would otherwise refuse just those.

use std::fmt::Display;

use tenure_actor::host::CallHead;
use tenure_types::CallError;

use crate::activation::Kind;
use crate::runtime::Runtime;

/// What a caller is told who met a bound of the node.
const RETRY_AFTER_MS: u32 = 100;

impl Runtime {
    /// Bounds turns that wait for something, and what waits for the store.
    pub(crate) fn check_load(&self, kind: &Kind, head: &CallHead) -> Result<(), CallError> {
        let (config, meters) = (&self.config, &self.meters);
        if head.method.may_suspend {
            let turns = count(meters.suspended.value());
            if turns >= with_reserve(config.turns_in_flight_max, head) {
                return Err(node_full(format_args!("{turns} turns are in flight")));
            }
        }
        if kind.stored && head.method.exclusive {
            let bytes = count(meters.uncommitted_bytes.value());
            if bytes >= with_reserve(config.uncommitted_bytes_max, head) {
                return Err(node_full(format_args!("{bytes} bytes wait for the store")));
            }
        }
        Ok(())
    }

    /// Bounds how many calls wait for their turns.
    pub(crate) fn check_waiting(&self, head: &CallHead) -> Result<(), CallError> {
        let calls = count(self.meters.queued.value());
        if calls < with_reserve(self.config.calls_waiting_max, head) {
            return Ok(());
        }
        Err(node_full(format_args!("{calls} calls wait for their turns")))
    }

    /// Bounds work outside of turns: `more` is to be added to what one actor has already.
    pub(crate) fn check_spawned(&self, mine: usize, more: usize) -> Result<(), CallError> {
        let all = count(self.meters.spawned.value());
        if mine + more > self.config.actor_spawned_max {
            return Err(CallError::Overloaded {
                detail: format!(
                    "{mine} futures of cx.spawn of this actor have not ended; the turn was rolled back"
                )
                .into(),
                retry_after_ms: RETRY_AFTER_MS,
                actor: true,
            });
        }
        if all + more > self.config.spawned_max {
            return Err(node_full(format_args!(
                "{all} futures of cx.spawn have not ended; the turn was rolled back"
            )));
        }
        Ok(())
    }
}

fn with_reserve(bound: usize, head: &CallHead) -> usize {
    if head.chain.is_some() { bound.saturating_mul(2) } else { bound }
}

fn count(value: i64) -> usize {
    usize::try_from(value).unwrap_or(0)
}

fn node_full(what: impl Display) -> CallError {
    CallError::Overloaded {
        detail: format!("the node is full: {what}").into(),
        retry_after_ms: RETRY_AFTER_MS,
        actor: false,
    }
}
