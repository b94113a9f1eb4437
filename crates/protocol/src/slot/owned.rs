use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_types::{ActorId, Incarnation, Instant, Planted, Tenure, ViewNumber};

use super::{Awaited, Awaiting};
use crate::directory::{Entry, Wish};

/// A slot as its owner keeps it.
#[derive(Debug)]
pub(crate) struct OwnedSlot {
    /// The view in which it was acquired: rights given in it are numbered by it.
    pub(crate) view: ViewNumber,
    /// The last view known here in which the ring gave the slot to this member. Grants are of this
    /// view: hosts that reported the slot to its next owner refuse them, also while this member, which
    /// knows that owner, was not asked by it yet.
    pub(crate) kept_in: ViewNumber,
    /// The members whose report is missing, and what came of it.
    pub(crate) awaited: Awaited,
    /// The dead that may have had something here and that nobody reports for.
    pub(crate) dead: Arc<Vec<Incarnation>>,
    /// Where each actor is.
    pub(crate) entries: BTreeMap<ActorId, Entry>,
    /// Look-ups that cannot be answered yet.
    pub(crate) waiting: BTreeMap<ActorId, Waiting>,
    /// Who wants to hear where actors are, and does not have them placed.
    pub(crate) awaiting: Awaiting,
    /// When its reports are asked for again.
    pub(crate) ask_at: Instant,
    /// Whether they were asked for before others, as somebody waits.
    pub(crate) hurried: bool,
    /// How often they were asked for.
    pub(crate) asked: u32,
    /// When they were asked for first.
    pub(crate) since: Instant,
    sequence: u64,
}

/// Who waits for an actor's place.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) wish: Wish,
    pub(crate) callers: Vec<Incarnation>,
    /// Who has refused the actor since everybody was asked last: members of the view, each once.
    pub(crate) refusers: Vec<Incarnation>,
}

/// What is known of one that died.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Dead {
    /// No commit of it can become visible any more.
    pub(crate) fenced: bool,
    /// Its lease has run out, or its death is proven.
    pub(crate) down: bool,
    /// Its death is presumed, and the cluster trusts presumptions.
    pub(crate) presumed: bool,
}

impl Dead {
    /// Whether an actor of it may start elsewhere.
    pub(crate) fn clears(self, durable: bool) -> bool {
        let fenced = self.fenced || Planted::LoadUnfenced.is_planted();
        let silent = self.down
            || (durable && self.presumed)
            || (!durable && Planted::OpenFragile.is_planted());
        fenced && silent
    }
}

/// For which actors a slot is open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Openness {
    /// For none that nobody reported.
    Closed,
    /// For durable ones too.
    Durable,
    /// For all.
    Open,
}

impl OwnedSlot {
    /// A slot that was just acquired.
    pub(crate) fn acquired(
        view: ViewNumber,
        awaited: Awaited,
        dead: Arc<Vec<Incarnation>>,
        now: Instant,
    ) -> Self {
        Self {
            view,
            kept_in: view,
            awaited,
            dead,
            entries: BTreeMap::new(),
            waiting: BTreeMap::new(),
            awaiting: Awaiting::new(now),
            ask_at: now,
            hurried: false,
            asked: 0,
            since: now,
            sequence: 0,
        }
    }

    /// The number of the next right that is given in this slot.
    pub(crate) fn next_tenure(&mut self) -> Tenure {
        self.sequence += 1;
        Tenure { view: self.view.0, sequence: self.sequence }
    }

    /// Whether every report is in.
    pub(crate) fn is_reported(&self) -> bool {
        self.awaited.is_empty() || Planted::OpenEarly.is_planted()
    }

    /// For which actors it is open, by what is known of its dead.
    pub(crate) fn openness(&self, dead: impl Fn(Incarnation) -> Dead) -> Openness {
        if !self.is_reported() {
            return Openness::Closed;
        }
        let all = |durable| self.dead.iter().all(|it| dead(*it).clears(durable));
        match (all(false), all(true)) {
            (true, _) => Openness::Open,
            (false, true) => Openness::Durable,
            (false, false) => Openness::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_opens_in_two_steps() {
        let [first, second] = [Incarnation(1), Incarnation(2)];
        let awaited = Awaited::of([first].into_iter());
        let mut slot =
            OwnedSlot::acquired(ViewNumber(5), awaited, Arc::new(vec![second]), Instant::ZERO);
        let dead = |fenced, down, presumed| move |_| Dead { fenced, down, presumed };
        assert_eq!(slot.openness(dead(true, true, false)), Openness::Closed);
        slot.awaited.remove(first);
        for (fenced, down, presumed, expected) in [
            (false, false, false, Openness::Closed),
            (true, false, false, Openness::Closed), // condemned only: its lease may still run
            (false, true, false, Openness::Closed), // a late write of it could still land
            (true, false, true, Openness::Durable),
            (true, true, false, Openness::Open),
            (true, true, true, Openness::Open),
        ] {
            let state = dead(fenced, down, presumed);
            assert_eq!(slot.openness(state), expected, "{:?}", state(second));
        }
        assert_eq!(slot.next_tenure(), Tenure { view: 5, sequence: 1 });
        assert_eq!(slot.next_tenure(), Tenure { view: 5, sequence: 2 });
    }
}
