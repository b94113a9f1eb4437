//! Exact effects of small clusters, step by step.

mod moving;
mod placing;
mod reporting;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tenure_types::{ActorId, ActorTypeName, Incarnation, Instant, Key, NodeId, Tenure, ViewNumber};

use super::{Cluster, ClusterConfig, Effect, Message, Nowhere, Refusal, Views};
use crate::directory::Wish;
use crate::migration::MoveId;
use crate::placement::Strategy;
use crate::slot::slot_of;
use crate::view::{Member, MemberState, View};
use MemberState::{Alive, Condemned, Down};

const NOW: Instant = Instant::from_nanos(1_000_000_000);
const LOCAL: Wish = Wish { strategy: Strategy::Local, durable: true };
const FRAGILE: Wish = Wish { strategy: Strategy::Local, durable: false };

fn actor(key: &str) -> ActorId {
    ActorId { actor_type: ActorTypeName::new("cart").unwrap(), key: Key::new(key).unwrap() }
}

fn tenure(view: u64, sequence: u64) -> Tenure {
    Tenure { view, sequence }
}

fn view(number: u64, members: &[(u64, MemberState)]) -> Arc<View> {
    let members = members.iter().map(|(incarnation, state)| Member {
        incarnation: Incarnation(*incarnation),
        node: NodeId::new(&format!("n{incarnation}")).unwrap(),
        state: *state,
        presumed: false,
        weight: 1,
        address: "".into(),
    });
    Arc::new(View::new(ViewNumber(number), members))
}

/// Machines whose messages all arrive, at once and in order.
#[derive(Default)]
struct Fair(BTreeMap<Incarnation, Cluster>);

impl Fair {
    fn add(&mut self, incarnation: u64) {
        let me = Incarnation(incarnation);
        self.0.insert(me, Cluster::new(me, ClusterConfig::default(), incarnation));
    }

    /// Lets one machine do something and gives what all then do, messages apart.
    fn with(&mut self, incarnation: u64, work: impl FnOnce(&mut Cluster)) -> Vec<(u64, Effect)> {
        let first = Incarnation(incarnation);
        work(self.0.get_mut(&first).expect("it lives"));
        let (mut done, mut busy) = (Vec::new(), vec![first]);
        while let Some(one) = busy.pop() {
            let Some(cluster) = self.0.get_mut(&one) else { continue };
            while cluster.is_reporting() {
                cluster.handle_time(NOW);
            }
            for effect in cluster.take_effects() {
                match effect {
                    Effect::Send { to, message } => {
                        if let Some(other) = self.0.get_mut(&to) {
                            other.handle_message(NOW, one, message);
                            busy.push(to);
                        }
                    }
                    effect => done.push((one.0, effect)),
                }
            }
        }
        done
    }

    fn learn(&mut self, view: &Arc<View>) -> Vec<(u64, Effect)> {
        let all: Vec<u64> = self.0.keys().map(|it| it.0).collect();
        let learn = |one| self.with(one, |it| it.handle_view(NOW, Arc::clone(view)));
        let done = all.into_iter().flat_map(learn);
        // Who is asked before it has learnt the view wants to look.
        done.filter(|(_, effect)| !matches!(effect, Effect::Refresh(_))).collect()
    }
}

fn pair() -> Fair {
    let mut fair = Fair::default();
    fair.add(1);
    fair.add(2);
    let done = fair.learn(&view(2, &[(1, Alive), (2, Alive)]));
    assert_eq!(done, []);
    assert!(fair.0.values().all(Cluster::is_settled));
    fair
}

/// An actor whose directory this member keeps.
fn kept_by(fair: &Fair, owner: u64) -> ActorId {
    let cluster = &fair.0[&Incarnation(owner)];
    let mut actors = (0..).map(|number| actor(&number.to_string()));
    actors.find(|it| cluster.owner_of(it) == Some(Incarnation(owner))).expect("it keeps some")
}

fn activate(actor: &ActorId, tenure: Tenure) -> Effect {
    Effect::Activate { actor: actor.clone(), tenure, arrived: None }
}

fn found(actor: &ActorId, host: u64, tenure: Tenure) -> Effect {
    Effect::Found { actor: actor.clone(), host: Incarnation(host), tenure }
}

