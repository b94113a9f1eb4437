//! Leaving in good order: everything moves away, then the row says so.

use std::sync::Arc;
use std::time::Duration;

use tenure_protocol::view::MemberState;
use tenure_runtime::Runtime;
use tenure_types::{ActorId, BoxFuture, Incarnation};

use crate::driver::{Core, Driver};
use crate::world::World;

/// How many moves begin at a time.
const MOVES_AT_ONCE: usize = 32;

impl<W: World> Driver<W> {
    pub(crate) fn begin_drain(&self, core: &mut Core) {
        core.is_leaving = true;
        if let Some(life) = &mut core.life {
            life.is_draining = true;
        }
        core.accept();
        core.membership.leave(self.clock.now());
    }

    /// Moves what is still here; when nothing is and every slot was given up, the node has left.
    pub(crate) fn look_after_drain(self: &Arc<Self>) {
        let now = self.clock.now();
        let mut core = self.core.lock();
        let core = &mut *core;
        let Some(life) = core.life.as_mut().filter(|_| core.is_leaving) else { return };
        if !life.is_draining {
            life.is_draining = true;
            life.cluster.set_accepting(false);
            core.membership.leave(now);
        }
        let view = Arc::clone(core.membership.view());
        if view.state(life.incarnation) != Some(MemberState::Leaving) {
            return;
        }
        let sizes = life.cluster.sizes();
        let is_empty = sizes.hosted == 0
            && sizes.slots == 0
            && life.seeking.is_empty()
            && life.handed.is_empty()
            && life.unsent.is_empty();
        if is_empty || core.has_stopped {
            return core.membership.left(now);
        }
        let targets: Vec<Incarnation> =
            view.in_state(MemberState::Alive).map(|member| member.incarnation).collect();
        if targets.is_empty() {
            return;
        }
        let live = life.cluster.each_hosted().filter(|(_, _, is_live)| *is_live);
        let actors: Vec<ActorId> =
            live.map(|(actor, _, _)| actor.clone()).take(MOVES_AT_ONCE).collect();
        for actor in actors {
            if let Some(leaving) = life.runtime.as_ref().and_then(|it| self.stays(it, &actor)) {
                self.tasks.spawn("leave", leaving);
                continue;
            }
            let to = targets[self.world.below(targets.len() as u64) as usize];
            life.cluster.move_away(now, &actor, to);
        }
    }

    /// What lets an actor leave memory whose state cannot leave the process: it begins anew elsewhere. `None` for
    /// one that moves.
    fn stays(&self, runtime: &Arc<Runtime>, actor: &ActorId) -> Option<BoxFuture<'static, ()>> {
        let target = runtime.target_of(actor).filter(|_| !self.world.is_one_process())?;
        if runtime.can_move(&target) {
            return None;
        }
        let runtime = Arc::clone(runtime);
        Some(Box::pin(async move {
            // A busy one is asked again at the next look.
            runtime.deactivate(&target, Duration::ZERO).await;
        }))
    }
}

impl Core {
    pub(crate) fn cordon(&mut self, is_cordoned: bool) {
        self.is_cordoned = is_cordoned;
        self.accept();
    }

    /// Takes new activations, or none: told to every incarnation when it begins, and whenever that changes.
    pub(crate) fn accept(&mut self) {
        let accepts = !self.is_leaving && !self.is_cordoned;
        if let Some(life) = &mut self.life {
            life.cluster.set_accepting(accepts);
        }
    }
}
