//! Carries out what the directory decides.

use std::sync::Arc;
use std::time::Duration;

use tenure_protocol::cluster::{Alarm, Effect, Message, Refusal};
use tenure_protocol::migration::MoveId;
use tenure_types::{ActorId, CallError, Tenure};

use crate::driver::Driver;
use crate::life::{Life, Local};
use crate::message::Body;
use crate::world::World;

/// For how long a busy activation is asked to leave that another member has too.
const EVICTION_MAX: Duration = Duration::from_secs(30);

impl<W: World> Driver<W> {
    pub(crate) fn carry_out_directory(self: &Arc<Self>, effect: Effect) {
        let now = self.clock.now();
        match effect {
            Effect::Send { to, message } => {
                if let Message::Refused { why: Refusal::OldView(_), .. } = &message {
                    self.world.reached("slot opened while a grant was in flight");
                }
                let asked = match &message {
                    Message::LookUp { actor, .. } if self.config.is_fixed() => Some(actor.clone()),
                    _ => None,
                };
                let core = self.core.lock();
                let is_sent = self.send_from(&core, to, Body::Directory(message));
                drop(core);
                if let Some(actor) = asked.filter(|_| !is_sent) {
                    self.end_away(&actor);
                }
            }
            Effect::Refresh(number) => {
                let now = self.clock.now();
                self.core.lock().membership.handle_number(now, number);
            }
            Effect::Fence(incarnation) => self.fence(incarnation),
            Effect::Accuse(incarnation) => {
                self.world.reached("accused");
                self.core.lock().membership.accuse(now, incarnation);
            }
            Effect::Activate { actor, tenure, arrived } => self.activate(&actor, tenure, arrived),
            Effect::Drop { actor, tenure } => self.drop_activation(&actor, tenure),
            Effect::Moved { actor, tenure, .. } => {
                self.world.reached("moved");
                self.core.lock().moves_ended += 1;
                self.drop_activation(&actor, tenure);
            }
            Effect::Found { actor, host, tenure } => self.send_calls(&actor, host, tenure),
            Effect::Stands { actor, host, tenure } => self.take_place(&actor, host, tenure),
            Effect::Nowhere { actor, .. } => self.refuse_calls(&actor),
            Effect::Seal { id, actor, tenure } => self.seal(id, &actor, tenure),
            Effect::Ship { id, actor, to } => {
                let core = self.core.lock();
                let packed = core.life.as_ref().and_then(|life| life.packed.get(&id).cloned());
                if let Some(packed) = packed {
                    self.send_from(&core, to, Body::Shipped { id, actor, packed });
                }
            }
            Effect::Unseal { id, actor, tenure } => {
                self.world.reached("move taken back");
                self.with_life(|life| life.packed.remove(&id));
                self.with_target(&actor, |runtime, target| runtime.unseal(target, tenure));
            }
            Effect::DropArrived(id) => {
                self.with_life(|life| life.arrived.remove(&id));
            }
            Effect::Evict { actor, .. } => self.evict(&actor),
            Effect::Alarm(alarm) => self.alarm(&alarm),
        }
    }

    /// Another member runs the actor under a higher right: this one's activation leaves memory once its turn is over.
    fn evict(self: &Arc<Self>, actor: &ActorId) {
        self.world.reached("evicted");
        let (driver, actor) = (Arc::clone(self), actor.clone());
        let evict = async move {
            let Some(runtime) = driver.runtime() else { return };
            if let Some(target) = runtime.target_of(&actor) {
                runtime.deactivate(&target, EVICTION_MAX).await;
            }
        };
        self.tasks.spawn("evict", Box::pin(evict));
    }

    /// The rules exclude it: a bug of the protocol.
    fn alarm(&self, alarm: &Alarm) {
        self.world.alarm(format!("{alarm:?}"));
    }

    pub(crate) fn with_life<T>(&self, work: impl FnOnce(&mut Life) -> T) -> Option<T> {
        self.core.lock().life.as_mut().map(work)
    }

    fn with_target(
        &self,
        actor: &ActorId,
        work: impl FnOnce(&Arc<tenure_runtime::Runtime>, &tenure_actor::Target),
    ) {
        if let Some(runtime) = self.runtime()
            && let Some(target) = runtime.target_of(actor)
        {
            work(&runtime, &target);
        }
    }

    fn activate(self: &Arc<Self>, actor: &ActorId, tenure: Tenure, arrived: Option<MoveId>) {
        let packed =
            arrived.and_then(|id| self.with_life(|life| life.arrived.remove(&id)).flatten());
        let mut made = Err(CallError::Unavailable { detail: "no runtime".into() });
        self.with_target(actor, |runtime, target| {
            made = match &packed {
                Some(packed) => runtime.activate_moved(target, tenure, packed),
                None => runtime.activate(target, tenure),
            };
        });
        if arrived.is_some() && packed.is_some() {
            self.world.reached("activated from a move");
        }
        if made.is_err() {
            self.world.reached("activation refused by the runtime");
            let now = self.clock.now();
            self.with_life(|life| life.cluster.leave(now, actor, tenure));
        }
    }

    fn drop_activation(self: &Arc<Self>, actor: &ActorId, tenure: Tenure) {
        self.with_life(|life| {
            life.gone.remove(actor);
            life.packed.retain(|_, packed| packed.actor() != actor);
        });
        self.with_target(actor, |runtime, target| {
            runtime.left(target, tenure);
            runtime.moved(target, tenure);
        });
        self.follow_away(actor);
    }

    fn seal(self: &Arc<Self>, id: MoveId, actor: &ActorId, tenure: Tenure) {
        let Some(runtime) = self.runtime() else { return };
        let Some(target) = runtime.target_of(actor) else { return };
        let Some(incarnation) = self.incarnation() else { return };
        if !self.world.is_one_process() && !runtime.can_move(&target) {
            return self.with_life(|life| life.cluster.handle_unpacked(id)).unwrap_or_default();
        }
        let driver = Arc::clone(self);
        let seal = async move {
            let packed = runtime.seal_for_move(&target, tenure).await;
            driver.pass(incarnation, Local::Packed(id, packed));
        };
        self.tasks.spawn("seal", Box::pin(seal));
    }

    pub(crate) fn handle_activation(self: &Arc<Self>, local: Local) {
        let now = self.clock.now();
        match local {
            Local::Absent { target, call } => self.seek(target, call),
            Local::Attend(actor) => self.attend(&actor),
            Local::Leaving { actor, tenure } | Local::Lost { actor, tenure } => {
                self.with_life(|life| {
                    if !life.cluster.leave(now, &actor, tenure) && life.cluster.is_moving(&actor) {
                        life.gone.insert(actor, tenure);
                    }
                });
            }
            Local::Packed(id, packed) => {
                self.with_life(|life| match packed {
                    Ok(packed) => {
                        life.packed.insert(id, packed);
                        life.cluster.handle_packed(now, id);
                    }
                    Err(_) => {
                        let cluster = &mut life.cluster;
                        cluster.handle_unpacked(id);
                        // Those of whom another move is not over yet leave after that one.
                        life.gone.retain(|actor, tenure| {
                            !cluster.leave(now, actor, *tenure) && cluster.is_moving(actor)
                        });
                    }
                });
            }
            _ => {}
        }
    }
}