#[test]
fn who_asks_first_hosts_an_actor_and_everybody_finds_it_there() {
    let mut fair = pair();
    let cart = kept_by(&fair, 2);
    let done = fair.with(1, |it| it.look_up(NOW, &cart, LOCAL));
    assert_eq!(done, [(1, activate(&cart, tenure(2, 1))), (1, found(&cart, 1, tenure(2, 1)))]);
    let done = fair.with(2, |it| it.look_up(NOW, &cart, LOCAL));
    assert_eq!(done, [(2, found(&cart, 1, tenure(2, 1)))]);
    // What is remembered is not asked again.
    let done = fair.with(1, |it| it.look_up(NOW, &cart, LOCAL));
    assert_eq!(done, [(1, found(&cart, 1, tenure(2, 1)))]);
}

fn stands(actor: &ActorId, host: u64, tenure: Tenure) -> Effect {
    Effect::Stands { actor: actor.clone(), host: Incarnation(host), tenure }
}

#[test]
fn who_awaits_a_place_hears_of_each_later_one_once_and_has_nothing_placed() {
    let mut fair = pair();
    let cart = kept_by(&fair, 1);
    assert_eq!(fair.with(2, |it| assert!(it.await_place(NOW, &cart, None))), []);
    let first = tenure(2, 1);
    let done = fair.with(1, |it| it.look_up(NOW, &cart, LOCAL));
    let here = [(1, activate(&cart, first)), (1, found(&cart, 1, first))];
    assert_eq!(done[..2], here);
    assert_eq!(done[2..], [(2, stands(&cart, 1, first))]);
    assert_eq!(fair.0[&Incarnation(2)].location(&cart), Some((Incarnation(1), first)));
    // What it knows is no news; who has not asked again hears nothing.
    assert_eq!(fair.with(2, |it| assert!(it.await_place(NOW, &cart, Some(first)))), []);
    assert_eq!(fair.with(1, |it| assert!(it.leave(NOW, &cart, first))).len(), 1);
    let here = Incarnation(1);
    let done = fair.with(1, |it| it.missed(NOW, &cart, LOCAL, (here, first), None));
    let second = tenure(2, 2);
    assert!(done.contains(&(2, stands(&cart, 1, second))), "{done:?}");
    // What is there is said at once; given up, nothing is.
    assert_eq!(
        fair.with(2, |it| assert!(it.await_place(NOW, &cart, Some(first)))),
        [(2, stands(&cart, 1, second))]
    );
    fair.with(2, |it| {
        assert!(it.await_place(NOW, &cart, Some(second)));
        it.give_up_await(&cart);
    });
    assert_eq!(fair.with(1, |it| assert!(it.leave(NOW, &cart, second))).len(), 1);
    let done = fair.with(1, |it| it.missed(NOW, &cart, LOCAL, (here, second), None));
    assert!(done.iter().all(|(node, _)| *node == 1), "{done:?}");
}

#[test]
fn a_place_is_awaited_from_the_owners_of_later_views_and_lost_wishes_are_said_again() {
    let config = ClusterConfig { awaits_max: 1, ..ClusterConfig::default() };
    let mut fair = pair();
    let cart = kept_by(&fair, 1);
    fair.with(1, |it| it.look_up(NOW, &cart, LOCAL));
    let mut second = Cluster::new(Incarnation(2), config.clone(), 2);
    second.handle_view(NOW, view(2, &[(1, Alive), (2, Alive)]));
    drop(second.take_effects());
    assert!(second.await_place(NOW, &cart, None));
    assert!(!second.await_place(NOW, &actor("more"), None), "there is room for one");
    let asked = |view, owner| {
        let (view, actor) = (ViewNumber(view), cart.clone());
        let message = Message::AwaitPlace { view, actor, later_than: None };
        Effect::Send { to: Incarnation(owner), message }
    };
    assert_eq!(second.take_effects(), [asked(2, 1)]);
    second.handle_time(NOW + config.ask_again);
    assert!(second.take_effects().contains(&asked(2, 1)), "its answer is lost");
    // The owner goes, and another one keeps the slot.
    let late = NOW + config.ask_again;
    second.handle_view(late, view(3, &[(1, Down), (2, Alive), (3, Alive)]));
    second.handle_time(late);
    let owner = second.owner_of(&cart).unwrap().0;
    let done = second.take_effects();
    let turned = owner == 2 || done.contains(&asked(3, owner));
    assert!(turned && second.sizes().awaits == 1, "{owner} {done:?}");
    // A host that is gone is no news.
    let gone = Message::Found { actor: cart.clone(), host: Incarnation(1), tenure: tenure(2, 9) };
    second.handle_message(late, Incarnation(3), gone);
    let here = Message::Found { actor: cart.clone(), host: Incarnation(3), tenure: tenure(3, 1) };
    second.handle_message(late, Incarnation(3), here);
    let heard = second.take_effects();
    let news = |it: &&Effect| matches!(it, Effect::Stands { .. });
    assert_eq!(heard.iter().filter(news).collect::<Vec<_>>(), [&stands(&cart, 3, tenure(3, 1))]);
    assert_eq!(second.sizes().awaits, 0);
}

