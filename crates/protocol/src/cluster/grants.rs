use tenure_types::{ActorId, Incarnation, Tenure, ViewNumber};

use super::effect::Alarm;
use super::hosting::Hosted;
use super::message::Refusal;
use super::{Cluster, Effect, Message};
use crate::migration::MoveId;
use crate::slot::slot_of;
use crate::slot::{ReportedAs, Unfit};
use crate::view::MemberState;

impl Cluster {
    /// As host: a slot owner gives this node the right to run an actor.
    pub(super) fn hear_grant(
        &mut self,
        from: Incarnation,
        view: ViewNumber,
        actor: ActorId,
        tenure: Tenure,
        durable: bool,
        arrived: Option<MoveId>,
    ) {
        self.hear_view(view);
        let has = self.hosted.get(&actor).map(|hosted| (hosted.tenure, hosted.stands));
        if has.is_some_and(|(has, _)| has == tenure) {
            let load = self.load();
            return self.send(from, Message::Granted { actor, tenure, load });
        }
        match self.take_grant(view, &actor, tenure, arrived, has) {
            Err(why) => {
                let load = self.load();
                self.send(from, Message::Refused { actor, tenure, why, load });
            }
            Ok(()) => {
                if let Some((before, _)) = has {
                    // The owner has unregistered it or let it move, and its answer is lost or still on
                    // its way.
                    self.moves.retain(|_, outgoing| outgoing.actor != actor);
                    self.effects.push(Effect::Drop { actor: actor.clone(), tenure: before });
                }
                self.drop_arrivals_of(&actor, arrived);
                let hosted = Hosted { tenure, durable, stands: ReportedAs::Live, told: 0 };
                self.hosted.insert(actor.clone(), hosted);
                self.effects.push(Effect::Activate { actor: actor.clone(), tenure, arrived });
                let load = self.load();
                self.send(from, Message::Granted { actor, tenure, load });
            }
        }
    }

    fn take_grant(
        &mut self,
        view: ViewNumber,
        actor: &ActorId,
        tenure: Tenure,
        arrived: Option<MoveId>,
        has: Option<(Tenure, ReportedAs)>,
    ) -> Result<(), Refusal> {
        let taken = self.promises.take(slot_of(actor), view, tenure);
        taken.map_err(|unfit| match unfit {
            Unfit::OldView(view) => Refusal::OldView(view),
            Unfit::OldTenure => Refusal::OldTenure,
        })?;
        if let Some((has, stands)) = has
            && (stands == ReportedAs::Live || has > tenure)
        {
            let (actor, granted) = (actor.clone(), tenure);
            self.effects.push(Effect::Alarm(Alarm::GrantedTwice { actor, has, granted }));
            return Err(Refusal::OldTenure);
        }
        if arrived.is_some_and(|id| !self.arrivals.contains_key(&id)) {
            return Err(Refusal::NothingArrived);
        }
        // What has arrived was accepted before.
        let may_start = arrived.is_some()
            || (self.accepting && self.view.state(self.me) == Some(MemberState::Alive));
        if may_start { Ok(()) } else { Err(Refusal::NotAccepting) }
    }
}
