use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use tenure_types::Instant;

use super::answers::Answers;
use super::behind::Behind;
use super::bounds::Bounds;
use super::cast::{Cast, Mode};
use super::copies::Copies;
use super::durable::Durable;
use super::events::Events;
use super::feeds::Feeds;
use super::healing::Healing;
use super::history::Calls;
use super::keys::Keys;
use super::linearizable::Linearizable;
use super::rare::Rare;
use super::releases::Releases;
use super::reminders::Reminders;
use super::samples::Samples;
use super::turns::Turns;
use super::violation::{JudgeName, Violation, Violations};

/// What a run promises. The defaults are those of the product and of a run without excepted faults.
#[derive(Clone, Debug)]
pub struct Promises {
    /// Judges that say nothing, because the faults of the run are excepted from what they judge.
    pub without: BTreeSet<JudgeName>,
    /// `max_delay` of the write-behind types; 200 ms.
    pub max_delay: Duration,
    /// How long a store that is not away takes for a flush at most; 500 ms.
    pub flush: Duration,
    /// How far the wall clocks of nodes are ahead of each other at most; 50 ms.
    pub early: Duration,
    /// How late a reminder may be at the end of a run; 10 s.
    pub late: Duration,
    /// How long healing takes at most; 5 s.
    pub healing: Duration,
    /// See [`Answers`].
    pub answers: Answers,
    /// See [`Keys`].
    pub keys: Keys,
    /// See [`Samples`].
    pub samples: Samples,
}

impl Default for Promises {
    fn default() -> Self {
        Self {
            without: BTreeSet::new(),
            max_delay: Duration::from_millis(200),
            flush: Duration::from_millis(500),
            early: Duration::from_millis(50),
            late: Duration::from_secs(10),
            healing: Duration::from_secs(5),
            answers: Answers::default(),
            keys: Keys::default(),
            samples: Samples::default(),
        }
    }
}

/// All judges of one run. Its fields are fed as things happen; [`Jury::verdict`] is asked once, at the end.
#[derive(Clone, Debug)]
pub struct Jury {
    promises: Promises,
    /// The actors.
    pub cast: Cast,
    /// What clients saw.
    pub calls: Calls,
    /// What ran.
    pub turns: Turns,
    /// What left nodes.
    pub releases: Releases,
    /// The last states.
    pub durable: Durable,
    /// How activations ended, and when stores were away.
    pub behind: Behind,
    /// What subscribers were told.
    pub events: Events,
    /// What readers of feeds were told.
    pub feeds: Feeds,
    /// Reminders and their firings.
    pub reminders: Reminders,
    /// The cluster after its faults.
    pub healing: Healing,
    /// Sizes.
    pub bounds: Bounds,
    /// Rare states that the run reached.
    pub rare: Rare,
}

impl Jury {
    /// A jury for a run that promises this.
    #[must_use]
    pub fn new(promises: Promises) -> Self {
        Self {
            cast: Cast::default(),
            calls: Calls::default(),
            turns: Turns::default(),
            releases: Releases::default(),
            durable: Durable::default(),
            behind: Behind::new(promises.max_delay, promises.flush),
            events: Events::default(),
            feeds: Feeds::default(),
            reminders: Reminders::new(promises.early, promises.late),
            healing: Healing::new(promises.healing),
            bounds: Bounds::default(),
            rare: Rare::default(),
            promises,
        }
    }

    /// What all judges say of a run that ended at `now`.
    #[must_use]
    pub fn verdict(&self, now: Instant) -> Verdict {
        let mut healing = self.healing.clone();
        healing.finish(now);
        let sampled = self.promises.samples.judge(&self.calls);
        let (calls, durable) = (&self.calls, &self.durable);
        let mut verdict = Verdict {
            sampled: sampled.searched,
            calls: self.calls.iter().count() as u64 + u64::from(self.calls.dropped()),
            acknowledged: self.calls.iter().filter(|call| call.acked().is_some()).count() as u64,
            releases: self.releases.count(),
            events: self.events.count(),
            ..Verdict::default()
        };
        for found in [
            self.turns.found().clone(),
            self.releases.judge(),
            Copies.judge(calls),
            durable.judge(calls),
            Linearizable.judge(calls),
            sampled.found,
            self.behind.judge(calls, durable),
            self.events.found().clone(),
            self.feeds.found().clone(),
            self.reminders.judge(now),
            self.promises.answers.judge(calls, now),
            self.promises.keys.judge(calls, durable),
            healing.found().clone(),
            self.bounds.found().clone(),
        ] {
            self.collect(found, &mut verdict);
        }
        self.say_unjudged(sampled.exhausted, &mut verdict);
        verdict
    }

    fn collect(&self, found: Violations, verdict: &mut Verdict) {
        if self.promises.without.contains(&found.judge()) {
            return;
        }
        verdict.count += found.count();
        verdict.violations.extend(found.into_first().into_iter().map(|mut violation| {
            if let Some(actor) = violation.actor
                && let Some((name, mode)) = self.cast.name(actor).zip(self.cast.mode(actor))
            {
                violation.what = format!("{name} ({mode:?}): {}", violation.what).into();
            }
            violation
        }));
    }

    fn say_unjudged(&self, exhausted: usize, verdict: &mut Verdict) {
        let counts = [
            ("calls were not kept", u64::from(self.calls.dropped())),
            ("sampled histories were too much for the search", exhausted as u64),
            ("releases were not kept", self.releases.not_kept()),
            ("events were not compared", self.events.not_compared()),
            ("entries of feeds were not kept", self.feeds.not_kept()),
            ("firings were not kept", self.reminders.not_kept()),
            ("ends of activations were not kept", self.behind.not_kept()),
        ];
        let told = counts.into_iter().filter(|&(_, count)| count > 0);
        verdict.unjudged = told.map(|(what, count)| format!("{count} {what}").into()).collect();
        let is_mixed = self.calls.iter().any(|call| {
            let mode: Option<Mode> = self.cast.mode(call.ask.actor);
            mode.is_some_and(|mode| mode != call.ask.mode)
        });
        if is_mixed {
            verdict.unjudged.push("calls say another mode than their actor has".into());
        }
    }
}

impl Default for Jury {
    fn default() -> Self {
        Self::new(Promises::default())
    }
}

/// What a jury says of a run.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The first violations of each judge.
    pub violations: Vec<Violation>,
    /// How many there were in all.
    pub count: u64,
    /// What could not be judged.
    pub unjudged: Vec<Box<str>>,
    /// How many histories were searched without believing versions.
    pub sampled: usize,
    /// How many calls clients made.
    pub calls: u64,
    /// How many of them were acknowledged.
    pub acknowledged: u64,
    /// How much activations let go.
    pub releases: u64,
    /// How many events subscribers were told.
    pub events: u64,
}

impl Verdict {
    /// Whether everything was judged and nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.count == 0 && self.unjudged.is_empty()
    }

    /// The judges that found something.
    #[must_use]
    pub fn judges(&self) -> BTreeSet<JudgeName> {
        self.violations.iter().map(|violation| violation.judge).collect()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} violations; {} calls, {} acknowledged, {} releases, {} events, {} histories searched",
            self.count, self.calls, self.acknowledged, self.releases, self.events, self.sampled
        )?;
        for what in &self.unjudged {
            writeln!(f, "not judged: {what}")?;
        }
        self.violations.iter().try_for_each(|violation| writeln!(f, "{violation}"))
    }
}

#[cfg(test)]
mod tests;
