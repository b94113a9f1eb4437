//! Levelling: actors that are called go from members that are called a lot to those that are called little (DESIGN
//! section 7, rule 6).
//!
//! Every member tells the oldest one what it carries, every [`TELL_PERIOD`]: one message of some kilobytes, whatever
//! the number of its actors. When that one has heard of all it plans (`tenure_protocol::balance`), and tells hosts what to move. It is
//! a matter of speed alone: a lost message is a later plan, and where the oldest member is replaced the next one begins with an
//! empty memory.

mod drive;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tenure_protocol::balance::{Balancer, HotActor, MemberLoad, Move};
use tenure_protocol::view::{MemberState, View};
use tenure_types::{ActorId, Incarnation, Instant, Slot, actor_hash};

use crate::config::LevelConfig;
use crate::levelling::Carried;

/// How often a member says what it carries.
const TELL_PERIOD: Duration = Duration::from_secs(2);
/// What a member said counts for so long: two that are lost stop the planner.
const KNOWN_FOR: Duration = Duration::from_secs(5);
/// A move that was asked for so long ago has ended when its host says so: what it carries is counted anew since.
const MOVE_MIN: Duration = Duration::from_secs(4);
/// Loads are calls in so many seconds.
const LOAD_SECONDS: u64 = 1_000;

/// What a node has to do with levelling.
#[derive(Debug)]
pub(crate) struct Level {
    tell_at: Instant,
    /// How many calls had come when it last told, and when that was.
    counted: Option<(u64, Instant)>,
    /// Where among its actors it names the next ones that are not called the most.
    next: Slot,
    /// What it was told to move, and still has.
    moving: BTreeSet<ActorId>,
    planner: Planner,
}

/// What the oldest member knows of all.
#[derive(Debug)]
struct Planner {
    calls_min: u64,
    balancer: Balancer<ActorId>,
    carried: BTreeMap<Incarnation, (Instant, Carried)>,
    /// Moves that have not ended, as far as it has heard: whose, and since when.
    asked: BTreeMap<ActorId, (Incarnation, Instant)>,
}

impl Level {
    pub(crate) fn new(config: &LevelConfig) -> Self {
        Self {
            tell_at: Instant::ZERO,
            counted: None,
            next: Slot::default(),
            moving: BTreeSet::new(),
            planner: Planner {
                calls_min: config.calls_min,
                balancer: Balancer::new(config.balance),
                carried: BTreeMap::new(),
                asked: BTreeMap::new(),
            },
        }
    }

    /// There is a newer view.
    pub(crate) fn handle_view(&mut self, now: Instant, view: &View) {
        if view.in_state(MemberState::Leaving).next().is_some() {
            self.planner.balancer.handle_leave(now);
        }
    }

    /// The load since the last time; `None` the first time.
    fn load(&mut self, now: Instant, calls: u64) -> Option<u64> {
        let (before, at) = self.counted.replace((calls, now))?;
        let calls = u128::from(calls.saturating_sub(before)) * u128::from(LOAD_SECONDS) * 1_000;
        let millis = now.saturating_since(at).as_millis().max(1);
        Some(u64::try_from(calls / millis).unwrap_or(u64::MAX))
    }
}

fn slot_after(actor: &ActorId) -> Slot {
    let slot = Slot::of(actor_hash(actor.actor_type.as_str(), actor.key.as_str()));
    Slot::new(slot.index() as u16 + 1).unwrap_or_default()
}

/// The member that plans: the oldest one.
fn planner_of(view: &View) -> Option<Incarnation> {
    view.in_state(MemberState::Alive).map(|member| member.incarnation).min()
}

impl Planner {
    /// A member says what it carries, and so which moves have ended there.
    fn hear(&mut self, now: Instant, from: Incarnation, carried: Carried) {
        let Self { balancer, asked, .. } = self;
        asked.retain(|actor, (host, at)| {
            let goes_on = *host != from
                || now.saturating_since(*at) < MOVE_MIN
                || carried.moving.contains(actor);
            if !goes_on {
                balancer.handle_move_end(actor);
            }
            goes_on
        });
        self.carried.insert(from, (now, carried));
    }

