//! Where an actor goes that hosts refuse.

use super::*;

/// The rights that the owner gives to the other, which refuses each of them at once; and whether the actor starts here.
fn refused(owner: &mut Cluster, now: Instant) -> (Vec<u64>, bool) {
    let (mut given, mut is_here) = (Vec::new(), false);
    loop {
        let effects = owner.take_effects();
        if effects.is_empty() {
            return (given, is_here);
        }
        for effect in effects {
            let Effect::Send { to, message: Message::Grant { actor, tenure, .. } } = effect else {
                is_here |= matches!(effect, Effect::Activate { .. });
                continue;
            };
            given.push(tenure.sequence);
            assert!(given.len() < 10, "one right comes right after the other");
            let why = Refusal::NotAccepting;
            owner.handle_message(now, to, Message::Refused { actor, tenure, why, load: 0 });
        }
    }
}

#[test]
fn an_actor_that_nobody_takes_is_offered_more_and_more_slowly() {
    let mut fair = pair();
    let cart = kept_by(&fair, 2);
    let owner = fair.0.get_mut(&Incarnation(2)).unwrap();
    owner.set_accepting(false);
    owner.look_up(NOW, &cart, LOCAL);
    // Its own rights are refused as well. All were asked twice; the next is for itself, and waits.
    assert_eq!(refused(owner, NOW), (vec![2, 4], false));
    let millis = |millis| NOW + Duration::from_millis(millis);
    let mut at = |time| {
        owner.handle_time(time);
        refused(owner, time)
    };
    let offered: Vec<_> = (1..=60).map(|it| at(millis(it * 50)).0).collect();
    let count = |offers: &[Vec<u64>]| offers.iter().flatten().count();
    assert_eq!((count(&offered[..20]), count(&offered)), (2, 4), "{offered:?}");
    fair.0.get_mut(&Incarnation(2)).unwrap().set_accepting(true);
    let owner = fair.0.get_mut(&Incarnation(2)).unwrap();
    let starts = (5..10).any(|seconds| {
        owner.handle_time(millis(seconds * 1_000));
        refused(owner, millis(seconds * 1_000)).1
    });
    assert!(starts, "its own turn comes");
}

#[test]
fn whoever_takes_an_actor_gets_it_at_once_however_many_emptier_ones_refuse() {
    let mut fair = Fair::default();
    (1..=4).for_each(|it| fair.add(it));
    fair.learn(&view(4, &[(1, Alive), (2, Alive), (3, Alive), (4, Alive)]));
    for number in 100..110 {
        fair.with(4, |it| it.look_up(NOW, &actor(&number.to_string()), LOCAL));
    }
    for refuser in 1..=3 {
        fair.0.get_mut(&Incarnation(refuser)).unwrap().set_accepting(false);
    }
    let balanced = Wish { strategy: Strategy::Balanced, durable: true };
    let cart = kept_by(&fair, 2);
    let done = fair.with(1, |it| it.look_up(NOW, &cart, balanced));
    let started = done.iter().find_map(|(at, effect)| match effect {
        Effect::Activate { actor, .. } if *actor == cart => Some(*at),
        _ => None,
    });
    assert_eq!(started, Some(4), "{done:?}");
}
