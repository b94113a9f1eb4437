use std::collections::BTreeMap;
use std::time::Duration;

use tenure_types::{Incarnation, Instant};

/// Other members' leases, as one member sees them run out on its own clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observed {
    /// How long the same beat has to be seen.
    expiry: Duration,
    timeline: Option<u64>,
    rows: BTreeMap<Incarnation, Seen>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    beat: u64,
    /// When the answer of the first read of this beat arrived.
    since: Instant,
}

impl Observed {
    /// Sees nobody yet; a lease has run out when its beat was the same for `expiry`.
    #[must_use]
    pub fn new(expiry: Duration) -> Self {
        Self { expiry, timeline: None, rows: BTreeMap::new() }
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
        let seen = self.rows.get(&incarnation);
        if seen.is_some_and(|seen| seen.beat == beat) {
            return false;
        }
        self.rows.insert(incarnation, Seen { beat, since: now }).is_some()
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
    pub fn silence(&self, now: Instant, incarnation: Incarnation) -> Duration {
        self.rows.get(&incarnation).map_or(Duration::ZERO, |seen| now - seen.since)
    }

    /// Whose leases have run out, each with the beat at which it stands.
    pub fn expired(&self, now: Instant) -> impl Iterator<Item = (Incarnation, u64)> {
        let rows = self.rows.iter();
        rows.filter(move |(_, seen)| now >= seen.since + self.expiry)
            .map(|(incarnation, seen)| (*incarnation, seen.beat))
    }

    /// When the next lease of those that `counts` has run out.
    pub fn next_expiry(&self, mut counts: impl FnMut(Incarnation) -> bool) -> Option<Instant> {
        let rows = self.rows.iter().filter(|(incarnation, _)| counts(**incarnation));
        rows.map(|(_, seen)| seen.since + self.expiry).min()
    }
}
