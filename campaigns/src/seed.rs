//! Numbers that look random and come again with the same seed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Seeded {
    state: u64,
}

/// A seed that differs from run to run.
#[must_use]
pub fn fresh() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Seeded::new(since.as_nanos() as u64 ^ u64::from(std::process::id())).next() >> 32
}

impl Seeded {
    /// Numbers from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so it is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is above zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias is below bound / 2^64.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A time below `bound`.
    pub fn time_below(&mut self, bound: Duration) -> Duration {
        Duration::from_micros(self.below((bound.as_micros() as u64).max(1)))
    }

    /// Numbers of their own, as for one of several threads.
    pub fn fork(&mut self) -> Self {
        Self::new(self.next())
    }
}
