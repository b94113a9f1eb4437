use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use tenure_types::{Incarnation, Instant};

use super::{BalanceConfig, Balancer, HotActor, MemberLoad, Move, Phase};

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn member(incarnation: u64, load: u64) -> MemberLoad {
    MemberLoad {
        incarnation: Incarnation(incarnation),
        weight: 1,
        load,
        takes_new: true,
        is_leaving: false,
    }
}

fn hot(actor: u32, load: u64, host: u64) -> HotActor<u32> {
    HotActor { actor, load, host: Incarnation(host) }
}

fn moving(actor: u32, from: u64, to: u64) -> Move<u32> {
    Move { actor, from: Incarnation(from), to: Incarnation(to) }
}

fn plan(members: &[MemberLoad], actors: &[HotActor<u32>]) -> Vec<Move<u32>> {
    Balancer::new(BalanceConfig::default()).handle_loads(members, actors, at(0))
}

#[test]
fn the_hottest_that_helps_goes_from_the_fullest_to_the_emptiest() {
    let actors = [hot(1, 5, 1), hot(2, 30, 1), hot(3, 100, 1), hot(4, 30, 2)];
    let closed = MemberLoad { takes_new: false, ..member(3, 50) };
    let heavy = MemberLoad { weight: 4, ..member(1, 200) };
    for (members, expected, why) in [
        (
            vec![member(1, 119), member(2, 100), member(3, 81)],
            vec![],
            "nobody is above 1.2 of the mean",
        ),
        (
            vec![member(1, 150), member(2, 100), member(3, 50)],
            vec![moving(2, 1, 3), moving(1, 1, 3)],
            "100 would make 3 as full as 1 was",
        ),
        (vec![member(1, 160), member(2, 100), member(3, 40)], vec![moving(3, 1, 3)], "100 helps"),
        (vec![member(1, 150), member(2, 100), closed], vec![moving(2, 1, 2)], "3 takes nothing"),
        (vec![heavy, member(2, 50), member(3, 50)], vec![], "200 is as much for 4 as 50 for 1"),
        (vec![member(1, 150)], vec![], "alone"),
        (vec![], vec![], "nobody"),
        (vec![member(1, 0), member(2, 0)], vec![], "no load"),
    ] {
        assert_eq!(plan(&members, &actors), expected, "{why}");
    }
}

#[test]
fn levelling_begins_above_one_bound_and_ends_below_the_other() {
    let mut balancer = Balancer::new(BalanceConfig { a_second_max: 0, ..BalanceConfig::default() });
    for (load, phase) in [
        (120, Phase::Level),
        (121, Phase::Levelling),
        (115, Phase::Levelling),
        (110, Phase::Level),
        (115, Phase::Level),
    ] {
        let members = [member(1, load), member(2, 200 - load)];
        assert!(balancer.handle_loads(&members, &[hot(1, 1, 1)], at(0)).is_empty());
        assert_eq!(balancer.phase(), phase, "at {load}");
    }
}

#[test]
fn everybody_rests_until_nobody_has_left_for_a_minute() {
    let mut balancer = Balancer::new(BalanceConfig::default());
    let uneven = [member(1, 100), member(2, 0)];
    let leaving = [member(1, 100), member(2, 0), MemberLoad { is_leaving: true, ..member(3, 0) }];
    for (members, now, expected) in
        [(&leaving[..], 0, 0), (&uneven, 1, 0), (&uneven, 59_999, 0), (&uneven, 60_000, 1)]
    {
        assert_eq!(
            balancer.handle_loads(members, &[hot(1, 40, 1)], at(now)).len(),
            expected,
            "at {now} ms"
        );
    }
}

#[test]
fn one_that_left_before_the_next_round_is_rested_for_too() {
    let mut balancer = Balancer::new(BalanceConfig::default());
    let uneven = [member(1, 100), member(2, 0)];
    balancer.handle_leave(at(0));
    for (now, expected) in [(1, 0), (59_999, 0), (60_000, 1)] {
        let moves = balancer.handle_loads(&uneven, &[hot(1, 40, 1)], at(now));
        assert_eq!(moves.len(), expected, "at {now} ms");
    }
}

#[test]
fn moves_keep_to_the_budget() {
    let config = BalanceConfig { at_once_max: 3, a_second_max: 5, ..BalanceConfig::default() };
    let mut balancer = Balancer::new(config);
    let members = [member(1, 1_000), member(2, 0)];
    let actors: Vec<_> = (0..100).map(|number| hot(number, 10, 1)).collect();
    let first = balancer.handle_loads(&members, &actors, at(1_000));
    assert_eq!(first.len(), 3, "at once");
    assert!(balancer.handle_loads(&members, &actors, at(1_100)).is_empty(), "none has ended");
    first.iter().for_each(|one| balancer.handle_move_end(&one.actor));
    let second = balancer.handle_loads(&members, &actors, at(1_200));
    assert_eq!(second.len(), 2, "five a second");
    assert!(
        second.iter().all(|one| !first.contains(one)),
        "whoever moved rests, although it is still told to be there"
    );
    assert_eq!(
        balancer.handle_loads(&members, &actors, at(2_000)).len(),
        1,
        "a new second, and room for one"
    );
    assert_eq!(
        balancer.handle_loads(&[member(1, 1_000), member(3, 0)], &actors, at(3_000)).len(),
        3,
        "2 is gone"
    );
}

