use std::collections::BTreeMap;
use std::time::Duration;

use tenure_types::Instant;

use super::cast::{ActorNo, Mode};
use super::durable::Durable;
use super::history::Calls;
use super::operations::{ActorHistory, Operation, by_actor};
use super::violation::{JudgeName, Record, Violations};

/// How many endings, and times without a store, are kept. Later ones are counted.
const PARTINGS_MAX: u64 = 1 << 18;

/// Why an activation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Its node crashed.
    Crash,
    /// An exclusive turn panicked.
    Panic,
    /// Its node lost its lease and did not get it back.
    LeaseLost,
    /// Its store was lost, or another's unit was in its way.
    StoreLost,
    /// It was moved, or left memory in order: by a drain, a stop, or being idle.
    Orderly,
}

/// The end of an activation, or of a node with all of its activations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parting {
    /// Whose activation; `None` for any actor's.
    pub actor: Option<ActorNo>,
    /// Why.
    pub cause: Cause,
    /// When it could produce nothing any more.
    pub at: Instant,
}

/// What a write-behind type loses of what it acknowledged is younger than `max_delay` and one flush when its
/// activation ended, and nothing is lost in order.
///
/// A turn counts as lost when the last state does not remember it, or when a later tenure stood at an earlier
/// version. The time in which the store was away is not counted.
#[derive(Clone, Debug)]
pub struct Behind {
    max_delay: Duration,
    flush: Duration,
    partings: BTreeMap<Option<ActorNo>, Vec<Parting>>,
    away: Vec<(Instant, Instant)>,
    told: u64,
}

impl Behind {
    /// For types with this `max_delay`, on a store that answers within `flush` unless it is away.
    #[must_use]
    pub fn new(max_delay: Duration, flush: Duration) -> Self {
        Self { max_delay, flush, partings: BTreeMap::new(), away: Vec::new(), told: 0 }
    }

    /// An activation ended.
    pub fn parted(&mut self, parting: Parting) {
        self.told += 1;
        if self.told <= PARTINGS_MAX {
            self.partings.entry(parting.actor).or_default().push(parting);
        }
    }

    /// A store did not answer in this time, or outcomes were unknown. Times may overlap.
    pub fn store_away(&mut self, from: Instant, until: Instant) {
        self.told += 1;
        if self.told <= PARTINGS_MAX {
            let at = self.away.partition_point(|&(other, _)| other < from);
            self.away.insert(at, (from, until));
        }
    }

    /// How many endings and times were not kept: past that nobody can say what excuses a loss.
    #[must_use]
    pub fn not_kept(&self) -> u64 {
        self.told.saturating_sub(PARTINGS_MAX)
    }

    /// Judges all acknowledged turns of write-behind types whose replies did not wait. Finds nothing where
    /// [`Behind::not_kept`] is not zero.
    #[must_use]
    pub fn judge(&self, calls: &Calls, durable: &Durable) -> Violations {
        let mut found = Violations::new(JudgeName::Behind);
        if self.not_kept() > 0 {
            return found;
        }
        for history in by_actor(calls).iter().filter(|one| one.mode == Mode::WriteBehind) {
            for (lost, by) in lost(history, durable) {
                self.excuse(history.actor, lost, by, &mut found);
            }
        }
        found
    }

    fn excuse(&self, actor: ActorNo, lost: &Operation<'_>, by: Record, found: &mut Violations) {
        let bound = self.max_delay + self.flush;
        let candidates = [Some(actor), None].into_iter().filter_map(|of| self.partings.get(&of));
        let partings: Vec<&Parting> =
            candidates.flatten().filter(|parting| parting.at >= lost.sent).collect();
        let is_excuse = |parting: &&&Parting| {
            let age = (parting.at - lost.ended).saturating_sub(self.away(lost.ended, parting.at));
            parting.cause != Cause::Orderly && age <= bound
        };
        if partings.iter().any(|parting| is_excuse(&parting)) {
            return;
        }
        let near = partings.iter().min_by_key(|parting| parting.at);
        let what = match near {
            None => "an acknowledged turn is lost though no activation ended".to_owned(),
            Some(Parting { cause: Cause::Orderly, .. }) => {
                "an acknowledged turn is lost though its activation left in order".to_owned()
            }
            Some(parting) => format!(
                "an acknowledged turn that is lost was {:?} old when its activation ended",
                parting.at - lost.ended
            ),
        };
        let other = near.map_or(by, |parting| Record::new(parting.at, parting));
        found.add(actor, what, lost.call.record(), other);
    }

    /// How long a store was away between two moments.
    fn away(&self, from: Instant, until: Instant) -> Duration {
        let (mut total, mut counted) = (Duration::ZERO, from);
        for &(start, end) in &self.away {
            let (start, end) = (start.max(counted), end.min(until));
            if end > start {
                total += end - start;
                counted = end;
            }
        }
        total
    }
}

