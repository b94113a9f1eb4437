use std::collections::BTreeMap;
use std::time::Duration;

use tenure_types::Instant;

use super::cast::ActorNo;
use super::violation::{JudgeName, Record, Violations};

/// How many firings of a run are kept. Later ones are counted.
const FIRINGS_MAX: usize = 1 << 17;

/// One firing, by what its turn is told of it: a firing that comes twice has the same name and time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Firing {
    /// Whose reminder.
    pub actor: ActorNo,
    /// A number for the reminder's name.
    pub name: u32,
    /// When it is due, in true time as the wall clocks of the run tell it.
    pub due: Instant,
}

/// A turn of a firing begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fired {
    /// Which firing.
    pub firing: Firing,
    /// When.
    pub at: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Track {
    is_durable: bool,
    asked: Instant,
    acked: Option<Instant>,
    cancel_asked: Option<Instant>,
    cancelled: Option<Instant>,
    began: u32,
    fired: Option<Instant>,
    effects: Option<u32>,
}

/// A reminder fires at least once, never before it is due, never after a cancellation was acknowledged, and in
/// durable types with one effect.
#[derive(Clone, Debug)]
pub struct Reminders {
    early: Duration,
    late: Duration,
    tracks: BTreeMap<Firing, Track>,
    not_kept: u64,
    found: Violations,
}

impl Reminders {
    /// Wall clocks of the run are ahead of each other by at most `early`; a firing that is `late` and has not
    /// come at the end of the run is missing.
    #[must_use]
    pub fn new(early: Duration, late: Duration) -> Self {
        let found = Violations::new(JudgeName::Reminders);
        Self { early, late, tracks: BTreeMap::new(), not_kept: 0, found }
    }

    /// A turn that was asked for at `asked` sets a reminder, and was acknowledged at `acked`, if it was. One
    /// that replaces another of the same name cancels that.
    pub fn set(
        &mut self,
        firing: Firing,
        is_durable: bool,
        asked: Instant,
        acked: Option<Instant>,
    ) {
        let fresh = Track {
            is_durable,
            asked,
            acked,
            cancel_asked: None,
            cancelled: None,
            began: 0,
            fired: None,
            effects: None,
        };
        if self.tracks.len() >= FIRINGS_MAX && !self.tracks.contains_key(&firing) {
            self.not_kept += 1;
            return;
        }
        let track = self.tracks.entry(firing).or_insert(fresh);
        track.asked = track.asked.min(asked);
        track.acked = track.acked.or(acked);
        // One attempt that was told before it was durable says nothing of its loss.
        track.is_durable &= is_durable;
    }

    /// A turn that was asked for at `asked` removes a reminder, and was acknowledged at `acked`, if it was.
    pub fn cancelled(&mut self, firing: Firing, asked: Instant, acked: Option<Instant>) {
        if let Some(track) = self.tracks.get_mut(&firing) {
            track.cancel_asked = track.cancel_asked.or(Some(asked));
            track.cancelled = track.cancelled.or(acked);
        }
    }

    /// A turn of a firing begins, and may be lost; gives how many have begun.
    pub fn began(&mut self, firing: Firing) -> u32 {
        self.tracks.get_mut(&firing).map_or(0, |track| {
            track.began += 1;
            track.began
        })
    }

    /// Firings that are to come, now or later: they were acknowledged as durable, and nobody asked for
    /// their end.
    pub fn promised(&self) -> impl Iterator<Item = Firing> {
        let is_promised = |track: &Track| {
            track.is_durable && track.acked.is_some() && track.cancel_asked.is_none()
        };
        self.tracks.iter().filter(move |(_, track)| is_promised(track)).map(|(firing, _)| *firing)
    }

    /// A turn of a firing begins.
    pub fn fired(&mut self, fired: Fired) {
        let Fired { firing, at } = fired;
        let Some(track) = self.tracks.get_mut(&firing) else {
            // Among more firings than are kept nobody can say which were set.
            if self.not_kept == 0 {
                self.found.add(
                    firing.actor,
                    "a firing that nobody set",
                    Record::new(at, &fired),
                    None,
                );
            }
            return;
        };
        track.fired = track.fired.or(Some(at));
        let what = if at < track.asked {
            "a firing before it was set"
        } else if at + self.early < firing.due {
            "a firing before it was due"
        } else if track.is_durable && track.cancelled.is_some_and(|cancelled| cancelled < at) {
            "a firing after its cancellation was acknowledged"
        } else {
            return;
        };
        let set = Record::new(track.asked, track);
        self.found.add(firing.actor, what, set, Record::new(at, &fired));
    }

    /// At the end of a run: how often the state of the actor remembers this firing.
    pub fn effects(&mut self, firing: Firing, times: u32) {
        if let Some(track) = self.tracks.get_mut(&firing) {
            track.effects = Some(times);
        }
    }

