use super::*;
use Decision::{Discard, Stay};
use MemberState::{Alive, Down, Leaving, Left};

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn view(number: u64, members: &[(u64, MemberState)]) -> View {
    let member = |(incarnation, state): &(u64, MemberState)| Member {
        incarnation: Incarnation(*incarnation),
        node: NodeId::new(&format!("n{incarnation}")).unwrap(),
        state: *state,
        presumed: false,
        weight: 1,
        address: format!("n{incarnation}:1").into(),
    };
    View::new(ViewNumber(number), members.iter().map(member))
}

fn judge(policy: Policy) -> Judge {
    let me = NodeId::new("n1").unwrap();
    let me = Peer::new(me, Incarnation(1), 1, "n1:1".into()).unwrap();
    Judge::new(Instant::ZERO, &me, policy)
}

/// What is decided at each view, at these seconds; all that live in a view are heard in it.
fn decisions(policy: Policy, views: &[(u64, View)]) -> Vec<Decision> {
    let mut judge = judge(policy);
    let mut before = View::default();
    let mut decisions = Vec::new();
    for (seconds, view) in views {
        let living = view.members().filter(|it| !it.state.is_gone() && it.incarnation.0 != 1);
        judge.heard.extend(living.map(|it| (it.node.clone(), at(*seconds))));
        decisions.push(judge.decide(at(*seconds), &before, view));
        before = view.clone();
        // Somebody looks once a period.
        judge.picture(at(*seconds), view);
        judge.picture(at(*seconds + 25), view);
    }
    decisions
}

#[test]
fn a_side_below_the_quorum_ends_however_the_others_went() {
    let three = view(3, &[(1, Alive), (2, Alive), (3, Alive)]);
    let two = view(4, &[(1, Alive), (2, Alive), (3, Down)]);
    let one = view(5, &[(1, Alive), (2, Down), (3, Down)]);
    let left = view(5, &[(1, Alive), (2, Left), (3, Down)]);
    for (last, quorum, expected) in [
        (&one, 2, [Stay, Stay, Discard]),
        (&left, 2, [Stay, Stay, Discard]),
        (&one, 3, [Stay, Discard, Discard]),
    ] {
        let views = [(0, three.clone()), (30, two.clone()), (60, last.clone())];
        assert_eq!(decisions(Policy::StaticQuorum(quorum), &views), expected, "{quorum}");
    }
}

#[test]
fn the_majority_of_what_was_stable_stays() {
    let five = [(1, Alive), (2, Alive), (3, Alive), (4, Alive), (5, Alive)];
    let but = |number, gone: &[u64], state| {
        let members = five.map(|(it, alive)| (it, if gone.contains(&it) { state } else { alive }));
        view(number, &members)
    };
    let policy = Policy::KeepMajority { stable_for: Duration::from_secs(20) };
    let calm = (0, view(5, &five));
    // The others of a split are lost one after the other, within seconds.
    let smaller =
        [(30, but(6, &[3], Down)), (31, but(7, &[3, 4], Down)), (32, but(8, &[3, 4, 5], Down))];
    let views: Vec<_> = [calm.clone()].into_iter().chain(smaller).collect();
    assert_eq!(decisions_in_a_row(policy, &views), [Stay, Stay, Stay, Discard]);
    let larger = [(30, but(6, &[4], Down)), (31, but(7, &[4, 5], Down))];
    let views: Vec<_> = [calm.clone()].into_iter().chain(larger).collect();
    assert_eq!(decisions_in_a_row(policy, &views), [Stay, Stay, Stay]);
    // Who leaves in order is no split, how many they are.
    let leaving = [(30, but(6, &[2, 3, 4, 5], Leaving)), (31, but(7, &[2, 3, 4, 5], Left))];
    let views: Vec<_> = [calm].into_iter().chain(leaving).collect();
    assert_eq!(decisions_in_a_row(policy, &views), [Stay, Stay, Stay]);
}

/// As [`decisions`], of views of which the first was there for long.
fn decisions_in_a_row(policy: Policy, views: &[(u64, View)]) -> Vec<Decision> {
    let mut judge = judge(policy);
    let mut before = View::default();
    let mut decisions = Vec::new();
    for (seconds, view) in views {
        decisions.push(judge.decide(at(*seconds), &before, view));
        before = view.clone();
        if decisions.len() == 1 {
            (0..30).for_each(|second| drop(judge.picture(at(second), view)));
        }
        let living = view.members().filter(|it| !it.state.is_gone() && it.incarnation.0 != 1);
        judge.heard.extend(living.map(|it| (it.node.clone(), at(*seconds))));
    }
    decisions
}

#[test]
fn a_member_joins_when_the_store_has_numbered_it_and_its_runtime_stands() {
    let mut one = Gossiping::new(WithoutTable::Gossip(GossipConfig::default()), 1);
    let seat = |node: &str| Seat {
        node: NodeId::new(node).unwrap(),
        weight: 1,
        address: format!("{node}:1").into(),
    };
    one.join(seat("n1"));
    assert!(matches!(one.take_effects()[..], [Told::Number(1)]));
    assert_eq!(one.lease_until(), Instant::ZERO, "it may release nothing yet");
    one.numbered(vec![Incarnation(7)]);
    assert!(matches!(one.take_effects()[..], [Told::Member(Effect::Joined(Incarnation(7)))]));
    assert!(one.handle_datagram(at(0), b"what").is_ok(), "nobody listens yet");
    one.ready(at(0));
    assert!(one.take_effects().iter().any(|it| matches!(it, Told::Knock(_))));
    assert!(one.view().is_empty(), "it has found nobody and waits");
    assert!(one.handle_datagram(at(0), b"what").is_err());
    one.handle_time(at(3));
    let view = one.view();
    assert_eq!((view.number, view.len()), (ViewNumber(7), 1), "it founded a cluster");
    assert_eq!(one.lease_until(), Instant::NEVER);
    one.take_effects();
    one.left(at(4));
    assert!(matches!(one.take_effects().last(), Some(Told::Member(Effect::Left))));
    assert_eq!((one.due(), one.lease_until()), (Instant::NEVER, Instant::ZERO));
}

#[test]
fn a_run_that_hears_of_another_list_says_so_and_the_later_one_ends() {
    let started = |node: &str, run, list: &[&str]| {
        let list = list.iter().map(|node| NodeId::new(node).unwrap());
        let mut it = Gossiping::new(WithoutTable::Fixed(list.collect()), 1);
        let (node, address) = (NodeId::new(node).unwrap(), format!("{node}:1").into());
        it.join(Seat { node, weight: 1, address });
        it.numbered(vec![Incarnation(run - 1), Incarnation(run)]);
        it.ready(at(0));
        let knock = it.take_effects().into_iter().find_map(|told| match told {
            Told::Knock(datagram) => Some(datagram),
            _ => None,
        });
        (it, knock.unwrap())
    };
    let (mut older, older_knock) = started("a", 2, &["a", "b"]);
    let (mut later, later_knock) = started("b", 4, &["b", "c"]);
    for (it, knock, ends) in [(&mut older, later_knock, false), (&mut later, older_knock, true)] {
        assert!(it.handle_datagram(at(1), &knock).unwrap_err().contains("another list of nodes"));
        let told = it.take_effects();
        assert!(told.iter().any(|it| matches!(it, Told::OtherList(_))), "{told:?}");
        let has_ended = told.iter().any(|it| matches!(it, Told::Member(Effect::Discard)));
        assert_eq!(has_ended, ends, "{told:?}");
    }
}
