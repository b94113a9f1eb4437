//! The target of a move, and the slot owner that decides about it.

use tenure_types::{ActorId, Incarnation, Instant, Tenure};

use super::schedule::Due;
use super::state::Arrival;
use super::{Cluster, Effect, Message};
use crate::directory::{Placing, Wish};
use crate::migration::MoveId;
use crate::placement::Strategy;
use crate::slot::slot_of;
use crate::view::MemberState;

impl Cluster {
    pub(super) fn hear_offer(&mut self, from: Incarnation, id: MoveId, actor: &ActorId) {
        let may_come = self.accepting
            && self.view.state(self.me) == Some(MemberState::Alive)
            && self.arrivals.len() < self.config.moves_in_max
            && self.hosted.get(actor).is_none();
        self.send(from, if may_come { Message::Accept { id } } else { Message::Decline { id } });
    }

    /// As target: the memory that this move brings is here. `false` when it is not wanted (again).
    pub fn handle_shipped(&mut self, now: Instant, id: MoveId, actor: &ActorId) -> bool {
        let is_full = self.arrivals.len() >= self.config.moves_in_max;
        let is_known = self.arrivals.contains_key(&id);
        let may_come = self.is_living(id.source) && self.hosted.get(actor).is_none() && !is_full;
        if !is_known && may_come {
            let arrival = Arrival { actor: actor.clone(), source_gone_at: None };
            self.arrivals.insert(id, arrival);
            self.at(now + self.config.ask_again_max, Due::Arrival(id));
        }
        if is_known || may_come {
            self.send(id.source, Message::Arrived { id });
        }
        self.hear_self(now);
        !is_known && may_come
    }

    /// As target: what has arrived and is not granted yet. Its source is told again, which says so
    /// if it took the move back.
    pub(super) fn arrival_again(&mut self, now: Instant, id: MoveId) {
        let Some(arrival) = self.arrivals.get(&id) else { return };
        let kept = self.config.arrival_kept;
        if arrival.source_gone_at.is_some_and(|at| now.saturating_since(at) > kept) {
            return self.hear_forget(id);
        }
        self.send(id.source, Message::Arrived { id });
        self.at(now + self.config.ask_again_max, Due::Arrival(id));
    }

    pub(super) fn hear_forget(&mut self, id: MoveId) {
        if self.arrivals.remove(&id).is_some() {
            self.effects.push(Effect::DropArrived(id));
        }
    }

    /// The actor starts here. Memory of it that came otherwise is not needed.
    pub(super) fn drop_arrivals_of(&mut self, actor: &ActorId, used: Option<MoveId>) {
        if let Some(id) = used {
            self.arrivals.remove(&id);
        }
        let others = self.arrivals.iter().filter(|(_, it)| it.actor == *actor);
        let others: Vec<MoveId> = others.map(|(id, _)| *id).collect();
        others.into_iter().for_each(|id| self.hear_forget(id));
    }

    /// As owner: an actor wants to move. Whichever is asked for first, the move or its end, is done; but see
    /// [`Cluster::cancel`] for moves that an owner before it knew of.
    pub(super) fn hear_ask_move(
        &mut self,
        now: Instant,
        from: Incarnation,
        id: MoveId,
        actor: &ActorId,
        tenure: Tenure,
        to: Incarnation,
    ) {
        let slot = slot_of(actor);
        if !self.may_decide(now, from, actor) {
            return;
        }
        let Some(entry) = self.owned.get(&slot).and_then(|owned| owned.entries.get(actor)) else {
            return self.send(from, Message::Moved { id, to: None });
        };
        if entry.host != from || entry.tenure != tenure {
            let to = Some((entry.host, entry.tenure));
            return self.send(from, Message::Moved { id, to });
        }
        let may_go = self.view.state(to).is_some_and(MemberState::may_host);
        if entry.cancelled.is_some_and(|cancelled| id <= cancelled) || !may_go {
            return self.cancel(from, id, actor);
        }
        let wish = Wish { strategy: Strategy::Local, durable: entry.durable };
        let granted = self.grant(now, slot, actor, to, Placing::new(wish, Some(id)));
        self.send(from, Message::Moved { id, to: granted.map(|granted| (to, granted)) });
    }

    /// As owner: a move shall not happen.
    pub(super) fn hear_ask_cancel(
        &mut self,
        now: Instant,
        from: Incarnation,
        id: MoveId,
        actor: &ActorId,
        tenure: Tenure,
    ) {
        let slot = slot_of(actor);
        if !self.may_decide(now, from, actor) {
            return;
        }
        match self.owned.get(&slot).and_then(|owned| owned.entries.get(actor)) {
            Some(entry) if entry.host == from && entry.tenure == tenure => {
                self.cancel(from, id, actor);
            }
            Some(entry) => {
                let to = Some((entry.host, entry.tenure));
                self.send(from, Message::Moved { id, to });
            }
            None => self.send(from, Message::Moved { id, to: None }),
        }
    }

    /// Takes a move back. One on which a former owner may have given its word already has happened, whatever came of
    /// it: the source had saved what it has, and the actor starts from there.
    fn cancel(&mut self, from: Incarnation, id: MoveId, actor: &ActorId) {
        let slot = slot_of(actor);
        let Some(owned) = self.owned.get_mut(&slot) else { return };
        let Some(entry) = owned.entries.get_mut(actor) else { return };
        if entry.undecided == Some(id) {
            owned.entries.remove(actor);
            return self.send(from, Message::Moved { id, to: None });
        }
        entry.cancelled = entry.cancelled.max(Some(id));
        self.send(from, Message::Cancelled { id });
    }

    /// Whether this node keeps the actor's slot and has every report: a former owner may have let the
    /// actor move, which only the target's report says.
    fn may_decide(&mut self, now: Instant, from: Incarnation, actor: &ActorId) -> bool {
        let slot = slot_of(actor);
        match self.owned.get(&slot) {
            Some(owned) if !owned.is_reported() => {
                self.hurry(now, slot);
                false
            }
            Some(_) => true,
            None => {
                let (actor, view) = (actor.clone(), self.view.number);
                self.send(from, Message::WrongOwner { actor, view });
                false
            }
        }
    }
}
