//! How fast a mailbox empties, and so how long a call that joins it will wait.
//!
//! A long queue is no trouble as long as it empties soon; one that stands is. So a mailbox is judged
//! by time, as in CoDel (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012),
//! with two changes: the call that comes is refused, not the one that has waited longest, because
//! callers are told at once; and as the delay of a call that comes is not known, it is foretold from
//! the calls taken of late (Little's law).

use std::time::Duration;

use tenure_types::Instant;

/// Over how long the pace is measured: until some calls were taken, within limits.
const WINDOW_MIN: Duration = Duration::from_millis(100);
const WINDOW_MAX: Duration = Duration::from_secs(1);
const WINDOW_CALLS: u32 = 8;
/// Two calls further apart than this may have met a pause.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// The pace of one mailbox, since it was empty.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When the measurement that runs began, and how many calls were taken since.
    since: Instant,
    taken: u32,
    /// The measurement before it.
    known: Option<(Duration, u32)>,
    last: Instant,
    /// There may have been a pause before the call that was taken last.
    was_slow: bool,
}

impl Pace {
    /// Starts over: the first call joined an empty mailbox.
    pub(crate) fn begin(&mut self, now: Instant) {
        *self = Self { since: now, last: now, ..Self::default() };
    }

    /// A call was taken out, for its turn.
    pub(crate) fn note_taken(&mut self, now: Instant) {
        let is_slow = now.saturating_since(self.last) > PAUSE_MIN;
        self.last = now;
        if is_slow && !self.was_slow {
            // One pause, as of a store that fails over, says nothing about the pace after it; where
            // each turn is that long, the next one tells.
            (self.since, self.taken, self.known) = (now, 0, None);
        } else {
            self.taken = self.taken.saturating_add(1);
        }
        self.was_slow = is_slow;
    }

    /// How long a call will wait that joins `waiting` others; `None` as long as nobody knows.
    pub(crate) fn foretell(&mut self, now: Instant, waiting: usize) -> Option<Duration> {
        let elapsed = now.saturating_since(self.since);
        let is_enough = elapsed >= WINDOW_MIN && self.taken >= WINDOW_CALLS;
        if is_enough || (elapsed >= WINDOW_MAX && self.taken > 0) {
            self.known = Some((elapsed, self.taken));
            (self.since, self.taken) = (now, 0);
        }
        let (elapsed, taken) = self.known?;
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        Some(elapsed.saturating_mul(waiting) / taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    fn begun() -> Pace {
        let mut pace = Pace::default();
        pace.begin(at(0));
        pace
    }

    /// Takes a call every `every` ms until `until`; gives when it took the last one.
    fn take(pace: &mut Pace, from: u64, every: u64, until: u64) -> u64 {
        let times = (from + every..=until).step_by(usize::try_from(every).unwrap());
        times.inspect(|&ms| pace.note_taken(at(ms))).last().unwrap_or(from)
    }

    #[test]
    fn a_steady_pace_is_foretold() {
        for (every, waiting, expected) in [(10, 100, 1_000), (40, 50, 2_000), (100, 8, 800)] {
            let mut pace = begun();
            assert_eq!(pace.foretell(at(90), waiting), None, "too early to know");
            let last = take(&mut pace, 0, every, 2_000);
            let foretold = pace.foretell(at(last), waiting);
            assert_eq!(foretold, Some(Duration::from_millis(expected)), "every {every} ms");
        }
    }

    #[test]
    fn long_turns_are_foretold_too() {
        for every in [150, 400, 2_000] {
            let mut pace = begun();
            let last = take(&mut pace, 0, every, every * 10);
            let foretold = pace.foretell(at(last), 10).unwrap();
            assert_eq!(foretold, Duration::from_millis(every * 10), "every {every} ms");
        }
    }

    #[test]
    fn one_pause_says_nothing() {
        for pause in [150, 900, 5_000] {
            let mut pace = begun();
            let last = take(&mut pace, 0, 1, 1_500);
            assert!(pace.foretell(at(last), 1_000).is_some_and(|wait| wait < 2 * WINDOW_MAX));
            // The store was away for a while; afterwards all goes as fast as before.
            for until in [20, 90, 150, 1_500] {
                let last = take(&mut pace, 1_500 + pause, 1, 1_500 + pause + until);
                let wait = pace.foretell(at(last), 1_000);
                assert!(wait.is_none_or(|wait| wait < 2 * WINDOW_MAX), "{pause}: {wait:?}");
            }
        }
    }

    #[test]
    fn a_pace_that_changes_is_followed() {
        let mut pace = begun();
        let last = take(&mut pace, 0, 100, 1_000);
        assert_eq!(pace.foretell(at(last), 100), Some(Duration::from_secs(10)));
        let last = take(&mut pace, last, 1, 1_200);
        let wait = pace.foretell(at(last), 100).unwrap();
        assert!(wait < Duration::from_millis(200), "{wait:?}");
    }
}
