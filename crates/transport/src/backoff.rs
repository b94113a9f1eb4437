use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

use crate::bounds::{REDIAL_MAX, REDIAL_MIN};

/// How long to wait before a lane is dialled again: longer each time, and not the same for all lanes
/// that were lost together ("full jitter").
pub(crate) struct Backoff {
    attempts: u32,
    random: SystemRandom,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { attempts: 0, random: SystemRandom::new() }
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    pub(crate) fn next(&mut self) -> Duration {
        let ceiling = REDIAL_MIN.saturating_mul(1 << self.attempts.min(16)).min(REDIAL_MAX);
        self.attempts = self.attempts.saturating_add(1);
        let spread = ceiling.saturating_sub(REDIAL_MIN).as_micros();
        let mut bytes = [0; 8];
        // Without randomness all wait the full time: slower, not wrong.
        let drawn = match self.random.fill(&mut bytes) {
            Ok(()) => u128::from(u64::from_le_bytes(bytes)) % (spread + 1),
            Err(_) => spread,
        };
        REDIAL_MIN + Duration::from_micros(u64::try_from(drawn).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_begin_anew() {
        let mut backoff = Backoff::new();
        let mut longest = Duration::ZERO;
        for attempt in 0..50 {
            let pause = backoff.next();
            assert!(pause >= REDIAL_MIN, "{pause:?}");
            assert!(pause <= (REDIAL_MIN * (1 << attempt.min(16))).min(REDIAL_MAX), "{pause:?}");
            longest = longest.max(pause);
        }
        assert!(longest > REDIAL_MAX / 2, "pauses do not grow: {longest:?}");
        backoff.reset();
        assert_eq!(backoff.next(), REDIAL_MIN, "the first one comes soon");
    }
}
