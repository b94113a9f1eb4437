use std::time::Duration;

use tenure_types::Planted;

/// How long a lease is, unless the configuration says otherwise. Longer than the fail-over of PostgreSQL
/// or etcd.
pub const LEASE_DEFAULT: Duration = Duration::from_secs(10);

/// How long a lease is by default on the embedded table, which has no fail-over.
pub const LEASE_EMBEDDED: Duration = Duration::from_secs(2);

/// What an observer adds to a lease, in hundredths: two clocks whose rates are each within 1 % of true
/// drift apart by at most 1.01 / 0.99 = 1.0203.
const DRIFT_HUNDREDTHS: u64 = 103;

/// What an observer adds besides: the resolution of clocks, and readings that are a little old.
const SLACK_MS: u64 = 50;

/// The times of a cluster's leases. Every member has the same `length`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeaseTerms {
    /// How long a renewal holds, on its holder's clock: L. 10 s by default.
    pub length: Duration,
    /// How long after it asked for one renewal the holder asks for the next. L / 3 by default.
    pub renew_every: Duration,
    /// How often a member reads the table. L / 20 by default.
    pub poll_every: Duration,
    /// How long to wait after a request was lost. L / 50 by default.
    pub retry_after: Duration,
    /// After how long a driver gives up a request and says that it is lost. L / 6 by default.
    pub ask_time_max: Duration,
    /// How long another member has to see the same beat before it may end the lease, on its own clock.
    /// 1.03 L + 50 ms by default; less is wrong where clocks' rates differ by up to 1 % from true.
    pub observed_for: Duration,
}

impl LeaseTerms {
    /// The times that belong to leases of this length.
    #[must_use]
    pub const fn new(length: Duration) -> Self {
        let millis = length.as_millis() as u64;
        Self {
            length,
            renew_every: Duration::from_millis(millis / 3),
            poll_every: Duration::from_millis(millis / 20),
            retry_after: Duration::from_millis(millis / 50),
            ask_time_max: Duration::from_millis(millis / 6),
            observed_for: Duration::from_millis(millis * DRIFT_HUNDREDTHS / 100 + SLACK_MS),
        }
    }

    /// [`observed_for`](Self::observed_for), as observers count it.
    #[must_use]
    pub fn expiry(&self) -> Duration {
        if Planted::DriftBound.is_planted() {
            return self.length;
        }
        self.observed_for
    }

    /// After how long without a renewal a member counts as silent, so that its watchers look past it: L / 2.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.length / 2
    }

    /// How far apart the looks may be between which a beat counts as seen: L / 2, ten polls or two that were
    /// lost. While the table is away for longer, nobody who is alive can be found silent.
    #[must_use]
    pub fn look_gap_max(&self) -> Duration {
        self.length / 2
    }
}

impl Default for LeaseTerms {
    fn default() -> Self {
        Self::new(LEASE_DEFAULT)
    }
}