/// Met in the simulation: an owner that was stopped named a host that had died meanwhile, and calls went
/// there until they were late.
#[test]
fn a_host_that_is_gone_or_not_known_yet_is_asked_for_again() {
    let mut fair = pair();
    let cart = kept_by(&fair, 1);
    let second = fair.0.get_mut(&Incarnation(2)).unwrap();
    second.handle_view(NOW, view(5, &[(1, Alive), (2, Alive), (3, Down), (4, Condemned)]));
    second.look_up(NOW, &cart, LOCAL);
    let asks = |view| Message::LookUp {
        view: ViewNumber(view),
        actor: cart.clone(),
        wish: LOCAL,
        not_at: None,
    };
    let asked = |view| Effect::Send { to: Incarnation(1), message: asks(view) };
    assert_eq!(second.take_effects(), [asked(5)]);
    let mut hear = |at, host| {
        let (actor, host) = (cart.clone(), Incarnation(host));
        let answer = Message::Found { actor, host, tenure: tenure(2, 1) };
        second.handle_message(at, Incarnation(1), answer);
        let now = second.take_effects();
        second.handle_time(at + Duration::from_millis(10));
        (now, second.take_effects(), second.location(&cart))
    };
    assert_eq!(hear(NOW, 3), (vec![], vec![asked(5)], None), "it is down");
    let later = NOW + Duration::from_millis(20);
    assert_eq!(
        hear(later, 6),
        (vec![Effect::Refresh(ViewNumber(6))], vec![asked(5)], None),
        "it is new"
    );
    let later = NOW + Duration::from_millis(40);
    let place = Some((Incarnation(4), tenure(2, 1)));
    assert_eq!(hear(later, 4), (vec![found(&cart, 4, tenure(2, 1))], vec![], place));
}

#[test]
fn a_grant_is_taken_once_and_only_upwards() {
    let mut fair = pair();
    let cart = kept_by(&fair, 2);
    let grant = |sequence, view| Message::Grant {
        view: ViewNumber(view),
        actor: cart.clone(),
        tenure: tenure(2, sequence),
        durable: true,
        arrived: None,
    };
    let mut hear = |message| {
        let host = fair.0.get_mut(&Incarnation(1)).unwrap();
        host.handle_message(NOW, Incarnation(2), message);
        host.take_effects()
    };
    let answer = |message| Effect::Send { to: Incarnation(2), message };
    let granted = Message::Granted { actor: cart.clone(), tenure: tenure(2, 5), load: 1 };
    let done = [activate(&cart, tenure(2, 5)), answer(granted.clone())];
    assert_eq!(hear(grant(5, 2)), done);
    assert_eq!(hear(grant(5, 2)), [answer(granted)], "said again, not done again");
    let other = Message::Grant {
        view: ViewNumber(2),
        actor: cart.clone(),
        tenure: tenure(2, 4),
        durable: true,
        arrived: None,
    };
    let why = Refusal::OldTenure;
    let refused = Message::Refused { actor: cart.clone(), tenure: tenure(2, 4), why, load: 1 };
    assert_eq!(hear(other), [answer(refused)], "it was overtaken");
}

