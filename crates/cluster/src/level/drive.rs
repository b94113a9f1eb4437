//! A node tells what it carries, and does what it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_runtime::Runtime;
use tenure_types::{ActorId, Incarnation};

use super::{LOAD_SECONDS, TELL_PERIOD, planner_of, slot_after};
use crate::driver::{Core, Driver};
use crate::levelling::{Carried, Levelling, NAMED_MAX};
use crate::life::Life;
use crate::message::Body;
use crate::world::World;

/// How many of its actors a node looks at for some that it names.
const LOOKED_AT_MAX: usize = 4 * NAMED_MAX;

impl<W: World> Driver<W> {
    /// Says what this node carries when it is time, and plans where that is this node's part.
    pub(crate) fn look_after_level(&self) {
        let now = self.clock.now();
        let mut core = self.core.lock();
        let view = Arc::clone(core.membership.view());
        let (is_leaving, is_cordoned) = (core.is_leaving, core.is_cordoned);
        let Some(life) = &mut core.life else { return };
        let (Some(runtime), Some(planner)) = (life.runtime().cloned(), planner_of(&view)) else {
            return;
        };
        let me = life.incarnation;
        let is_alone = view.members().filter(|it| !it.state.is_gone()).count() < 2;
        let Some(level) = life.level.as_mut().filter(|it| it.tell_at <= now && !is_alone) else {
            return;
        };
        level.tell_at = now + TELL_PERIOD;
        let Some(load) = level.load(now, runtime.calls_here()) else { return };
        let takes_new = !is_leaving && !is_cordoned;
        let carried = self.carried(life, &runtime, load, takes_new);
        if planner != me {
            let body = Body::Levelling(Levelling::Carried(carried));
            self.send_from(&core, planner, body);
            return;
        }
        let Some(level) = &mut life.level else { return };
        level.planner.hear(now, me, carried);
        for (host, moves) in level.planner.plan(now, &view) {
            self.world.reached("levelled");
            match host == me {
                true => self.move_to_level(&mut core, moves),
                false => {
                    self.send_from(&core, host, Body::Levelling(Levelling::Move(moves)));
                }
            }
        }
    }

    /// What this node carries: those that are called the most by a sample, and an equal share of the rest for each of some others.
    fn carried(
        &self,
        life: &mut Life,
        runtime: &Arc<Runtime>,
        load: u64,
        takes_new: bool,
    ) -> Carried {
        let Life { cluster, level, .. } = life;
        let Some(level) = level else { return Carried::default() };
        level.moving.retain(|actor| cluster.is_moving(actor));
        let may_move = |actor: &ActorId| {
            let target = runtime.target_of(actor);
            self.world.is_one_process() || target.is_some_and(|it| runtime.can_move(&it))
        };
        let mut actors = BTreeMap::new();
        let mut rest = load;
        for busy in self.world.busiest(runtime) {
            if cluster.hosted(&busy.actor).is_some() && may_move(&busy.actor) {
                let part = (busy.calls_per_second * LOAD_SECONDS as f64) as u64;
                rest = rest.saturating_sub(part);
                actors.insert(busy.actor, part);
            }
        }
        let others = cluster.sizes().hosted.saturating_sub(actors.len()).max(1) as u64;
        let mut last = None;
        for actor in cluster.live_beginning_at(level.next).take(LOOKED_AT_MAX) {
            if actors.len() >= NAMED_MAX {
                break;
            }
            last = Some(actor.clone());
            if may_move(actor) {
                actors.entry(actor.clone()).or_insert(rest / others);
            }
        }
        if let Some(last) = last {
            level.next = slot_after(&last);
        }
        let moving = level.moving.iter().take(NAMED_MAX).cloned().collect();
        Carried { load, takes_new, actors: actors.into_iter().collect(), moving }
    }

    pub(crate) fn handle_levelling(&self, from: Incarnation, said: Levelling) {
        let now = self.clock.now();
        let mut core = self.core.lock();
        let view = Arc::clone(core.membership.view());
        match said {
            Levelling::Carried(carried) => {
                let level = core.life.as_mut().and_then(|life| life.level.as_mut());
                if let Some(level) = level.filter(|_| view.state(from).is_some()) {
                    level.planner.hear(now, from, carried);
                }
            }
            Levelling::Move(moves) if planner_of(&view) == Some(from) => {
                self.move_to_level(&mut core, moves);
            }
            // Of one that is not the oldest any more, or not yet as far as this node knows.
            Levelling::Move(_) => {}
        }
    }

    fn move_to_level(&self, core: &mut Core, moves: Vec<(ActorId, Incarnation)>) {
        let now = self.clock.now();
        let is_leaving = core.is_leaving;
        let Some(life) = core.life.as_mut().filter(|_| !is_leaving) else { return };
        let Life { cluster, level: Some(level), .. } = life else { return };
        for (actor, to) in moves {
            if level.moving.len() < NAMED_MAX && cluster.move_away(now, &actor, to).is_some() {
                level.moving.insert(actor);
            }
        }
    }
}
