use std::collections::BTreeMap;

use super::cast::ActorNo;
use super::history::Calls;
use super::operations::{Operation, by_actor};
use super::violation::{JudgeName, Violations};

/// Clients never see two copies of an actor in memory at a time: every activation draws a random number that
/// its replies tell, and the times in which two numbers surely answered do not overlap.
///
/// Each number has a zone, from the first end of a call that told it to the last sending of one; zones show
/// whether all calls of one can stand before all of the other (Gibbons and Korach 1997, "Testing shared
/// memories", section 4.1). O(n log n).
#[derive(Clone, Copy, Debug, Default)]
pub struct Copies;

/// What was told of one number.
struct Zone<'a, 'b> {
    first_ended: &'a Operation<'b>,
    last_sent: &'a Operation<'b>,
}

impl Zone<'_, '_> {
    /// Whether it surely answered all the time from the first end to the last sending.
    fn is_forward(&self) -> bool {
        self.first_ended.ended < self.last_sent.sent
    }
}

impl Copies {
    /// Judges every actor whose replies tell their number.
    #[must_use]
    pub fn judge(&self, calls: &Calls) -> Violations {
        let mut found = Violations::new(JudgeName::Copies);
        for history in by_actor(calls) {
            let mut zones: BTreeMap<u64, Zone<'_, '_>> = BTreeMap::new();
            for told in history.told.iter().filter(|told| told.answer.memory != 0) {
                let fresh = Zone { first_ended: told, last_sent: told };
                let zone = zones.entry(told.answer.memory).or_insert(fresh);
                if told.ended < zone.first_ended.ended {
                    zone.first_ended = told;
                }
                if told.sent > zone.last_sent.sent {
                    zone.last_sent = told;
                }
            }
            overlaps(history.actor, zones.into_values(), &mut found);
        }
        found
    }
}

fn overlaps<'a, 'b: 'a>(
    actor: ActorNo,
    zones: impl Iterator<Item = Zone<'a, 'b>>,
    found: &mut Violations,
) {
    let (mut forward, backward): (Vec<_>, Vec<_>) = zones.partition(Zone::is_forward);
    forward.sort_by_key(|zone| zone.first_ended.ended);
    let mut longest: Option<&Zone<'_, '_>> = None;
    for zone in &forward {
        if let Some(other) = longest.filter(|other| zone.first_ended.ended < other.last_sent.sent) {
            conflict(actor, other, zone, found);
        }
        if longest.is_none_or(|other| other.last_sent.sent < zone.last_sent.sent) {
            longest = Some(zone);
        }
    }
    for zone in &backward {
        // Where forward zones do not overlap, only the last that begins before it can hold it.
        let behind = forward.partition_point(|other| other.first_ended.ended < zone.last_sent.sent);
        let around = behind.checked_sub(1).map(|at| &forward[at]);
        if let Some(other) = around.filter(|other| zone.first_ended.ended < other.last_sent.sent) {
            conflict(actor, other, zone, found);
        }
    }
}

fn conflict(actor: ActorNo, one: &Zone<'_, '_>, other: &Zone<'_, '_>, found: &mut Violations) {
    let memory = |zone: &Zone<'_, '_>| zone.first_ended.answer.memory;
    let what = format!(
        "memory {:x} answered from {:?} to {:?}, and memory {:x} in between",
        memory(one),
        one.first_ended.ended,
        one.last_sent.sent,
        memory(other),
    );
    found.add(actor, what, one.last_sent.call.record(), other.first_ended.call.record());
}

#[cfg(test)]
mod tests {
    use super::super::cast::Mode;
    use super::super::history::{Answer, End, Kind};
    use super::super::staging::{Stage, ask, at, tenure};
    use super::*;
    use tenure_types::Version;

    fn judge(reads: &[(u64, u64, u64)]) -> u64 {
        let mut stage = Stage::new(Mode::Volatile);
        for &(sent, ended, memory) in reads {
            let id = stage.calls.begin(ask(0, Mode::Volatile, Kind::Read, sent));
            let (tenure, version) = (tenure(1), Version::NONE);
            stage.calls.end(
                id,
                at(ended),
                End::Acked(Answer { tenure, version, value: 0, memory }),
            );
        }
        Copies.judge(&stage.calls).count()
    }

    #[test]
    fn copies_follow_each_other() {
        for (reads, expected) in [
            (&[(0, 1, 1), (2, 3, 1), (4, 5, 2), (6, 7, 2)][..], 0),
            // Calls that overlap the change may stand on either side.
            (&[(0, 9, 1), (2, 3, 1), (4, 12, 1), (5, 11, 2), (10, 20, 2)], 0),
            // Two forward zones overlap.
            (&[(0, 1, 1), (2, 3, 2), (4, 5, 1), (6, 7, 2)], 1),
            (&[(0, 1, 1), (20, 21, 1), (2, 3, 2), (4, 5, 2), (8, 9, 3), (10, 11, 3)], 2),
            // One call of another copy inside.
            (&[(0, 1, 1), (2, 3, 2), (4, 5, 1)], 1),
            // It need not lie inside.
            (&[(0, 1, 1), (2, 5, 2), (4, 5, 1)], 0),
            // Numbers that are not told.
            (&[(0, 1, 1), (2, 3, 0), (4, 5, 1)], 0),
        ] {
            assert_eq!(judge(reads), expected, "{reads:?}");
        }
    }

    /// Against a search for an order of the copies by brute force.
    #[test]
    fn zones_agree_with_a_search() {
        let mut dice = crate::entropy::Dice::new(5);
        let (mut good, mut bad) = (0, 0);
        for _ in 0..4_000 {
            let reads: Vec<_> = (0..6)
                .map(|_| {
                    let sent = dice.below(12);
                    (sent, sent + dice.below(6), 1 + dice.below(3))
                })
                .collect();
            let can = permutations(&[1, 2, 3]).iter().any(|order| fits(&reads, order));
            assert_eq!(judge(&reads) == 0, can, "{reads:?}");
            if can { good += 1 } else { bad += 1 }
        }
        assert!(good > 400 && bad > 400, "{good} {bad}");
    }

    /// No call of a later copy ended before one of an earlier copy was sent.
    fn fits(reads: &[(u64, u64, u64)], order: &[u64]) -> bool {
        let place = |memory: u64| order.iter().position(|&one| one == memory);
        reads.iter().all(|&(sent, _, memory)| {
            let is_early = |&&(_, ended, other): &&(u64, u64, u64)| {
                place(other) > place(memory) && ended < sent
            };
            reads.iter().filter(is_early).count() == 0
        })
    }

    fn permutations(items: &[u64]) -> Vec<Vec<u64>> {
        if items.is_empty() {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for (at, &first) in items.iter().enumerate() {
            let rest: Vec<u64> = [&items[..at], &items[at + 1..]].concat();
            all.extend(permutations(&rest).into_iter().map(|tail| [vec![first], tail].concat()));
        }
        all
    }
}
