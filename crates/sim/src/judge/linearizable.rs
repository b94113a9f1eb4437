use tenure_types::{Instant, Version};

use super::history::{Calls, Kind, Op};
use super::operations::{ActorHistory, Operation, by_actor};
use super::violation::{JudgeName, Violations};

/// Replies of one actor fit one order of its turns, and that order fits real time (Herlihy and Wing 1990).
///
/// Every reply claims its place by version and tenure, so that no order is searched: O(n log n). In the claimed
/// order
/// - no operation ended before one in front of it was sent (two reads at one version and tenure may stand either way);
/// - two writes do not claim one version, and all who saw a version saw one value, which follows from the value
///   before it, as far as the calls between them are known;
/// - in durable types tenures never fall as versions rise;
/// - no more versions are missing than calls without a reply had been sent before anyone saw them.
///
/// For types that may lose turns the rules about versions hold within a tenure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Linearizable;

impl Linearizable {
    /// Judges every actor's history.
    #[must_use]
    pub fn judge(&self, calls: &Calls) -> Violations {
        let mut found = Violations::new(JudgeName::Linearizable);
        for history in by_actor(calls) {
            real_time(&history, &mut found);
            tenures(&history, &mut found);
            values(&history, &mut found);
            gaps(&history, &mut found);
        }
        found
    }
}

/// Goes through the places from the last to the first, and keeps the operation that ended first.
fn real_time(history: &ActorHistory<'_>, found: &mut Violations) {
    let mut behind: Option<&Operation<'_>> = None;
    let places: Vec<_> = history.told.chunk_by(|a, b| a.place() == b.place()).collect();
    for place in places.into_iter().rev() {
        for operation in place {
            must_not_follow(history, operation, behind, found);
        }
        behind = behind.into_iter().chain(place).min_by_key(|one| one.ended);
    }
}

fn must_not_follow(
    history: &ActorHistory<'_>,
    front: &Operation<'_>,
    behind: Option<&Operation<'_>>,
    found: &mut Violations,
) {
    let Some(behind) = behind.filter(|behind| behind.ended < front.sent) else { return };
    let what = "a call that was sent after another had ended claims a place in front of it";
    found.add(history.actor, what, behind.call.record(), front.call.record());
}

/// In durable types tenures never fall as versions rise.
fn tenures(history: &ActorHistory<'_>, found: &mut Violations) {
    if !history.mode.is_durable() {
        return;
    }
    for pair in history.told.windows(2) {
        if pair[1].tenure() < pair[0].tenure() {
            let what = "a later tenure stands at an earlier version";
            found.add(history.actor, what, pair[0].call.record(), pair[1].call.record());
        }
    }
}

/// One write and one value for a version, and the value that the write makes.
fn values(history: &ActorHistory<'_>, found: &mut Violations) {
    let adds = adds(history);
    for chain in chains(history) {
        let mut before = history.mode.is_durable().then_some((Version::NONE, 0));
        for group in chain.chunk_by(|a, b| a.version() == b.version()) {
            let first = group[0];
            for other in &group[1..] {
                if other.answer.value != first.answer.value {
                    let what = "two values were seen at one version";
                    found.add(history.actor, what, first.call.record(), other.call.record());
                }
                if other.write.is_some() && first.write.is_some() {
                    let what = "two effects claim one version";
                    found.add(history.actor, what, first.call.record(), other.call.record());
                }
            }
            if let Some((least, most)) = before.and_then(|before| follows(before, first, adds))
                && !(least..=most).contains(&first.answer.value)
            {
                let what = format!("the value is not one from {least} to {most}, which follow");
                found.add(history.actor, what, first.call.record(), None);
            }
            before = Some((first.version(), first.answer.value));
        }
    }
}

/// The least and the greatest that a call without a reply may have added, where they do nothing else.
fn adds(history: &ActorHistory<'_>) -> Option<(u64, u64)> {
    let by = history.open.iter().map(|call| match call.ask.kind {
        Kind::Write { op: Op::Add(by), .. } => Some(by),
        Kind::Write { .. } | Kind::Read => None,
    });
    let by: Option<Vec<u64>> = by.collect();
    let by = by?;
    Some((*by.iter().min()?, *by.iter().max()?))
}

/// From which to which value `next` may tell, after another version had this value; `None` if nobody can say.
fn follows(
    (version, value): (Version, u64),
    next: &Operation<'_>,
    adds: Option<(u64, u64)>,
) -> Option<(u64, u64)> {
    let steps = next.version().0.checked_sub(version.0).filter(|&steps| steps > 0)?;
    let op = next.write.unwrap_or(Op::Add(0));
    let missing = steps - u64::from(next.write.is_some());
    if missing == 0 || matches!(op, Op::Set(_)) {
        return op.after(value).map(|value| (value, value));
    }
    let Op::Add(by) = op else { return None };
    let (least, most) = adds?;
    let sum = |each: u64| missing.checked_mul(each)?.checked_add(by)?.checked_add(value);
    Some((sum(least)?, sum(most)?))
}