#[test]
fn no_actor_moves_twice_within_its_rest() {
    let mut balancer = Balancer::new(BalanceConfig::default());
    let away = balancer.handle_loads(&[member(1, 100), member(2, 0)], &[hot(7, 40, 1)], at(0));
    assert_eq!(away, [moving(7, 1, 2)]);
    balancer.handle_move_end(&7);
    let turned = [member(1, 0), member(2, 100)];
    for (now, expected) in [(1_000, vec![]), (59_999, vec![]), (60_000, vec![moving(7, 2, 1)])] {
        assert_eq!(
            balancer.handle_loads(&turned, &[hot(7, 40, 2)], at(now)),
            expected,
            "at {now} ms"
        );
    }
}

/// A cluster whose load does not change: hosts of actors, and the members' weights.
#[derive(Clone, Debug)]
struct Calm {
    weights: Vec<u8>,
    actors: Vec<(u64, usize)>,
}

impl Calm {
    fn members(&self) -> Vec<MemberLoad> {
        let load =
            |place| self.actors.iter().filter(|actor| actor.1 == place).map(|actor| actor.0).sum();
        let member = |(place, weight): (usize, &u8)| MemberLoad {
            weight: *weight,
            ..member(place as u64 + 1, load(place))
        };
        self.weights.iter().enumerate().map(member).collect()
    }

    fn hot(&self) -> Vec<HotActor<u32>> {
        (0..)
            .zip(&self.actors)
            .map(|(number, (load, place))| hot(number, *load, *place as u64 + 1))
            .collect()
    }

    /// Loads for weights, in parts of 64 * 63 * .. that divide evenly enough to compare, the fullest first.
    fn sorted(&self) -> Vec<u64> {
        let mut loads: Vec<_> =
            self.members().iter().map(|one| one.load * 12 / u64::from(one.weight)).collect();
        loads.sort_by(|one, other| other.cmp(one));
        loads
    }
}

fn a_calm_cluster() -> impl Strategy<Value = Calm> {
    prop::collection::vec(1_u8..5, 1..7).prop_flat_map(|weights| {
        let places = weights.len();
        let actors = prop::collection::vec((0_u64..50, 0..places), 0..60);
        (Just(weights), actors).prop_map(|(weights, actors)| Calm { weights, actors })
    })
}

proptest! {
    /// On a load that stays: each round moves within the budget, each move lowers the sorted loads, and moves end.
    #[test]
    fn moves_help_are_bounded_and_end(mut cluster in a_calm_cluster(), at_once in 1_u32..6) {
        let config = BalanceConfig { at_once_max: at_once, ..BalanceConfig::default() };
        let mut balancer = Balancer::new(config);
        let mut last = BTreeMap::new();
        let mut quiet = 0;
        for round in 0..400_u64 {
            let now = at(round * 2_000);
            let moves = balancer.handle_loads(&cluster.members(), &cluster.hot(), now);
            prop_assert!(moves.len() <= at_once as usize);
            quiet = if moves.is_empty() { quiet + 1 } else { 0 };
            for one in moves {
                let before = cluster.sorted();
                prop_assert_eq!(cluster.actors[one.actor as usize].1 as u64 + 1, one.from.0);
                cluster.actors[one.actor as usize].1 = one.to.0 as usize - 1;
                prop_assert!(cluster.sorted() < before, "the fullest of the two is less full");
                if let Some(before) = last.insert(one.actor, now) {
                    prop_assert!(now - before >= config.rest_of_actor);
                }
                balancer.handle_move_end(&one.actor);
            }
        }
        prop_assert!(quiet > 60, "moves ended, and no rest brought them back");
    }

    /// Many small actors can always be levelled: a member that joins empty ends near the mean. (One that joins
    /// five or more level ones leaves them within the 120 percent: nothing moves.)
    #[test]
    fn a_join_is_levelled(members in 1_usize..5) {
        let actors = (0..members * 100).map(|number| (1, number % members)).collect();
        let mut cluster = Calm { weights: vec![1; members + 1], actors };
        let mut balancer = Balancer::new(BalanceConfig::default());
        for round in 0..100 {
            for one in balancer.handle_loads(&cluster.members(), &cluster.hot(), at(round * 1_000)) {
                cluster.actors[one.actor as usize].1 = one.to.0 as usize - 1;
                balancer.handle_move_end(&one.actor);
            }
        }
        let mean = members as f64 * 100.0 / (members + 1) as f64;
        let most = cluster.members().iter().map(|one| one.load).max().unwrap_or(0);
        prop_assert!(most as f64 <= 1.2 * mean, "{most} of {mean}");
        prop_assert!(cluster.members()[members].load > 0);
    }
}
