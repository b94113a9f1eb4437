use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tenure_types::{Clock, Instant};

/// Unix time at the start of every simulation, in milliseconds.
pub const UNIX_MS_AT_START: u64 = 1_700_000_000_000;
/// Nanoseconds in a second, and the parts of a rate.
const BILLION: i64 = 1_000_000_000;
/// The furthest a clock's rate may be from that of true time, in parts per billion: one half.
pub const RATE_PPB_MAX: i64 = BILLION / 2;

/// A boot-time clock that moves only when the simulation moves it.
///
/// One of them is the *true* time of a simulation. Those of machines follow it at a rate and from a
/// reading of their own, and stand while their machine is suspended.
#[derive(Debug)]
pub struct SimClock {
    /// True time, in nanoseconds; shared by all clocks of a simulation.
    truth: Arc<AtomicU64>,
    /// True time at which the rate was set last.
    since: AtomicU64,
    /// What this clock read then.
    reading: AtomicU64,
    /// By how much it is faster than true time, in parts per billion; -BILLION: it stands.
    rate_ppb: AtomicI64,
    /// How far its wall clock was moved, in milliseconds.
    wall_ms: AtomicI64,
    coarse_nanos: u64,
}

impl SimClock {
    /// A clock that reads zero, and whose coarse reading moves in steps of `coarse`.
    #[must_use]
    pub fn new(coarse: Duration) -> Self {
        let coarse_nanos = u64::try_from(coarse.as_nanos()).unwrap_or(u64::MAX).max(1);
        Self::build(Arc::default(), 0, 0, coarse_nanos)
    }

    /// Another clock over the same true time: it reads `reading` now, and is faster by `rate_ppb`
    /// parts per billion, at most [`RATE_PPB_MAX`] either way.
    pub(crate) fn of_machine(&self, reading: Duration, rate_ppb: i64) -> Self {
        let reading = u64::try_from(reading.as_nanos()).unwrap_or(u64::MAX);
        let rate_ppb = rate_ppb.clamp(-RATE_PPB_MAX, RATE_PPB_MAX);
        Self::build(Arc::clone(&self.truth), reading, rate_ppb, self.coarse_nanos)
    }

    fn build(truth: Arc<AtomicU64>, reading: u64, rate_ppb: i64, coarse_nanos: u64) -> Self {
        let since = AtomicU64::new(truth.load(Ordering::Relaxed));
        let (reading, rate_ppb) = (AtomicU64::new(reading), AtomicI64::new(rate_ppb));
        Self { truth, since, reading, rate_ppb, wall_ms: AtomicI64::new(0), coarse_nanos }
    }

    /// Moves true time forward. Timers come true when the simulation runs next.
    pub fn advance(&self, by: Duration) {
        self.move_to(self.true_now() + by);
    }

    /// Moves true time to `at`, unless it is there already.
    pub(crate) fn move_to(&self, at: Instant) {
        self.truth.fetch_max(at.as_nanos(), Ordering::Relaxed);
    }

    /// True time, whatever this clock reads.
    #[must_use]
    pub fn true_now(&self) -> Instant {
        Instant::from_nanos(self.truth.load(Ordering::Relaxed))
    }

    /// Goes on from what it reads now at another rate.
    pub(crate) fn set_rate(&self, rate_ppb: i64) {
        self.set_rate_unbounded(rate_ppb.clamp(-RATE_PPB_MAX, RATE_PPB_MAX));
    }

    /// Stands from now on.
    pub(crate) fn stand(&self) {
        self.set_rate_unbounded(-BILLION);
    }

    fn set_rate_unbounded(&self, rate_ppb: i64) {
        let (now, reading) = (self.true_now(), self.now());
        self.since.store(now.as_nanos(), Ordering::Relaxed);
        self.reading.store(reading.as_nanos(), Ordering::Relaxed);
        self.rate_ppb.store(rate_ppb, Ordering::Relaxed);
    }

