use std::collections::{BTreeMap, BTreeSet};

use tenure_types::{ActorId, Instant, Slot, Tenure};

use crate::migration::MoveId;

/// What is to be looked at again at some time. Whoever is looked at too early or in vain is left.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Due {
    /// Reports that are missing.
    Asks,
    /// Reports for which somebody waits.
    Hurry,
    /// A grant under this right, without an answer or not said yet.
    Grant(Slot, ActorId, Tenure),
    /// A look-up without an answer.
    LookUp(ActorId),
    /// A place that is awaited.
    Await(ActorId),
    /// An activation that is not unregistered yet.
    Unregister(ActorId),
    /// A move.
    Move(MoveId),
    /// Memory that arrived.
    Arrival(MoveId),
}

/// What is due, by time: each thing once, at the earliest time that was asked for. Whoever is looked at
/// asks for the next time, so that questions do not multiply with the views that come meanwhile.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    by_time: BTreeSet<(Instant, Due)>,
    times: BTreeMap<Due, Instant>,
}

impl Schedule {
    pub(super) fn put(&mut self, at: Instant, due: Due) {
        if let Some(known) = self.times.get(&due).copied() {
            if known <= at {
                return;
            }
            self.by_time.remove(&(known, due.clone()));
        }
        self.times.insert(due.clone(), at);
        self.by_time.insert((at, due));
    }

    pub(super) fn take(&mut self, now: Instant) -> Option<Due> {
        let is_due = self.by_time.first().is_some_and(|(at, _)| *at <= now);
        let (_, due) = is_due.then(|| self.by_time.pop_first()).flatten()?;
        self.times.remove(&due);
        Some(due)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_due_once_and_at_the_earliest_time() {
        let at = Instant::from_nanos;
        let mut schedule = Schedule::default();
        for nanos in [30, 10, 20] {
            schedule.put(at(nanos), Due::Asks);
        }
        assert_eq!(schedule.next(), Some(at(10)));
        assert_eq!(schedule.take(at(9)), None);
        assert_eq!(schedule.take(at(40)), Some(Due::Asks));
        assert_eq!((schedule.take(at(40)), schedule.next()), (None, None));
        schedule.put(at(50), Due::Asks);
        assert_eq!(schedule.next(), Some(at(50)));
    }
}
