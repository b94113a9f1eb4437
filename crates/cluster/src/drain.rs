//! Leaving in good order: everything moves away, then the row says so.

use std::sync::Arc;
use std::time::Duration;

use tenure_protocol::placement::{Candidate, Draw, Request, Strategy, place};
use tenure_protocol::view::{MemberState, View};
use tenure_runtime::Runtime;
use tenure_types::{ActorId, BoxFuture, Incarnation};

use crate::driver::{Core, Driver};
use crate::life::Life;
use crate::world::World;

/// How many moves are under way at a time.
const MOVES_AT_ONCE: usize = 32;
/// How many actors leave memory at a look.
const LEAVES_AT_ONCE: usize = 1_024;
impl<W: World> Driver<W> {
    pub(crate) fn begin_drain(&self, core: &mut Core, is_serving: bool) {
        core.is_leaving = true;
        core.is_serving = is_serving;
        if let Some(life) = &mut core.life {
            life.drain.has_begun = true;
        }
        core.accept();
        core.membership.leave(self.clock.now());
    }

    /// Moves the next ones as soon as some of those that were under way have ended.
    pub(crate) fn go_on_draining(self: &Arc<Self>) {
        if self.core.lock().moves_ended >= MOVES_AT_ONCE / 2 {
            self.look_after_drain();
            self.carry_out();
        }
    }

    /// Moves what is still here; when nothing is and every slot was given up, the node has left.
    pub(crate) fn look_after_drain(self: &Arc<Self>) {
        let now = self.clock.now();
        let mut core = self.core.lock();
        let core = &mut *core;
        core.moves_ended = 0;
        let Some(life) = core.life.as_mut().filter(|_| core.is_leaving) else { return };
        if !life.drain.has_begun {
            life.drain.has_begun = true;
            life.cluster.set_accepting(false);
            core.membership.leave(now);
        }
        if self.config.is_fixed() {
            // Nobody takes what is here: it stays until the runtime has stopped.
            if core.has_stopped {
                core.membership.left(now);
            }
            return;
        }
        let view = Arc::clone(core.membership.view());
        if view.state(life.incarnation) != Some(MemberState::Leaving) {
            return;
        }
        let sizes = life.cluster.sizes();
        let is_empty = sizes.hosted == 0
            && sizes.slots == 0
            && life.seeking.is_empty()
            && life.way.counts() == (0, 0);
        let is_over = life.drain.is_over(now, is_empty);
        if (is_over && !core.is_serving) || core.has_stopped {
            return core.membership.left(now);
        }
        let new = match life.drain.is_stuck(sizes.hosted) {
            true => Vec::new(),
            false => core.roll.newest(&view),
        };
        let mut room = MOVES_AT_ONCE.saturating_sub(sizes.moves_out);
        // One that moves already is among the live until it is sealed.
        let (moving, leaving) = self.next_to_go(life, room + sizes.moves_out);
        for actor in moving {
            let Some(to) = self.target(&view, &new, life.incarnation) else { return };
            if room > 0 && life.cluster.move_away(now, &actor, to).is_some() {
                room -= 1;
            }
        }
        leaving.into_iter().for_each(|leaving| self.tasks.spawn("leave", leaving));
    }

    /// Actors that move, at most so many, and what lets others leave memory.
    fn next_to_go(
        &self,
        life: &Life,
        moves_max: usize,
    ) -> (Vec<ActorId>, Vec<BoxFuture<'static, ()>>) {
        let (mut moving, mut leaving) = (Vec::new(), Vec::new());
        for (actor, _, _) in life.cluster.each_hosted().filter(|(_, _, is_live)| *is_live) {
            if moving.len() >= moves_max || leaving.len() >= LEAVES_AT_ONCE {
                break;
            }
            match life.runtime().and_then(|it| self.stays(it, actor)) {
                Some(leaves) => leaving.push(leaves),
                None => moving.push(actor.clone()),
            }
        }
        (moving, leaving)
    }

    /// Where an actor goes; `None` where there is nobody.
    fn target(&self, view: &View, new: &[Incarnation], me: Incarnation) -> Option<Incarnation> {
        let alive = view.in_state(MemberState::Alive).map(|member| Candidate {
            incarnation: member.incarnation,
            weight: member.weight,
            load: 0,
            is_cordoned: false,
            is_leaving: false,
            is_new_in_roll: new.contains(&member.incarnation),
        });
        let candidates: Vec<Candidate> = alive.collect();
        let strategy = Strategy::Random;
        let request = Request { strategy, actor_hash: 0, caller: me, owner: me, is_drain: true };
        let draw = Draw { first: self.world.below(u64::MAX), second: 0 };
        place(&request, &candidates, draw).ok()
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
