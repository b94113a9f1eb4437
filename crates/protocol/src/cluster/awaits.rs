//! Hearing where an actor is without having it placed.
//!
//! Who follows an actor wants to know where it runs, and not to keep it in memory: the owner of its slot keeps that
//! wish, and answers it when the actor runs under a later right than the last one that is known. Told once, and
//! asked for again until then: a wish or an answer may be lost, and an owner may forget.

use std::time::Duration;

use tenure_types::{ActorId, Incarnation, Instant, Slot, Tenure};

use super::schedule::Due;
use super::state::Await;
use super::{Cluster, Message};
use crate::ring::Ring;
use crate::slot::slot_of;

/// How much later than it should somebody may ask again.
const AWAIT_GRACE: Duration = Duration::from_secs(10);

impl Cluster {
    /// As caller: [`Effect::Stands`](super::Effect::Stands) says once when the actor runs under a later right than
    /// this one, or under any. It is not placed for that. `false` where too many are awaited.
    pub fn await_place(
        &mut self,
        now: Instant,
        actor: &ActorId,
        later_than: Option<Tenure>,
    ) -> bool {
        if self.awaits.len() >= self.config.awaits_max && !self.awaits.contains_key(actor) {
            return false;
        }
        self.awaits.insert(actor.clone(), Await { later_than, asked: 0 });
        self.await_again(now, actor);
        self.hear_self(now);
        true
    }

    /// As caller: nobody wants to hear of the actor's place any more.
    pub fn give_up_await(&mut self, actor: &ActorId) {
        self.awaits.remove(actor);
    }

    /// Whether a place with this right is news.
    pub(super) fn is_awaited(&self, actor: &ActorId, tenure: Tenure) -> bool {
        let awaited = self.awaits.get(actor);
        awaited.is_some_and(|it| it.later_than.is_none_or(|than| than < tenure))
    }

    pub(super) fn await_again(&mut self, now: Instant, actor: &ActorId) {
        let owner = self.owner_of(actor);
        let view = self.view.number;
        let Some(awaited) = self.awaits.get_mut(actor) else { return };
        let (later_than, asked) = (awaited.later_than, awaited.asked);
        awaited.asked = asked.saturating_add(1);
        let pause = self.config.ask_again.saturating_mul(1 << asked.min(8));
        self.at(now + pause.min(self.config.await_again_max), Due::Await(actor.clone()));
        if let Some(owner) = owner {
            let actor = actor.clone();
            self.send_again(asked, owner, Message::AwaitPlace { view, actor, later_than });
        }
    }

    /// Asks the new owners of slots that the ring had given to others before.
    pub(super) fn turn_awaits(&mut self, now: Instant, before: &Ring) {
        let mut turned = Vec::new();
        for (actor, awaited) in &mut self.awaits {
            let slot = slot_of(actor);
            if before.owner(slot) != self.ring.owner(slot) {
                awaited.asked = 0;
                turned.push(actor.clone());
            }
        }
        turned.into_iter().for_each(|actor| self.at(now, Due::Await(actor)));
    }

    /// As owner: somebody wants to hear where an actor is.
    pub(super) fn hear_await(
        &mut self,
        now: Instant,
        from: Incarnation,
        actor: ActorId,
        later_than: Option<Tenure>,
    ) {
        let slot = slot_of(&actor);
        if !self.owned.contains_key(&slot) {
            let view = self.view.number;
            return self.send(from, Message::WrongOwner { actor, view });
        }
        if let Some((host, tenure)) = self.stands(slot, &actor)
            && later_than.is_none_or(|than| than < tenure)
        {
            return self.send(from, Message::Found { actor, host, tenure });
        }
        let until = now + self.config.await_again_max + AWAIT_GRACE;
        let len_max = self.config.slot_waiters_max;
        if let Some(owned) = self.owned.get_mut(&slot) {
            // Where there is no room it asks again.
            owned.awaiting.keep((now, until), actor, (from, later_than), len_max);
        }
    }

    /// As owner: the actor runs there. Who wants to hear that does.
    pub(super) fn tell_awaiting(
        &mut self,
        slot: Slot,
        actor: &ActorId,
        host: Incarnation,
        tenure: Tenure,
    ) {
        let Some(owned) = self.owned.get_mut(&slot) else { return };
        for caller in owned.awaiting.take(actor, tenure) {
            self.send(caller, Message::Found { actor: actor.clone(), host, tenure });
        }
    }

    /// Looks again at every place that is awaited in a slot.
    pub(super) fn serve_awaiting(&mut self, slot: Slot) {
        let Some(owned) = self.owned.get(&slot) else { return };
        let actors: Vec<ActorId> = owned.awaiting.actors().cloned().collect();
        for actor in actors {
            if let Some((host, tenure)) = self.stands(slot, &actor) {
                self.tell_awaiting(slot, &actor, host, tenure);
            }
        }
    }

    /// Where the actor runs, as this owner knows.
    fn stands(&self, slot: Slot, actor: &ActorId) -> Option<(Incarnation, Tenure)> {
        let entry = self.owned.get(&slot)?.entries.get(actor)?;
        let stands = entry.is_placed() && self.is_living(entry.host);
        stands.then_some((entry.host, entry.tenure))
    }
}
