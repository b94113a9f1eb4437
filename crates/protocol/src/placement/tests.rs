use proptest::prelude::*;
use tenure_types::Incarnation;

use super::{Candidate, Closed, Draw, PlacementError, Request, Strategy as Spread, place, pool_of};

const FREE: Candidate = Candidate {
    incarnation: Incarnation(0),
    weight: 1,
    load: 0,
    is_cordoned: false,
    is_leaving: false,
    is_new_in_roll: false,
};

fn at(incarnation: u64, load: u64) -> Candidate {
    Candidate { incarnation: Incarnation(incarnation), load, ..FREE }
}

fn request(strategy: Spread) -> Request {
    Request {
        strategy,
        actor_hash: 7,
        caller: Incarnation(2),
        owner: Incarnation(3),
        is_drain: false,
    }
}

/// Draws that pick the first and the last of equal members.
const LOW_HIGH: Draw = Draw { first: 0, second: u64::MAX };

#[test]
fn each_strategy_chooses_as_it_says() {
    let three = [at(1, 50), at(2, 90), at(3, 10)];
    let cordoned = [
        at(1, 50),
        Candidate { is_cordoned: true, ..at(2, 0) },
        Candidate { is_cordoned: true, ..at(3, 0) },
    ];
    let leaving = [
        at(1, 50),
        Candidate { is_leaving: true, ..at(2, 0) },
        Candidate { is_leaving: true, ..at(3, 0) },
    ];
    let weighted = [Candidate { weight: 4, ..at(1, 50) }, at(2, 13), at(3, 12)];
    for (strategy, candidates, expected, why) in [
        (Spread::Ring, &three, 3, "the owner"),
        (Spread::Ring, &cordoned, 3, "the owner keeps its slots while it is cordoned"),
        (Spread::Ring, &leaving, 1, "the owner is leaving"),
        (Spread::Local, &three, 2, "the caller, however loaded"),
        (Spread::Local, &cordoned, 1, "the caller is cordoned"),
        (Spread::Local, &leaving, 1, "the caller is leaving"),
        (Spread::Random, &three, 1, "the first one drawn, whatever its load"),
        (Spread::Balanced, &three, 3, "the less loaded of 1 and 3"),
        (Spread::Balanced, &weighted, 3, "12 is less than a fourth of 50"),
        (Spread::Balanced, &leaving, 1, "the only one left"),
    ] {
        assert_eq!(
            place(&request(strategy), candidates, LOW_HIGH),
            Ok(Incarnation(expected)),
            "{strategy:?}: {why}"
        );
    }
    let equal = [Candidate { weight: 2, ..at(1, 20) }, at(2, 99), at(3, 10)];
    assert_eq!(
        place(&request(Spread::Balanced), &equal, LOW_HIGH),
        Ok(Incarnation(1)),
        "the first of two equal ones"
    );
}

#[test]
fn nobody_is_chosen_when_nobody_takes_it_and_the_error_says_why() {
    let leaving = Candidate { is_leaving: true, ..FREE };
    let cordoned = Candidate { is_cordoned: true, ..FREE };
    for (candidates, error, text) in [
        (vec![], PlacementError::NoMembers, "no member of the cluster"),
        (
            vec![leaving],
            PlacementError::NoneTakes { why: Closed::Leaving },
            "every member is leaving;",
        ),
        (
            vec![leaving, cordoned],
            PlacementError::NoneTakes { why: Closed::Cordoned },
            "leaving or cordoned; uncordon",
        ),
    ] {
        for strategy in
            [Spread::Ring, Spread::Random, Spread::Local, Spread::Balanced, Spread::Stateless(2)]
        {
            let got = place(&request(strategy), &candidates, LOW_HIGH);
            assert_eq!(got, Err(error), "{strategy:?}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}

#[test]
fn a_drain_goes_to_members_that_are_new_in_the_roll() {
    let new = Candidate { is_new_in_roll: true, ..at(3, 1_000) };
    let drain = Request { is_drain: true, ..request(Spread::Balanced) };
    assert_eq!(place(&drain, &[at(1, 0), at(2, 0), new], LOW_HIGH), Ok(Incarnation(3)));
    assert_eq!(
        place(&request(Spread::Balanced), &[at(1, 0), at(2, 0), new], LOW_HIGH),
        Ok(Incarnation(1))
    );
    let cordoned = Candidate { is_cordoned: true, ..new };
    assert_eq!(place(&drain, &[at(1, 0), at(2, 5), cordoned], LOW_HIGH), Ok(Incarnation(1)));
}

#[test]
fn two_choices_keep_the_fullest_near_the_mean_where_one_does_not() {
    let mut state = 1_u64;
    let mut draw = move || {
        // SplitMix64 (Steele, Lea and Flood 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut fullest = |strategy| {
        let mut members: Vec<_> = (1..=20).map(|number| at(number, 0)).collect();
        for _ in 0..2_000 {
            let chosen =
                place(&request(strategy), &members, Draw { first: draw(), second: draw() });
            members[chosen.expect("a host").0 as usize - 1].load += 1;
        }
        members.iter().map(|member| member.load).max().unwrap_or(0)
    };
    let (two, one) = (fullest(Spread::Balanced), fullest(Spread::Random));
    assert!(two <= 103, "of 100 on average: {two}");
    assert!(one > 110, "of 100 on average: {one}");
}

fn some_candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let one = (0_u8..70, 0_u64..1_000, any::<bool>(), any::<bool>(), any::<bool>());
    let one = one.prop_map(|(weight, load, is_cordoned, is_leaving, is_new_in_roll)| Candidate {
        incarnation: Incarnation(0),
        weight,
        load,
        is_cordoned,
        is_leaving,
        is_new_in_roll,
    });
    prop::collection::vec(one, 0..12).prop_map(|mut all| {
        (1..).zip(&mut all).for_each(|(number, one)| one.incarnation = Incarnation(number));
        all
    })
}

proptest! {
    /// Nobody is chosen that takes nothing new (but an owner that is cordoned), and somebody is if anybody takes it.
    #[test]
    fn whoever_is_chosen_takes_new_activations(
        candidates in some_candidates(), first: u64, second: u64, is_drain: bool,
        strategy in prop::sample::select(vec![Spread::Ring, Spread::Random, Spread::Local, Spread::Balanced, Spread::Stateless(3)]),
    ) {
        let request = Request { is_drain, ..request(strategy) };
        let chosen = place(&request, &candidates, Draw { first, second });
        match chosen {
            Ok(chosen) => {
                let chosen = candidates.iter().find(|one| one.incarnation == chosen).expect("a candidate");
                prop_assert!(chosen.takes_new() || (strategy == Spread::Ring && !chosen.is_leaving));
            }
            Err(_) => prop_assert!(!candidates.iter().any(Candidate::takes_new)),
        }
    }

    /// A pool has as many as it should, and one that leaves takes only itself out of it.
    #[test]
    fn a_pool_changes_by_one(actor_hash: u64, members in 1_u64..30, size in 1_u16..10, gone in 0_u64..30) {
        let all: Vec<_> = (1..=members).map(|number| at(number, 0)).collect();
        let fewer: Vec<_> = all.iter().copied().filter(|member| member.incarnation.0 != gone).collect();
        let (before, after) = (pool_of(actor_hash, size, &all), pool_of(actor_hash, size, &fewer));
        prop_assert_eq!(before.len(), usize::from(size).min(all.len()));
        prop_assert!(before.iter().filter(|member| !after.contains(member)).all(|member| member.0 == gone));
    }
}