/// Acknowledged turns that are gone, each with what shows it.
fn lost<'a, 'b>(
    history: &'a ActorHistory<'b>,
    durable: &Durable,
) -> Vec<(&'a Operation<'b>, Record)> {
    let state = durable.finals().get(&history.actor);
    let mut remembered = state.and_then(|state| state.effects.clone());
    if let Some(effects) = &mut remembered {
        effects.sort_unstable();
    }
    let mut lost = Vec::new();
    // From the last tenure to the first: the least version that any later tenure began at.
    let mut least = state.map(|state| (state.version, Record::new(state.at, &state.version)));
    let tenures: Vec<_> = history.told.chunk_by(|a, b| a.tenure() == b.tenure()).collect();
    for tenure in tenures.into_iter().rev() {
        for told in tenure.iter().filter(|told| told.write.is_some() && !told.call.ask.is_durable())
        {
            let effect = told.call.ask.effect();
            let is_kept = match (&remembered, effect) {
                (Some(effects), Some(effect)) => effects.binary_search(&effect).is_ok(),
                _ => least.as_ref().is_none_or(|(version, _)| told.version() <= *version),
            };
            if !is_kept && let Some((_, by)) = &least {
                lost.push((told, by.clone()));
            }
        }
        let first = &tenure[0];
        // Before a write its actor stood at the version in front of it.
        let began = first.version().0 - u64::from(first.write.is_some() && first.version().0 > 0);
        let began = tenure_types::Version(began);
        if least.as_ref().is_none_or(|(version, _)| began < *version) {
            least = Some((began, first.call.record()));
        }
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::super::durable::Final;
    use super::super::staging::{A, Stage, at};
    use super::*;
    use tenure_types::Version;

    const MS: Duration = Duration::from_millis(1);

    fn judge(
        behind: &Behind,
        effects: Option<&[u64]>,
        play: impl FnOnce(&mut Stage),
    ) -> Vec<String> {
        let mut stage = Stage::new(Mode::WriteBehind);
        play(&mut stage);
        let mut durable = Durable::default();
        if let Some(effects) = effects {
            let effects = Some(effects.to_vec());
            durable.finally(A, Final { at: at(9_999), version: Version(2), value: 2, effects });
        }
        let found = behind.judge(&stage.calls, &durable);
        found.first().iter().map(|one| one.what.to_string()).collect()
    }

    fn with(actor: Option<ActorNo>, cause: Cause, at_ms: u64) -> Behind {
        let mut behind = Behind::new(200 * MS, 50 * MS);
        behind.parted(Parting { actor, cause, at: at(at_ms) });
        behind
    }

    /// The second turn is lost: the next tenure makes its version again.
    fn falls_back(stage: &mut Stage) {
        stage.add(1, (0, 10), 1, 1);
        stage.add(2, (90, 100), 1, 2);
        stage.add(3, (2_000, 2_010), 2, 2);
    }

    #[test]
    fn young_turns_may_be_lost_by_a_crash() {
        for cause in [Cause::Crash, Cause::Panic, Cause::LeaseLost, Cause::StoreLost] {
            for (parted, expected) in [(95, 0), (100, 0), (350, 0), (351, 1), (1_000, 1), (80, 1)] {
                for actor in [Some(A), None] {
                    let behind = with(actor, cause, parted);
                    for effects in [None, Some(&[1, 3][..])] {
                        let found = judge(&behind, effects, falls_back);
                        assert_eq!(found.len(), expected, "{cause:?} {parted} {found:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_lost_in_order_or_for_no_reason() {
        let orderly = with(Some(A), Cause::Orderly, 110);
        let expected = "an acknowledged turn is lost though its activation left in order";
        assert_eq!(judge(&orderly, None, falls_back), [expected]);
        let other = with(Some(ActorNo(9)), Cause::Crash, 110);
        let expected = "an acknowledged turn is lost though no activation ended";
        assert_eq!(judge(&other, None, falls_back), [expected]);
        // Nothing is lost that a later tenure stands on, or that the last state remembers.
        let kept = |stage: &mut Stage| {
            stage.add(1, (0, 10), 1, 1);
            stage.read((2_000, 2_010), 2, 1);
            stage.add(2, (2_020, 2_030), 2, 2);
        };
        assert_eq!(judge(&orderly, None, kept), [""; 0]);
        assert_eq!(judge(&orderly, Some(&[1, 2]), kept), [""; 0]);
        assert_eq!(judge(&orderly, Some(&[1]), kept).len(), 1);
    }

    #[test]
    fn the_time_without_a_store_does_not_count() {
        let mut behind = with(Some(A), Cause::Crash, 1_000);
        behind.store_away(at(300), at(700));
        assert_eq!(judge(&behind, None, falls_back).len(), 1, "500 ms remain");
        behind.store_away(at(150), at(400));
        behind.store_away(at(650), at(750));
        assert_eq!(judge(&behind, None, falls_back).len(), 1, "300 ms remain");
        behind.store_away(at(940), at(5_000));
        assert_eq!(judge(&behind, None, falls_back).len(), 0, "240 ms remain");
    }
}
