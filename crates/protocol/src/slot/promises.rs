use tenure_types::{Planted, Slot, Tenure, ViewNumber};

/// What a host has promised slot owners: for each slot the highest view it was reported for, and
/// the highest tenure that was granted here.
///
/// A run takes nothing of a view before the first in which it found itself alive: an owner that acquired
/// a slot before did not ask it, and the owner before that one must not use it.
#[derive(Debug)]
pub(crate) struct Promises {
    /// The view it joined in, and then the first one in which it may host.
    hosts_since: ViewNumber,
    /// By slot; empty as long as nothing was promised.
    slots: Vec<Promise>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Promise {
    reported: ViewNumber,
    granted: Tenure,
}

/// Why a grant is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unfit {
    /// The slot was reported for a later view: whoever granted keeps it no more.
    OldView(ViewNumber),
    /// As high a tenure was granted here before: it is a duplicate, or was overtaken.
    OldTenure,
}

impl Promises {
    /// Of a run that joined in this view.
    pub(crate) fn since(joined: ViewNumber) -> Self {
        Self { hosts_since: joined, slots: Vec::new() }
    }

    /// It finds itself alive in this view, for the first time.
    pub(crate) fn hosts_from(&mut self, view: ViewNumber) {
        self.hosts_since = self.hosts_since.max(view);
    }

    /// Promises to take no grant of a view before `view`. `false` if a later one was promised.
    pub(crate) fn report(&mut self, slot: Slot, view: ViewNumber) -> bool {
        let promise = self.promise(slot);
        if view < promise.reported {
            return false;
        }
        promise.reported = view;
        true
    }

    /// The highest view for which the slot was reported.
    pub(crate) fn reported(&self, slot: Slot) -> ViewNumber {
        self.slots.get(slot.index()).map_or(ViewNumber(0), |promise| promise.reported)
    }

    fn promise(&mut self, slot: Slot) -> &mut Promise {
        if self.slots.is_empty() {
            self.slots.resize(Slot::COUNT, Promise::default());
        }
        &mut self.slots[slot.index()]
    }

    /// Takes a grant, or says why not. A tenure is taken once, also where the host then has no room:
    /// a duplicate of it must not be taken later.
    pub(crate) fn take(
        &mut self,
        slot: Slot,
        view: ViewNumber,
        tenure: Tenure,
    ) -> Result<(), Unfit> {
        let hosts_since = self.hosts_since;
        let promise = self.promise(slot);
        let reported = promise.reported.max(hosts_since);
        let ignores_view = Planted::GrantView.is_planted() || Planted::LateGrant.is_planted();
        if view < reported && !ignores_view {
            // Its sender may repeat it under a later view, and gives it up when it hears this.
            promise.granted = promise.granted.max(tenure);
            return Err(Unfit::OldView(reported));
        }
        if tenure <= promise.granted && !Planted::GrantTwice.is_planted() {
            return Err(Unfit::OldTenure);
        }
        promise.granted = promise.granted.max(tenure);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_only_go_up() {
        let mut promises = Promises::since(ViewNumber(2));
        let slot = Slot::default();
        let tenure = |view, sequence| Tenure { view, sequence };
        for (view, granted, expected) in [
            (1, tenure(0, 9), Err(Unfit::OldView(ViewNumber(2)))), // before it joined
            (3, tenure(2, 1), Ok(())),
            (3, tenure(2, 1), Err(Unfit::OldTenure)), // a duplicate
            (4, tenure(2, 3), Ok(())),
            (4, tenure(2, 2), Err(Unfit::OldTenure)), // overtaken on its way
        ] {
            assert_eq!(promises.take(slot, ViewNumber(view), granted), expected, "{granted}");
        }
        assert!(promises.report(slot, ViewNumber(6)));
        assert!(!promises.report(slot, ViewNumber(5)));
        assert!(promises.report(slot, ViewNumber(6)));
        assert_eq!(
            promises.take(slot, ViewNumber(5), tenure(2, 9)),
            Err(Unfit::OldView(ViewNumber(6)))
        );
        // What was refused once stays refused, also under a view that would do.
        assert_eq!(promises.take(slot, ViewNumber(6), tenure(2, 9)), Err(Unfit::OldTenure));
        assert_eq!(promises.take(slot, ViewNumber(6), tenure(6, 1)), Ok(()));
        assert_eq!(promises.reported(slot), ViewNumber(6));
        let late = Slot::new(2).unwrap();
        promises.hosts_from(ViewNumber(4));
        assert_eq!(
            promises.take(late, ViewNumber(3), tenure(1, 1)),
            Err(Unfit::OldView(ViewNumber(4))),
            "whoever acquired the slot in the third view did not ask it"
        );
        assert_eq!(promises.take(late, ViewNumber(4), tenure(1, 2)), Ok(()));
    }
}