/// No version is missing that no call without a reply can have made.
fn gaps(history: &ActorHistory<'_>, found: &mut Violations) {
    // Rising, as calls are kept by the time they were sent.
    let sent: Vec<Instant> = history.open.iter().map(|call| call.ask.sent_at).collect();
    let mut missing = 0_u64;
    for chain in chains(history) {
        let seen_by = seen_by(&chain);
        let is_whole = history.mode.is_durable();
        let mut last = if is_whole { Some(Version::NONE) } else { None };
        let mut at = 0;
        for group in chain.chunk_by(|a, b| a.version() == b.version()) {
            let version = group[0].version();
            let steps = last.map_or(0, |last| version.0.saturating_sub(last.0));
            let written = u64::from(steps > 0 && group[0].write.is_some());
            missing = missing.saturating_add(steps - written);
            let (seen, by) = seen_by[at];
            let can = sent.partition_point(|&sent| sent < seen) as u64;
            if missing > can {
                let what = format!(
                    "{missing} versions up to {version} were made by no call, {can} may have been made by calls without a reply"
                );
                found.add(history.actor, what, by.call.record(), None);
                return;
            }
            at += group.len();
            last = Some(version);
        }
    }
}

/// For each operation, when it or a later version was first told, and by whom.
fn seen_by<'a, 'b>(chain: &[&'a Operation<'b>]) -> Vec<(Instant, &'a Operation<'b>)> {
    let mut seen: Vec<(Instant, &Operation<'_>)> =
        chain.iter().map(|&operation| (operation.ended, operation)).collect();
    for at in (1..seen.len()).rev() {
        if seen[at].0 < seen[at - 1].0 {
            seen[at - 1] = seen[at];
        }
    }
    seen
}

/// Operations whose versions count on from each other: all of a durable actor, each tenure of another. By
/// version, the write first.
fn chains<'a, 'b>(history: &'a ActorHistory<'b>) -> Vec<Vec<&'a Operation<'b>>> {
    let mut chains: Vec<Vec<&Operation<'_>>> = if history.mode.is_durable() {
        vec![history.told.iter().collect()]
    } else {
        let tenures = history.told.chunk_by(|a, b| a.tenure() == b.tenure());
        tenures.map(|tenure| tenure.iter().collect()).collect()
    };
    for chain in &mut chains {
        chain.sort_by_key(|one| (one.version(), one.write.is_none(), one.call.id));
    }
    chains
}

#[cfg(test)]
mod tests {
    use super::super::cast::Mode;
    use super::super::history::End;
    use super::super::staging::{Stage, acked, ask, at, reply};
    use super::*;

    fn verdict(mode: Mode, play: impl FnOnce(&mut Stage)) -> Vec<String> {
        let mut stage = Stage::new(mode);
        play(&mut stage);
        let found = Linearizable.judge(&stage.calls);
        found.first().iter().map(|one| one.what.to_string()).collect()
    }

    #[track_caller]
    fn bites(mode: Mode, expected: &str, play: impl FnOnce(&mut Stage)) {
        let found = verdict(mode, play);
        assert!(found.iter().any(|what| what.contains(expected)), "{expected}: {found:?}");
    }

    #[test]
    fn good_histories_pass() {
        // Concurrent writes, reads beside them, a fail-over, an unknown one that happened, one that did not,
        // and a keyed one that was made again.
        let good = |stage: &mut Stage| {
            stage.add(1, (0, 10), 1, 1);
            stage.add(2, (11, 30), 1, 3);
            stage.add(3, (11, 29), 1, 2);
            stage.read((12, 20), 1, 1);
            stage.read((12, 21), 1, 3);
            stage.write(4, false, (31, 40), End::Unknown);
            stage.write(5, false, (31, 40), End::Unknown);
            stage.read((50, 60), 2, 4);
            stage.write(6, true, (61, 70), End::Unknown);
            stage.write(6, true, (71, 80), acked(2, 5));
            stage.read((72, 75), 2, 5);
            stage.write(6, true, (90, 99), acked(2, 5));
            stage.read((81, 82), 2, 5);
            stage.read((81, 83), 3, 5);
        };
        assert_eq!(verdict(Mode::WriteThrough, good), [""; 0]);
        assert_eq!(verdict(Mode::EventSourced, good), [""; 0]);
        assert_eq!(verdict(Mode::WriteBehind, good), [""; 0]);
        // A volatile actor begins anew, one that is written behind falls back.
        for mode in [Mode::Volatile, Mode::WriteBehind] {
            let lossy = |stage: &mut Stage| {
                stage.add(1, (0, 10), 1, 1);
                stage.add(2, (11, 20), 1, 2);
                stage.add(3, (21, 30), 2, 1);
            };
            assert_eq!(verdict(mode, lossy), [""; 0]);
            bites(Mode::WriteThrough, "two effects claim one version", lossy);
        }
    }

