use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use tenure_types::{Clock, Instant};

/// The machine's boot-time clock.
pub(crate) struct SystemClock {
    /// Boot time minus monotonic time: how long the machine was suspended. Looked at once a
    /// second, so that the coarse reading follows soon after a suspend; until then it lags.
    suspended: AtomicU64,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        let clock = Self { suspended: AtomicU64::new(0) };
        let boot = clock.now().as_nanos();
        let monotonic = nanos(ClockId::Monotonic);
        clock.suspended.store(boot.saturating_sub(monotonic), Ordering::Relaxed);
        clock
    }

    /// Looks whether the machine was suspended; called once a second by the node.
    pub(crate) fn follow_suspend(&self) {
        let monotonic = nanos(ClockId::Monotonic);
        let suspended = self.now().as_nanos().saturating_sub(monotonic);
        let known = self.suspended.load(Ordering::Relaxed);
        // The time between the two readings, some nanoseconds or a pre-emption, is no suspend, and
        // must not push the coarse reading past the precise one.
        if suspended > known + SUSPEND_NANOS_MIN {
            self.suspended.store(suspended - SUSPEND_NANOS_MIN, Ordering::Relaxed);
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(nanos(BOOT_TIME))
    }

    fn coarse(&self) -> Instant {
        let suspended = self.suspended.load(Ordering::Relaxed);
        Instant::from_nanos(nanos(COARSE) + suspended)
    }

    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The shortest suspend that is followed.
const SUSPEND_NANOS_MIN: u64 = 100_000_000;

#[cfg(target_os = "linux")]
const BOOT_TIME: ClockId = ClockId::Boottime;
#[cfg(target_os = "linux")]
const COARSE: ClockId = ClockId::MonotonicCoarse;
// Elsewhere the monotonic clock is the nearest thing.
#[cfg(not(target_os = "linux"))]
const BOOT_TIME: ClockId = ClockId::Monotonic;
#[cfg(not(target_os = "linux"))]
const COARSE: ClockId = ClockId::Monotonic;

fn nanos(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_reading_is_never_later_and_not_far_behind() {
        let clock = SystemClock::new();
        for _ in 0..10_000 {
            let coarse = clock.coarse();
            let now = clock.now();
            assert!(coarse <= now, "{coarse:?} > {now:?}");
            assert!(now - coarse < std::time::Duration::from_secs(1));
        }
    }
}
