use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::seat;

/// How many buckets every histogram has; the last one is unbounded.
pub const BUCKETS: usize = 24;

/// The upper bound of the first bucket. Each further bound is twice the one before.
const FIRST_BOUND_NANOS: u64 = 10_000;

/// The inclusive upper bound of a bucket in seconds: 10 us, 20 us, .. 42 s, infinity.
#[must_use]
pub fn bucket_bound_seconds(bucket: usize) -> f64 {
    if bucket + 1 >= BUCKETS {
        return f64::INFINITY;
    }
    (FIRST_BOUND_NANOS << bucket) as f64 / 1e9
}

/// How long things took, in buckets that double from 10 us to 42 s.
///
/// Every thread writes to a row of its own; an observation costs three additions.
#[derive(Debug)]
pub struct Histogram(Box<[Row]>);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Row {
    sum_nanos: AtomicU64,
    counts: [AtomicU64; BUCKETS],
}

/// The sums of all rows of a [`Histogram`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) sum_seconds: f64,
    pub(crate) counts: [u64; BUCKETS],
}

impl Histogram {
    /// A histogram without observations.
    #[must_use]
    pub fn new() -> Self {
        Self((0..seat::seats()).map(|_| Row::default()).collect())
    }

    /// Adds one observation.
    pub fn observe(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let seat = seat::current();
        let row = &self.0[seat];
        seat::add(&row.counts[bucket_of(nanos)], seat, 1);
        seat::add(&row.sum_nanos, seat, nanos);
    }

    /// How many observations there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.snapshot().counts.iter().sum()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let (mut sum_nanos, mut counts) = (0_u64, [0_u64; BUCKETS]);
        for row in &self.0 {
            sum_nanos = sum_nanos.wrapping_add(row.sum_nanos.load(Ordering::Relaxed));
            for (sum, cell) in counts.iter_mut().zip(&row.counts) {
                *sum = sum.wrapping_add(cell.load(Ordering::Relaxed));
            }
        }
        Snapshot { sum_seconds: sum_nanos as f64 / 1e9, counts }
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

fn bucket_of(nanos: u64) -> usize {
    let first_bounds = nanos.div_ceil(FIRST_BOUND_NANOS);
    let doublings = match first_bounds {
        0 | 1 => 0,
        more => u64::BITS - (more - 1).leading_zeros(),
    };
    (doublings as usize).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_is_in_the_first_bucket_whose_bound_it_does_not_pass() {
        for (nanos, bucket) in [
            (0, 0),
            (10_000, 0),
            (10_001, 1),
            (20_000, 1),
            (20_001, 2),
            (1_000_000, 7),
            (41_943_040_000, 22),
            (41_943_040_001, 23),
            (u64::MAX, 23),
        ] {
            assert_eq!(bucket_of(nanos), bucket, "{nanos} ns");
            assert!(nanos as f64 / 1e9 <= bucket_bound_seconds(bucket));
        }
    }

    #[test]
    fn observations_are_summed_over_threads() {
        let histogram = Histogram::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| histogram.observe(Duration::from_millis(500)));
            }
        });
        assert_eq!(histogram.count(), 4);
        assert_eq!(histogram.snapshot().sum_seconds, 2.0);
    }
}