    /// Moves the wall clock, which decides nothing.
    pub(crate) fn jump_wall(&self, by_ms: i64) {
        self.wall_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// What this clock reads at the true time `truth`, not before its rate was set.
    fn reading_at(&self, truth: u64) -> u64 {
        let rate = self.rate_ppb.load(Ordering::Relaxed);
        let passed = truth.saturating_sub(self.since.load(Ordering::Relaxed));
        let from = self.reading.load(Ordering::Relaxed);
        if rate == 0 {
            return from.saturating_add(passed);
        }
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        let (seconds, rest) = (passed / BILLION, passed % BILLION);
        let ahead = seconds * rate + (rest * rate).div_euclid(BILLION);
        from.saturating_add_signed(passed.saturating_add(ahead))
    }

    /// The first true time at which this clock reads `at` or later; `None` while it stands before.
    pub(crate) fn true_at(&self, at: Instant) -> Option<Instant> {
        let (at, now) = (at.as_nanos(), self.true_now().as_nanos());
        if self.reading_at(now) >= at {
            return Some(Instant::from_nanos(now));
        }
        let rate = self.rate_ppb.load(Ordering::Relaxed);
        let (since, from) =
            (self.since.load(Ordering::Relaxed), self.reading.load(Ordering::Relaxed));
        match rate {
            0 => return Some(Instant::from_nanos(since.saturating_add(at - from))),
            rate if rate <= -BILLION => return None,
            _ => {}
        }
        let wanted = u128::from(at - from) * BILLION as u128;
        let passed = wanted / u128::from((BILLION + rate) as u64);
        let Ok(passed) = u64::try_from(passed) else { return Some(Instant::NEVER) };
        let mut truth = since.saturating_add(passed).max(now);
        if truth >= i64::MAX as u64 {
            return Some(Instant::NEVER);
        }
        // Readings are rounded down: the estimate is a few nanoseconds off at most.
        while truth > now && self.reading_at(truth - 1) >= at {
            truth -= 1;
        }
        while self.reading_at(truth) < at {
            truth += 1;
        }
        Some(Instant::from_nanos(truth))
    }
}

impl Clock for SimClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.reading_at(self.truth.load(Ordering::Relaxed)))
    }

    fn coarse(&self) -> Instant {
        let nanos = self.now().as_nanos();
        Instant::from_nanos(nanos - nanos % self.coarse_nanos)
    }

    fn unix_ms(&self) -> u64 {
        let ms = UNIX_MS_AT_START + self.true_now().as_millis();
        ms.saturating_add_signed(self.wall_ms.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Dice;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_machines_clock_goes_at_its_own_rate_and_from_its_own_zero() {
        for (rate_ppb, after_1000_s) in [
            (0, 1_000_000),
            (10_000_000, 1_010_000),
            (-10_000_000, 990_000),
            (100_000_000, 1_100_000),
        ] {
            let truth = SimClock::new(SECOND);
            let clock = truth.of_machine(7 * SECOND, rate_ppb);
            truth.advance(1_000 * SECOND);
            assert_eq!(clock.now().as_millis(), 7_000 + after_1000_s, "{rate_ppb}");
            assert_eq!(truth.now().as_millis(), 1_000_000);
        }
    }

    #[test]
    fn a_clock_that_stands_goes_on_where_it_stood() {
        let truth = SimClock::new(SECOND);
        let clock = truth.of_machine(Duration::ZERO, 0);
        truth.advance(SECOND);
        clock.stand();
        truth.advance(10 * SECOND);
        assert_eq!(clock.now(), Instant::ZERO + SECOND);
        assert_eq!(clock.true_at(Instant::ZERO + 2 * SECOND), None);
        clock.set_rate(0);
        truth.advance(SECOND);
        assert_eq!(clock.now(), Instant::ZERO + 2 * SECOND);
        assert_eq!(clock.unix_ms() % 1_000_000, 12_000, "a wall clock is told the time again");
        clock.jump_wall(-12_000);
        assert_eq!((clock.unix_ms() % 1_000_000, clock.now().as_millis()), (0, 2_000));
    }

    /// A timer fires at the first true nanosecond at which its clock reads the time or later, and
    /// readings never go back, whatever the rates.
    #[test]
    fn the_true_time_of_a_reading_is_the_first_one() {
        let (truth, mut dice) = (SimClock::new(SECOND), Dice::new(5));
        let clock = truth.of_machine(3 * SECOND, 0);
        let mut before = clock.now();
        for _ in 0..2_000 {
            let rate = dice.below(200_000_001) as i64 - 100_000_000;
            clock.set_rate(rate);
            truth.advance(Duration::from_nanos(dice.below(5_000_000_000)));
            assert!(clock.now() >= before);
            before = clock.now();
            let wanted = before + Duration::from_nanos(1 + dice.below(90_000_000_000));
            let at = clock.true_at(wanted).expect("the clock goes").as_nanos();
            assert!(clock.reading_at(at) >= wanted.as_nanos(), "{rate}: too early");
            assert!(clock.reading_at(at - 1) < wanted.as_nanos(), "{rate}: too late");
        }
        assert_eq!(clock.true_at(Instant::NEVER), Some(Instant::NEVER));
    }
}
