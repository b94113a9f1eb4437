use std::cmp::Ordering;
use std::collections::BTreeMap;

use tenure_types::{Incarnation, Instant, Tenure};

use super::cast::ActorNo;
use super::violation::{JudgeName, Record, Violations};

/// A node has let go something that an activation produced: a reply, a message or an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Release {
    /// Whose activation.
    pub actor: ActorNo,
    /// The run of the node that it lives on.
    pub node: Incarnation,
    /// Its right.
    pub tenure: Tenure,
    /// The moment at which it was decided, in true time.
    pub at: Instant,
}

/// How many releases of one run are kept.
const RELEASES_MAX: usize = 1_000_000;

/// At any moment at most one activation of an actor releases: in true time tenures never fall, and one
/// tenure is of one node. May be told in any order.
#[derive(Clone, Debug, Default)]
pub struct Releases {
    releases: BTreeMap<ActorNo, Vec<Release>>,
    count: u64,
}

impl Releases {
    /// Something was released.
    pub fn released(&mut self, release: Release) {
        if self.count < RELEASES_MAX as u64 {
            self.releases.entry(release.actor).or_default().push(release);
        }
        self.count += 1;
    }

    /// How many releases there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many of them were not kept, and so not judged.
    #[must_use]
    pub fn not_kept(&self) -> u64 {
        self.count.saturating_sub(RELEASES_MAX as u64)
    }

    /// What is wrong with them. O(n log n).
    #[must_use]
    pub fn judge(&self) -> Violations {
        let mut found = Violations::new(JudgeName::Releases);
        for releases in self.releases.values() {
            let mut releases = releases.clone();
            releases.sort_by_key(|it| (it.at, it.tenure));
            let Some(mut newest) = releases.first().copied() else { continue };
            for release in releases {
                let what = match release.tenure.cmp(&newest.tenure) {
                    Ordering::Less => Some("an activation released after a later one had"),
                    Ordering::Equal if release.node != newest.node => {
                        Some("two nodes released under one tenure")
                    }
                    _ => None,
                };
                match what {
                    Some(what) => {
                        let one = Record::new(newest.at, &newest);
                        found.add(release.actor, what, one, Record::new(release.at, &release));
                    }
                    None => newest = release,
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::staging::{A, at, tenure};
    use super::*;

    #[test]
    fn tenures_rise_in_true_time() {
        for (releases, expected) in [
            (&[(1, 1), (1, 1), (2, 2), (1, 3)][..], ""),
            (&[(1, 1), (2, 2), (1, 1)], "an activation released after a later one had"),
            (&[(1, 2), (1, 1)], "an activation released after a later one had"),
            (&[(1, 1), (2, 1)], "two nodes released under one tenure"),
        ] {
            let mut judge = Releases::default();
            for (index, &(node, right)) in releases.iter().enumerate() {
                let (node, tenure) = (Incarnation(node), tenure(right));
                judge.released(Release { actor: A, node, tenure, at: at(index as u64) });
                judge.released(Release {
                    actor: ActorNo(1),
                    node,
                    tenure: Tenure::default(),
                    at: at(index as u64),
                });
            }
            let found = judge.judge();
            let found = found.first().iter().find(|one| one.actor == Some(A));
            assert_eq!(found.map_or("", |one| &one.what), expected, "{releases:?}");
        }
    }

    #[test]
    fn the_order_in_which_releases_are_told_says_nothing() {
        let release = |node, right, ms| {
            let (node, tenure) = (Incarnation(node), tenure(right));
            Release { actor: A, node, tenure, at: at(ms) }
        };
        let judged = |told: &[Release]| {
            let mut judge = Releases::default();
            told.iter().for_each(|release| judge.released(*release));
            judge.judge().count()
        };
        let (old, new) = (release(1, 1, 10), release(2, 2, 20));
        assert_eq!(judged(&[new, old]), 0);
        assert_eq!(judged(&[new, release(1, 1, 21), old]), 1);
    }
}
