use proptest::prelude::*;
use tenure_types::{Incarnation, NodeId, Slot, ViewNumber};

use super::{Ring, RingMember, Scorer};
use crate::view::{Member, MemberState, View};

fn member(incarnation: u64, node: &str, weight: u8) -> RingMember {
    let node = NodeId::new(node).expect("a node id");
    RingMember { incarnation: Incarnation(incarnation), node, weight }
}

fn named(name: impl Fn(usize) -> String, count: usize) -> Vec<RingMember> {
    (0..count).map(|number| member(number as u64 + 1, &name(number), 1)).collect()
}

fn moved(before: &Ring, after: &Ring) -> usize {
    after.changed_since(before).count()
}

fn fullest(ring: &Ring) -> usize {
    ring.slots_of().into_iter().map(|(_, slots)| slots).max().unwrap_or(0)
}

/// A family of node names.
type Family = (&'static str, fn(usize) -> String);

/// Those that the bounds are shown for.
const FAMILIES: [Family; 10] = [
    ("node-7", |number| format!("node-{number}")),
    ("n7", |number| format!("n{number}")),
    ("tenure-7", |number| format!("tenure-{number}")),
    ("10.0.0.7", |number| format!("10.0.0.{number}")),
    ("pod-007", |number| format!("pod-{number:03}")),
    ("web.7", |number| format!("web.{number}")),
    ("a7", |number| format!("a{number}")),
    ("rack1-host7", |number| format!("rack1-host{number}")),
    ("db7.example.com", |number| format!("db{number}.example.com")),
    ("hexadecimal", |number| {
        format!("{:016x}", (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }),
];

#[test]
fn one_member_owns_every_slot_and_none_owns_nothing() {
    let ring = Ring::of([member(7, "only", 3)]);
    assert!(Slot::all().all(|slot| ring.owner(slot) == Some(Incarnation(7))));
    assert_eq!(ring.slots_of(), [(Incarnation(7), Slot::COUNT)]);
    let none = ring.after([]);
    assert_eq!(none, Ring::of([]));
    assert!(none.is_empty() && Slot::all().all(|slot| none.owner(slot).is_none()));
    assert_eq!(none.owned(Incarnation(7)).count(), 0);
}

#[test]
fn of_two_runs_of_a_node_the_later_counts_and_has_the_same_slots() {
    let old = Ring::of([member(1, "a", 1), member(2, "b", 1)]);
    for both in [[member(1, "a", 1), member(3, "a", 1)], [member(3, "a", 1), member(1, "a", 1)]] {
        let new = Ring::of(both.into_iter().chain([member(2, "b", 1)]));
        assert_eq!(new.len(), 2);
        assert!(new.owned(Incarnation(3)).eq(old.owned(Incarnation(1))));
        assert!(new.owned(Incarnation(2)).eq(old.owned(Incarnation(2))));
        assert_eq!(new.owned(Incarnation(1)).count(), 0);
    }
}

#[test]
fn weights_outside_count_as_the_nearest_inside() {
    let ring = |low, high| Ring::of([member(1, "a", low), member(2, "b", high)]);
    assert_eq!(ring(0, 255), ring(1, 64));
}

#[test]
fn only_alive_members_of_a_view_are_in_it() {
    use MemberState::{Alive, Condemned, Down, Joining, Leaving, Left};
    let states = [Joining, Alive, Leaving, Condemned, Down, Left, Alive];
    let members = (1..).zip(states).map(|(number, state)| Member {
        incarnation: Incarnation(number),
        node: NodeId::new(&format!("n{number}")).expect("a node id"),
        state,
        presumed: false,
        weight: 1,
        address: "".into(),
    });
    let view = View::new(ViewNumber(9), members);
    assert_eq!(Ring::of_view(&view), Ring::of([member(2, "n2", 1), member(7, "n7", 1)]));
}

/// The bound of 1.25 is for 100 equal nodes.
#[test]
fn the_fullest_of_a_hundred_is_near_the_mean_whatever_the_names() {
    let mean = Slot::COUNT as f64 / 100.0;
    for (family, name) in FAMILIES {
        let ring = Ring::of(named(name, 100));
        assert!(fullest(&ring) as f64 <= 1.25 * mean, "{family}: {}", fullest(&ring));
    }
}

/// A hundred nodes join, one after the other: the last leaves N = 100. These two families of the ten move the most.
#[test]
fn a_join_moves_its_share_and_little_else() {
    for (family, name) in &FAMILIES[4..6] {
        let mut members = named(name, 100);
        let (mut ratios, mut others_max) = (Vec::new(), 0);
        let first = members[0].clone();
        let mut ring = Ring::of([first]);
        for count in 2..=100 {
            let next = ring.after(members[..count].to_vec());
            let joiner = members[count - 1].incarnation;
            let share = Slot::COUNT as f64 / count as f64;
            ratios.push(moved(&ring, &next) as f64 / share);
            others_max = others_max.max(
                next.changed_since(&ring).filter(|slot| next.owner(*slot) != Some(joiner)).count(),
            );
            ring = next;
        }
        members.reverse();
        assert_eq!(ring, Ring::of(members), "{family}: the past of a ring is forgotten");
        check_joins(family, &ratios, others_max);
    }
}

/// A hundred times, another node joins a hundred that are there.
#[test]
fn whoever_joins_a_hundred_moves_its_share_and_little_else() {
    for (family, name) in &FAMILIES[5..6] {
        let hundred = named(name, 100);
        let ring = Ring::of(hundred.clone());
        let (mut ratios, mut others_max) = (Vec::new(), 0);
        for number in 100..200 {
            let joiner = member(number as u64 + 1, &name(number), 1);
            let next = ring.after(hundred.iter().cloned().chain([joiner.clone()]));
            ratios.push(moved(&ring, &next) as f64 / (Slot::COUNT as f64 / 101.0));
            let to_others = next
                .changed_since(&ring)
                .filter(|slot| next.owner(*slot) != Some(joiner.incarnation));
            others_max = others_max.max(to_others.count());
        }
        check_joins(family, &ratios, others_max);
    }
}

/// The most slots that one join may move between members that were there: a thousandth of all.
const SLOTS_ASIDE_MAX: usize = Slot::COUNT / 1_000;

fn check_joins(family: &str, ratios: &[f64], others_max: usize) {
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    let most = ratios.iter().copied().fold(0.0, f64::max);
    assert!(mean <= 1.1, "{family}: {mean}");
    assert!(most <= 1.3, "{family}: {most}");
    assert!(others_max <= SLOTS_ASIDE_MAX, "{family}: {others_max}");
}

#[test]
fn the_published_vectors_hold() {
    let text = include_str!("../../tests/vectors/ring.txt");
    let lines = || {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(' ').collect::<Vec<_>>())
    };
    let (mut members, mut counts, mut rings) = (Vec::new(), Vec::new(), 0);
    let mut ring = Ring::of([]);
    for line in lines() {
        let number = |place: usize| line[place].parse::<usize>().expect("a number");
        match line[0] {
            "ring" => (members, counts) = (Vec::new(), Vec::new()),
            "member" => {
                members.push(member(members.len() as u64 + 1, line[1], number(2) as u8));
                counts.push((Incarnation(members.len() as u64), number(3)));
            }
            "of" => ring = Ring::of(members.clone()),
            "slot" => assert_eq!(node_of(&ring, &members, number(1)), line[2], "slot {}", line[1]),
            "checksum" => {
                let owners: String = (0..Slot::COUNT)
                    .map(|slot| format!("{}\n", node_of(&ring, &members, slot)))
                    .collect();
                assert_eq!(
                    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(owners.as_bytes())),
                    line[1]
                );
                assert_eq!(ring.slots_of(), counts);
                rings += 1;
            }
            _ => {}
        }
    }
    assert_eq!(rings, 4);
}

fn node_of<'a>(ring: &Ring, members: &'a [RingMember], slot: usize) -> &'a str {
    let owner = ring.owner(Slot::new(slot as u16).expect("a slot")).expect("an owner");
    members[owner.0 as usize - 1].node.as_str()
}