    /// What each host is to move now; nothing while what a member carries is not known.
    fn plan(
        &mut self,
        now: Instant,
        view: &View,
    ) -> BTreeMap<Incarnation, Vec<(ActorId, Incarnation)>> {
        let is_there = |it: &Incarnation| view.state(*it).is_some_and(|state| !state.is_gone());
        self.carried.retain(|it, _| is_there(it));
        self.asked.retain(|_, (host, _)| is_there(host));
        let mut members = Vec::new();
        for member in view.members().filter(|it| !it.state.is_gone()) {
            let said = self.carried.get(&member.incarnation);
            let known = said.filter(|(at, _)| now.saturating_since(*at) < KNOWN_FOR);
            let is_alive = member.state == MemberState::Alive;
            if is_alive && known.is_none() {
                return BTreeMap::new();
            }
            members.push(MemberLoad {
                incarnation: member.incarnation,
                weight: member.weight,
                load: known.map_or(0, |(_, carried)| carried.load),
                takes_new: is_alive && known.is_some_and(|(_, carried)| carried.takes_new),
                is_leaving: member.state == MemberState::Leaving,
            });
        }
        let load: u128 = members.iter().map(|it| u128::from(it.load)).sum();
        let least = u128::from(self.calls_min) * u128::from(LOAD_SECONDS) * members.len() as u128;
        let mut actors = Vec::new();
        for (host, (_, carried)) in self.carried.iter().filter(|_| load >= least) {
            let named = carried.actors.iter();
            actors.extend(named.map(|(actor, load)| HotActor {
                actor: actor.clone(),
                load: *load,
                host: *host,
            }));
        }
        let mut moves = BTreeMap::<_, Vec<_>>::new();
        for Move { actor, from, to } in self.balancer.handle_loads(&members, &actors, now) {
            self.asked.insert(actor.clone(), (from, now));
            moves.entry(from).or_default().push((actor, to));
        }
        moves
    }
}

#[cfg(test)]
mod tests {
    use tenure_protocol::view::Member;
    use tenure_types::{ActorTypeName, Key, NodeId, ViewNumber};

    use super::*;
    use MemberState::{Alive, Leaving};

    const FIRST: Incarnation = Incarnation(1);
    const SECOND: Incarnation = Incarnation(2);

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(100 + seconds)
    }

    fn view(second: MemberState) -> View {
        let member = |(incarnation, state): (Incarnation, _)| Member {
            incarnation,
            node: NodeId::new(&format!("n{}", incarnation.0)).unwrap(),
            state,
            presumed: false,
            weight: 1,
            address: "".into(),
        };
        View::new(ViewNumber(2), [(FIRST, Alive), (SECOND, second)].map(member))
    }

    fn actor() -> ActorId {
        let actor_type = ActorTypeName::new("cart").unwrap();
        ActorId { actor_type, key: Key::new("alice").unwrap() }
    }

    /// A member that gets so many calls a second, a third of them for one actor.
    fn carried(calls: u64) -> Carried {
        let load = calls * LOAD_SECONDS;
        let actors = if calls > 0 { vec![(actor(), load / 3)] } else { Vec::new() };
        Carried { load, takes_new: true, actors, moving: Vec::new() }
    }

    /// A planner that has heard of both.
    fn planner(calls: u64, now: Instant) -> Planner {
        let mut planner = Level::new(&LevelConfig::default()).planner;
        planner.hear(now, FIRST, carried(calls));
        planner.hear(now, SECOND, carried(0));
        planner
    }

    #[test]
    fn a_part_of_the_fullest_goes_to_the_emptiest_where_there_is_enough_and_all_is_known() {
        let full = LevelConfig::default().calls_min * 2;
        let moved = BTreeMap::from([(FIRST, vec![(actor(), SECOND)])]);
        for (calls, seconds, second, expected, why) in [
            (full, 1, Alive, moved, "one has all"),
            (full - 1, 1, Alive, BTreeMap::new(), "too few calls for a move"),
            (full, KNOWN_FOR.as_secs(), Alive, BTreeMap::new(), "what they carry is not known"),
            (full, 1, Leaving, BTreeMap::new(), "it leaves"),
        ] {
            let mut planner = planner(calls, at(0));
            assert_eq!(planner.plan(at(seconds), &view(second)), expected, "{why}");
        }
    }

    #[test]
    fn a_move_has_ended_when_its_host_says_so_after_a_while() {
        let mut planner = planner(1_000, at(0));
        assert_eq!(planner.plan(at(0), &view(Alive)).len(), 1);
        planner.hear(at(1), FIRST, carried(1_000));
        assert_eq!(planner.asked.len(), 1, "it may not have heard of it");
        let moving = Carried { moving: vec![actor()], ..carried(1_000) };
        planner.hear(at(10), FIRST, moving);
        assert_eq!(planner.asked.len(), 1, "it moves");
        planner.hear(at(11), SECOND, carried(0));
        assert_eq!(planner.asked.len(), 1, "its host decides");
        planner.hear(at(12), FIRST, carried(1_000));
        assert!(planner.asked.is_empty());
    }
}
