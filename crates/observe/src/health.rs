use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tenure_types::Instant;

/// How old the last beat may be before a node counts as stuck.
pub const BEAT_AGE_MAX: Duration = Duration::from_secs(10);

/// One thing that must be right before a node is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Condition {
    /// The node has started.
    Starting,
    /// The store answers.
    Store,
    /// The node is not leaving.
    Draining,
}

impl Condition {
    /// All conditions, in the order in which they are shown.
    pub const ALL: [Condition; 3] = [Condition::Starting, Condition::Store, Condition::Draining];

    /// The word used in pages and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Condition::Starting => "starting",
            Condition::Store => "store",
            Condition::Draining => "draining",
        }
    }
}

/// Why a node is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Which condition does not hold.
    pub condition: Condition,
    /// What is wrong, for people.
    pub reason: String,
}

/// Whether a node lives, has started and may be given work.
///
/// *Live* says only that the runtime ticks: a store that is out of reach is no cause to restart
/// the process. *Ready* is every condition together.
///
/// # Examples
/// ```
/// use tenure_observe::{Condition, Health};
/// let health = Health::new();
/// assert!(!health.is_started());
/// health.resolve(Condition::Starting);
/// health.report(Condition::Store, "no answer for 3 s");
/// assert!(health.is_started());
/// assert_eq!(health.reasons()[0].reason, "no answer for 3 s");
/// ```
#[derive(Debug)]
pub struct Health {
    reasons: Mutex<Vec<Reason>>,
    /// The last beat in nanoseconds; zero before the first.
    beat: AtomicU64,
}

impl Health {
    /// The health of a node that is starting.
    #[must_use]
    pub fn new() -> Self {
        let health = Self { reasons: Mutex::new(Vec::new()), beat: AtomicU64::new(0) };
        health.report(Condition::Starting, "the node has not started yet");
        health
    }

    /// Says that `condition` does not hold. A later reason replaces an earlier one.
    pub fn report(&self, condition: Condition, reason: impl Into<String>) {
        let reason = Reason { condition, reason: reason.into() };
        let mut reasons = self.reasons.lock();
        match reasons.iter_mut().find(|r| r.condition == condition) {
            Some(earlier) => *earlier = reason,
            None => reasons.push(reason),
        }
    }

    /// Says that `condition` holds again.
    pub fn resolve(&self, condition: Condition) {
        self.reasons.lock().retain(|r| r.condition != condition);
    }

    /// Why the node is not ready; empty when it is.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        self.reasons.lock().clone()
    }

    /// Whether every condition holds.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.reasons.lock().is_empty()
    }

    /// Whether the node has started.
    #[must_use]
    pub fn is_started(&self) -> bool {
        let reasons = self.reasons.lock();
        reasons.iter().all(|r| r.condition != Condition::Starting)
    }

    /// Whether the node is leaving.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        let reasons = self.reasons.lock();
        reasons.iter().any(|r| r.condition == Condition::Draining)
    }

    /// Says that the runtime ticks. A node calls this about once a second.
    pub fn beat(&self, now: Instant) {
        self.beat.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// Whether the last beat is at most [`BEAT_AGE_MAX`] old. A node that never beat is live: the
    /// caller runs, after all.
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        match self.beat.load(Ordering::Relaxed) {
            0 => true,
            beat => now.saturating_since(Instant::from_nanos(beat)) <= BEAT_AGE_MAX,
        }
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_when_nothing_stands_against_it() {
        let health = Health::new();
        assert!(!health.is_ready() && !health.is_started());
        health.resolve(Condition::Starting);
        assert!(health.is_ready() && health.is_started() && !health.is_draining());
        health.report(Condition::Store, "one");
        health.report(Condition::Store, "two");
        health.report(Condition::Draining, "SIGTERM");
        let reasons: Vec<_> = health.reasons().into_iter().map(|r| r.reason).collect();
        assert_eq!(reasons, ["two", "SIGTERM"]);
        assert!(!health.is_ready() && health.is_started() && health.is_draining());
    }

    #[test]
    fn a_node_whose_last_beat_is_old_is_not_live() {
        let health = Health::new();
        let second = |s: u64| Instant::from_nanos(s * 1_000_000_000);
        assert!(health.is_live(second(100)));
        health.beat(second(100));
        assert!(health.is_live(second(110)));
        assert!(!health.is_live(second(111)));
        health.beat(second(111));
        assert!(health.is_live(second(111)));
    }
}
