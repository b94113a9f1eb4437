use std::time::Duration;

use tenure_types::Instant;

/// How often something may be done: `burst` times at once, and `per_second` in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In the long run, at least 1.
    pub per_second: u32,
    /// At once, at least 1.
    pub burst: u32,
}

/// What is left of a [`Rate`]: the generic cell rate algorithm (ITU-T I.371, annex A), which keeps
/// one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// When all of the burst will be there again, if nothing more is taken.
    full_at: Option<Instant>,
}

impl Allowance {
    /// Takes one, if there is one; otherwise says how long until there is.
    pub fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let each = Duration::from_secs(1) / rate.per_second.max(1);
        let full_at = self.full_at.unwrap_or(now).max(now);
        let room = each * rate.burst.max(1);
        let after = full_at + each;
        let over = after.saturating_since(now).saturating_sub(room);
        if !over.is_zero() {
            return Err(over);
        }
        self.full_at = Some(after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_given_at_once_and_then_the_rate() {
        let rate = Rate { per_second: 10, burst: 3 };
        let at = |ms: u64| Instant::from_nanos(ms * 1_000_000);
        let mut allowance = Allowance::default();
        for _ in 0..3 {
            assert_eq!(allowance.take(rate, at(1_000)), Ok(()));
        }
        assert_eq!(allowance.take(rate, at(1_000)), Err(Duration::from_millis(100)));
        assert_eq!(allowance.take(rate, at(1_060)), Err(Duration::from_millis(40)));
        assert_eq!(allowance.take(rate, at(1_100)), Ok(()));
        assert!(allowance.take(rate, at(1_100)).is_err());
        for _ in 0..3 {
            assert_eq!(allowance.take(rate, at(9_000)), Ok(()), "no more than the burst is saved");
        }
        assert!(allowance.take(rate, at(9_000)).is_err());
    }
}
