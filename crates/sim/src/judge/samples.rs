use super::general::{Checked, Interval, Step, linearize};
use super::history::{Calls, Kind, Op};
use super::operations::{ActorHistory, by_actor};
use super::violation::{JudgeName, Violations};

/// Small histories of durable counters and registers are linearizable by a search that believes no version.
#[derive(Clone, Copy, Debug)]
pub struct Samples {
    /// Longer histories are left to [`Linearizable`](super::Linearizable); 256 operations by default.
    pub operations_max: usize,
    /// Histories with more calls without a reply are too; 16 by default: each may double the search.
    pub open_max: usize,
    /// How many actors are searched, the first ones; 64 by default.
    pub actors_max: usize,
    /// How many states one search may remember; 200,000 by default.
    pub states_max: usize,
}

impl Default for Samples {
    fn default() -> Self {
        Self { operations_max: 256, open_max: 16, actors_max: 64, states_max: 200_000 }
    }
}

/// What came of the samples.
#[derive(Clone, Debug)]
pub(super) struct Sampled {
    pub(super) found: Violations,
    pub(super) searched: usize,
    /// Searches that met their bound: nothing is known of these histories.
    pub(super) exhausted: usize,
}

impl Samples {
    pub(super) fn judge(&self, calls: &Calls) -> Sampled {
        let found = Violations::new(JudgeName::Samples);
        let mut sampled = Sampled { found, searched: 0, exhausted: 0 };
        let histories = by_actor(calls);
        let samples = histories.iter().filter_map(|history| Some((history, self.take(history)?)));
        for (history, intervals) in samples.take(self.actors_max) {
            sampled.searched += 1;
            match linearize(0, &intervals, self.states_max) {
                Checked::Linearizable => {}
                Checked::Exhausted => sampled.exhausted += 1,
                Checked::Contradiction { stuck } => {
                    // Only what was told ends, and so only that can be stuck.
                    let record = history.told.get(stuck).map(|told| told.call.record());
                    if let Some(record) = record {
                        let what = "no order of the calls explains this reply";
                        sampled.found.add(history.actor, what, record, None);
                    }
                }
            }
        }
        sampled
    }

    /// The intervals of a history, first those that were told; `None` where it is not for a search.
    fn take(&self, history: &ActorHistory<'_>) -> Option<Vec<Interval>> {
        let length = history.told.len() + history.open.len();
        let is_small = length <= self.operations_max && history.open.len() <= self.open_max;
        if !history.mode.is_durable() || !is_small || history.told.is_empty() {
            return None;
        }
        let told = history.told.iter().map(|told| {
            let step = match told.write {
                None => Step::Read(told.answer.value),
                Some(Op::Add(by)) => Step::Add { by, told: Some(told.answer.value) },
                Some(Op::Set(to)) => Step::Set(to),
                Some(Op::Opaque) => return None,
            };
            Some(Interval { step, sent: told.sent, ended: Some(told.ended) })
        });
        let open = history.open.iter().map(|call| {
            let step = match call.ask.kind {
                Kind::Write { op: Op::Add(by), .. } => Step::Add { by, told: None },
                Kind::Write { op: Op::Set(to), .. } => Step::Set(to),
                Kind::Write { op: Op::Opaque, .. } | Kind::Read => return None,
            };
            Some(Interval { step, sent: call.ask.sent_at, ended: None })
        });
        told.chain(open).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::cast::Mode;
    use super::super::history::End;
    use super::super::staging::{Stage, reply};
    use super::*;

    /// Replies whose versions look right, and whose values do not.
    fn stale(stage: &mut Stage) {
        stage.write(1, false, (0, 10), reply(1, 1, 1));
        stage.write(2, false, (11, 20), reply(1, 2, 1));
    }

    #[test]
    fn values_are_judged_without_versions() {
        let mut stage = Stage::new(Mode::WriteThrough);
        stale(&mut stage);
        let sampled = Samples::default().judge(&stage.calls);
        assert_eq!((sampled.found.count(), sampled.searched, sampled.exhausted), (1, 1, 0));
        let mut stage = Stage::new(Mode::EventSourced);
        stage.write(1, false, (0, 10), reply(9, 9, 1));
        stage.write(2, false, (5, 20), End::Unknown);
        stage.read((21, 30), 1, 2);
        let sampled = Samples::default().judge(&stage.calls);
        assert_eq!((sampled.found.count(), sampled.searched, sampled.exhausted), (0, 1, 0));
    }

    #[test]
    fn an_exhausted_search_is_told() {
        let mut stage = Stage::new(Mode::WriteThrough);
        stale(&mut stage);
        let samples = Samples { states_max: 0, ..Samples::default() };
        let sampled = samples.judge(&stage.calls);
        assert_eq!((sampled.found.count(), sampled.searched, sampled.exhausted), (0, 1, 1));
    }

    #[test]
    fn others_are_not_searched() {
        let mut lossy = Stage::new(Mode::Volatile);
        stale(&mut lossy);
        assert_eq!(Samples::default().judge(&lossy.calls).searched, 0);
        let mut long = Stage::new(Mode::WriteThrough);
        stale(&mut long);
        let samples = Samples { operations_max: 1, ..Samples::default() };
        assert_eq!(samples.judge(&long.calls).searched, 0);
    }
}
