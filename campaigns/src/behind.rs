//! What a write-behind ledger may lose, and whether the metrics page told the truth about it.

use std::fmt;
use std::time::{Duration, Instant};

use crate::book::Finding;
use crate::ledger::BEHIND_DELAY;
use crate::metrics::Watched;

/// The metric that must never be below what a crash would lose.
pub(crate) const AGE_METRIC: &str = "tenure_unsaved_age_seconds";
const COMMIT_METRIC: &str = "tenure_commit_seconds";
/// What machines that are busy with other things add: a flush that begins late, and a commit that
/// was longer than any before when it was cut off.
const SLACK: Duration = Duration::from_millis(100);
/// The runtime tells the time for this by a coarse clock.
const AGE_SLACK: Duration = Duration::from_millis(10);

/// What all strikes cost together.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    lost: u64,
    strikes_with_loss: u64,
    oldest: Duration,
    longest_commit: Duration,
    looks: u64,
    looks_at_lost: u64,
    /// By how much the metric was above what was lost in the end, at the least.
    least_margin: Option<f64>,
}

/// The age of the oldest turn that a strike took, and which actor had it.
struct Oldest {
    actor: usize,
    at: Instant,
}

impl Behind {
    /// Takes what may be lost out of `findings`, and puts in what is more than that.
    pub(crate) fn judge(
        &mut self,
        findings: &mut Vec<Finding>,
        struck: Instant,
        watched: &Watched,
    ) {
        let commit = watched.last.as_ref().and_then(|page| page.longest(COMMIT_METRIC));
        let commit = commit.filter(|bound| bound.is_finite()).map(Duration::from_secs_f64);
        self.longest_commit = self.longest_commit.max(commit.unwrap_or_default());
        self.looks += watched.looks.len() as u64;
        let mut oldest: Option<Oldest> = None;
        findings.retain(|finding| {
            let (Some(at), &Finding::Lost { actor, .. }) = (finding.lost_end(), finding) else {
                return true;
            };
            self.lost += 1;
            if oldest.as_ref().is_none_or(|it| at < it.at) {
                oldest = Some(Oldest { actor, at });
            }
            false
        });
        let Some(Oldest { actor, at }) = oldest else { return };
        let age = struck.saturating_duration_since(at);
        self.strikes_with_loss += u64::from(!age.is_zero());
        self.oldest = self.oldest.max(age);
        let most = BEHIND_DELAY + self.longest_commit + SLACK;
        let mut wrong = |what| findings.push(Finding::Wrong { actor, what });
        if age > most {
            let (age, most) = (age.as_millis(), most.as_millis());
            wrong(format!("its lost turn was acknowledged {age} ms before, at most {most} ms"));
        }
        // The turn that was lost was unsaved at every look between its acknowledgement and the strike.
        for look in watched.looks.iter().filter(|look| look.asked > at && look.asked < struck) {
            let truth = look.asked - at;
            let margin = look.value - truth.as_secs_f64();
            self.looks_at_lost += 1;
            self.least_margin = Some(self.least_margin.map_or(margin, |least| least.min(margin)));
            if margin < -AGE_SLACK.as_secs_f64() {
                let (truth, value) = (truth.as_secs_f64(), look.value);
                wrong(format!("{AGE_METRIC} was {value:.3} where {truth:.3} were unsaved"));
                return;
            }
        }
    }
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_millis();
        write!(
            f,
            "behind: {} acknowledged turns lost in {} strikes, the oldest {} ms before its strike \
             (at most {} + {} for the longest commit + {} ms); unsaved age: {} readings, {} of \
             them with a turn that was lost",
            self.lost,
            self.strikes_with_loss,
            ms(self.oldest),
            ms(BEHIND_DELAY),
            ms(self.longest_commit),
            ms(SLACK),
            self.looks,
            self.looks_at_lost,
        )?;
        let Some(margin) = self.least_margin else { return Ok(()) };
        write!(f, ", {:.0} ms above the truth at the least", margin * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Look;

    const MS: Duration = Duration::from_millis(1);

    /// Judges a turn lost `age` ms after its acknowledgement, with a reading of `shown` seconds
    /// 50 ms before that; gives what is left to find.
    fn judge(age: u32, shown: f64) -> Vec<Finding> {
        let at = Instant::now();
        let struck = at + MS * age;
        let mut findings = vec![Finding::Lost { actor: 0, version: 2, id: 7, count: 1, at }];
        let looks = vec![Look { asked: struck - 50 * MS, value: shown }];
        Behind::default().judge(&mut findings, struck, &Watched { looks, last: None });
        findings
    }

    #[test]
    fn what_may_be_lost_is_no_finding_and_more_is_one() {
        assert_eq!(judge(300, 0.25), []);
        assert_eq!(judge(301, 0.26).len(), 1);
        assert_eq!(judge(200, 0.139).len(), 1, "the metric was below the truth");
        assert_eq!(judge(200, 0.141), []);
    }

    #[test]
    fn a_turn_in_the_stead_of_another_stays_a_finding() {
        let at = Instant::now();
        let finding = Finding::Lost { actor: 0, version: 2, id: 7, count: 2, at };
        let mut findings = vec![finding.clone()];
        Behind::default().judge(&mut findings, at, &Watched::default());
        assert_eq!(findings, [finding]);
    }
}
