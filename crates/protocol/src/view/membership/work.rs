//! What is due is asked of the table, and the timer is armed for what is due next.

use super::errand::{Errand, Kind, Pending};
use super::{
    Effect, Incarnation, Instant, Lost, Me, MemberState, Membership, Phase, Seat, TableAction,
    TableRequest, Timer,
};

impl Membership {
    /// Takes the request off those that wait for an answer, or says that it is not one of them.
    pub(super) fn settle(&mut self, request: u64) -> Option<Pending> {
        let pending = self.errands.pending.remove(&request)?;
        let is_current = match self.errand(pending.kind) {
            Some(errand) => errand.answered(request),
            None => false,
        };
        is_current.then_some(pending)
    }

    /// The request was lost: it is made again soon.
    pub(super) fn handle_lost(&mut self, now: Instant, kind: Kind, _: Lost) {
        let at = now + self.config.terms.retry_after;
        if let Some(errand) = self.errand(kind) {
            errand.hurry(at);
        }
    }

    fn errand(&mut self, kind: Kind) -> Option<&mut Errand> {
        match kind {
            Kind::Join => Some(&mut self.errands.join),
            Kind::Beat => Some(&mut self.errands.beat),
            Kind::Poll => Some(&mut self.errands.poll),
            Kind::Advance(_) => Some(&mut self.errands.advance),
            Kind::Forget => Some(&mut self.errands.forget),
            Kind::Verdict(incarnation) => self.verdicts.errand(incarnation),
        }
    }

    fn ask(&mut self, now: Instant, kind: Kind, next: Instant, action: TableAction) {
        self.errands.requests += 1;
        let request = self.errands.requests;
        if let Some(errand) = self.errand(kind) {
            *errand = Errand::asked(request, next);
        }
        self.errands.pending.insert(request, Pending { kind, sent_at: now });
        let ask = TableRequest { seen: self.seen, action };
        self.effects.push(Effect::Ask { request, ask });
    }

    /// Does everything that is due, and arms the timer for what is due next.
    pub(super) fn work(&mut self, now: Instant) {
        let change = self.lease.handle_now(now);
        self.tell_lease(change);
        match &self.phase {
            Phase::Joining { .. } => self.ask_to_join(now),
            Phase::In(me) => {
                let me = *me;
                self.work_as_member(now, me);
            }
            Phase::Out | Phase::Fixed(_) => {}
        }
        self.arm(now);
    }

    fn ask_to_join(&mut self, now: Instant) {
        let Phase::Joining { seat, token } = &self.phase else { return };
        if self.errands.join.is_due(now) {
            let (token, former) = (*token, self.former);
            let Seat { node, weight, address } = seat.clone();
            let join = TableAction::Join { node, weight, address, former, token };
            self.ask(now, Kind::Join, Instant::NEVER, join);
        }
    }

    fn work_as_member(&mut self, now: Instant, me: Me) {
        let terms = self.config.terms;
        let incarnation = me.incarnation;
        if me.wish == MemberState::Left {
            self.errands.beat = Errand::default();
        }
        if self.errands.beat.is_due(now) {
            let beat = TableAction::Beat { incarnation, beat: me.beat };
            self.ask(now, Kind::Beat, now + terms.renew_every, beat);
        }
        if self.errands.advance.is_due(now) {
            self.errands.advance = Errand::default();
            if let Some(to) = self.next_state(now, me) {
                let advance = TableAction::Advance { incarnation, to };
                self.ask(now, Kind::Advance(to), Instant::NEVER, advance);
            }
        }
        if self.errands.poll.is_due(now) {
            let watch = self.watched(me.incarnation);
            let poll = TableAction::Poll { known: self.view.number, watch };
            // It looks again at the moment when a lease may have run out.
            let expiry = self.observed.next_expiry().max(now + terms.retry_after);
            self.ask(now, Kind::Poll, expiry.min(now + terms.poll_every), poll);
            self.forget_some(now, me.incarnation);
        }
        self.judge(now);
        for (incarnation, action) in self.verdicts.due(|errand| errand.is_due(now)) {
            self.ask(now, Kind::Verdict(incarnation), Instant::NEVER, action);
        }
    }

    fn next_state(&self, now: Instant, me: Me) -> Option<MemberState> {
        match me.state {
            // Slots are given only to a member that may serve them.
            MemberState::Joining if me.wish == MemberState::Alive => {
                self.lease.holds(now).then_some(MemberState::Alive)
            }
            MemberState::Joining | MemberState::Alive if me.wish >= MemberState::Leaving => {
                Some(MemberState::Leaving)
            }
            MemberState::Leaving if me.wish == MemberState::Left => Some(MemberState::Left),
            _ => None,
        }
    }

    /// Asks the table to drop those that are gone for long.
    fn forget_some(&mut self, now: Instant, me: Incarnation) {
        if self.errands.forget.is_on_its_way() {
            return;
        }
        let incarnations = self.fences.ripe(now, &self.view, |it| self.watch.is_keeper(me, it));
        if !incarnations.is_empty() {
            self.ask(now, Kind::Forget, Instant::NEVER, TableAction::Forget { incarnations });
        }
    }

    fn arm(&mut self, now: Instant) {
        let errands = &self.errands;
        let mut at = [errands.join, errands.beat, errands.poll, errands.advance]
            .iter()
            .map(Errand::wake)
            .chain([self.verdicts.wake()])
            .chain(self.lease.end())
            .min()
            .unwrap_or(Instant::NEVER);
        if !matches!(self.phase, Phase::In(_) | Phase::Joining { .. }) {
            at = Instant::NEVER;
        }
        // What could not be done now, because too much is on its way already, is tried a little later.
        if at <= now {
            at = now + self.config.terms.retry_after;
        }
        if at < Instant::NEVER && self.armed != Some(at) {
            self.armed = Some(at);
            self.timers += 1;
            self.effects.push(Effect::SetTimer { timer: Timer { number: self.timers }, at });
        }
    }
}
