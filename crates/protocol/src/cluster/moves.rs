//! The source of a move.

use tenure_types::{ActorId, Incarnation, Instant, Planted, Tenure};

use super::schedule::Due;
use super::{Cluster, Effect, Message};
use crate::migration::{MoveId, Outgoing, Step};
use crate::slot::{ReportedAs, slot_of};

/// How many moves that were taken back are remembered, to tell targets that ask.
const CANCELLED_MAX: usize = 4_096;

impl Cluster {
    /// Begins to move an actor to another member. `None` when it does not run here, is about to leave
    /// or to move already, the target is not alive, or too many move.
    pub fn move_away(&mut self, now: Instant, actor: &ActorId, to: Incarnation) -> Option<MoveId> {
        let hosted = self.hosted.get(actor)?;
        let is_busy = self.is_moving(actor);
        let is_full = self.moves.len() >= self.config.moves_out_max;
        let is_alive = self.view.state(to) == Some(crate::view::MemberState::Alive);
        if hosted.stands != ReportedAs::Live || is_busy || is_full || !is_alive || to == self.me {
            return None;
        }
        self.moves_made += 1;
        let id = MoveId { source: self.me, number: self.moves_made };
        let outgoing = Outgoing {
            actor: actor.clone(),
            target: to,
            step: Step::Offered,
            ask_at: now,
            asked: 0,
            until: now + self.config.move_patience,
            reported_to: None,
        };
        self.moves.insert(id, outgoing);
        self.move_again(now, id);
        self.hear_self(now);
        Some(id)
    }

    /// The activation is sealed, its last unit resolved, and packed: [`Effect::Ship`] follows.
    pub fn handle_packed(&mut self, now: Instant, id: MoveId) {
        if self.step(id) == Some(Step::Sealing) {
            self.enter(now, id, Step::Shipped);
        }
        self.hear_self(now);
    }

    /// The activation could not be packed: it goes on, or is lost, which is told apart from this.
    pub fn handle_unpacked(&mut self, id: MoveId) {
        if self.step(id) == Some(Step::Sealing) {
            self.stay(id);
        }
    }

    pub(super) fn hear_accept(&mut self, from: Incarnation, id: MoveId) {
        let Some(outgoing) = self.moves.get_mut(&id) else { return };
        if outgoing.target != from || outgoing.step != Step::Offered {
            return;
        }
        let actor = outgoing.actor.clone();
        let hosted = self.hosted.get_mut(&actor).filter(|it| it.stands == ReportedAs::Live);
        let Some(hosted) = hosted else {
            self.moves.remove(&id);
            return;
        };
        hosted.stands = ReportedAs::Moving(id);
        outgoing.step = Step::Sealing;
        let tenure = hosted.tenure;
        self.effects.push(Effect::Seal { id, actor, tenure });
    }

    pub(super) fn hear_decline(&mut self, id: MoveId) {
        if self.step(id) == Some(Step::Offered) {
            self.moves.remove(&id);
        }
    }

    pub(super) fn hear_arrived(&mut self, now: Instant, from: Incarnation, id: MoveId) {
        if id.source != self.me {
            return;
        }
        let is_known = self.moves.get(&id).is_some_and(|it| it.target == from);
        if !is_known && self.cancelled.contains(&id) {
            return self.send(from, Message::Forget { id });
        }
        if is_known && self.step(id) == Some(Step::Shipped) {
            self.enter(now, id, Step::Asked);
        }
    }

    /// The slot owner has let the actor move, or knows that it runs elsewhere.
    pub(super) fn hear_moved(
        &mut self,
        from: Incarnation,
        id: MoveId,
        to: Option<(Incarnation, Tenure)>,
    ) {
        if !self.may_say(from, id) {
            return;
        }
        let Some(outgoing) = self.moves.remove(&id) else { return };
        let actor = outgoing.actor;
        let is_it = self.hosted.get(&actor).is_some_and(|it| it.stands == ReportedAs::Moving(id));
        let Some(hosted) = is_it.then(|| self.hosted.remove(&actor)).flatten() else { return };
        if let Some((host, tenure)) = to.filter(|to| self.may_answer(to.0)) {
            self.locations.put(&actor, host, tenure);
        }
        self.effects.push(Effect::Moved { actor, tenure: hosted.tenure, to });
    }

    /// The slot owner has seen to it that the move does not happen.
    pub(super) fn hear_cancelled(&mut self, from: Incarnation, id: MoveId) {
        if self.may_say(from, id) {
            self.stay(id);
        }
    }

