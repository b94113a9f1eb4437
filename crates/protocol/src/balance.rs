//! Balance: which actors move so that members carry alike (DESIGN section 7, rule 6).
//!
//! The planner looks at what members carry for their weight. It begins when one is far above the mean and goes on until none is
//! much above it (hysteresis: two thresholds, so that it does not start and stop around one). It moves hot actors from the fullest to the
//! emptiest, and only those that leave the one they go to lower than the one they come from was: so every move lowers the
//! larger of the two, and no actor goes back and forth on a load that stays ("local search" for makespan scheduling: Finn and
//! Horowitz, "A linear time approximation algorithm for multiprocessor scheduling", BIT 19, 1979).
//!
//! It rests while a deploy goes on: until no member has been `Leaving` for a while. A join needs no case of its own: an empty
//! member lowers the mean, and what it is given is bounded by the same budget.

mod budget;
mod config;
mod level;
mod load;
mod memory;
#[cfg(test)]
mod tests;

use tenure_types::{Incarnation, Instant};

use budget::Budget;
use memory::Memory;

pub use config::BalanceConfig;
pub use load::MemberLoad;

/// The most actors that the planner remembers to have moved. With as many remembered it rests.
pub const REMEMBERED_MAX: usize = 4_096;

/// An actor that may move. `A` is whatever names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HotActor<A> {
    /// Which one.
    pub actor: A,
    /// Its part of its host's load.
    pub load: u64,
    /// Where it is.
    pub host: Incarnation,
}

/// A move to begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Move<A> {
    /// The actor.
    pub actor: A,
    /// Its host.
    pub from: Incarnation,
    /// Its next one.
    pub to: Incarnation,
}

/// What the planner is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Nobody is far above the mean.
    Level,
    /// Somebody was, and not all are near it yet.
    Levelling,
    /// A member is leaving, or was until lately.
    Resting,
}

/// Plans moves, with a small memory of those that it planned.
#[derive(Clone, Debug)]
pub struct Balancer<A> {
    config: BalanceConfig,
    phase: Phase,
    last_leave: Option<Instant>,
    budget: Budget,
    memory: Memory<A>,
}

impl<A: Clone + Ord> Balancer<A> {
    /// A planner that has planned nothing yet.
    #[must_use]
    pub fn new(config: BalanceConfig) -> Self {
        Self {
            config,
            phase: Phase::Level,
            last_leave: None,
            budget: Budget::default(),
            memory: Memory::default(),
        }
    }

    /// What it is doing since the last round.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Takes loads and the actors that may move, and returns the moves to begin now: as many as the budget allows, in the
    /// order in which they help most.
    ///
    /// Loads must be newer than the moves that ended: a move that is under way counts as its actor being still at its host,
    /// and a round that follows with old loads plans for what is gone. Costs a sort of the actors and, for each
    /// move, a walk over members and actors.
    #[must_use]
    pub fn handle_loads(
        &mut self,
        members: &[MemberLoad],
        actors: &[HotActor<A>],
        now: Instant,
    ) -> Vec<Move<A>> {
        let is_listed =
            |incarnation| members.iter().any(|member| member.incarnation == incarnation);
        self.memory.forget(now, self.config.rest_of_actor, is_listed);
        if members.iter().any(|member| member.is_leaving) {
            self.last_leave = Some(now);
        }
        let rest = self.config.rest_after_leave;
        if self.last_leave.is_some_and(|last| now.saturating_since(last) < rest) {
            self.phase = Phase::Resting;
            return Vec::new();
        }
        let mut loads = level::Loads::new(members);
        self.memory.under_way().for_each(|(load, from, to)| loads.shift(load, from, to));
        let threshold = match self.phase {
            Phase::Levelling => self.config.stop_percent.min(self.config.begin_percent),
            Phase::Level | Phase::Resting => self.config.begin_percent,
        };
        self.phase = if loads.is_above(threshold) { Phase::Levelling } else { Phase::Level };
        let mut moves = Vec::new();
        if self.phase == Phase::Levelling {
            self.plan(&mut loads, actors, now, &mut moves);
        }
        moves
    }

    fn plan(
        &mut self,
        loads: &mut level::Loads,
        actors: &[HotActor<A>],
        now: Instant,
        moves: &mut Vec<Move<A>>,
    ) {
        let mut actors: Vec<_> =
            actors.iter().filter(|one| !self.memory.knows(&one.actor)).collect();
        // Hot ones first: the fewest moves for the same load. By name among equals, so that a plan follows from its input.
        actors.sort_by(|one, other| {
            other.load.cmp(&one.load).then_with(|| one.actor.cmp(&other.actor))
        });
        while self.memory.len() < REMEMBERED_MAX
            && loads.is_above(self.config.stop_percent)
            && self.budget.has_room(&self.config, self.memory.under_way().count(), now)
        {
            let Some((place, to)) = loads
                .best_move(self.config.stop_percent, actors.iter().map(|one| (one.load, one.host)))
            else {
                break;
            };
            let hot = actors.remove(place);
            loads.shift(hot.load, hot.host, to);
            self.budget.take();
            self.memory.remember(
                hot.actor.clone(),
                memory::Moved { load: hot.load, from: hot.host, to, began: now, is_done: false },
            );
            moves.push(Move { actor: hot.actor.clone(), from: hot.host, to });
        }
    }

    /// A member is leaving: nothing moves until none has for a while. Also told by [`Balancer::handle_loads`], which may come too
    /// late for one that leaves quickly.
    pub fn handle_leave(&mut self, now: Instant) {
        self.last_leave = Some(now);
    }

    /// A move ended, well or not: its place in the budget is free. Its actor rests all the same. Each move's end must be told,
    /// unless one of its members is gone.
    pub fn handle_move_end(&mut self, actor: &A) {
        self.memory.end(actor);
    }
}
