use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenure_types::{Clock, Instant};

/// Unix time at the start of every simulation, in milliseconds.
const UNIX_MS_AT_START: u64 = 1_700_000_000_000;

/// A boot-time clock that moves only when the simulation moves it.
#[derive(Debug)]
pub struct SimClock {
    nanos: AtomicU64,
    coarse_nanos: u64,
}

impl SimClock {
    /// A clock that reads zero, and whose coarse reading moves in steps of `coarse`.
    #[must_use]
    pub fn new(coarse: Duration) -> Self {
        let coarse_nanos = u64::try_from(coarse.as_nanos()).unwrap_or(u64::MAX).max(1);
        Self { nanos: AtomicU64::new(0), coarse_nanos }
    }

    /// Moves the clock forward. Timers come true when the simulation runs next.
    pub fn advance(&self, by: Duration) {
        self.move_to(self.now() + by);
    }

    /// Moves the clock to `at`, unless it is there already.
    pub(crate) fn move_to(&self, at: Instant) {
        self.nanos.fetch_max(at.as_nanos(), Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    fn coarse(&self) -> Instant {
        let nanos = self.nanos.load(Ordering::Relaxed);
        Instant::from_nanos(nanos - nanos % self.coarse_nanos)
    }

    fn unix_ms(&self) -> u64 {
        UNIX_MS_AT_START + self.now().as_millis()
    }
}