#[test]
fn no_member_is_beyond_its_bound() {
    // Here chance gives 207 slots to one member: see the bound in `level`.
    let ring = Ring::of(named(|number| format!("web.{number}"), 100));
    assert_eq!(ring.slots_of().iter().map(|(_, slots)| slots).sum::<usize>(), Slot::COUNT);
    assert_eq!(fullest(&ring), 163 + 38 + 1);
    let moved_on =
        ring.best.iter().zip(&ring.owners).filter(|(best, owner)| best.member != **owner).count();
    assert!((1..=16).contains(&moved_on), "{moved_on}");
}

fn a_member() -> impl Strategy<Value = RingMember> {
    // An incarnation has one node and one weight: lists that say otherwise name no ring.
    (1_u64..40, 0_u8..9).prop_map(|(incarnation, node)| {
        let weight = (incarnation * 7 % 5) as u8;
        member(incarnation * 10 + u64::from(node), &format!("n{node}"), weight)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// However the members came and went, and in whatever order they are told.
    #[test]
    fn a_ring_made_from_another_is_the_ring_of_its_members(
        steps in prop::collection::vec(prop::collection::vec(a_member(), 0..7), 1..5),
    ) {
        let mut ring = Ring::of([]);
        for mut members in steps {
            ring = ring.after(members.clone());
            prop_assert_eq!(&ring, &Ring::of(members.clone()));
            members.reverse();
            prop_assert_eq!(&ring, &Ring::of(members));
        }
    }

    /// Before the bounds are kept, a join moves slots to the joiner alone; a leave is the same backwards.
    #[test]
    fn the_highest_scores_change_only_for_who_joins(
        members in prop::collection::vec(a_member(), 1..7), weight in 1_u8..5,
    ) {
        let before = Ring::of(members.clone());
        let after = Ring::of(members.into_iter().chain([member(1_000, "joiner", weight)]));
        let node = |ring: &Ring, slot: Slot| ring.members[ring.best[slot.index()].member as usize].incarnation;
        for slot in Slot::all() {
            let (old, new) = (node(&before, slot), node(&after, slot));
            prop_assert!(new == old || new == Incarnation(1_000));
        }
    }
}

/// A node's chance is its weight: 64 to 1 gives 63/64 and more of the slots to the heavy one.
#[test]
fn weights_are_shares() {
    let ring = Ring::of([member(1, "light", 1), member(2, "middle", 3), member(3, "heavy", 4)]);
    for ((_, slots), share) in ring.slots_of().into_iter().zip([4, 1, 3]) {
        // By node id: heavy, light, middle. Four deviations of a share are below 260 slots.
        assert!(slots.abs_diff(Slot::COUNT * share / 8) < 260, "{slots} of {share} / 8");
    }
    assert_eq!(Scorer::new(member(1, "light", 1)).weight, 1);
}
