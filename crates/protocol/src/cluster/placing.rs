use tenure_types::{ActorId, Incarnation, Instant, Planted, Slot, Tenure, actor_hash};

use super::message::Refusal;
use super::schedule::Due;
use super::{Cluster, Message};
use crate::directory::{Entry, Standing, Wish};
use crate::migration::MoveId;
use crate::placement::{Candidate, Draw, Request, place};
use crate::slot::slot_of;
use crate::view::MemberState;

impl Cluster {
    /// Gives the actor a place, for whoever waits for it; not `except`, which has just refused.
    pub(super) fn place(
        &mut self,
        now: Instant,
        slot: Slot,
        actor: &ActorId,
        except: Option<Incarnation>,
    ) {
        let Some(waiting) = self.owned.get(&slot).and_then(|owned| owned.waiting.get(actor)) else {
            return;
        };
        let (wish, caller) = (waiting.wish, waiting.callers.first().copied());
        let Some(host) = self.choose_host(actor, wish, caller.unwrap_or(self.me), except) else {
            for caller in self.take_waiting(slot, actor) {
                self.send(caller, Message::Busy { actor: actor.clone() });
            }
            return;
        };
        self.grant(now, slot, actor, host, wish, None);
    }

    /// Gives an actor a place that was refused one, if the slot is open for it. In one that is not,
    /// another member may still report it.
    fn place_if_free(
        &mut self,
        now: Instant,
        slot: Slot,
        actor: &ActorId,
        except: Option<Incarnation>,
    ) {
        let waiting = self.owned.get(&slot).and_then(|owned| owned.waiting.get(actor));
        if let Some(wish) = waiting.map(|it| it.wish)
            && self.is_free(slot, wish.durable)
        {
            self.place(now, slot, actor, except);
        }
    }

    fn choose_host(
        &mut self,
        actor: &ActorId,
        wish: Wish,
        caller: Incarnation,
        except: Option<Incarnation>,
    ) -> Option<Incarnation> {
        let candidates: Vec<Candidate> = self
            .view
            .in_state(MemberState::Alive)
            .filter(|member| Some(member.incarnation) != except)
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

    /// Gives a member the right to run the actor.
    pub(super) fn grant(
        &mut self,
        now: Instant,
        slot: Slot,
        actor: &ActorId,
        host: Incarnation,
        wish: Wish,
        arrived: Option<MoveId>,
    ) -> Option<Tenure> {
        let owned = self.owned.get_mut(&slot)?;
        let tenure = owned.next_tenure();
        owned.entries.insert(actor.clone(), Entry::placing(host, tenure, wish, arrived));
        // What was given counts at once: many are often placed before the first one answers.
        *self.loads.entry(host).or_default() += 1;
        self.ask_host(now, slot, actor);
        Some(tenure)
    }

    /// The host is said not to have the actor: it is asked. It either still has it, or says that it
    /// never will again under this right.
    pub(super) fn verify(&mut self, now: Instant, slot: Slot, actor: &ActorId, wish: Wish) {
        let Some(entry) = self.owned.get_mut(&slot).and_then(|it| it.entries.get_mut(actor)) else {
            return;
        };
        entry.standing = Standing::Placing { wish, arrived: None, asked: 0 };
        self.ask_host(now, slot, actor);
    }

    /// Sends the grant of an actor that is being placed, and looks after it again later.
    fn ask_host(&mut self, now: Instant, slot: Slot, actor: &ActorId) {
        let Some(owned) = self.owned.get_mut(&slot) else { return };
        let view = owned.kept_in;
        let Some(entry) = owned.entries.get_mut(actor) else { return };
        let (host, tenure, durable) = (entry.host, entry.tenure, entry.durable);
        let Standing::Placing { arrived, asked, .. } = &mut entry.standing else { return };
        let (arrived, before) = (*arrived, *asked);
        *asked = asked.saturating_add(1);
        let actor = actor.clone();
        let at = now + self.pause(before);
        self.at(at, Due::Grant(slot, actor.clone()));
        self.send_again(before, host, Message::Grant { view, actor, tenure, durable, arrived });
    }

    /// A grant has no answer yet. It is asked for again, and given to nobody else: the host may run the
    /// actor, and only its refusal or its end says that it does not.
    pub(super) fn grant_again(&mut self, now: Instant, slot: Slot, actor: &ActorId) {
        let Some(entry) = self.owned.get(&slot).and_then(|owned| owned.entries.get(actor)) else {
            return;
        };
        let Standing::Placing { asked, .. } = entry.standing else { return };
        let host = entry.host;
        if !self.is_living(host) {
            return;
        }
        if Planted::PlaceAgain.is_planted() && asked >= 3 {
            if let Some(owned) = self.owned.get_mut(&slot) {
                owned.entries.remove(actor);
            }
            return self.place(now, slot, actor, Some(host));
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
        let moved_here = match &entry.standing {
            Standing::Placing { wish, arrived: Some(id), .. } => Some((*wish, *id)),
            Standing::Placing { .. } | Standing::Placed => None,
        };
        owned.entries.remove(actor);
        match why {
            Refusal::OldTenure => match moved_here {
                // Its memory is there: it gets another number.
                Some((wish, id)) => drop(self.grant(now, slot, actor, from, wish, Some(id))),
                None => self.place_if_free(now, slot, actor, None),
            },
            Refusal::NothingArrived => self.place_if_free(now, slot, actor, None),
            Refusal::NotAccepting => self.place_if_free(now, slot, actor, Some(from)),
            Refusal::OldView(_) => {
                let view = self.view.number;
                for caller in self.take_waiting(slot, actor) {
                    self.send(caller, Message::WrongOwner { actor: actor.clone(), view });
                }
            }
        }
    }
}
