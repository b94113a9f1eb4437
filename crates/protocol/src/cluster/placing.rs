use tenure_types::{ActorId, Incarnation, Instant, Planted, Slot, Tenure, actor_hash};

use super::message::Refusal;
use super::schedule::Due;
use super::{Cluster, Message};
use crate::directory::{Entry, Placing, Standing, Wish};
use crate::placement::{Candidate, Draw, Request, place};
use crate::slot::slot_of;
use crate::view::MemberState;

impl Cluster {
    /// Gives the actor a place, for whoever waits for it.
    pub(super) fn place(&mut self, now: Instant, slot: Slot, actor: &ActorId) {
        self.place_again(now, slot, actor, None, 0);
    }

    /// The host takes nothing new: the others are asked, and all of them again when they have refused, too.
    fn place_elsewhere(
        &mut self,
        now: Instant,
        slot: Slot,
        actor: &ActorId,
        refuser: Incarnation,
        refused: u32,
    ) {
        let owned = self.owned.get_mut(&slot);
        let Some(waiting) = owned.and_then(|owned| owned.waiting.get_mut(actor)) else { return };
        waiting.refusers.push(refuser);
        let refusers = &waiting.refusers;
        let has_refused = |incarnation| refusers.contains(&incarnation);
        if !self.view.in_state(MemberState::Alive).all(|it| has_refused(it.incarnation)) {
            return self.place_if_free(now, slot, actor, None, refused);
        }
        waiting.refusers.clear();
        self.place_if_free(now, slot, actor, Some(refuser), refused.saturating_add(1));
    }

    /// Gives the actor a place after it was refused so often; not at `except`.
    fn place_again(
        &mut self,
        now: Instant,
        slot: Slot,
        actor: &ActorId,
        except: Option<Incarnation>,
        refused: u32,
    ) {
        let Some(waiting) = self.owned.get(&slot).and_then(|owned| owned.waiting.get(actor)) else {
            return;
        };
        let (wish, caller) = (waiting.wish, waiting.callers.first().copied());
        let refusers = waiting.refusers.clone();
        let caller = caller.unwrap_or(self.me);
        let Some(host) = self.choose_host(actor, wish, caller, (except, &refusers)) else {
            for caller in self.take_waiting(slot, actor) {
                self.send(caller, Message::Busy { actor: actor.clone() });
            }
            return;
        };
        let placing = Placing { refused, ..Placing::new(wish, None) };
        self.grant(now, slot, actor, host, placing);
    }

    /// Gives an actor a place that was refused one, if the slot is open for it. In one that is not,
    /// another member may still report it.
    fn place_if_free(
        &mut self,
        now: Instant,
        slot: Slot,
        actor: &ActorId,
        except: Option<Incarnation>,
        refused: u32,
    ) {
        let waiting = self.owned.get(&slot).and_then(|owned| owned.waiting.get(actor));
        if let Some(wish) = waiting.map(|it| it.wish)
            && self.is_free(slot, wish.durable)
        {
            self.place_again(now, slot, actor, except, refused);
        }
    }

    fn choose_host(
        &mut self,
        actor: &ActorId,
        wish: Wish,
        caller: Incarnation,
        (except, refusers): (Option<Incarnation>, &[Incarnation]),
    ) -> Option<Incarnation> {
        let candidates: Vec<Candidate> = self
            .view
            .in_state(MemberState::Alive)
            .filter(|member| Some(member.incarnation) != except)
            .filter(|member| !refusers.contains(&member.incarnation))
            .map(|member| Candidate {
                incarnation: member.incarnation,
                weight: member.weight,
                load: u64::from(self.loads.get(&member.incarnation).copied().unwrap_or(0)),
                is_cordoned: false,
                is_leaving: false,
                is_new_in_roll: false,
            })
            .collect();
        let draw = Draw { first: self.draw(), second: self.draw() };
        let request = Request {
            strategy: wish.strategy,
            actor_hash: actor_hash(actor.actor_type.as_str(), actor.key.as_str()),
            caller,
            owner: self.me,
            is_drain: false,
        };
        place(&request, &candidates, draw).ok()
    }

    /// Gives a member the right to run the actor. Where hosts go on refusing it hears of it later and later.
    pub(super) fn grant(
        &mut self,
        now: Instant,
        slot: Slot,
        actor: &ActorId,
        host: Incarnation,
        placing: Placing,
    ) -> Option<Tenure> {
        let owned = self.owned.get_mut(&slot)?;
        let tenure = owned.next_tenure();
        owned.entries.insert(actor.clone(), Entry::placing(host, tenure, placing));
        // What was given counts at once: many are often placed before the first one answers.
        *self.loads.entry(host).or_default() += 1;
        match placing.refused.checked_sub(2) {
            None => self.ask_host(now, slot, actor),
            Some(often) => {
                self.at(now + self.pause(often), Due::Grant(slot, actor.clone(), tenure));
            }
        }
        Some(tenure)
    }

