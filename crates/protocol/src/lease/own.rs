use std::time::Duration;

use tenure_types::{Instant, Planted};

/// A node's own lease: until when it may release what its actors produce.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    length: Duration,
    until: Instant,
    standing: Standing,
    /// Requests below this one renew nothing: they were sent before the lease was revoked.
    counts_from: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// It never held.
    New,
    Held,
    /// It ran out. The next renewal takes it up again.
    Suspended,
    /// Nothing renews it any more.
    Ended,
}

/// What happened to a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaseChange {
    /// It ran out: suspend.
    Suspended,
    /// It holds again: resume.
    Resumed,
}

impl Lease {
    /// A lease of this length that does not hold yet.
    #[must_use]
    pub fn new(length: Duration) -> Self {
        Self { length, until: Instant::ZERO, standing: Standing::New, counts_from: 0 }
    }

    /// A lease that never ends: of a node alone, or of a fixed list of members.
    #[must_use]
    pub fn endless() -> Self {
        let until = Instant::NEVER;
        Self { length: Duration::MAX, until, standing: Standing::Held, counts_from: 0 }
    }

    /// Until when it holds; a reading of the clock that is not before this releases nothing.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Whether it holds at this reading of the clock.
    #[must_use]
    pub fn holds(&self, now: Instant) -> bool {
        now < self.until
    }

    /// When it will run out; `None` while it does not hold.
    #[must_use]
    pub fn end(&self) -> Option<Instant> {
        (self.standing == Standing::Held && self.until < Instant::NEVER).then_some(self.until)
    }

    /// The table acknowledged the renewal with this request number.
    ///
    /// `sent_at` was read before the request left: whoever sees the new beat sees it later, on whatever
    /// clock.
    pub fn handle_renewed(
        &mut self,
        now: Instant,
        request: u64,
        sent_at: Instant,
    ) -> Option<LeaseChange> {
        if self.standing == Standing::Ended || request < self.counts_from {
            return None;
        }
        let from = if Planted::LeaseFromAnswer.is_planted() { now } else { sent_at };
        self.until = self.until.max(from + self.length);
        if !self.holds(now) {
            return self.handle_now(now);
        }
        let before = std::mem::replace(&mut self.standing, Standing::Held);
        (before == Standing::Suspended).then_some(LeaseChange::Resumed)
    }

    /// It is now this late.
    pub fn handle_now(&mut self, now: Instant) -> Option<LeaseChange> {
        if self.standing != Standing::Held || self.holds(now) {
            return None;
        }
        self.standing = Standing::Suspended;
        Some(LeaseChange::Suspended)
    }

    /// It holds no longer, until a renewal is acknowledged whose request is `counts_from` or later.
    pub fn revoke(&mut self, counts_from: u64) -> Option<LeaseChange> {
        if self.until == Instant::NEVER {
            return None;
        }
        self.counts_from = counts_from;
        self.until = Instant::ZERO;
        self.handle_now(Instant::ZERO)
    }

    /// It is over, for this incarnation.
    pub fn finish(&mut self) {
        self.until = Instant::ZERO;
        self.standing = Standing::Ended;
    }
}
