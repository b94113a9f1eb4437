//! The mailbox of one activation: calls that wait for their turn, first in, first out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tenure_actor::host::QueuedCall;
use tenure_actor::{Cause, Link};
use tenure_types::Instant;

use crate::pace::Pace;

/// A full mailbox looks for calls that were taken back once in a part of its length of refusals:
/// so one refusal looks at so many calls on average, and a short mailbox looks every time.
const LOOKS_PER_REFUSAL: usize = 8;
/// A mailbox with fewer calls is not judged by how long they will wait.
const FORETOLD_LEN_MIN: usize = 8;

/// Calls that wait for their turn.
#[derive(Default)]
pub(crate) struct Mailbox {
    calls: VecDeque<Arc<dyn QueuedCall>>,
    refusals: usize,
    pace: Pace,
}

impl Mailbox {
    /// Whether one more call may wait. Calls whose callers are gone make room.
    pub(crate) fn has_room(&mut self, len_max: usize) -> bool {
        if self.calls.len() < len_max {
            return true;
        }
        if self.refusals.is_multiple_of((len_max / LOOKS_PER_REFUSAL).max(1)) {
            self.calls.retain(|call| call.is_waiting());
        }
        self.refusals = self.refusals.wrapping_add(1);
        self.calls.len() < len_max
    }

    /// How long one more call will wait for its turn, as far as it can be foretold.
    pub(crate) fn foretell(&mut self, now: Instant) -> Duration {
        if self.calls.len() < FORETOLD_LEN_MIN {
            return Duration::ZERO;
        }
        self.pace.foretell(now, self.calls.len()).unwrap_or_default()
    }

    pub(crate) fn push(&mut self, call: Arc<dyn QueuedCall>, now: Instant) {
        if self.calls.is_empty() {
            self.pace.begin(now);
        }
        self.calls.push_back(call);
    }

    /// Puts a call before all that wait, whatever the bound: there is at most one such call.
    pub(crate) fn push_front(&mut self, call: Arc<dyn QueuedCall>) {
        self.calls.push_front(call);
    }

    /// What stands behind the calls that wait.
    pub(crate) fn causes(&self) -> impl Iterator<Item = Arc<Cause>> {
        let waiting = self.calls.iter().filter(|call| call.is_waiting());
        waiting.filter_map(|call| call.head().cause.clone())
    }

    /// The chains of the calls that wait, of the first `limit` calls.
    pub(crate) fn chains(&self, limit: usize) -> Vec<Arc<Link>> {
        let waiting = self.calls.iter().take(limit).filter(|call| call.is_waiting());
        waiting.filter_map(|call| call.head().chain.clone()).collect()
    }

    /// The call whose turn is next, those that were taken back dropped.
    pub(crate) fn head(&mut self) -> Option<&Arc<dyn QueuedCall>> {
        while self.calls.front().is_some_and(|call| !call.is_waiting()) {
            self.calls.pop_front();
        }
        self.calls.front()
    }

    /// Takes the next call out, for its turn.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Arc<dyn QueuedCall>> {
        self.pace.note_taken(now);
        self.calls.pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Empties the mailbox: the calls can no longer be answered by this activation.
    pub(crate) fn take_all(&mut self) -> VecDeque<Arc<dyn QueuedCall>> {
        std::mem::take(&mut self.calls)
    }
}
