use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// How long to wait before the next attempt: longer each time, and never the same for all who were
/// cut off together ("full jitter").
#[derive(Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, attempts: 0 }
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    pub(crate) fn next(&mut self) -> Duration {
        let ceiling = self.min.saturating_mul(1 << self.attempts.min(16)).min(self.max);
        self.attempts = self.attempts.saturating_add(1);
        let spread = ceiling.saturating_sub(self.min);
        let micros = u64::try_from(spread.as_micros()).unwrap_or(u64::MAX).saturating_add(1);
        // The standard library's own source of randomness.
        let random = RandomState::new().build_hasher().finish();
        self.min + Duration::from_micros(random % micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_begin_anew() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(5));
        let mut backoff = Backoff::new(min, max);
        for attempt in 0..50 {
            let pause = backoff.next();
            assert!(pause >= min && pause <= (min * (1 << attempt.min(16))).min(max), "{pause:?}");
        }
        backoff.reset();
        assert_eq!(backoff.next(), min, "the first one comes soon");
    }
}
