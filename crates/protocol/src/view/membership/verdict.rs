use std::collections::BTreeMap;

use tenure_types::{Incarnation, Instant};

use super::errand::Errand;
use crate::view::View;
use crate::view::table::{Reason, TableAction};

/// The most members on whom one member has a verdict on its way. More wait until they are observed again.
pub const VERDICTS_MAX: usize = 64;

/// What speaks for a member's death.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Death {
    /// It said goodbye, signed, or its sentinel saw it die: nothing of it runs.
    Proof,
    /// Connections to it were reset and dialling again was refused. It may well live.
    Presumption {
        /// How many members saw that, this one included.
        seen_by: usize,
    },
}

/// What a member is to undergo, the weaker first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Verdict {
    Condemned(Reason),
    Expired { beat: u64 },
    Dead,
}

/// What this member wants done to others until the table says that it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdicts {
    rows: BTreeMap<Incarnation, (Verdict, Errand)>,
}

impl Verdicts {
    pub(super) fn errand(&mut self, incarnation: Incarnation) -> Option<&mut Errand> {
        self.rows.get_mut(&incarnation).map(|(_, errand)| errand)
    }

    pub(super) fn wake(&self) -> Instant {
        let wakes = self.rows.values().map(|(_, errand)| errand.wake());
        wakes.min().unwrap_or(Instant::NEVER)
    }

    pub(super) fn remove(&mut self, incarnation: Incarnation) -> Option<Verdict> {
        self.rows.remove(&incarnation).map(|(verdict, _)| verdict)
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
    }

    /// Drops what is not proven: who said it has lost its own lease meanwhile.
    pub(super) fn forget_accusations(&mut self) {
        self.rows.retain(|_, (verdict, _)| !matches!(verdict, Verdict::Condemned(_)));
    }

    /// Drops the leases that ran out as was observed and is not any more. What is on its way stays.
    pub(super) fn forget_unobserved(&mut self, is_expired: impl Fn(Incarnation) -> bool) {
        self.rows.retain(|incarnation, (verdict, errand)| {
            !matches!(verdict, Verdict::Expired { .. })
                || errand.is_on_its_way()
                || is_expired(*incarnation)
        });
    }

    pub(super) fn expired(&mut self, now: Instant, incarnation: Incarnation, beat: u64) {
        // A request that is on its way is not overtaken by another of the same beat.
        let waits = |(verdict, _): &(Verdict, Errand)| *verdict >= Verdict::Expired { beat };
        if !self.rows.get(&incarnation).is_some_and(waits) {
            self.pass(now, incarnation, Verdict::Expired { beat });
        }
    }

    /// A stronger verdict takes the place of a weaker one.
    pub(super) fn pass(&mut self, now: Instant, incarnation: Incarnation, verdict: Verdict) {
        let known = self.rows.get(&incarnation).map(|(known, _)| *known);
        let has_room = known.is_some() || self.rows.len() < VERDICTS_MAX;
        if known.is_none_or(|known| known < verdict) && has_room {
            self.rows.insert(incarnation, (verdict, Errand::due(now)));
        }
    }

    pub(super) fn due(&self, is_due: impl Fn(&Errand) -> bool) -> Vec<(Incarnation, TableAction)> {
        let due = self.rows.iter().filter(|(_, (_, errand))| is_due(errand));
        due.map(|(incarnation, (verdict, _))| (*incarnation, verdict.action(*incarnation)))
            .collect()
    }

    /// Drops what is done, by whomever.
    pub(super) fn handle_view(&mut self, view: &View) {
        self.rows.retain(|incarnation, (verdict, _)| {
            view.state(*incarnation).is_some_and(|state| match verdict {
                Verdict::Condemned(_) => state.is_living(),
                Verdict::Expired { .. } | Verdict::Dead => !state.is_gone(),
            })
        });
    }
}

impl Verdict {
    fn action(self, incarnation: Incarnation) -> TableAction {
        match self {
            Self::Condemned(reason) => TableAction::Condemn { incarnation, beat: None, reason },
            Self::Expired { beat } => TableAction::Down { incarnation, beat },
            Self::Dead => TableAction::DownProven { incarnation },
        }
    }
}