#[test]
fn a_report_ends_what_the_owner_before_may_grant() {
    let mut fair = pair();
    let cart = kept_by(&fair, 2);
    let slots = vec![slot_of(&cart)];
    // A third member keeps the slot in a view that member 1 has not learnt.
    let host = fair.0.get_mut(&Incarnation(1)).unwrap();
    let ask = Message::AskReport { view: ViewNumber(4), slots };
    host.handle_message(NOW, Incarnation(3), ask);
    let reports = host.take_effects();
    let refresh = |number| Effect::Refresh(ViewNumber(number));
    let [Effect::Send { to: Incarnation(3), .. }, later] = &reports[..] else {
        panic!("{reports:?}")
    };
    assert_eq!(*later, refresh(4));
    let grant = Message::Grant {
        view: ViewNumber(3),
        actor: cart.clone(),
        tenure: tenure(2, 1),
        durable: true,
        arrived: None,
    };
    host.handle_message(NOW, Incarnation(2), grant);
    let why = Refusal::OldView(ViewNumber(4));
    let refused = Message::Refused { actor: cart, tenure: tenure(2, 1), why, load: 0 };
    let answer = Effect::Send { to: Incarnation(2), message: refused };
    assert_eq!(host.take_effects(), [answer, refresh(3)]);
}

#[test]
fn what_was_promised_for_a_view_is_kept_by_nobody_below() {
    let mut fair = Fair::default();
    let config = ClusterConfig { views: Views::Heard, ..ClusterConfig::default() };
    fair.0.insert(Incarnation(1), Cluster::new(Incarnation(1), config, 1));
    fair.learn(&view(2, &[(1, Alive)]));
    let cart = actor("1");
    // The second knows of a view in which it keeps the slot, and is gone before anybody else hears of that view.
    fair.learn(&view(3, &[(1, Alive), (2, Alive)]));
    let ask = Message::AskReport { view: ViewNumber(9), slots: vec![slot_of(&cart)] };
    let done = fair.with(1, |it| it.handle_message(NOW, Incarnation(2), ask));
    assert_eq!(
        done,
        [(1, Effect::Refresh(ViewNumber(9)))],
        "whoever is promised something is kept up with"
    );
    fair.learn(&view(4, &[(1, Alive), (2, Down)]));
    assert_eq!(fair.with(1, |it| it.look_up(NOW, &cart, LOCAL)), [], "the slot is nobody's");
    fair.learn(&view(10, &[(1, Alive), (2, Down)]));
    let done = fair.with(1, |it| it.handle_time(NOW));
    let right = tenure(10, 1);
    assert_eq!(done, [(1, activate(&cart, right)), (1, found(&cart, 1, right))]);
}

#[test]
fn grants_of_views_in_which_a_run_was_still_joining_are_refused() {
    // The second keeps the slot since the view in which the third was joining, and did not ask it; the first,
    // who kept it before, may still grant.
    let cart = actor("7");
    let mut third = Cluster::new(Incarnation(3), ClusterConfig::default(), 3);
    third.handle_view(NOW, view(4, &[(1, Alive), (2, Alive), (3, MemberState::Joining)]));
    third.handle_view(NOW, view(5, &[(1, Alive), (2, Alive), (3, Alive)]));
    drop(third.take_effects());
    let mut granted = |number, right| {
        let (view, actor) = (ViewNumber(number), cart.clone());
        let grant = Message::Grant { view, actor, tenure: right, durable: false, arrived: None };
        third.handle_message(NOW, Incarnation(1), grant);
        third.take_effects()
    };
    for joining in [3, 4] {
        let right = tenure(2, joining);
        let (actor, why) = (cart.clone(), Refusal::OldView(ViewNumber(5)));
        let refused = Message::Refused { actor, tenure: right, why, load: 0 };
        let expected = [Effect::Send { to: Incarnation(1), message: refused }];
        assert_eq!(granted(joining, right), expected);
    }
    let right = tenure(2, 5);
    assert!(granted(5, right).contains(&activate(&cart, right)));
}

#[test]
fn an_actor_leaves_when_its_keeper_knows_and_starts_anew_under_a_higher_right() {
    let mut fair = pair();
    let cart = kept_by(&fair, 2);
    fair.with(1, |it| it.look_up(NOW, &cart, LOCAL));
    let done = fair.with(1, |it| assert!(it.leave(NOW, &cart, tenure(2, 1))));
    assert_eq!(done, [(1, Effect::Drop { actor: cart.clone(), tenure: tenure(2, 1) })]);
    let here = Incarnation(1);
    let done = fair.with(1, |it| it.missed(NOW, &cart, LOCAL, (here, tenure(2, 1)), None));
    assert_eq!(done, [(1, activate(&cart, tenure(2, 2))), (1, found(&cart, 1, tenure(2, 2)))]);
}