    #[test]
    fn real_time_is_kept() {
        let what = "claims a place in front";
        bites(Mode::WriteThrough, what, |stage| {
            stage.add(1, (0, 10), 1, 2);
            stage.add(2, (11, 20), 1, 1);
        });
        // A stale read, in any mode.
        for mode in [Mode::WriteThrough, Mode::Volatile, Mode::WriteBehind] {
            bites(mode, what, |stage| {
                stage.add(1, (0, 10), 1, 1);
                stage.add(2, (11, 20), 1, 2);
                stage.read((21, 30), 1, 1);
            });
        }
        // A read of what is not yet sent.
        bites(Mode::WriteThrough, what, |stage| {
            stage.read((0, 10), 1, 1);
            stage.add(1, (11, 20), 1, 1);
        });
        // The old activation answers after the new one.
        bites(Mode::Volatile, what, |stage| {
            stage.add(1, (0, 10), 1, 1);
            stage.add(2, (11, 20), 2, 1);
            stage.read((21, 30), 1, 1);
        });
        // The reads of two clients disagree, though no write ended.
        bites(Mode::WriteThrough, what, |stage| {
            stage.write(1, false, (0, 99), End::Unknown);
            stage.read((1, 10), 1, 1);
            stage.read((11, 20), 1, 0);
        });
    }

    #[test]
    fn versions_do_not_fall_as_tenures_rise() {
        let fork = |stage: &mut Stage| {
            stage.add(1, (0, 50), 1, 1);
            stage.read((0, 50), 2, 0);
        };
        bites(Mode::WriteThrough, "an earlier version", fork);
        // A version that a later tenure made was seen under an earlier one.
        bites(Mode::WriteThrough, "an earlier version", |stage| {
            stage.read((0, 50), 1, 1);
            stage.add(1, (0, 50), 2, 1);
        });
        assert_eq!(verdict(Mode::WriteBehind, fork), [""; 0]);
    }

    #[test]
    fn a_version_has_one_value() {
        bites(Mode::Volatile, "two values", |stage| {
            stage.add(1, (0, 10), 1, 1);
            let id = stage.calls.begin(ask(0, Mode::Volatile, Kind::Read, 11));
            stage.calls.end(id, at(12), reply(1, 1, 7));
        });
        bites(Mode::WriteThrough, "is not one from 2 to 2", |stage| {
            stage.add(1, (0, 10), 1, 1);
            stage.write(2, false, (11, 20), reply(1, 2, 3));
        });
        bites(Mode::EventSourced, "is not one from 1 to 1", |stage| {
            stage.write(1, false, (0, 10), reply(1, 1, 2));
        });
        // Over versions that nobody told of.
        bites(Mode::WriteThrough, "is not one from 3 to 3", |stage| {
            stage.add(1, (0, 10), 1, 1);
            stage.write(2, false, (11, 20), End::Unknown);
            stage.write(3, false, (21, 30), reply(1, 3, 4));
        });
        bites(Mode::Volatile, "two effects", |stage| {
            stage.add(1, (0, 10), 1, 1);
            stage.add(2, (0, 10), 1, 1);
        });
    }

    #[test]
    fn versions_are_made_by_calls() {
        let what = "made by no call";
        bites(Mode::WriteThrough, what, |stage| stage.add(1, (0, 10), 1, 2));
        bites(Mode::WriteThrough, what, |stage| stage.read((0, 10), 1, 1));
        bites(Mode::Volatile, what, |stage| {
            stage.add(1, (0, 10), 1, 4);
            stage.add(2, (11, 20), 1, 6);
        });
        // The call without a reply was sent too late to explain it.
        bites(Mode::WriteThrough, what, |stage| {
            stage.read((0, 10), 1, 1);
            stage.write(1, false, (11, 20), End::Unknown);
        });
        // A refused one explains nothing, nor does one whose key was told.
        bites(Mode::WriteThrough, what, |stage| {
            stage.write(1, false, (0, 9), End::NotExecuted);
            stage.write(2, true, (0, 9), End::Unknown);
            stage.write(2, true, (10, 20), acked(1, 2));
        });
        bites(Mode::WriteThrough, what, |stage| stage.read((0, 10), 1, u64::MAX));
    }
}
