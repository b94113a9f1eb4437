use proptest::prelude::*;
use tenure_actor::CallKey;
use tenure_types::{Key, Tenure};

use super::*;
use crate::sync::Mutex;

const SECOND: Duration = Duration::from_secs(1);
const RIGHT: Tenure = Tenure { view: 300, sequence: 2 };

fn cart(_: &str) -> Option<ActorTypeName> {
    ActorTypeName::new("cart").ok()
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + SECOND * seconds as u32
}

fn delivery(method: &str) -> Delivery {
    Delivery { method: method.into(), body: [1, 2][..].into() }
}

fn timer(id: u64) -> PackedTimer {
    let (period, left) = (Duration::from_millis(2), Duration::from_nanos(300));
    PackedTimer { id: TimerId(id), period, once: id % 2 == 1, delivery: delivery("tick"), left }
}

/// Something of everything.
fn kept() -> Kept {
    let mut window = Window::default();
    window.push(8, at(970), vec![7].into());
    window.push(9, at(999), vec![8, 9].into());
    let mut outcomes = Outcomes::default();
    for key in ["k", "j"] {
        outcomes.remember(&CallKey { key: key.into(), arguments: 5 }, 6, b"reply");
    }
    let reminder = |every| Reminder { due_ms: 400, every, delivery: delivery("ring") };
    Kept {
        log: EventLog { epoch: 11, offset: 9, open: Some(RIGHT) },
        opening: Opening::Over,
        window,
        stored_window: Some((2, 4)),
        published: 8,
        outcomes,
        reminders: [("a".into(), reminder(None)), ("b".into(), reminder(Some(SECOND)))].into(),
        snapshot: 3,
    }
}

fn contents() -> Contents {
    Contents {
        actor: ActorId { actor_type: cart("").unwrap(), key: Key::new("alice").unwrap() },
        tenure: RIGHT,
        tag: StateTag { stamp: 1_000, version: Version(17) },
        state: PackedState::Encoded(Encoded { schema: 2, codec: 1, bytes: vec![0xab; 3] }),
        kept: Some(kept()),
        timers: vec![timer(1), timer(4)],
        at: at(1_000),
    }
}

fn packed(change: impl FnOnce(&mut Contents)) -> Packed {
    let mut contents = contents();
    change(&mut contents);
    Packed(Arc::new(contents))
}

fn bytes_of(change: impl FnOnce(&mut Contents)) -> Vec<u8> {
    packed(change).encode().expect("it has a form")
}

fn with_kept(change: impl FnOnce(&mut Kept)) -> Vec<u8> {
    bytes_of(|contents| change(contents.kept.as_mut().unwrap()))
}

#[test]
fn everything_is_read_as_it_was() {
    let bytes = bytes_of(|_| {});
    let read = Packed::decode(&bytes, &cart).unwrap();
    assert_eq!(read.encode().unwrap(), bytes);
    let (read, was) = (&*read.0, contents());
    assert_eq!((&read.actor, read.tenure, read.tag), (&was.actor, was.tenure, was.tag));
    let (PackedState::Encoded(read_state), PackedState::Encoded(state)) = (&read.state, &was.state)
    else {
        panic!("it has a stored form")
    };
    assert_eq!(read_state, state);
    let (read_kept, kept) = (read.kept.as_ref().unwrap(), kept());
    assert_eq!(read_kept.log, kept.log);
    assert_eq!(read_kept.window.after(7, 9), kept.window.after(7, 9));
    let ages: Vec<_> = read_kept.window.ages(read.at).map(|(age, _)| age).collect();
    assert_eq!(ages, [30 * SECOND, SECOND]);
    let rest = |kept: &Kept| (kept.stored_window, kept.published, kept.snapshot);
    assert_eq!(rest(read_kept), rest(&kept));
    assert!(read_kept.outcomes.rows().eq(kept.outcomes.rows()));
    assert_eq!(read_kept.outcomes.bytes(), kept.outcomes.bytes());
    assert_eq!(read_kept.reminders, kept.reminders);
    for (read, was) in read.timers.iter().zip(&was.timers) {
        assert_eq!((read.id, read.period, read.once), (was.id, was.period, was.once));
        assert_eq!((&read.delivery, read.left), (&was.delivery, was.left));
    }
    assert_eq!(read.timers.len(), 2);
}

#[test]
fn what_keeps_nothing_is_small() {
    let bytes = bytes_of(|contents| {
        contents.kept = None;
        contents.timers = Vec::new();
    });
    assert_eq!(Packed::decode(&bytes, &cart).unwrap().encode().unwrap(), bytes);
    assert_eq!(bytes.len(), 1 + 5 + 6 + 3 + 3 + 2 + 4 + 2);
}

/// Whoever changes a byte of this changes [`PACKED_VERSION`]. The bytes were made by another program.
#[test]
fn the_form_stays() {
    let expected = "01046361727405616c696365ac0202e80711020103ababab010b0901ac020202b0ea010107e8\
        070208090102040802016a1d0500000000000000000000000000000006000000000000007265\
        706c79016b1d0500000000000000000000000000000006000000000000007265706c79020161\
        90031200000000000000000400000072696e6701020162900312e80300000000000004000000\
        72696e67010203020180897a01047469636b020102ac020480897a00047469636b020102ac02";
    let hex: String = bytes_of(|_| {}).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
}

