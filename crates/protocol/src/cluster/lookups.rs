use std::time::Duration;

use tenure_types::{ActorId, Incarnation, Instant, Tenure, ViewNumber};

use super::effect::Nowhere;
use super::schedule::Due;
use super::state::Lookup;
use super::{Cluster, Effect, Message};
use crate::directory::Wish;

/// How long somebody who was told of a newer view is given to read it.
const OWNER_LEARNS: Duration = Duration::from_millis(10);

impl Cluster {
    /// As caller: where is the actor? [`Effect::Found`] says it, at once where it is known, or
    /// [`Effect::Nowhere`] why not. Asked until it is answered or [`Cluster::give_up_look_up`].
    pub fn look_up(&mut self, now: Instant, actor: &ActorId, wish: Wish) {
        if let Some((host, tenure)) = self.location(actor) {
            let actor = actor.clone();
            return self.effects.push(Effect::Found { actor, host, tenure });
        }
        self.begin_look_up(now, actor, wish, None);
        self.hear_self(now);
    }

    fn begin_look_up(
        &mut self,
        now: Instant,
        actor: &ActorId,
        wish: Wish,
        not_at: Option<(Incarnation, Tenure)>,
    ) {
        if self.lookups.len() >= self.config.lookups_max && !self.lookups.contains_key(actor) {
            let (actor, why) = (actor.clone(), Nowhere::LookupsFull);
            return self.effects.push(Effect::Nowhere { actor, why });
        }
        let known = self.lookups.get(actor);
        let is_new = known.is_none_or(|it| it.not_at < not_at);
        if is_new {
            self.lookups.insert(actor.clone(), Lookup { wish, not_at, asked: 0 });
            self.look_up_again(now, actor);
        }
    }

    /// As caller: the actor was said to be there, and was not. `hint` is what was said instead; it is
    /// followed only upwards.
    pub fn missed(
        &mut self,
        now: Instant,
        actor: &ActorId,
        wish: Wish,
        at: (Incarnation, Tenure),
        hint: Option<(Incarnation, Tenure)>,
    ) {
        self.locations.refuted(actor, at.1);
        if let Some((host, tenure)) = hint.filter(|hint| hint.1 > at.1 && self.may_answer(hint.0)) {
            self.locations.put(actor, host, tenure);
        }
        if self.location(actor).is_some() {
            return self.look_up(now, actor, wish);
        }
        self.begin_look_up(now, actor, wish, Some(at));
        self.hear_self(now);
    }

    /// As caller: nobody waits for the actor any more.
    pub fn give_up_look_up(&mut self, actor: &ActorId) {
        self.lookups.remove(actor);
    }

    pub(super) fn look_up_again(&mut self, now: Instant, actor: &ActorId) {
        let owner = self.owner_of(actor);
        let view = self.view.number;
        let Some(lookup) = self.lookups.get_mut(actor) else { return };
        let (wish, not_at, asked) = (lookup.wish, lookup.not_at, lookup.asked);
        lookup.asked = asked.saturating_add(1);
        let at = now + self.pause(asked);
        self.at(at, Due::LookUp(actor.clone()));
        if let Some(owner) = owner {
            let actor = actor.clone();
            self.send_again(asked, owner, Message::LookUp { view, actor, wish, not_at });
        }
    }

    /// An owner that was stopped for a while may name a host of which this member knows that it is gone: it was
    /// told of the newer view with the question, and is asked again. Nor is a host of any use whose place is not
    /// known here yet.
    pub(super) fn hear_found(
        &mut self,
        now: Instant,
        actor: &ActorId,
        host: Incarnation,
        tenure: Tenure,
    ) {
        let is_awaited = self.is_awaited(actor, tenure);
        if !self.lookups.contains_key(actor) && !is_awaited {
            return;
        }
        if !self.may_answer(host) {
            self.hear_view(ViewNumber(host.0));
            return self.ask_soon(now, actor);
        }
        self.locations.put(actor, host, tenure);
        if self.lookups.remove(actor).is_some() {
            let actor = actor.clone();
            self.effects.push(Effect::Found { actor, host, tenure });
        }
        if is_awaited {
            self.awaits.remove(actor);
            let actor = actor.clone();
            self.effects.push(Effect::Stands { actor, host, tenure });
        }
    }

    /// Asks again as soon as an owner, or this member, can have learnt a newer view.
    fn ask_soon(&mut self, now: Instant, actor: &ActorId) {
        if self.lookups.contains_key(actor) {
            self.at(now + OWNER_LEARNS, Due::LookUp(actor.clone()));
        }
        if self.awaits.contains_key(actor) {
            self.at(now + OWNER_LEARNS, Due::Await(actor.clone()));
        }
    }

    /// Whether a call that is sent there can arrive: the view lists it, and not as gone.
    pub(super) fn may_answer(&self, host: Incarnation) -> bool {
        self.view.state(host).is_some_and(|state| !state.is_gone())
    }

    /// Who was asked has not learnt this view yet, and reads it now; or this member has not.
    pub(super) fn hear_wrong_owner(&mut self, now: Instant, view: ViewNumber, actor: &ActorId) {
        self.hear_view(view);
        if view < self.view.number {
            self.ask_soon(now, actor);
        }
    }

    pub(super) fn hear_busy(&mut self, actor: &ActorId) {
        if self.lookups.remove(actor).is_some() {
            let (actor, why) = (actor.clone(), Nowhere::Busy);
            self.effects.push(Effect::Nowhere { actor, why });
        }
    }
}
