use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A read that took longer than this waited for the disk, or its thread was taken off its core.
const SLOW: Duration = Duration::from_micros(100);
/// How many loads go to the pool after a slow one: the first number after one that follows a fast
/// one, then twice as many each time up to the second. So a cold cache costs the threads of
/// callers one wait in 256 loads, and a single slow read nearly nothing.
const POOLED_MIN: usize = 4;
const POOLED_MAX: usize = 256;

/// Says which loads may run on the threads of their callers.
pub(crate) struct DirectLoads {
    running_max: usize,
    running: AtomicUsize,
    /// How many of the next loads go to the pool.
    pooled: AtomicUsize,
    /// How many will after the next slow one.
    pooled_next: AtomicUsize,
}

impl DirectLoads {
    /// At most `running_max` at a time; none at all when that is zero.
    pub(crate) fn new(running_max: usize) -> Self {
        let (running, pooled) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { running_max, running, pooled, pooled_next: AtomicUsize::new(POOLED_MIN) }
    }

    /// Runs `read` here, or says with `None` that the pool should.
    pub(crate) fn run<T>(&self, read: impl FnOnce() -> T) -> Option<T> {
        // Losing a race here only makes a load direct or pooled that need not be.
        let pooled = self.pooled.load(Ordering::Relaxed);
        if pooled > 0 {
            self.pooled.store(pooled - 1, Ordering::Relaxed);
            return None;
        }
        if self.running.fetch_add(1, Ordering::Relaxed) >= self.running_max {
            self.running.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let began = Instant::now();
        let read = read();
        let is_slow = began.elapsed() > SLOW;
        let next = self.pooled_next.load(Ordering::Relaxed);
        if is_slow {
            self.pooled.store(next, Ordering::Relaxed);
            self.pooled_next.store((next * 2).min(POOLED_MAX), Ordering::Relaxed);
        } else if next != POOLED_MIN {
            self.pooled_next.store(POOLED_MIN, Ordering::Relaxed);
        }
        self.running.fetch_sub(1, Ordering::Relaxed);
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow() {
        let began = Instant::now();
        while began.elapsed() <= SLOW * 2 {}
    }

    #[test]
    fn slow_loads_send_more_and_more_of_the_next_ones_to_the_pool() {
        let direct = DirectLoads::new(1);
        let mut expected = POOLED_MIN;
        for _ in 0..10 {
            assert_eq!(direct.run(slow), Some(()));
            for _ in 0..expected {
                assert_eq!(direct.run(slow), None);
            }
            expected = (expected * 2).min(POOLED_MAX);
        }
    }

    #[test]
    fn no_more_threads_are_lent_than_asked_for() {
        let direct = DirectLoads::new(2);
        let nested = direct.run(|| direct.run(|| direct.run(|| ())));
        assert_eq!(nested, Some(Some(None)));
        assert_eq!(DirectLoads::new(0).run(|| ()), None);
    }
}
