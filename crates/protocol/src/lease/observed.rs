use std::collections::BTreeMap;
use std::time::Duration;

use tenure_types::{Incarnation, Instant};

/// Other members' leases, as one member sees them run out on its own clock.
///
/// A silence lasts from the first look at a beat to the last: while the table does not answer nobody can
/// renew, so what nobody looked at for long is no silence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observed {
    /// How long the same beat has to be seen.
    expiry: Duration,
    /// How long after a look the next may come; past it what was seen counts no more.
    gap_max: Duration,
    timeline: Option<u64>,
    rows: BTreeMap<Incarnation, Seen>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    beat: u64,
    /// When the answer of the first read of this beat arrived.
    since: Instant,
    /// When the answer of the last one did.
    looked: Instant,
}

impl Seen {
    fn silence(&self) -> Duration {
        self.looked - self.since
    }
}

impl Observed {
    /// Sees nobody yet; a lease has run out when its beat was the same for `expiry`, in looks that are
    /// `gap_max` apart at most.
    #[must_use]
    pub fn new(expiry: Duration, gap_max: Duration) -> Self {
        Self { expiry, gap_max, timeline: None, rows: BTreeMap::new() }
    }

    /// An answer came from this timeline of the table. Another one than before forgets every observation:
    /// the new server may have missed reads that the old one answered.
    pub fn handle_timeline(&mut self, timeline: u64) {
        if self.timeline.replace(timeline).is_some_and(|before| before != timeline) {
            self.rows.clear();
        }
    }

    /// The answer of a read says that the member stands at `beat`. `now` is when it arrived. Returns
    /// whether the member was seen to renew.
    pub fn handle_read(&mut self, now: Instant, incarnation: Incarnation, beat: u64) -> bool {
        let first = Seen { beat, since: now, looked: now };
        let seen = self.rows.entry(incarnation).or_insert(first);
        let is_renewed = seen.beat != beat;
        let is_seen_on = !is_renewed && now <= seen.looked + self.gap_max;
        *seen = if is_seen_on { Seen { looked: now, ..*seen } } else { first };
        is_renewed
    }

    /// Forgets everybody else's.
    pub fn retain(&mut self, mut keep: impl FnMut(Incarnation) -> bool) {
        self.rows.retain(|incarnation, _| keep(*incarnation));
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// How long the member was seen without a renewal; zero when it was not seen.
    #[must_use]
    pub fn silence(&self, incarnation: Incarnation) -> Duration {
        self.rows.get(&incarnation).map_or(Duration::ZERO, Seen::silence)
    }

    /// Whose leases have run out, each with the beat at which it stands.
    pub fn expired(&self, now: Instant) -> impl Iterator<Item = (Incarnation, u64)> {
        let rows = self.rows.iter().filter(move |(_, seen)| self.is_expired(now, seen));
        rows.map(|(incarnation, seen)| (*incarnation, seen.beat))
    }

    /// Whether the member's lease has run out.
    #[must_use]
    pub fn has_expired(&self, now: Instant, incarnation: Incarnation) -> bool {
        self.rows.get(&incarnation).is_some_and(|seen| self.is_expired(now, seen))
    }

    fn is_expired(&self, now: Instant, seen: &Seen) -> bool {
        seen.silence() >= self.expiry && now <= seen.looked + self.gap_max
    }

    /// When a look will tell next whether a lease has run out; never, where all were seen for long enough.
    #[must_use]
    pub fn next_expiry(&self) -> Instant {
        let rows = self.rows.values().filter(|seen| seen.silence() < self.expiry);
        rows.map(|seen| seen.since + self.expiry).min().unwrap_or(Instant::NEVER)
    }
}