#[test]
fn actors_of_the_dead_start_when_it_is_fenced_and_down() {
    let mut fair = pair();
    let [durable, fragile] = [LOCAL, FRAGILE].map(|wish| {
        let cart = if wish.durable { kept_by(&fair, 1) } else { actor("fragile") };
        fair.with(2, |it| it.look_up(NOW, &cart, wish));
        cart
    });
    fair.0.remove(&Incarnation(2));
    let done = fair.learn(&view(3, &[(1, Alive), (2, Condemned)]));
    assert_eq!(done, [(1, Effect::Fence(Incarnation(2)))]);
    for (cart, wish) in [(&durable, LOCAL), (&fragile, FRAGILE)] {
        assert_eq!(fair.with(1, |it| it.look_up(NOW, cart, wish)), []);
    }
    // Fenced and not down: it may still answer reads.
    assert_eq!(fair.with(1, |it| it.handle_fenced(NOW, Incarnation(2))), []);
    let done = fair.learn(&view(4, &[(1, Alive), (2, Down)]));
    let started = |cart: &ActorId| {
        let is_it = |(_, it): &&(u64, Effect)| matches!(it, Effect::Activate { actor, .. } if actor == cart);
        done.iter().filter(is_it).count()
    };
    assert_eq!((started(&durable), started(&fragile)), (1, 1), "{done:?}");
}

#[test]
fn too_many_look_ups_are_refused_at_once() {
    let config = ClusterConfig { lookups_max: 2, slot_waiters_max: 1, ..ClusterConfig::default() };
    let mut cluster = Cluster::new(Incarnation(1), config, 1);
    for key in ["a", "b"] {
        cluster.look_up(NOW, &actor(key), LOCAL);
    }
    assert_eq!(cluster.take_effects(), []);
    cluster.look_up(NOW, &actor("c"), LOCAL);
    let full = Effect::Nowhere { actor: actor("c"), why: Nowhere::LookupsFull };
    assert_eq!(cluster.take_effects(), [full]);
    assert_eq!(cluster.sizes().lookups, 2);
    cluster.give_up_look_up(&actor("a"));
    cluster.look_up(NOW, &actor("c"), LOCAL);
    assert_eq!(cluster.take_effects(), []);
}

/// Who keeps this key, each with the view since which it does.
fn keepers(fair: &mut Fair, key: &ActorId) -> Vec<(u64, u64)> {
    let all = fair.0.iter_mut().map(|(one, it)| (one.0, it.kept_since(key)));
    all.filter_map(|(one, since)| since.map(|since| (one, since.0))).collect()
}

#[test]
fn a_key_is_kept_by_one_member_at_a_time() {
    let mut fair = pair();
    let keys: Vec<ActorId> = (0..200).map(|number| actor(&number.to_string())).collect();
    let before: Vec<_> = keys.iter().map(|key| keepers(&mut fair, key)).collect();
    assert!(before.iter().all(|it| it.len() == 1 && it[0].1 == 2), "each by one: {before:?}");
    // One that joins keeps nothing before it was heard that the others gave it up.
    fair.add(3);
    let joined = view(3, &[(1, Alive), (2, Alive), (3, Alive)]);
    let three = fair.0.get_mut(&Incarnation(3)).expect("it was added");
    three.handle_view(NOW, Arc::clone(&joined));
    assert!(keys.iter().all(|key| three.kept_since(key).is_none()), "nobody has reported");
    let after: Vec<_> = keys.iter().map(|key| keepers(&mut fair, key)).collect();
    assert_eq!(after, before, "the others have not heard of it");
    fair.with(3, |_| ());
    fair.learn(&joined);
    let after: Vec<_> = keys.iter().map(|key| keepers(&mut fair, key)).collect();
    for (before, after) in before.iter().zip(&after) {
        assert!(after == before || *after == [(3, 3)], "{before:?} became {after:?}");
    }
    assert!(after.contains(&vec![(3, 3)]), "it has its share");
    // Who is condemned may still be heard, and who is fenced too: its keys wait until it is down.
    fair.0.remove(&Incarnation(1));
    let gone = |fair: &mut Fair| {
        let now: Vec<_> = keys.iter().map(|key| keepers(fair, key)).collect();
        let of_one = after.iter().zip(&now).filter(|(before, _)| before[0].0 == 1);
        of_one.map(|(_, now)| now.clone()).collect::<Vec<_>>()
    };
    let done = fair.learn(&view(4, &[(1, Condemned), (2, Alive), (3, Alive)]));
    assert!(done.contains(&(2, Effect::Fence(Incarnation(1)))), "{done:?}");
    for one in [2, 3] {
        fair.with(one, |it| it.handle_fenced(NOW, Incarnation(1)));
    }
    assert!(gone(&mut fair).iter().all(Vec::is_empty), "its lease may run");
    fair.learn(&view(5, &[(1, Down), (2, Alive), (3, Alive)]));
    let taken = gone(&mut fair);
    assert!(!taken.is_empty() && taken.iter().all(|it| it.len() == 1 && it[0].1 == 4), "{taken:?}");
}

