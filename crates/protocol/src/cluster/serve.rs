use std::sync::Arc;

use tenure_types::{ActorId, Incarnation, Instant, Slot, Tenure};

use super::{Cluster, Message};
use crate::directory::{Entry, Wish};
use crate::slot::slot_of;
use crate::slot::{Openness, Waiting};

/// What the owner can say to a look-up now.
enum Answer {
    /// The actor is there.
    There(Incarnation, Tenure),
    /// Its host was asked and has not answered yet.
    Asked,
    /// The host that was said not to have it is asked again.
    AskAgain,
    /// It is nowhere and may be placed.
    Free,
    /// Not before a report, a fence or the end of a lease.
    Later,
}

impl Cluster {
    /// As owner: somebody looks an actor up.
    pub(super) fn hear_look_up(
        &mut self,
        now: Instant,
        from: Incarnation,
        actor: &ActorId,
        wish: Wish,
        not_at: Option<(Incarnation, Tenure)>,
    ) {
        let slot = slot_of(actor);
        if !self.owned.contains_key(&slot) {
            let view = self.view.number;
            return self.send(from, Message::WrongOwner { actor: actor.clone(), view });
        }
        match self.answer(slot, actor, wish.durable, not_at) {
            Answer::There(host, tenure) => {
                self.send(from, Message::Found { actor: actor.clone(), host, tenure });
            }
            Answer::Asked | Answer::Later => self.wait(now, slot, actor, wish, from),
            Answer::AskAgain => {
                self.wait(now, slot, actor, wish, from);
                self.verify(now, slot, actor, wish);
            }
            Answer::Free => {
                self.wait(now, slot, actor, wish, from);
                self.place(now, slot, actor);
            }
        }
    }

    /// Looks again at everything that waits in a slot.
    pub(super) fn serve_slot(&mut self, now: Instant, slot: Slot) {
        let Some(owned) = self.owned.get(&slot) else { return };
        let waiting: Vec<(ActorId, Wish)> =
            owned.waiting.iter().map(|(actor, it)| (actor.clone(), it.wish)).collect();
        for (actor, wish) in waiting {
            match self.answer(slot, &actor, wish.durable, None) {
                Answer::There(host, tenure) => self.tell_waiting(slot, &actor, host, tenure),
                Answer::Free => self.place(now, slot, &actor),
                Answer::Asked | Answer::AskAgain | Answer::Later => {}
            }
        }
    }

    fn answer(
        &mut self,
        slot: Slot,
        actor: &ActorId,
        durable: bool,
        not_at: Option<(Incarnation, Tenure)>,
    ) -> Answer {
        let Some(owned) = self.owned.get(&slot) else { return Answer::Later };
        let Some(entry) = owned.entries.get(actor) else {
            return if self.is_free(slot, durable) { Answer::Free } else { Answer::Later };
        };
        let Entry { host, tenure, durable, .. } = *entry;
        if !self.is_living(host) {
            self.need_fence(host);
            if !self.dead(host).clears(durable) {
                return Answer::Later;
            }
            if let Some(owned) = self.owned.get_mut(&slot) {
                owned.entries.remove(actor);
            }
            return if self.is_free(slot, durable) { Answer::Free } else { Answer::Later };
        }
        match entry.is_placed() {
            true if not_at == Some((host, tenure)) => Answer::AskAgain,
            true => Answer::There(host, tenure),
            false => Answer::Asked,
        }
    }

    /// Whether an actor that is listed nowhere may be placed now.
    pub(super) fn is_free(&mut self, slot: Slot, durable: bool) -> bool {
        let Some(owned) = self.owned.get(&slot) else { return false };
        match owned.openness(|it| self.dead(it)) {
            Openness::Open => return true,
            Openness::Durable if durable => return true,
            Openness::Durable | Openness::Closed => {}
        }
        let dead = Arc::clone(&owned.dead);
        dead.iter().for_each(|it| self.need_fence(*it));
        false
    }

    /// Keeps a look-up until its actor has a place; past the bound it is told so.
    fn wait(&mut self, now: Instant, slot: Slot, actor: &ActorId, wish: Wish, caller: Incarnation) {
        let len_max = self.config.slot_waiters_max;
        let Some(owned) = self.owned.get_mut(&slot) else { return };
        let len: usize = owned.waiting.values().map(|waiting| waiting.callers.len()).sum();
        let known = owned.waiting.get(actor).is_some_and(|it| it.callers.contains(&caller));
        if len >= len_max && !known {
            return self.send(caller, Message::Busy { actor: actor.clone() });
        }
        let waiting = owned.waiting.entry(actor.clone());
        let (callers, refusers) = (Vec::new(), Vec::new());
        let callers = &mut waiting.or_insert(Waiting { wish, callers, refusers }).callers;
        if !known {
            callers.push(caller);
        }
        self.awaited.insert(slot);
        self.hurry(now, slot);
    }

    /// The actor is there: who waited hears it.
    pub(super) fn tell_waiting(
        &mut self,
        slot: Slot,
        actor: &ActorId,
        host: Incarnation,
        tenure: Tenure,
    ) {
        for caller in self.take_waiting(slot, actor) {
            self.send(caller, Message::Found { actor: actor.clone(), host, tenure });
        }
    }

    /// The callers that wait for an actor, who wait no longer.
    pub(super) fn take_waiting(&mut self, slot: Slot, actor: &ActorId) -> Vec<Incarnation> {
        let Some(owned) = self.owned.get_mut(&slot) else { return Vec::new() };
        let waiting = owned.waiting.remove(actor);
        if owned.waiting.is_empty() {
            self.awaited.remove(&slot);
        }
        waiting.map(|it| it.callers).unwrap_or_default()
    }
}
