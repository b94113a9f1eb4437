use std::sync::atomic::{AtomicU64, Ordering};

use crate::seat;

/// A number that only grows, written by every thread in a cell of its own.
///
/// # Examples
/// ```
/// let calls = tenure_observe::Counter::new();
/// calls.increment();
/// calls.add(2);
/// assert_eq!(calls.value(), 3);
/// ```
#[derive(Debug)]
pub struct Counter(Box<[Cell]>);

/// Two cache lines: processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Cell(AtomicU64);

impl Counter {
    /// A counter at zero. It takes 128 bytes for each cell: two a core, and one.
    #[must_use]
    pub fn new() -> Self {
        Self((0..seat::seats()).map(|_| Cell::default()).collect())
    }

    /// Adds one: two to four nanoseconds, without a locked instruction.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        let seat = seat::current();
        seat::add(&self.0[seat].0, seat, n);
    }

    /// The sum of all cells. Additions that other threads make meanwhile may be missing.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.iter().map(|cell| cell.0.load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_addition_is_lost_with_more_threads_than_cells() {
        let counter = Counter::new();
        std::thread::scope(|scope| {
            for _ in 0..seat::seats() * 2 {
                scope.spawn(|| (0..10_000).for_each(|_| counter.increment()));
            }
        });
        assert_eq!(counter.value(), seat::seats() as u64 * 2 * 10_000);
    }

    #[test]
    fn a_seat_is_given_back_when_its_thread_ends() {
        let counter = Counter::new();
        for _ in 0..seat::seats() * 3 {
            std::thread::scope(|scope| {
                scope.spawn(|| counter.add(2));
            });
        }
        assert_eq!(counter.value(), seat::seats() as u64 * 6);
    }
}
