use std::collections::BTreeMap;
use std::time::Duration;

use tenure_types::{Incarnation, Instant, Tenure, ViewNumber};

use super::cast::ActorNo;
use super::violation::{JudgeName, Record, Violations};

/// An actor on a node: an activation that lives, or what a directory says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hosted {
    /// Which actor.
    pub actor: ActorNo,
    /// On which run of which node.
    pub node: Incarnation,
    /// By which right.
    pub tenure: Tenure,
}

/// The cluster at one moment, seen from outside of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    /// When.
    pub at: Instant,
    /// The living nodes and the view of each.
    pub views: Vec<(Incarnation, ViewNumber)>,
    /// Activations in the memory of living nodes that may run turns.
    pub activations: Vec<Hosted>,
    /// What the directories of the living slot owners say.
    pub entries: Vec<Hosted>,
    /// Whether activations have entries: not where the slot owner itself runs them.
    pub has_directory: bool,
    /// Actors that were asked since the calm began and have not answered.
    pub unanswered: Vec<ActorNo>,
}

/// When faults have stopped, within a time all living nodes have one view, every actor answers, and every actor
/// has one activation, which its directory knows.
#[derive(Clone, Debug)]
pub struct Healing {
    within: Duration,
    calm: Option<Instant>,
    healed: Option<Duration>,
    found: Violations,
}

impl Healing {
    /// To be healed `within` this time, five seconds as a rule.
    #[must_use]
    pub fn new(within: Duration) -> Self {
        let found = Violations::new(JudgeName::Healing);
        Self { within, calm: None, healed: None, found }
    }

    /// The last fault is over.
    pub fn calm(&mut self, at: Instant) {
        (self.calm, self.healed) = (Some(at), None);
    }

    /// A new fault begins: nothing is expected until the next calm.
    pub fn disturbed(&mut self) {
        self.calm = None;
    }

    /// Looks at the cluster. One healed picture in time is enough; without it the first one that is taken when
    /// the time is over is judged.
    pub fn look(&mut self, picture: &Picture) {
        let Some(calm) = self.calm.filter(|_| self.healed.is_none()) else { return };
        let mut wrong = Vec::new();
        views(picture, &mut wrong);
        hosts(picture, &mut wrong);
        wrong.extend(picture.unanswered.iter().map(|&actor| {
            let what = "an actor does not answer after the calm began";
            (Some(actor), what, format!("{actor}"), None)
        }));
        let waited = picture.at - calm;
        let is_late = waited > self.within;
        if wrong.is_empty() && is_late {
            wrong.push((None, "the cluster was seen healed too late", format!("{waited:?}"), None));
        } else if wrong.is_empty() {
            self.healed = Some(waited);
        }
        if waited < self.within || self.healed.is_some() {
            return;
        }
        for (actor, what, one, other) in wrong {
            let other = other.map(|other: String| Record::new(picture.at, &other));
            self.found.add(actor, what, Record::new(picture.at, &one), other);
        }
        // Judged once for each calm.
        self.calm = None;
    }

    /// At the end of a run: a calm that nobody looked at for long enough is a violation, as nothing was shown.
    pub fn finish(&mut self, now: Instant) {
        if let Some(calm) = self.calm.filter(|_| self.healed.is_none()) {
            let what = "nobody saw the cluster healed";
            self.found.add(None, what, Record::new(calm, &"calm"), Record::new(now, &"the end"));
        }
        self.calm = None;
    }

    /// How long it took after the last calm; `None` while it has not healed.
    #[must_use]
    pub fn healed_after(&self) -> Option<Duration> {
        self.healed
    }

    /// What was found so far.
    #[must_use]
    pub fn found(&self) -> &Violations {
        &self.found
    }
}

