use super::errand::{Kind, Pending};
use super::{
    Effect, Errand, Incarnation, Instant, Lost, Me, MemberState, Membership, Phase, TableAnswer,
    TableError, TableOutcome,
};
use tenure_types::{Planted, ViewNumber};

impl Membership {
    /// What came of a request. `now` was read after it came. An answer to a request that was lost or is of
    /// an earlier incarnation is ignored.
    pub fn handle_answer(&mut self, now: Instant, request: u64, result: Result<TableAnswer, Lost>) {
        let Some(pending) = self.settle(request) else { return };
        match result {
            Err(lost) => self.handle_lost(now, pending.kind, lost),
            Ok(answer) => {
                self.observed.handle_timeline(answer.timeline);
                self.take(now, request, pending, answer);
            }
        }
        self.work(now);
    }

    fn take(&mut self, now: Instant, request: u64, pending: Pending, answer: TableAnswer) {
        let number = answer.number;
        match answer.outcome {
            Err(
                error
                @ (TableError::Behind { .. } | TableError::Replaced { .. } | TableError::Full),
            ) => {
                self.handle_trouble(now, pending.kind, error);
                return;
            }
            outcome => {
                self.trouble = None;
                self.seen = self.seen.max(number);
                match pending.kind {
                    Kind::Join => self.handle_joined(now, &outcome),
                    Kind::Beat => self.handle_beaten(now, request, pending, &outcome),
                    Kind::Poll => self.handle_polled(now, outcome),
                    Kind::Advance(to) => self.handle_advanced(now, number, to, &outcome),
                    Kind::Verdict(it) => self.handle_judged(now, number, it, &outcome),
                    Kind::Forget => {}
                }
            }
        }
        self.handle_number(now, number);
    }

    /// Somebody says that there is a view with this number: it is read at once if it is newer.
    pub fn handle_number(&mut self, now: Instant, number: ViewNumber) {
        if !matches!(self.phase, Phase::In(_)) {
            return;
        }
        if number > self.view.number && self.errands.poll.wake() > now {
            self.errands.poll.hurry(now);
            self.work(now);
        }
    }

    fn handle_trouble(&mut self, now: Instant, kind: Kind, error: TableError) {
        self.handle_lost(now, kind, Lost);
        if self.trouble.as_ref() != Some(&error) {
            self.trouble = Some(error.clone());
            self.effects.push(Effect::Trouble(error));
        }
    }

    fn handle_joined(&mut self, now: Instant, outcome: &Result<TableOutcome, TableError>) {
        let Ok(TableOutcome::Joined { incarnation, .. }) = outcome else { return };
        let incarnation = *incarnation;
        let state = MemberState::Joining;
        self.phase = Phase::In(Me { incarnation, beat: 0, state, wish: state });
        self.errands.beat = Errand::due(now);
        self.errands.poll = Errand::due(now);
        self.effects.push(Effect::Joined(incarnation));
        self.effects.push(Effect::Hint(ViewNumber(incarnation.0)));
    }

    fn handle_beaten(
        &mut self,
        now: Instant,
        request: u64,
        pending: Pending,
        outcome: &Result<TableOutcome, TableError>,
    ) {
        let Phase::In(me) = &mut self.phase else { return };
        let is_renewed = match outcome {
            Ok(TableOutcome::Beaten { beat }) => {
                me.beat = *beat;
                true
            }
            Err(TableError::Refused { beat, .. }) if Planted::BeatUnchecked.is_planted() => {
                me.beat = *beat;
                true
            }
            // An earlier renewal of unknown outcome was done. When it was sent is not known any more,
            // so it does not count.
            Err(TableError::Refused { state, beat }) if state.is_living() => {
                me.beat = *beat;
                self.errands.beat.hurry(now);
                false
            }
            _ => return self.discard(),
        };
        if is_renewed {
            let change = self.lease.handle_renewed(now, request, pending.sent_at);
            self.tell_lease(change);
            self.errands.advance.hurry(now);
        }
    }

    fn handle_advanced(
        &mut self,
        now: Instant,
        number: ViewNumber,
        to: MemberState,
        outcome: &Result<TableOutcome, TableError>,
    ) {
        let Phase::In(me) = &mut self.phase else { return };
        match outcome {
            Ok(_) => {
                me.state = to;
                self.errands.advance.hurry(now);
                self.effects.push(Effect::Hint(number));
                if to == MemberState::Left {
                    self.end(Effect::Left);
                }
            }
            Err(TableError::Refused { state, .. }) if state.is_living() => {
                me.state = *state;
                self.errands.advance.hurry(now);
            }
            Err(_) => self.discard(),
        }
    }

    /// It is condemned, down or forgotten.
    pub(super) fn discard(&mut self) {
        let is_leaving = matches!(&self.phase, Phase::In(me) if me.wish == MemberState::Left);
        self.end(if is_leaving { Effect::Left } else { Effect::Discard });
    }

    pub(super) fn is_me(&self, incarnation: Incarnation) -> bool {
        self.incarnation() == Some(incarnation)
    }
}