#[test]
fn no_part_of_it_is_read_and_nothing_may_follow() {
    let bytes = bytes_of(|_| {});
    for len in 0..bytes.len() {
        assert!(Packed::decode(&bytes[..len], &cart).is_err(), "{len} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Packed::decode(&longer, &cart).unwrap_err(), CodecError::Trailing { bytes: 1 });
    let newer = [&[PACKED_VERSION + 1], &bytes[1..]].concat();
    let (version, reads) = (PACKED_VERSION + 1, PACKED_VERSION);
    let refused = CodecError::Version { version, reads };
    assert_eq!(Packed::decode(&newer, &cart).unwrap_err(), refused);
    let refused = CodecError::UnknownType { name: "cart".to_owned() };
    assert_eq!(Packed::decode(&bytes, &|_| None).unwrap_err(), refused);
}

#[test]
fn what_could_do_harm_is_refused() {
    let over = NUMBER_MAX + 1;
    let number = |what| CodecError::Number { what };
    for (bytes, expected) in [
        (bytes_of(|it| it.tag.version = Version(over)), number("version")),
        (with_kept(|it| it.log.offset = over), number("offset")),
        (with_kept(|it| it.log.epoch = over), number("epoch")),
        (with_kept(|it| it.published = 10), number("last event that left")),
        (with_kept(|it| it.snapshot = 10), number("snapshot")),
        (with_kept(|it| it.stored_window = Some((5, 4))), number("stored window")),
        (with_kept(|it| it.stored_window = Some((0, 4))), number("stored window")),
        (with_kept(|it| it.stored_window = Some((1, 10))), number("stored window")),
        (
            with_kept(|it| {
                it.log.offset = NUMBER_MAX;
                it.stored_window = Some((1, WINDOW_EVENTS_MAX + 1));
            }),
            number("stored window"),
        ),
        (
            with_kept(|it| (it.log.offset, it.published, it.snapshot) = (1, 0, 0)),
            number("length of a window"),
        ),
        (
            with_kept(|it| it.reminders.get_mut("a").unwrap().due_ms = over),
            number("time of a reminder"),
        ),
        (
            bytes_of(|it| it.timers[0].period = PERIOD_MIN - Duration::from_nanos(1)),
            number("period"),
        ),
        (bytes_of(|it| it.timers[1].id = TimerId(over)), number("timer")),
        (bytes_of(|it| it.timers.reverse()), number("order of timers")),
        (bytes_of(|it| it.timers[1].id = TimerId(1)), number("order of timers")),
    ] {
        assert_eq!(Packed::decode(&bytes, &cart).unwrap_err(), expected);
    }
    let many = bytes_of(|it| it.timers = (1..=1_001).map(timer).collect());
    let refused = CodecError::TooLong { what: "timers", len: 1_001, max: TIMERS_MAX };
    assert_eq!(Packed::decode(&many, &cart).unwrap_err(), refused);
    let large = vec![0; PACKED_BYTES_MAX + 1];
    let len = large.len() as u64;
    let refused = CodecError::TooLong { what: "memory", len, max: PACKED_BYTES_MAX };
    assert_eq!(Packed::decode(&large, &cart).unwrap_err(), refused);
}

#[test]
fn what_has_no_form_or_is_too_much_stays() {
    let actor = contents().actor;
    let volatile = packed(|it| it.state = PackedState::Itself(Mutex::new(None)));
    assert_eq!(volatile.encode(), Err(PackError::Itself { actor: actor.clone() }));
    let body: Arc<[u8]> = vec![0; PACKED_BYTES_MAX / 2].into();
    let large = packed(|it| it.timers.iter_mut().for_each(|it| it.delivery.body = body.clone()));
    let refused = large.encode();
    assert!(
        matches!(&refused, Err(PackError::TooLarge { bytes, .. }) if *bytes > PACKED_BYTES_MAX)
    );
    let reminder = kept().reminders["a"].clone();
    let len = REMINDERS_MAX + 1;
    let many = packed(|it| {
        let names = (0..len).map(|name| (name.to_string().into(), reminder.clone()));
        it.kept.as_mut().unwrap().reminders = names.collect();
    });
    let refused = PackError::TooMany { actor, what: "reminders", len, max: REMINDERS_MAX };
    assert_eq!(many.encode(), Err(refused));
}

/// What the actor itself can come to is read: as many outcomes, events and timers as there may be.
#[test]
fn as_much_as_an_actor_may_have_is_read() {
    let bytes = bytes_of(|it| {
        it.timers = (1..=TIMERS_MAX as u64).map(timer).collect();
        let kept = it.kept.as_mut().unwrap();
        kept.log.offset = 2_000;
        kept.window = Window::default();
        for offset in 1..=2_000 {
            kept.window.push(offset, at(1_000), vec![1].into());
        }
        for key in 0..2 * OUTCOMES_MAX {
            let key = CallKey { key: key.to_string().into(), arguments: 5 };
            kept.outcomes.remember(&key, 6, b"reply");
        }
    });
    let read = Packed::decode(&bytes, &cart).unwrap();
    assert_eq!(read.encode().unwrap(), bytes);
    let window = &read.0.kept.as_ref().unwrap().window;
    assert_eq!(window.after(1_000, 1).unwrap()[0].0, 1_001);
}

proptest! {
    /// A peer may lie: nothing panics, and what is read has a form again.
    #[test]
    fn changed_bytes_are_refused_or_read(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = bytes_of(|_| {});
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Ok(read) = Packed::decode(&bytes, &cart) {
            let again = read.encode().unwrap();
            let twice = Packed::decode(&again, &cart).unwrap();
            prop_assert_eq!(twice.encode().unwrap(), again);
        }
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [&[PACKED_VERSION], &bytes[..]].concat();
        let _ = Packed::decode(&bytes, &cart);
    }
}
