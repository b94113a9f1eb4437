//! A connection that commits one batch after the other.

use std::collections::BTreeSet;
use std::sync::Arc;

use tenure_store::{FEEDS_MAX, Unit, UnitOutcome};

use crate::batch::{self, Right};
use crate::failure::Failure;
use crate::feeds;
use crate::link::{Link, Session};
use crate::queue::Waiting;
use crate::serving::Serving;

pub(crate) struct Lane {
    pub(crate) serving: Arc<Serving>,
    pub(crate) link: Link,
    pub(crate) right: Right,
    pub(crate) commits: Arc<[String; 3]>,
}

impl Lane {
    /// Commits until the queue ends.
    pub(crate) async fn run(self) {
        while let Some(waiting) = self.serving.queue.next().await {
            let units: Vec<&Unit> = waiting.iter().map(|it| &*it.unit).collect();
            let outcomes = self.commit(&units).await;
            self.serving.note(&units, &outcomes);
            self.serving.queue.landed(&waiting);
            settle(waiting, outcomes);
        }
    }

    /// What became of each unit.
    async fn commit(&self, units: &[&Unit]) -> Vec<UnitOutcome> {
        let refused = self.without_stripes(units).await;
        if refused.iter().all(Option::is_none) {
            return self.try_all(units).await;
        }
        let taken: Vec<_> = units.iter().zip(&refused).filter(|(_, it)| it.is_none()).collect();
        let taken: Vec<&Unit> = taken.into_iter().map(|(unit, _)| *unit).collect();
        let mut outcomes = self.try_all(&taken).await.into_iter();
        let fill = |refusal: Option<UnitOutcome>| refusal.or_else(|| outcomes.next());
        refused.into_iter().filter_map(fill).collect()
    }

    async fn try_all(&self, units: &[&Unit]) -> Vec<UnitOutcome> {
        if units.is_empty() {
            return Vec::new();
        }
        match self.submit(units).await {
            Ok(mut outcomes) => {
                self.settle_races(units, &mut outcomes).await;
                outcomes
            }
            // One of them is to blame: the others are committed without it.
            Err(failure) if failure.is_of_data() || failure.is_damage() => {
                let mut outcomes = Vec::with_capacity(units.len());
                for unit in units {
                    outcomes.push(match self.submit(&[*unit]).await {
                        Ok(mut outcome) => outcome.pop().unwrap_or_else(|| unknown("no answer")),
                        Err(failure) => outcome_of(&failure),
                    });
                }
                outcomes
            }
            Err(failure) => vec![outcome_of(&failure); units.len()],
        }
    }

    /// Submits again, once, the units that a race left without an answer.
    async fn settle_races(&self, units: &[&Unit], outcomes: &mut [UnitOutcome]) {
        for (unit, outcome) in units.iter().zip(outcomes) {
            if batch::is_raced(outcome)
                && let Ok(again) = self.submit(&[*unit]).await
                && let Some(again) = again.into_iter().next()
            {
                *outcome = again;
            }
        }
    }

    async fn submit(&self, units: &[&Unit]) -> Result<Vec<UnitOutcome>, Failure> {
        let session = self.session().await?;
        let outcomes = batch::commit(&session, &self.commits, self.right, units).await;
        if let Err(failure) = &outcomes {
            self.failed(&session, failure);
        }
        outcomes
    }

    /// Opens the stripes that these units append to, and refuses those whose stripes cannot be opened.
    async fn without_stripes(&self, units: &[&Unit]) -> Vec<Option<UnitOutcome>> {
        let mut refused = vec![None; units.len()];
        for (unit, refusal) in units.iter().zip(&mut refused) {
            let feeds = self.serving.unopened(unit);
            if feeds.is_empty() {
                continue;
            }
            *refusal = match self.open(&feeds).await {
                Ok(true) => {
                    self.serving.opened(&feeds);
                    None
                }
                Ok(false) => {
                    let reason =
                        format!("a store has at most {FEEDS_MAX} feeds; there is no room").into();
                    Some(UnitOutcome::Invalid { reason })
                }
                Err(failure) => Some(outcome_of(&failure)),
            };
        }
        refused
    }

    async fn open(&self, feeds: &BTreeSet<&str>) -> Result<bool, Failure> {
        let session = self.session().await?;
        let opened = feeds::begin(&session, self.right.incarnation, feeds).await;
        if let Err(failure) = &opened {
            self.failed(&session, failure);
        }
        opened
    }

    async fn session(&self) -> Result<Arc<Session>, Failure> {
        self.link.session().await.map_err(|error| Failure::Lost(error.to_string()))
    }

    fn failed(&self, session: &Arc<Session>, failure: &Failure) {
        tracing::warn!(reason = failure.reason(), "a batch failed");
        if failure.ends_connection() {
            self.link.drop_session(session);
        }
    }
}

/// Settles the units of a batch.
fn settle(waiting: Vec<Waiting>, outcomes: Vec<UnitOutcome>) {
    for (waiting, outcome) in waiting.into_iter().zip(outcomes) {
        waiting.settle(outcome);
    }
}

fn outcome_of(failure: &Failure) -> UnitOutcome {
    let reason = failure.reason().into();
    if failure.is_of_data() {
        return UnitOutcome::Invalid { reason };
    }
    if failure.is_damage() {
        return UnitOutcome::Corrupt { reason };
    }
    UnitOutcome::Unknown { reason }
}

fn unknown(reason: &str) -> UnitOutcome {
    UnitOutcome::Unknown { reason: reason.into() }
}
