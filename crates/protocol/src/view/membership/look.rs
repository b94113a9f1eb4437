//! Looking after others: whom a poll reads, whose lease has run out, who is to be fenced.

use std::collections::BTreeSet;

use super::super::table::WATCH_MAX;
use super::{Effect, HINTED_MAX, Incarnation, Instant, Membership, Phase, SUCCESSORS};

impl Membership {
    /// Whom the next poll reads. Those that it no longer reads are no longer observed.
    pub(super) fn watched(&mut self, me: Incarnation) -> Vec<Incarnation> {
        let silence = self.config.terms.silence();
        let hinted = self.watch.hinted.iter().copied();
        let mut watched: BTreeSet<_> = hinted.filter(|it| *it != me).collect();
        let mut fresh = 0;
        for (incarnation, state) in self.watch.after(me) {
            if fresh == SUCCESSORS || watched.len() == WATCH_MAX {
                break;
            }
            watched.insert(incarnation);
            let is_fresh = state.is_living() && self.observed.silence(incarnation) < silence;
            fresh += usize::from(is_fresh);
        }
        self.observed.retain(|it| watched.contains(&it));
        watched.into_iter().collect()
    }

    /// Gossip or a caller suspects the member: its row is read now, and watched until it is seen to renew.
    pub fn handle_hint(&mut self, now: Instant, incarnation: Incarnation) {
        let is_listed = self.view.state(incarnation).is_some_and(|state| !state.is_gone());
        if !is_listed || self.is_me(incarnation) {
            return;
        }
        if self.watch.hinted.len() < HINTED_MAX {
            self.watch.hinted.insert(incarnation);
        }
        if matches!(self.phase, Phase::In(_)) {
            self.errands.poll.hurry(now);
            self.work(now);
        }
    }

    /// Puts down those whose leases have run out as observed. What is not observed any more is not put to the
    /// table again: it was away meanwhile, and they could not renew.
    pub(super) fn judge(&mut self, now: Instant) {
        self.verdicts.forget_unobserved(|it| self.observed.has_expired(now, it));
        for (incarnation, beat) in self.observed.expired(now) {
            self.verdicts.expired(now, incarnation, beat);
        }
    }

    /// The state store has fenced the incarnation: no commit of it can become visible any more.
    pub fn handle_fenced(&mut self, incarnation: Incarnation) {
        let is_member = matches!(self.phase, Phase::In(_));
        let is_listed = self.view.member(incarnation).is_some();
        self.fences.handle_fenced(incarnation, is_member && is_listed);
        self.fence_some();
    }

    /// Starts as many fences as may run at a time.
    pub(super) fn fence_some(&mut self) {
        while let Some(incarnation) = self.fences.start() {
            self.effects.push(Effect::Fence(incarnation));
        }
    }
}