/// Machines whose views are not agreed on.
fn apart(count: u64) -> Fair {
    let mut fair = Fair::default();
    for incarnation in 1..=count {
        let config = ClusterConfig { views: Views::Heard, ..ClusterConfig::default() };
        let me = Incarnation(incarnation);
        fair.0.insert(me, Cluster::new(me, config, incarnation));
    }
    fair
}

#[test]
fn without_agreement_the_dead_are_neither_fenced_nor_waited_for() {
    for wish in [LOCAL, FRAGILE] {
        let mut fair = apart(3);
        fair.learn(&view(3, &[(1, Alive), (2, Alive), (3, Alive)]));
        let cart = kept_by(&fair, 1);
        let done = fair.with(3, |it| it.look_up(NOW, &cart, wish));
        assert_eq!(done[0], (3, activate(&cart, tenure(3, 1))));
        fair.0.remove(&Incarnation(3));
        assert_eq!(fair.learn(&view(4, &[(1, Alive), (2, Alive), (3, Down)])), []);
        let done = fair.with(2, |it| it.look_up(NOW, &cart, wish));
        assert_eq!(done, [(2, activate(&cart, tenure(3, 2))), (2, found(&cart, 2, tenure(3, 2)))]);
        assert!(fair.0.values().all(Cluster::is_settled));
    }
}

#[test]
fn without_agreement_members_that_meet_tell_each_other_what_they_run_and_the_lower_one_leaves() {
    for owner in [1, 2] {
        let mut fair = apart(2);
        let both = view(5, &[(1, Alive), (2, Alive)]);
        let cart = {
            let mut together = apart(2);
            together.learn(&both);
            kept_by(&together, owner)
        };
        // Each begins alone, as where two join through different members.
        for (one, number) in [(1, 3), (2, 4)] {
            fair.with(one, |it| it.handle_view(NOW, view(number, &[(one, Alive)])));
            let done = fair.with(one, |it| it.look_up(NOW, &cart, LOCAL));
            assert_eq!(done[0], (one, activate(&cart, tenure(number, 1))));
        }
        let mut done = fair.learn(&both);
        // The first one's question came before the second knew it, and is asked again.
        done.extend(fair.with(1, |it| it.handle_time(NOW + Duration::from_secs(1))));
        let evict = Effect::Evict { actor: cart.clone(), tenure: tenure(3, 1) };
        assert_eq!(done, [(1, evict)], "kept by {owner}");
        assert!(fair.0.values().all(Cluster::is_settled));
        let done = fair.with(1, |it| assert!(it.leave(NOW, &cart, tenure(3, 1))));
        assert_eq!(done, [(1, Effect::Drop { actor: cart.clone(), tenure: tenure(3, 1) })]);
        let there = (Incarnation(1), tenure(3, 1));
        let done = fair.with(1, |it| it.missed(NOW, &cart, LOCAL, there, None));
        assert_eq!(done, [(1, found(&cart, 2, tenure(4, 1)))], "kept by {owner}");
    }
}

#[test]
fn of_a_fixed_list_each_keeps_its_slots_whoever_else_is_there() {
    let me = Incarnation(1);
    let config = ClusterConfig { views: Views::Fixed, ..ClusterConfig::default() };
    let mut fair = Fair(BTreeMap::from([(me, Cluster::new(me, config, 1))]));
    // The other one was never heard.
    assert_eq!(fair.learn(&view(2, &[(1, Alive), (2, Alive)])), []);
    assert!(fair.0[&me].is_settled());
    let cart = kept_by(&fair, 1);
    let ring = Wish { strategy: Strategy::Ring, durable: true };
    let done = fair.with(1, |it| it.look_up(NOW, &cart, ring));
    assert_eq!(done, [(1, activate(&cart, tenure(2, 1))), (1, found(&cart, 1, tenure(2, 1)))]);
}
