//! Moves, and what becomes of them when their slot changes hands.

use super::*;

#[test]
fn an_actor_moves_with_its_memory_or_stays() {
    let mut fair = pair();
    let cart = kept_by(&fair, 2);
    fair.with(1, |it| it.look_up(NOW, &cart, LOCAL));
    let id = MoveId { source: Incarnation(1), number: 1 };
    let done = fair.with(1, |it| assert_eq!(it.move_away(NOW, &cart, Incarnation(2)), Some(id)));
    assert_eq!(done, [(1, Effect::Seal { id, actor: cart.clone(), tenure: tenure(2, 1) })]);
    let done = fair.with(1, |it| it.handle_packed(NOW, id));
    assert_eq!(done, [(1, Effect::Ship { id, actor: cart.clone(), to: Incarnation(2) })]);
    let done = fair.with(2, |it| assert!(it.handle_shipped(NOW, id, &cart)));
    let here = Effect::Activate { actor: cart.clone(), tenure: tenure(2, 2), arrived: Some(id) };
    let to = Some((Incarnation(2), tenure(2, 2)));
    let gone = Effect::Moved { actor: cart.clone(), tenure: tenure(2, 1), to };
    assert!(done.contains(&(2, here)) && done.contains(&(1, gone)), "{done:?}");
    // Back again, and the target is gone before it is packed.
    let back = MoveId { source: Incarnation(2), number: 1 };
    fair.with(2, |it| assert_eq!(it.move_away(NOW, &cart, Incarnation(1)), Some(back)));
    fair.0.remove(&Incarnation(1));
    fair.with(2, |it| it.handle_packed(NOW, back));
    let done = fair.learn(&view(3, &[(1, Down), (2, Alive)]));
    let late = NOW + ClusterConfig::default().move_patience;
    let more = fair.with(2, |it| it.handle_time(late));
    let stays = Effect::Unseal { id: back, actor: cart, tenure: tenure(2, 2) };
    assert!(done.iter().chain(&more).any(|it| *it == (2, stays.clone())), "{done:?} {more:?}");
}

/// The first of three members has sealed `cart` for a move to the second; the third, which keeps its slot, was asked to
/// decide. The first is out of the others' reach, so it has not heard the word.
fn asked() -> (Fair, Cluster, ActorId, MoveId) {
    let mut fair = Fair::default();
    [1, 2, 3].into_iter().for_each(|it| fair.add(it));
    fair.learn(&view(3, &[(1, Alive), (2, Alive), (3, Alive)]));
    let cart = kept_by(&fair, 3);
    fair.with(1, |it| it.look_up(NOW, &cart, LOCAL));
    let id = MoveId { source: Incarnation(1), number: 1 };
    fair.with(1, |it| assert_eq!(it.move_away(NOW, &cart, Incarnation(2)), Some(id)));
    fair.with(1, |it| it.handle_packed(NOW, id));
    let mut source = fair.0.remove(&Incarnation(1)).unwrap();
    fair.with(2, |it| assert!(it.handle_shipped(NOW, id, &cart)));
    source.handle_message(NOW, Incarnation(2), Message::Arrived { id });
    let asks = source.take_effects();
    let [Effect::Send { to: Incarnation(3), message }] = &asks[..] else { panic!("{asks:?}") };
    fair.with(3, |it| it.handle_message(NOW, Incarnation(1), message.clone()));
    (fair, source, cart, id)
}

#[test]
fn a_move_that_may_have_happened_is_not_taken_back_when_its_owner_is_gone() {
    let (mut fair, source, cart, _) = asked();
    let there = fair.0[&Incarnation(2)].hosted(&cart).expect("the word was that it moves");
    fair.with(2, |it| assert!(it.leave(NOW, &cart, there)));
    assert_eq!(fair.0[&Incarnation(2)].hosted(&cart), None, "it ran there, and has ended");
    fair.0.remove(&Incarnation(3));
    fair.0.insert(Incarnation(1), source);
    fair.learn(&view(4, &[(1, Alive), (2, Alive), (3, Down)]));
    for one in [1, 2] {
        fair.with(one, |it| it.handle_fenced(NOW, Incarnation(3)));
    }
    let late = NOW + ClusterConfig::default().move_patience;
    let done = fair.with(1, |it| it.handle_time(late));
    let gone = Effect::Moved { actor: cart.clone(), tenure: tenure(3, 1), to: None };
    assert!(done.contains(&(1, gone)), "what it has is older than what is stored: {done:?}");
    let free = fair.0.values().flat_map(Cluster::each_entry).all(|(actor, ..)| *actor != cart);
    assert!(free, "it starts anew with the next call");
}

/// The source has reported the slot to the fifth member, which keeps it in a view that the source does not have.
fn reported() -> (Cluster, ActorId, MoveId) {
    let (_, mut source, cart, id) = asked();
    let ask = Message::AskReport { view: ViewNumber(5), slots: vec![slot_of(&cart)] };
    source.handle_message(NOW, Incarnation(5), ask);
    let _ = source.take_effects();
    (source, cart, id)
}

#[test]
fn a_move_that_was_reported_to_another_owner_is_decided_by_that_one() {
    let (mut source, cart, id) = reported();
    let mut hear = |from, message| {
        source.handle_message(NOW, Incarnation(from), message);
        source.take_effects()
    };
    let to = Some((Incarnation(2), tenure(3, 2)));
    for word in [Message::Cancelled { id }, Message::Moved { id, to }] {
        assert_eq!(hear(3, word), [], "the owner before has no say");
    }
    let done = hear(5, Message::Cancelled { id });
    assert!(done.contains(&Effect::Unseal { id, actor: cart, tenure: tenure(3, 1) }), "{done:?}");
}

/// What the source asks of anybody as time goes by, as often as it asks in a second.
fn asked_of(source: &mut Cluster, now: Instant) -> Vec<u64> {
    source.handle_time(now + Duration::from_secs(1));
    let effects = source.take_effects();
    let asked = effects.into_iter().filter_map(|effect| match effect {
        Effect::Send { to, message: Message::AskMove { .. } | Message::AskCancel { .. } } => {
            Some(to.0)
        }
        _ => None,
    });
    asked.collect()
}

#[test]
fn nobody_is_asked_about_a_move_whose_slot_was_reported_to_the_next() {
    let (mut source, ..) = reported();
    assert_eq!(asked_of(&mut source, NOW), [], "the owner that it knows is not the last one");
    let (_, mut source, ..) = asked();
    assert_eq!(asked_of(&mut source, NOW), [3]);
}

#[test]
fn an_owner_that_kept_the_slot_past_a_view_decides_although_another_has_the_report() {
    let (mut source, cart, id) = reported();
    // The third never had the view in which the slot was the fifth's: it asks for no reports.
    source.handle_view(NOW, view(6, &[(1, Alive), (2, Alive), (3, Alive), (5, Down)]));
    let _ = source.take_effects();
    assert_eq!(asked_of(&mut source, NOW), [3]);
    source.handle_message(NOW, Incarnation(3), Message::Cancelled { id });
    let done = source.take_effects();
    assert!(done.contains(&Effect::Unseal { id, actor: cart, tenure: tenure(3, 1) }), "{done:?}");
}
