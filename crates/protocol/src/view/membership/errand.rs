//! What is asked of the table, when, and one at a time of each kind.

use std::collections::BTreeMap;

use tenure_types::{Incarnation, Instant};

use crate::view::MemberState;

/// One recurring request: when it is due, and whether one is on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errand {
    due: Instant,
    on_its_way: Option<u64>,
}

impl Default for Errand {
    fn default() -> Self {
        Self::due(Instant::NEVER)
    }
}

impl Errand {
    pub(super) fn due(due: Instant) -> Self {
        Self { due, on_its_way: None }
    }

    /// One is on its way, and the next is due then.
    pub(super) fn asked(request: u64, next: Instant) -> Self {
        Self { due: next, on_its_way: Some(request) }
    }

    pub(super) fn is_on_its_way(&self) -> bool {
        self.on_its_way.is_some()
    }

    /// It is due at `at` at the latest.
    pub(super) fn hurry(&mut self, at: Instant) {
        self.due = self.due.min(at);
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.on_its_way.is_none() && self.due <= now
    }

    pub(super) fn wake(&self) -> Instant {
        if self.on_its_way.is_some() { Instant::NEVER } else { self.due }
    }

    pub(super) fn answered(&mut self, request: u64) -> bool {
        let is_it = self.on_its_way == Some(request);
        if is_it {
            self.on_its_way = None;
        }
        is_it
    }
}

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Join,
    Beat,
    Poll,
    Advance(MemberState),
    Forget,
    Verdict(Incarnation),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) kind: Kind,
    /// The clock before the request left.
    pub(super) sent_at: Instant,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Errands {
    pub(super) join: Errand,
    pub(super) beat: Errand,
    pub(super) poll: Errand,
    pub(super) advance: Errand,
    pub(super) forget: Errand,
    /// Requests without an answer: at most one of each kind and verdict.
    pub(super) pending: BTreeMap<u64, Pending>,
    pub(super) requests: u64,
}

impl Errands {
    /// The number that the next request will have.
    pub(super) fn next_request(&self) -> u64 {
        self.requests + 1
    }

    /// Forgets everything that was asked: answers to it are ignored from now on.
    pub(super) fn clear(&mut self) {
        *self = Self { requests: self.requests, ..Self::default() };
    }
}
