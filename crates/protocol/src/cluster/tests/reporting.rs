//! Reports of many slots, and of those in which somebody waits.

use tenure_types::Slot;

use super::*;
use crate::cluster::URGENT_SLOTS_MAX;

/// How long slots are waited for in which somebody begins to wait, before they are asked for.
const SOON: Duration = Duration::from_millis(2);

/// The slots that the effects report to this member, message by message.
fn reported(effects: &[Effect], asker: u64) -> Vec<Vec<Slot>> {
    let messages = effects.iter().filter_map(|effect| match effect {
        Effect::Send { to, message: Message::Report { slots, .. } } if to.0 == asker => Some(slots),
        _ => None,
    });
    messages.map(|slots| slots.iter().map(|it| it.slot).collect()).collect()
}

fn ask(number: u64, slots: &[Slot]) -> Message {
    Message::AskReport { view: ViewNumber(number), slots: slots.to_vec() }
}

/// A member that reports little at a time, beside a second one whose slots these are.
fn reporter() -> (Cluster, Vec<Slot>) {
    let config = ClusterConfig { report_len_max: 8, ..ClusterConfig::default() };
    let mut host = Cluster::new(Incarnation(1), config, 1);
    host.handle_view(NOW, view(2, &[(1, Alive), (2, Alive)]));
    while host.is_reporting() {
        host.handle_time(NOW);
    }
    drop(host.take_effects());
    let slots = Slot::all().filter(|it| host.ring.owner(*it) == Some(Incarnation(2)));
    let slots = slots.take(40).collect();
    (host, slots)
}

#[test]
fn many_slots_are_reported_piece_by_piece_and_few_at_once() {
    let (mut host, slots) = reporter();
    host.handle_message(NOW, Incarnation(2), ask(2, &slots));
    assert_eq!(host.take_effects(), [], "it is put off");
    assert_eq!(host.next_due(), Some(Instant::ZERO));
    host.handle_time(NOW);
    assert_eq!(reported(&host.take_effects(), 2), [slots[..8].to_vec()]);
    host.handle_message(NOW, Incarnation(2), ask(2, &slots[30..32]));
    assert_eq!(reported(&host.take_effects(), 2), [slots[30..32].to_vec()], "before the rest");
    let mut rest = Vec::new();
    while host.is_reporting() {
        host.handle_time(NOW);
        let pieces = reported(&host.take_effects(), 2);
        assert!(pieces.len() == 1 && pieces[0].len() <= 8, "{pieces:?}");
        rest.extend(pieces.concat());
    }
    assert_eq!(rest, slots[8..]);
    assert_ne!(host.next_due(), Some(Instant::ZERO), "nothing is put off any more");
}

#[test]
fn an_owner_of_an_older_view_is_told_so_and_reported_to_by_the_newer_one() {
    let (mut host, slots) = reporter();
    host.handle_message(NOW, Incarnation(2), ask(2, &slots));
    let three = view(3, &[(1, Alive), (2, Alive), (3, Alive)]);
    host.handle_view(NOW, Arc::clone(&three));
    drop(host.take_effects());
    let (mut behind, mut views, mut told) = (0, Vec::new(), Vec::new());
    while host.asked.contains_key(&Incarnation(2)) {
        host.handle_time(NOW);
        let effects = host.take_effects();
        told.extend(reported(&effects, 2).concat());
        for effect in effects {
            match effect {
                Effect::Send { to: Incarnation(2), message: Message::Behind { view } } => {
                    assert_eq!(view, ViewNumber(3));
                    behind += 1;
                }
                Effect::Send { to: Incarnation(2), message: Message::Report { view, .. } } => {
                    views.push(view);
                }
                _ => {}
            }
        }
    }
    assert_eq!(behind, 1);
    assert!(views.iter().all(|view| *view == ViewNumber(3)), "{views:?}");
    // What the newer view gives to others it is not told.
    let kept = slots.into_iter().filter(|it| host.ring.owner(*it) == Some(Incarnation(2)));
    assert_eq!(told, kept.collect::<Vec<_>>());
    assert!(!told.is_empty() && told.len() < 40, "some of both");
}

#[test]
fn few_who_are_no_members_yet_are_remembered() {
    let (mut host, slots) = reporter();
    // A peer may give itself any number.
    (9..1_000).for_each(|from| host.handle_message(NOW, Incarnation(from), ask(from, &slots)));
    let strangers = host.asked.len();
    assert!((1..100).contains(&strangers), "{strangers}");
    host.handle_message(NOW, Incarnation(2), ask(2, &slots));
    assert_eq!(host.asked.len(), strangers + 1, "a member is");
}

#[test]
fn slots_in_which_somebody_waits_are_asked_for_before_others() {
    let mut owner = Cluster::new(Incarnation(1), ClusterConfig::default(), 1);
    owner.handle_view(NOW, view(2, &[(1, Alive), (2, Alive)]));
    drop(owner.take_effects());
    let actors = (0..).map(|number| actor(&number.to_string()));
    let mine = actors.filter(|it| owner.owner_of(it) == Some(Incarnation(1)));
    let waiting: Vec<ActorId> = mine.take(3).collect();
    for actor in &waiting {
        let look_up = Message::LookUp {
            view: ViewNumber(2),
            actor: actor.clone(),
            wish: LOCAL,
            not_at: None,
        };
        owner.handle_message(NOW, Incarnation(2), look_up.clone());
        owner.handle_message(NOW, Incarnation(2), look_up);
    }
    drop(owner.take_effects());
    owner.handle_time(NOW + SOON);
    let asked = owner.take_effects();
    let urgent = asked.iter().filter_map(|effect| match effect {
        Effect::Send { to: Incarnation(2), message: Message::AskReport { slots, .. } } => {
            Some(slots.clone())
        }
        _ => None,
    });
    let mut slots: Vec<Slot> = waiting.iter().map(slot_of).collect();
    slots.sort_unstable();
    assert!(slots.len() <= URGENT_SLOTS_MAX);
    assert_eq!(urgent.collect::<Vec<_>>(), [slots], "once, and together");
}
