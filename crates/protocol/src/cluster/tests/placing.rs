//! Where an actor goes that hosts refuse.

use super::*;

/// The rights that the owner gives to the other, which refuses each of them at once.
fn refused(owner: &mut Cluster, now: Instant) -> Vec<u64> {
    let mut given = Vec::new();
    while let Some(effect) = owner.take_effects().pop() {
        let Effect::Send { to, message: Message::Grant { actor, tenure, .. } } = effect else {
            break;
        };
        given.push(tenure.sequence);
        assert!(given.len() < 10, "one right comes right after the other");
        let why = Refusal::NotAccepting;
        owner.handle_message(now, to, Message::Refused { actor, tenure, why, load: 0 });
    }
    given
}

#[test]
fn an_actor_that_nobody_takes_is_offered_more_and_more_slowly() {
    let mut fair = pair();
    let cart = kept_by(&fair, 2);
    let owner = fair.0.get_mut(&Incarnation(2)).unwrap();
    owner.set_accepting(false);
    owner.look_up(NOW, &cart, LOCAL);
    // Its own rights are refused as well. All were asked twice; the next is for itself, and waits.
    assert_eq!(refused(owner, NOW), [2, 4]);
    let millis = |millis| NOW + Duration::from_millis(millis);
    let mut at = |time| {
        owner.handle_time(time);
        refused(owner, time)
    };
    let offered: Vec<_> = (1..=60).map(|it| at(millis(it * 50))).collect();
    let count = |offers: &[Vec<u64>]| offers.iter().flatten().count();
    assert_eq!((count(&offered[..20]), count(&offered)), (2, 4), "{offered:?}");
    owner.set_accepting(true);
    let mut is_here = false;
    for seconds in 5..10 {
        let now = millis(seconds * 1_000);
        owner.handle_time(now);
        for effect in owner.take_effects() {
            match effect {
                Effect::Send { to, message: Message::Grant { actor, tenure, .. } } => {
                    let why = Refusal::NotAccepting;
                    let refused = Message::Refused { actor, tenure, why, load: 0 };
                    owner.handle_message(now, to, refused);
                }
                Effect::Activate { actor, .. } => is_here |= actor == cart,
                _ => {}
            }
        }
    }
    assert!(is_here || owner.take_effects().iter().any(|it| matches!(it, Effect::Activate { .. })));
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