    /// The host is said not to have the actor: it is asked. It either still has it, or says that it
    /// never will again under this right.
    pub(super) fn verify(&mut self, now: Instant, slot: Slot, actor: &ActorId, wish: Wish) {
        let Some(entry) = self.owned.get_mut(&slot).and_then(|it| it.entries.get_mut(actor)) else {
            return;
        };
        entry.standing = Standing::Placing(Placing::new(wish, None));
        self.ask_host(now, slot, actor);
    }

    /// Sends the grant of an actor that is being placed, and looks after it again later.
    fn ask_host(&mut self, now: Instant, slot: Slot, actor: &ActorId) {
        let Some(owned) = self.owned.get_mut(&slot) else { return };
        let view = owned.kept_in;
        let Some(entry) = owned.entries.get_mut(actor) else { return };
        let (host, tenure, durable) = (entry.host, entry.tenure, entry.durable);
        let Standing::Placing(placing) = &mut entry.standing else { return };
        let (arrived, before) = (placing.arrived, placing.asked);
        placing.asked = before.saturating_add(1);
        let actor = actor.clone();
        let at = now + self.pause(before);
        self.at(at, Due::Grant(slot, actor.clone(), tenure));
        self.send_again(before, host, Message::Grant { view, actor, tenure, durable, arrived });
    }

    /// A grant has no answer yet. It is asked for again, and given to nobody else: the host may run the
    /// actor, and only its refusal or its end says that it does not.
    pub(super) fn grant_again(
        &mut self,
        now: Instant,
        slot: Slot,
        actor: &ActorId,
        tenure: Tenure,
    ) {
        let Some(entry) = self.owned.get(&slot).and_then(|owned| owned.entries.get(actor)) else {
            return;
        };
        let Standing::Placing(placing) = entry.standing else { return };
        let host = entry.host;
        if entry.tenure != tenure || !self.is_living(host) {
            return;
        }
        if Planted::PlaceAgain.is_planted() && placing.asked >= 3 {
            if let Some(owned) = self.owned.get_mut(&slot) {
                owned.entries.remove(actor);
            }
            return self.place_again(now, slot, actor, Some(host), 0);
        }
        self.ask_host(now, slot, actor);
    }

    /// The host runs the actor.
    pub(super) fn hear_granted(&mut self, from: Incarnation, actor: &ActorId, tenure: Tenure) {
        let slot = slot_of(actor);
        let Some(entry) = self.owned.get_mut(&slot).and_then(|it| it.entries.get_mut(actor)) else {
            return;
        };
        if entry.host == from && entry.tenure == tenure {
            entry.standing = Standing::Placed;
            self.tell_waiting(slot, actor, from, tenure);
            self.tell_awaiting(slot, actor, from, tenure);
        }
    }

    /// The host does not run the actor under this right and never will: it may be placed again.
    pub(super) fn hear_refused(
        &mut self,
        now: Instant,
        from: Incarnation,
        actor: &ActorId,
        tenure: Tenure,
        why: Refusal,
    ) {
        if let Refusal::OldView(view) = why {
            self.hear_view(view);
        }
        let slot = slot_of(actor);
        let Some(owned) = self.owned.get_mut(&slot) else { return };
        let Some(entry) = owned.entries.get(actor) else { return };
        if entry.host != from || entry.tenure != tenure {
            return;
        }
        let placing = match entry.standing {
            Standing::Placing(placing) => Some(placing),
            Standing::Placed => None,
        };
        let before = placing.map_or(0, |placing| placing.refused);
        let refused = before.saturating_add(1);
        owned.entries.remove(actor);
        match why {
            Refusal::OldTenure => match placing.filter(|placing| placing.arrived.is_some()) {
                // Its memory is there: it gets another number.
                Some(placing) => {
                    let placing = Placing { asked: 0, refused, ..placing };
                    self.grant(now, slot, actor, from, placing);
                }
                None => self.place_if_free(now, slot, actor, None, refused),
            },
            Refusal::NothingArrived => self.place_if_free(now, slot, actor, None, refused),
            Refusal::NotAccepting => self.place_elsewhere(now, slot, actor, from, before),
            Refusal::OldView(_) => {
                let view = self.view.number;
                for caller in self.take_waiting(slot, actor) {
                    self.send(caller, Message::WrongOwner { actor: actor.clone(), view });
                }
            }
        }
    }
}