type Wrong = (Option<ActorNo>, &'static str, String, Option<String>);

fn views(picture: &Picture, wrong: &mut Vec<Wrong>) {
    let Some(first) = picture.views.first() else {
        wrong.push((None, "no node lives", String::new(), None));
        return;
    };
    if let Some(other) = picture.views.iter().find(|other| other.1 != first.1) {
        let what = "living nodes have different views";
        wrong.push((None, what, format!("{first:?}"), Some(format!("{other:?}"))));
    }
}

fn hosts(picture: &Picture, wrong: &mut Vec<Wrong>) {
    let mut activations: BTreeMap<ActorNo, Hosted> = BTreeMap::new();
    for &hosted in &picture.activations {
        if let Some(other) = activations.insert(hosted.actor, hosted) {
            let what = "two activations of one actor";
            wrong.push((
                Some(hosted.actor),
                what,
                format!("{other:?}"),
                Some(format!("{hosted:?}")),
            ));
        }
    }
    let mut entries: BTreeMap<ActorNo, Hosted> = BTreeMap::new();
    for &entry in &picture.entries {
        if let Some(other) = entries.insert(entry.actor, entry) {
            let what = "two directory entries of one actor";
            wrong.push((Some(entry.actor), what, format!("{other:?}"), Some(format!("{entry:?}"))));
        }
        match activations.get(&entry.actor) {
            Some(hosted) if *hosted == entry => {}
            hosted => {
                let what = "a directory entry without its activation";
                let other = hosted.map(|hosted| format!("{hosted:?}"));
                wrong.push((Some(entry.actor), what, format!("{entry:?}"), other));
            }
        }
    }
    for hosted in activations.values() {
        if picture.has_directory && !entries.contains_key(&hosted.actor) {
            let what = "an activation that no directory knows";
            wrong.push((Some(hosted.actor), what, format!("{hosted:?}"), None));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::staging::{A, at, tenure};
    use super::*;

    fn hosted(node: u64, right: u64) -> Hosted {
        Hosted { actor: A, node: Incarnation(node), tenure: tenure(right) }
    }

    fn good(ms: u64) -> Picture {
        Picture {
            at: at(ms),
            views: vec![(Incarnation(1), ViewNumber(7)), (Incarnation(2), ViewNumber(7))],
            activations: vec![hosted(1, 1)],
            entries: vec![hosted(1, 1)],
            has_directory: true,
            unanswered: Vec::new(),
        }
    }

    fn judge(pictures: &[Picture]) -> Vec<String> {
        let mut healing = Healing::new(Duration::from_secs(5));
        healing.calm(at(1_000));
        for picture in pictures {
            healing.look(picture);
        }
        healing.finish(at(99_000));
        healing.found().first().iter().map(|one| one.what.to_string()).collect()
    }

    #[test]
    fn one_healed_picture_in_time_is_enough() {
        let sick = |ms| Picture { unanswered: vec![A], ..good(ms) };
        assert_eq!(judge(&[sick(2_000), good(6_000)]), [""; 0]);
        assert_eq!(judge(&[good(2_000), sick(9_000)]), [""; 0]);
        assert_eq!(judge(&[sick(2_000), sick(6_000), sick(7_000)]).len(), 1);
        assert_eq!(judge(&[sick(2_000)]), ["nobody saw the cluster healed"]);
        assert_eq!(judge(&[good(6_001)]), ["the cluster was seen healed too late"]);
        let ring = Picture { has_directory: false, entries: Vec::new(), ..good(6_000) };
        assert_eq!(judge(&[ring]), [""; 0]);
    }

    #[test]
    fn a_disturbed_calm_is_not_judged() {
        let mut healing = Healing::new(Duration::from_secs(5));
        healing.calm(at(0));
        healing.disturbed();
        healing.look(&Picture { views: Vec::new(), ..good(9_000) });
        healing.calm(at(10_000));
        healing.look(&good(11_000));
        healing.finish(at(12_000));
        assert_eq!(healing.found().count(), 0);
        assert_eq!(healing.healed_after(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn each_sickness_is_named() {
        let views = vec![(Incarnation(1), ViewNumber(7)), (Incarnation(2), ViewNumber(8))];
        for (picture, expected) in [
            (Picture { views, ..good(6_000) }, "living nodes have different views"),
            (Picture { views: Vec::new(), ..good(6_000) }, "no node lives"),
            (
                Picture { unanswered: vec![A], ..good(6_000) },
                "an actor does not answer after the calm began",
            ),
            (
                Picture { activations: vec![hosted(2, 2), hosted(1, 1)], ..good(6_000) },
                "two activations of one actor",
            ),
            (
                Picture { entries: vec![hosted(1, 1); 2], ..good(6_000) },
                "two directory entries of one actor",
            ),
            (
                Picture { entries: Vec::new(), ..good(6_000) },
                "an activation that no directory knows",
            ),
            (
                Picture { activations: Vec::new(), ..good(6_000) },
                "a directory entry without its activation",
            ),
            (
                Picture { activations: vec![hosted(1, 2)], ..good(6_000) },
                "a directory entry without its activation",
            ),
        ] {
            assert_eq!(judge(&[picture]), [expected]);
        }
    }
}
