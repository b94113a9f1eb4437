use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use tenure_types::{Instant, NodeId};

use super::{Decision, Picture, Policy, SplitBrain};

const STABLE_FOR: Duration = Duration::from_secs(10);
const KEEP_MAJORITY: Policy = Policy::KeepMajority { stable_for: STABLE_FOR };

fn node(number: u32) -> NodeId {
    NodeId::new(&format!("n{number:02}")).expect("a node id")
}

fn nodes(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<NodeId> {
    numbers.into_iter().map(node).collect()
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// What a node of `part` has, when `count` members fell apart.
fn picture(count: u32, part: &[u32], me: u32) -> Picture {
    Picture {
        members: nodes(0..count),
        suspected: nodes((0..count).filter(|number| !part.contains(number))),
        heard: nodes(part.iter().copied().filter(|number| *number != me)),
    }
}

fn decide(policy: Policy, stable: u32, count: u32, part: &[u32]) -> Vec<Decision> {
    let one = |me: &u32| {
        let mut judge = SplitBrain::new(node(*me), policy);
        let calm: Vec<_> = (0..stable).collect();
        judge.handle_picture(&picture(stable, &calm, *me), at(0));
        judge.handle_picture(&picture(stable, &calm, *me), at(10));
        let now = picture(count, part, *me);
        judge.handle_picture(&now, at(11));
        judge.handle_picture(&now, at(60));
        judge.decide(&now)
    };
    part.iter().map(one).collect()
}

#[test]
fn each_policy_decides_as_it_says() {
    use Decision::{Discard, Stay};
    for (policy, stable, count, part, expected, why) in [
        (Policy::StaticQuorum(3), 5, 5, &[0, 1, 2][..], Stay, "three are the quorum"),
        (Policy::StaticQuorum(3), 5, 5, &[3, 4], Discard, "two are not"),
        (Policy::StaticQuorum(1), 2, 2, &[1], Stay, "of a pair neither is sick"),
        (
            Policy::StaticQuorum(1),
            3,
            3,
            &[0],
            Discard,
            "alone, and everybody else is suspect: it is sick itself",
        ),
        (KEEP_MAJORITY, 5, 5, &[2, 3, 4], Stay, "three of five"),
        (KEEP_MAJORITY, 5, 5, &[0, 1], Discard, "two of five"),
        (KEEP_MAJORITY, 4, 4, &[0, 3], Stay, "the half with the lowest id"),
        (KEEP_MAJORITY, 4, 4, &[1, 2], Discard, "the half without it"),
        (KEEP_MAJORITY, 3, 7, &[3, 4, 5, 6], Discard, "four that joined lately do not count"),
        (KEEP_MAJORITY, 3, 7, &[0, 1], Stay, "two of the three that were stable"),
        (KEEP_MAJORITY, 5, 5, &[0, 1, 2, 3, 4], Stay, "nobody is missing"),
        (KEEP_MAJORITY, 2, 2, &[0], Stay, "the lowest of a pair"),
        (KEEP_MAJORITY, 2, 2, &[1], Discard, "the other of a pair"),
    ] {
        let decided = decide(policy, stable, count, part);
        assert_eq!(decided, vec![expected; part.len()], "{policy:?} {part:?}: {why}");
    }
}

#[test]
fn who_never_saw_a_stable_view_counts_what_it_lists() {
    let judge = SplitBrain::new(node(0), KEEP_MAJORITY);
    assert_eq!(judge.decide(&picture(3, &[0, 1], 0)), Decision::Stay);
    assert_eq!(judge.decide(&picture(5, &[0, 1], 0)), Decision::Discard);
}

#[test]
fn a_view_counts_once_it_was_the_same_for_long_enough() {
    for (later, expected) in [(9, Decision::Stay), (10, Decision::Discard)] {
        let mut judge = SplitBrain::new(node(0), KEEP_MAJORITY);
        judge.handle_picture(&picture(2, &[0, 1], 0), at(0));
        judge.handle_picture(&picture(2, &[0, 1], 0), at(10));
        let five = picture(5, &[0, 1, 2, 3, 4], 0);
        judge.handle_picture(&five, at(20));
        judge.handle_picture(&five, at(20 + later));
        assert_eq!(judge.decide(&picture(5, &[0, 1], 0)), expected, "after {later} s of five");
    }
}

#[test]
fn a_part_does_not_become_the_whole_by_waiting() {
    let mut judge = SplitBrain::new(node(0), KEEP_MAJORITY);
    let whole = picture(5, &[0, 1, 2, 3, 4], 0);
    judge.handle_picture(&whole, at(0));
    judge.handle_picture(&whole, at(10));
    // Members that are gone from the list while others are suspected still count.
    let part = Picture { members: nodes(0..3), suspected: nodes([2]), heard: nodes([1]) };
    judge.handle_picture(&part, at(20));
    judge.handle_picture(&part, at(1_000));
    assert_eq!(judge.decide(&part), Decision::Discard);
}

#[test]
fn whoever_hears_somebody_is_not_sick() {
    let judge = SplitBrain::new(node(0), Policy::StaticQuorum(1));
    let deaf = picture(5, &[0], 0);
    assert_eq!(judge.decide(&deaf), Decision::Discard);
    let hears_one = Picture { heard: nodes([4]), ..deaf.clone() };
    assert_eq!(judge.decide(&hears_one), Decision::Stay);
    let half = Picture { suspected: nodes([1, 2]), ..deaf };
    assert_eq!(judge.decide(&half), Decision::Stay, "half is not more than half");
}

proptest! {
    /// Every way for a cluster to fall into parts: at most one goes on, and of two exactly one by majority.
    #[test]
    fn at_most_one_part_goes_on(parts in prop::collection::vec(0_u8..3, 1..9), is_static: bool) {
        let count = parts.len() as u32;
        let policy = if is_static { Policy::StaticQuorum(count / 2 + 1) } else { KEEP_MAJORITY };
        let (mut stayed, mut alive) = (0, 0);
        for number in 0..3 {
            let part: Vec<u32> = (0..count).filter(|member| parts[*member as usize] == number).collect();
            if part.is_empty() { continue }
            let decided = decide(policy, count, count, &part);
            prop_assert!(decided.iter().all(|one| *one == decided[0]), "a part decides as one");
            stayed += usize::from(decided[0] == Decision::Stay);
            alive += 1;
        }
        prop_assert!(stayed <= 1);
        prop_assert!(is_static || alive > 2 || stayed == 1, "of two parts one goes on");
    }
}
