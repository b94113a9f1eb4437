use std::collections::BTreeSet;
use std::sync::Arc;

use tenure_types::{Incarnation, Instant, Slot};

use super::schedule::Due;
use super::{Cluster, Views};
use crate::ring::Ring;
use crate::slot::{Awaited, OwnedSlot};
use crate::view::{MemberState, View};

impl Cluster {
    /// The membership has learnt a view. Older ones are left; any may be skipped.
    pub fn handle_view(&mut self, now: Instant, view: Arc<View>) {
        if view.number > self.view.number {
            let ring = self.ring.after(Ring::members_of(&view));
            self.handle_view_and_ring(now, view, Arc::new(ring));
        }
    }

    /// As [`Cluster::handle_view`], where the view's ring is known already: it is the same at every
    /// member.
    pub fn handle_view_and_ring(&mut self, now: Instant, view: Arc<View>, ring: Arc<Ring>) {
        if view.number <= self.view.number {
            return;
        }
        let before = std::mem::replace(&mut self.ring, ring);
        let was_alive = self.view.state(self.me) == Some(MemberState::Alive);
        let newcomers = self.newcomers(&view);
        self.view = view;
        if !was_alive && self.view.state(self.me) == Some(MemberState::Alive) {
            self.promises.hosts_from(self.view.number);
        }
        self.forget_gone(now);
        self.let_reporters_go();
        self.acquire(now);
        self.ask_newcomers(now, &newcomers);
        if std::mem::take(&mut self.was_behind) {
            for slot in &self.closed {
                self.owned.get_mut(slot).into_iter().for_each(|owned| owned.ask_at = now);
            }
        }
        self.ask_again(now);
        self.serve_waiting(now);
        self.turn_to_owners(now);
        self.turn_awaits(now, &before);
        self.hear_self(now);
    }

    /// No commit of the incarnation can become visible any more.
    pub fn handle_fenced(&mut self, now: Instant, incarnation: Incarnation) {
        self.fencing.remove(&incarnation);
        if self.fenced.insert(incarnation) {
            self.serve_waiting(now);
            self.hear_self(now);
        }
    }

    fn forget_gone(&mut self, now: Instant) {
        let view = Arc::clone(&self.view);
        let is_listed = |it: Incarnation| it.0 > view.number.0 || view.member(it).is_some();
        self.fenced.retain(|it| is_listed(*it));
        self.fencing.retain(|it| is_listed(*it));
        self.loads.retain(|it, _| view.state(*it).is_some_and(MemberState::may_host));
        for (id, arrival) in &mut self.arrivals {
            let is_gone = !view.state(id.source).is_some_and(MemberState::is_living);
            if is_gone && arrival.source_gone_at.is_none() {
                arrival.source_gone_at = Some(now);
            }
        }
    }

    /// Waits no more for reports of those that can make none.
    fn let_reporters_go(&mut self) {
        let view = Arc::clone(&self.view);
        for slot in &self.closed {
            let Some(owned) = self.owned.get_mut(slot) else { continue };
            let dead = &mut owned.dead;
            owned.awaited.retain(|member| match view.state(member) {
                Some(MemberState::Condemned | MemberState::Down) => {
                    Arc::make_mut(dead).push(member);
                    false
                }
                Some(state) => state.may_host(),
                None => member.0 > view.number.0,
            });
        }
        self.closed.retain(|slot| self.owned.get(slot).is_some_and(|it| !it.is_reported()));
    }

    /// Gives up slots that never opened here and that the ring gives to others now: whose reports came
    /// would otherwise be taken from the next owner, which may have let new things happen.
    fn abandon_closed(&mut self) {
        let lost = self.closed.iter().filter(|slot| self.ring.owner(**slot) != Some(self.me));
        let lost: Vec<Slot> = lost.copied().collect();
        lost.into_iter().for_each(|slot| self.give_up(slot));
    }

    /// Takes the slots that the ring gives this member. Slots that it gives to others are kept until
    /// those ask for them: nobody else can have opened them before.
    fn acquire(&mut self, now: Instant) {
        self.abandon_closed();
        if self.view.state(self.me) != Some(MemberState::Alive) {
            return;
        }
        let is_fixed = self.config.views == Views::Fixed;
        let is_asked = |it: &Incarnation| !is_fixed || *it == self.me;
        let hosts =
            self.view.members().filter(|it| it.state.may_host() && is_asked(&it.incarnation));
        let awaited = Awaited::of(hosts.map(|member| member.incarnation));
        let dead: Vec<Incarnation> = self
            .view
            .members()
            .filter(|it| matches!(it.state, MemberState::Condemned | MemberState::Down))
            .map(|member| member.incarnation)
            .filter(is_asked)
            .collect();
        let dead = Arc::new(dead);
        let number = self.view.number;
        let mut new: Vec<Slot> = Vec::new();
        for slot in self.ring.owned(self.me) {
            match self.owned.get_mut(&slot) {
                Some(owned) => owned.kept_in = number,
                // Promised to a later owner already: that one may have opened it.
                None if self.promises.reported(slot) > number => {}
                None => new.push(slot),
            }
        }
        for slot in &new {
            let (awaited, dead) = (awaited.clone(), Arc::clone(&dead));
            let owned = OwnedSlot::acquired(self.view.number, awaited, dead, now);
            self.owned.insert(*slot, owned);
            self.closed.insert(*slot);
        }
        if !new.is_empty() {
            dead.iter().for_each(|it| self.need_fence(*it));
        }
    }

    /// Who may host in this view and did not in the one before, where that does not prove that it has nothing:
    /// a member that two others met at different times, or one of a view that this node never saw.
    fn newcomers(&self, view: &View) -> Vec<Incarnation> {
        if self.config.views != Views::Heard || self.view.is_empty() {
            return Vec::new();
        }
        let hosts = view.members().filter(|it| it.state.may_host()).map(|it| it.incarnation);
        let was_there = |it: Incarnation| self.view.state(it).is_some_and(MemberState::may_host);
        hosts.filter(|it| *it != self.me && !was_there(*it)).collect()
    }

    /// Asks them for reports of the slots that were kept here before they came.
    fn ask_newcomers(&mut self, now: Instant, newcomers: &[Incarnation]) {
        if newcomers.is_empty() {
            return;
        }
        let kept: Vec<Slot> = self.ring.owned(self.me).collect();
        for slot in kept {
            let Some(owned) = self.owned.get_mut(&slot) else { continue };
            let unasked = newcomers.iter().filter(|it| !owned.awaited.contains(**it));
            let unasked: Vec<_> = unasked.copied().collect();
            owned.awaited.extend(unasked);
            (owned.ask_at, owned.asked, owned.since) = (now, 0, now);
            self.closed.insert(slot);
        }
    }

    /// Looks again at everything that waits.
    pub(super) fn serve_waiting(&mut self, now: Instant) {
        let slots: BTreeSet<Slot> = self.awaited.clone();
        for slot in slots {
            self.serve_slot(now, slot);
        }
    }

    /// What was asked of owners that may have changed is asked again, now.
    fn turn_to_owners(&mut self, now: Instant) {
        let lookups: Vec<_> = self.lookups.keys().cloned().collect();
        lookups.into_iter().for_each(|actor| self.at(now, Due::LookUp(actor)));
        let leaving: Vec<_> = self.leaving().cloned().collect();
        leaving.into_iter().for_each(|actor| self.at(now, Due::Unregister(actor)));
        let moves: Vec<_> = self.moves.keys().copied().collect();
        moves.into_iter().for_each(|id| self.at(now, Due::Move(id)));
    }
}
