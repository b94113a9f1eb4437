use tenure_types::{Planted, ViewNumber};

use super::verdict::Verdict;
use super::{
    Death, Effect, FastPath, Incarnation, Instant, MemberState, Membership, Phase, Reason,
    TableError, TableOutcome,
};

impl Membership {
    /// Something speaks for the death of a member (DESIGN section 7, rule 7). A leaving member's connections
    /// break in order, so for one of those, as for whatever [`FastPath`] does not allow, it is a hint.
    pub fn handle_death(&mut self, now: Instant, incarnation: Incarnation, death: Death) {
        let state = self.view.state(incarnation);
        let verdict = match death {
            _ if !self.may_judge(incarnation) || state == Some(MemberState::Leaving) => None,
            Death::Presumption { .. } if Planted::FastPath.is_planted() => Some(Verdict::Dead),
            Death::Proof if self.config.fast_path != FastPath::Off => Some(Verdict::Dead),
            Death::Presumption { seen_by }
                if self.config.fast_path == FastPath::Presumed
                    && seen_by >= self.eyes()
                    && self.lease.holds(now) =>
            {
                Some(Verdict::Condemned(Reason::PresumedDead))
            }
            _ => None,
        };
        match verdict {
            Some(verdict) => {
                self.verdicts.pass(now, incarnation, verdict);
                self.work(now);
            }
            None => self.handle_hint(now, incarnation),
        }
    }

    /// How many members have to presume a death: two, or the only other one of a pair.
    fn eyes(&self) -> usize {
        let living = self.view.members().filter(|member| member.state.is_living()).count();
        if living <= 2 { 1 } else { 2 }
    }

    /// The member's report to a slot owner is missing for 1.03 L + 50 ms, as the caller observed: it is
    /// condemned although it beats. Say it again while the member is living and the report is missing.
    ///
    /// Who has no lease itself condemns nobody: it may be the one that cannot be reached, and be down by now. An
    /// accusation that has not reached the table when the lease ends is dropped.
    pub fn accuse(&mut self, now: Instant, incarnation: Incarnation) {
        let is_living = self.view.state(incarnation).is_some_and(MemberState::is_living);
        if is_living && self.may_judge(incarnation) && self.lease.holds(now) {
            self.verdicts.pass(now, incarnation, Verdict::Condemned(Reason::MissingReport));
            self.work(now);
        }
    }

    fn may_judge(&self, incarnation: Incarnation) -> bool {
        let is_listed = self.view.state(incarnation).is_some_and(|state| !state.is_gone());
        is_listed && !self.is_me(incarnation) && matches!(self.phase, Phase::In(_))
    }

    pub(super) fn handle_judged(
        &mut self,
        now: Instant,
        number: ViewNumber,
        incarnation: Incarnation,
        outcome: &Result<TableOutcome, TableError>,
    ) {
        let Some(verdict) = self.verdicts.remove(incarnation) else { return };
        let is_moved = outcome.is_ok();
        match outcome {
            Ok(_) if matches!(verdict, Verdict::Condemned(_)) => {}
            // It renewed, or somebody else was first: the observation goes on, or begins anew.
            Err(TableError::Refused { state, beat }) if !state.is_gone() => {
                self.observed.handle_read(now, incarnation, *beat);
            }
            _ => self.observed.retain(|it| it != incarnation),
        }
        if is_moved {
            self.effects.push(Effect::Hint(number));
        }
    }
}