    /// What was found, with what is missing at the end of a run, `now`, long enough after the last fault.
    #[must_use]
    pub fn judge(&self, now: Instant) -> Violations {
        let mut found = self.found.clone();
        for (firing, track) in self.tracks.iter().filter(|(_, track)| track.is_durable) {
            let is_over = firing.due + self.late < now;
            let is_promised = track.acked.is_some() && track.cancel_asked.is_none() && is_over;
            let what = match (track.fired, track.effects) {
                (_, Some(2..)) => "a firing with more than one effect",
                (None, _) if is_promised => "a reminder that never fired",
                (Some(_), Some(0)) if is_promised => "a reminder that fired without its effect",
                _ => continue,
            };
            found.add(firing.actor, what, Record::new(track.asked, &(firing, track)), None);
        }
        found
    }

    /// How many firings were not kept.
    #[must_use]
    pub fn not_kept(&self) -> u64 {
        self.not_kept
    }
}

#[cfg(test)]
mod tests {
    use super::super::staging::{A, at};
    use super::*;

    const FIRING: Firing = Firing { actor: A, name: 1, due: Instant::from_nanos(1_000_000_000) };

    fn finds(is_durable: bool, acked: bool, play: impl FnOnce(&mut Reminders)) -> String {
        let mut reminders = Reminders::new(Duration::from_millis(10), Duration::from_secs(5));
        reminders.set(FIRING, is_durable, at(1), acked.then(|| at(2)));
        play(&mut reminders);
        let found = reminders.judge(at(10_000));
        assert!(found.count() <= 1, "{:?}", found.first());
        found.first().first().map_or(String::new(), |one| one.what.to_string())
    }

    fn fire(reminders: &mut Reminders, ms: u64) {
        reminders.fired(Fired { firing: FIRING, at: at(ms) });
    }

    #[test]
    fn good_reminders_pass() {
        let twice = |reminders: &mut Reminders| {
            fire(reminders, 991);
            fire(reminders, 1_500);
            reminders.effects(FIRING, 1);
        };
        assert_eq!(finds(true, true, twice), "");
        assert_eq!(finds(true, false, twice), "");
        assert_eq!(finds(true, false, |_| ()), "", "it was perhaps never set");
        assert_eq!(finds(false, true, |_| ()), "", "it may be lost");
        let cancelled = |reminders: &mut Reminders| reminders.cancelled(FIRING, at(3), Some(at(4)));
        assert_eq!(finds(true, true, cancelled), "");
        let perhaps = |reminders: &mut Reminders| {
            reminders.cancelled(FIRING, at(3), None);
            fire(reminders, 1_000);
        };
        assert_eq!(finds(true, true, perhaps), "");
    }

    #[test]
    fn what_is_to_come_is_what_was_acknowledged_and_not_taken_back() {
        let mut reminders = Reminders::new(Duration::ZERO, Duration::ZERO);
        let named = |name| Firing { name, ..FIRING };
        for (name, is_durable, acked) in [(1, true, true), (2, true, false), (3, false, true)] {
            reminders.set(named(name), is_durable, at(1), acked.then(|| at(2)));
        }
        reminders.set(named(4), true, at(1), Some(at(2)));
        reminders.cancelled(named(4), at(3), None);
        assert_eq!(reminders.promised().collect::<Vec<_>>(), [named(1)]);
        assert_eq!((reminders.began(named(2)), reminders.began(named(2))), (1, 2));
        assert_eq!(reminders.began(named(9)), 0, "nobody set it");
    }

    #[test]
    fn bad_reminders_are_found() {
        assert_eq!(finds(true, true, |_| ()), "a reminder that never fired");
        assert_eq!(finds(true, true, |all| fire(all, 989)), "a firing before it was due");
        let late = |all: &mut Reminders| {
            all.cancelled(FIRING, at(3), Some(at(4)));
            fire(all, 1_000);
        };
        assert_eq!(finds(true, true, late), "a firing after its cancellation was acknowledged");
        for (times, expected) in [
            (2, "a firing with more than one effect"),
            (0, "a reminder that fired without its effect"),
        ] {
            let play = |all: &mut Reminders| {
                fire(all, 1_000);
                all.effects(FIRING, times);
            };
            assert_eq!(finds(true, true, play), expected);
        }
        let stranger = |all: &mut Reminders| {
            fire(all, 1_000);
            all.fired(Fired { firing: Firing { name: 2, ..FIRING }, at: at(1_000) });
        };
        assert_eq!(finds(true, true, stranger), "a firing that nobody set");
        let hasty = |all: &mut Reminders| {
            let firing = Firing { due: at(0), ..FIRING };
            all.set(firing, false, at(7), None);
            all.fired(Fired { firing, at: at(6) });
            fire(all, 1_000);
        };
        assert_eq!(finds(true, true, hasty), "a firing before it was set");
    }
}