    /// Whether this member's word on a move counts. Once the move was reported to the next owner of the slot, that one
    /// says what became of it: it takes the word of the one before for given, and does not know which it was.
    fn may_say(&self, from: Incarnation, id: MoveId) -> bool {
        let Some(outgoing) = self.moves.get(&id) else { return false };
        matches!(outgoing.step, Step::Asked | Step::Cancelling)
            && (outgoing.reported_to.is_none_or(|to| to == from)
                || self.keeper_of(&outgoing.actor) == Some(from))
    }

    /// The owner of the actor's slot, unless the slot was reported to one of a view that is not here yet.
    fn keeper_of(&self, actor: &ActorId) -> Option<Incarnation> {
        let is_newest = self.promises.reported(slot_of(actor)) <= self.view.number;
        self.owner_of(actor).filter(|_| is_newest)
    }

    /// A move has not gone on for a while.
    pub(super) fn move_again(&mut self, now: Instant, id: MoveId) {
        let Some(outgoing) = self.moves.get(&id) else { return };
        let (step, target) = (outgoing.step, outgoing.target);
        let is_over = now >= outgoing.until || !self.is_living(target);
        match step {
            Step::Offered | Step::Shipped if is_over => return self.stay(id),
            Step::Asked if is_over => return self.enter(now, id, Step::Cancelling),
            // The runtime says when it is done; at the latest when its unit is resolved.
            Step::Sealing => return,
            _ => {}
        }
        let Some(outgoing) = self.moves.get_mut(&id) else { return };
        let ask_at = outgoing.ask_at;
        if ask_at > now {
            return self.at(ask_at, Due::Move(id));
        }
        let asked = outgoing.asked;
        outgoing.asked = asked.saturating_add(1);
        self.ask_step(now, id, asked);
    }

    /// Goes on to the next step.
    fn enter(&mut self, now: Instant, id: MoveId, step: Step) {
        let until = now + self.config.move_patience;
        let Some(outgoing) = self.moves.get_mut(&id) else { return };
        outgoing.step = step;
        outgoing.asked = 1;
        outgoing.until = until;
        if step == Step::Cancelling && Planted::Unseal.is_planted() {
            return self.stay(id);
        }
        self.ask_step(now, id, 0);
    }

    fn ask_step(&mut self, now: Instant, id: MoveId, asked: u32) {
        let pause = self.pause(asked);
        let Some(outgoing) = self.moves.get_mut(&id) else { return };
        outgoing.ask_at = now + pause;
        let (actor, to, step) = (outgoing.actor.clone(), outgoing.target, outgoing.step);
        self.at(now + pause, Due::Move(id));
        let Some(tenure) = self.hosted.get(&actor).map(|hosted| hosted.tenure) else {
            self.moves.remove(&id);
            return;
        };
        match (step, self.keeper_of(&actor)) {
            (Step::Offered, _) => self.send_again(asked, to, Message::Offer { id, actor }),
            (Step::Shipped, _) => self.effects.push(Effect::Ship { id, actor, to }),
            (Step::Asked, Some(owner)) => {
                self.send_again(asked, owner, Message::AskMove { id, actor, tenure, to });
            }
            (Step::Cancelling, Some(owner)) => {
                self.send_again(asked, owner, Message::AskCancel { id, actor, tenure, to });
            }
            (Step::Asked | Step::Cancelling, None) | (Step::Sealing, _) => {}
        }
    }

    /// The actor stays: nobody else was given a right to it, and nobody will be by this move.
    fn stay(&mut self, id: MoveId) {
        let Some(outgoing) = self.moves.remove(&id) else { return };
        if outgoing.step == Step::Offered {
            return;
        }
        self.cancelled.push_back(id);
        if self.cancelled.len() > CANCELLED_MAX {
            self.cancelled.pop_front();
        }
        self.send(outgoing.target, Message::Forget { id });
        let actor = outgoing.actor;
        let Some(hosted) = self.hosted.get_mut(&actor) else { return };
        if hosted.stands == ReportedAs::Moving(id) {
            hosted.stands = ReportedAs::Live;
            let tenure = hosted.tenure;
            self.effects.push(Effect::Unseal { id, actor, tenure });
        }
    }

    fn step(&self, id: MoveId) -> Option<Step> {
        self.moves.get(&id).map(|it| it.step)
    }
}
