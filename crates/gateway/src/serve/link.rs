use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tenure_types::Instant;

use crate::config::ServerLimits;

/// How long a closed connection is still read from, so that what the client has on its way does
/// not reset the connection before the last reply has arrived (RFC 9112, section 9.6).
const LINGER_MAX: Duration = Duration::from_secs(1);

/// What a connection is doing, written by its socket and its requests and read by its driver.
///
/// All of them run in the connection's own task; the atomics only make it shareable.
#[derive(Debug)]
pub(super) struct Link {
    phase: AtomicU8,
    since_nanos: AtomicU64,
    pub(super) waker: AtomicWaker,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// The rest of a request's head.
    Head,
    /// The answer to a request.
    Request,
    /// The next request; perhaps the client still takes the last reply.
    Idle,
    /// The client's end of the connection.
    Closing,
}

impl Link {
    /// A connection that was just opened: its first head is due.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: AtomicU8::new(Phase::Head as u8),
            since_nanos: AtomicU64::new(now.as_nanos()),
            waker: AtomicWaker::new(),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Head,
            1 => Phase::Request,
            2 => Phase::Idle,
            _ => Phase::Closing,
        }
    }

    /// A request's head is complete, its answer is complete, or the connection closes.
    pub(super) fn enter(&self, phase: Phase, now: Instant) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.since_nanos.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// Bytes came: the beginning of a head, if the connection was idle. Later bytes of a head do
    /// not extend its time.
    pub(super) fn received(&self, now: Instant) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Head, now);
        }
    }

    /// The client took bytes of a reply.
    pub(super) fn sent(&self, now: Instant) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Idle, now);
        }
    }

    /// When the connection is to be given up if nothing happens before.
    pub(super) fn due(&self, limits: &ServerLimits) -> Instant {
        let since = Instant::from_nanos(self.since_nanos.load(Ordering::Relaxed));
        match self.phase() {
            Phase::Head => since + limits.head_timeout,
            // A call ends by its deadline and a body by its own, so the request needs no third.
            Phase::Request => Instant::NEVER,
            Phase::Idle => since + limits.idle_timeout,
            Phase::Closing => since + LINGER_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_has_its_own_time() {
        let limits = ServerLimits {
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            ..ServerLimits::default()
        };
        let at = |seconds: u64| Instant::from_nanos(seconds * 1_000_000_000);
        let link = Link::new(at(100));
        assert_eq!(link.due(&limits), at(110), "the first head is due at once");
        link.received(at(105));
        assert_eq!(link.due(&limits), at(110), "a trickling head gains no time");
        link.enter(Phase::Request, at(106));
        link.received(at(107));
        link.sent(at(107));
        assert_eq!(link.due(&limits), Instant::NEVER);
        link.enter(Phase::Idle, at(110));
        assert_eq!(link.due(&limits), at(185));
        link.sent(at(120));
        assert_eq!(link.due(&limits), at(195), "the client takes its reply");
        link.received(at(130));
        assert_eq!(link.due(&limits), at(140), "the next head has begun");
        link.enter(Phase::Closing, at(131));
        assert_eq!(link.due(&limits), at(132));
    }
}
