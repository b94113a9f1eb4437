use tenure_types::{ActorId, Incarnation, Instant, Tenure};

use super::schedule::Due;
use super::{Cluster, Effect, Message, Views};
use crate::slot::ReportedAs;
use crate::slot::slot_of;

impl Cluster {
    /// As host: the activation is sealed and its last unit durable. [`Effect::Drop`] says when it may
    /// leave memory. `false` when it is not this node's, or about to move.
    pub fn leave(&mut self, now: Instant, actor: &ActorId, tenure: Tenure) -> bool {
        let Some(hosted) = self.hosted.get_mut(actor).filter(|it| it.tenure == tenure) else {
            return false;
        };
        if matches!(hosted.stands, ReportedAs::Moving(_)) {
            return false;
        }
        hosted.stands = ReportedAs::Leaving;
        self.unregister_again(now, actor);
        self.hear_self(now);
        true
    }

    pub(super) fn leaving(&self) -> impl Iterator<Item = &ActorId> {
        self.hosted.iter().filter(|(_, it)| it.stands == ReportedAs::Leaving).map(|(it, _)| it)
    }

    pub(super) fn unregister_again(&mut self, now: Instant, actor: &ActorId) {
        let owner = self.owner_of(actor);
        let Some(hosted) = self.hosted.get_mut(actor) else { return };
        if hosted.stands != ReportedAs::Leaving {
            return;
        }
        let (tenure, told) = (hosted.tenure, hosted.told);
        hosted.told = told.saturating_add(1);
        let at = now + self.pause(told);
        self.at(at, Due::Unregister(actor.clone()));
        if let Some(owner) = owner {
            self.send_again(told, owner, Message::Unregister { actor: actor.clone(), tenure });
        }
    }

    /// As owner: an activation is about to leave memory. Answered only once its host has reported the
    /// slot: a report that was overtaken would bring it back.
    pub(super) fn hear_unregister(
        &mut self,
        now: Instant,
        from: Incarnation,
        actor: ActorId,
        tenure: Tenure,
    ) {
        let slot = slot_of(&actor);
        let Some(owned) = self.owned.get_mut(&slot) else {
            let view = self.view.number;
            return self.send(from, Message::WrongOwner { actor, view });
        };
        if owned.awaited.contains(from) {
            return self.hurry(now, slot);
        }
        let is_it = |entry: &crate::directory::Entry| entry.host == from && entry.tenure == tenure;
        if owned.entries.get(&actor).is_some_and(is_it) {
            owned.entries.remove(&actor);
        }
        self.send(from, Message::Unregistered { actor, tenure });
        self.serve_slot(now, slot);
    }

    /// As host: the directory has the activation no more.
    pub(super) fn hear_unregistered(&mut self, actor: &ActorId, tenure: Tenure) {
        let Some(hosted) = self.hosted.get(actor).filter(|it| it.tenure == tenure) else { return };
        let actor = actor.clone();
        match hosted.stands {
            ReportedAs::Leaving => {
                self.hosted.remove(&actor);
                self.effects.push(Effect::Drop { actor, tenure });
            }
            // Another member runs it under a higher right: it leaves as any other, and says so.
            ReportedAs::Live if self.config.views != Views::Agreed => {
                self.effects.push(Effect::Evict { actor, tenure });
            }
            ReportedAs::Live | ReportedAs::Moving(_) => {}
        }
    }
}
