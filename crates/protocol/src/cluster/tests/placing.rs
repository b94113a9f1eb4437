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
    // The first is its own, and refused as well; the third goes to itself again and waits.
    assert_eq!(refused(owner, NOW), [2]);
    let millis = |millis| NOW + Duration::from_millis(millis);
    let mut at = |time| {
        owner.handle_time(time);
        refused(owner, time)
    };
    let offered: Vec<_> = (1..=60).map(|it| at(millis(it * 50))).collect();
    let count = |offers: &[Vec<u64>]| offers.iter().flatten().count();
    assert_eq!((count(&offered[..20]), count(&offered)), (1, 2), "{offered:?}");
    owner.set_accepting(true);
    owner.handle_time(millis(5_000));
    assert_eq!(refused(owner, millis(5_000)).len(), 1, "the other goes on refusing");
    owner.handle_time(millis(10_000));
    let done = owner.take_effects();
    let is_here = |it: &Effect| matches!(it, Effect::Activate { actor, .. } if *actor == cart);
    assert!(done.iter().any(is_here), "{done:?}");
}
