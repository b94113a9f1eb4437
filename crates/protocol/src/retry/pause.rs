use std::time::Duration;

/// How long to wait between attempts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pause {
    /// The shortest pause, and the first ceiling.
    pub min: Duration,
    /// The highest ceiling, whatever the number of attempts.
    pub max: Duration,
}

impl Default for Pause {
    /// From 1 ms, a round trip in a network, to 1 s.
    fn default() -> Self {
        Self { min: Duration::from_millis(1), max: Duration::from_secs(1) }
    }
}

impl Pause {
    /// The pause after so many attempts: uniform from `min` to the lower of `max` and `min` doubled for each attempt.
    ///
    /// `drawn` is uniform over all of `u64`. With `max` below `min` it is always `max`.
    #[must_use]
    pub fn after(&self, attempts: u32, drawn: u64) -> Duration {
        let ceiling = self.min.saturating_mul(1 << attempts.min(16)).min(self.max);
        let spread = u64::try_from(ceiling.saturating_sub(self.min).as_nanos()).unwrap_or(u64::MAX);
        let part = (u128::from(drawn) * (u128::from(spread) + 1)) >> 64;
        self.min.min(ceiling) + Duration::from_nanos(part as u64)
    }
}
