mod golden;
mod values;

use proptest::prelude::*;
use tenure_types::{NUMBER_MAX, Slot, TYPE_NAME_BYTES_MAX, ViewNumber};

use self::values::{KINDS, Parts, actor, answer, id, message, of_kind, request, types};
use super::*;
use crate::cluster::Message;
use crate::view::table::{FORGET_MAX, TableAction, TableAnswer, TableRequest, WATCH_MAX};

fn to_message(bytes: &[u8]) -> Result<Message, CodecError> {
    Message::decode(bytes, &types)
}

/// What every document keeps to: it is read as it was, no part of it is one, and nothing may follow it.
fn check<T: PartialEq + std::fmt::Debug>(
    value: &T,
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, CodecError>,
) {
    assert_eq!(decode(bytes).as_ref(), Ok(value));
    for len in 0..bytes.len() {
        let part = decode(&bytes[..len]);
        assert!(part.is_err(), "{len} of {} bytes are {part:?}", bytes.len());
    }
    let longer = [bytes, &[0, 0]].concat();
    assert_eq!(decode(&longer), Err(CodecError::Trailing { bytes: 2 }));
}

proptest! {
    #[test]
    fn requests_are_read_as_they_were(request in request()) {
        check(&request, &request.encode(), TableRequest::decode);
    }

    #[test]
    fn answers_are_read_as_they_were(answer in answer()) {
        check(&answer, &answer.encode(), TableAnswer::decode);
    }

    #[test]
    fn messages_are_read_as_they_were(message in message()) {
        check(&message, &message.encode(), to_message);
    }

    /// Whatever is read would be written in the same way: no value has a second form.
    #[test]
    fn random_bytes_are_refused_or_are_what_is_written(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        kind in 0..80_u8,
    ) {
        for head in [&[][..], &[VERSION], &[VERSION, kind], &[VERSION, 0, kind]] {
            let bytes = [head, &bytes].concat();
            same_or_refused(&bytes)?;
        }
    }

    /// As well as what was written and then changed in one place.
    #[test]
    fn changed_documents_are_refused_or_are_what_is_written(
        message in message(),
        request in request(),
        answer in answer(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        for mut bytes in [message.encode(), request.encode(), answer.encode()] {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            same_or_refused(&bytes)?;
        }
    }
}

fn same_or_refused(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(message) = to_message(bytes) {
        prop_assert_eq!(message.encode(), bytes);
    }
    if let Ok(request) = TableRequest::decode(bytes) {
        prop_assert_eq!(request.encode(), bytes);
    }
    if let Ok(answer) = TableAnswer::decode(bytes) {
        prop_assert_eq!(answer.encode(), bytes);
    }
    Ok(())
}

#[test]
fn every_kind_of_message_is_made() {
    let kinds: std::collections::BTreeSet<_> =
        (0..KINDS).map(|kind| of_kind(kind, Parts::default()).name()).collect();
    assert_eq!(kinds.len(), KINDS);
}

#[test]
fn claimed_lengths_are_refused_before_a_part_is_read() {
    let claim = |len: u64| {
        let mut out = Writer::default();
        out.number(len).byte(7).byte(7);
        out.into_bytes()
    };
    for (len, expected) in [
        (3, CodecError::Short { what: "slots" }),
        (SLOTS_MAX as u64, CodecError::Short { what: "slots" }),
        (16_385, CodecError::TooLong { what: "slots", len: 16_385, max: SLOTS_MAX }),
        (u64::MAX, CodecError::TooLong { what: "slots", len: u64::MAX, max: SLOTS_MAX }),
    ] {
        let bytes = claim(len);
        let mut from = Reader::new(&bytes);
        let read =
            from.list("slots", SLOTS_MAX, |_| -> Result<(), _> { panic!("nothing is read") });
        assert_eq!(read, Err(expected.clone()), "{len}");
        assert_eq!(Reader::new(&bytes).bytes("slots", SLOTS_MAX), Err(expected.clone()), "{len}");
        let ask = [&[VERSION, 1, 0][..], &bytes].concat();
        assert_eq!(to_message(&ask), Err(expected), "{len}");
    }
}

#[test]
fn what_a_newer_program_writes_is_named() {
    let bytes = Message::Behind { view: ViewNumber(1) }.encode();
    for version in [0, VERSION + 1, 255] {
        let newer = [&[version][..], &bytes[1..]].concat();
        let refused = CodecError::Version { version, reads: VERSION };
        assert_eq!(to_message(&newer), Err(refused.clone()));
        assert_eq!(TableRequest::decode(&newer), Err(refused.clone()));
        assert_eq!(TableAnswer::decode(&newer), Err(refused));
    }
    let unknown = |what, number| CodecError::Kind { what, number };
    assert_eq!(to_message(&[VERSION, 24, 1]), Err(unknown("message", 24)));
    assert_eq!(to_message(&[VERSION, 22, 1, 1, 0]), Err(unknown("message", 0)));
    assert_eq!(TableRequest::decode(&[VERSION, 1, 9]), Err(unknown("request", 9)));
    assert_eq!(TableRequest::decode(&[VERSION, 1, 4, 1, 6]), Err(unknown("state", 6)));
    assert_eq!(TableRequest::decode(&[VERSION, 1, 5, 1, 0, 2]), Err(unknown("reason", 2)));
    for number in [0, 5, 63, 69] {
        let answer = TableAnswer::decode(&[VERSION, 1, 1, number]);
        assert_eq!(answer, Err(unknown("outcome", number.into())));
    }
}

#[test]
fn a_type_that_nobody_knows_is_named_and_one_that_could_be_none_is_not_asked_for() {
    let bytes = Message::Busy { actor: actor("cart", "a") }.encode();
    let unknown = CodecError::UnknownType { name: "cart".to_owned() };
    assert_eq!(Message::decode(&bytes, &|_| None), Err(unknown));
    let busy = |name: &str, key: &str| {
        let mut out = Writer::begin(VERSION);
        out.byte(7).text(name).text(key);
        Message::decode(&out.into_bytes(), &|name| {
            panic!("{name} is asked for");
        })
    };
    let long = "k".repeat(513);
    for (name, key, expected) in [
        ("Cart", "a", "actor type"),
        ("", "a", "actor type"),
        ("cart", "", "key"),
        ("cart", "a\nb", "key"),
    ] {
        let Err(CodecError::Text { what, .. }) = busy(name, key) else { panic!("{name} {key}") };
        assert_eq!(what, expected);
    }
    let too_long = |what, len, max| Err(CodecError::TooLong { what, len, max });
    assert_eq!(busy("cart", &long), too_long("key", 513, 512));
    assert_eq!(busy(&long, "a"), too_long("actor type", 513, TYPE_NAME_BYTES_MAX));
    assert_eq!(
        Message::decode(&[VERSION, 7, 1, 0xff, 1, b'a'], &|_| None).map_err(|error| match error {
            CodecError::Text { what, .. } => what,
            _ => "another error",
        }),
        Err("actor type")
    );
}

#[test]
fn a_relay_carries_one_message_and_no_relay() {
    let behind = Message::Behind { view: ViewNumber(1) };
    let relay = |message| Message::Relay { origin: id(1), to: id(2), message: Box::new(message) };
    let once = relay(behind);
    assert_eq!(to_message(&once.encode()), Ok(once.clone()));
    assert_eq!(to_message(&relay(once).encode()), Err(CodecError::NestedRelay));
    // However deep it claims to be, its bytes are not followed.
    let deep = [&[VERSION][..], &[22, 1, 1].repeat(100_000)].concat();
    assert_eq!(to_message(&deep), Err(CodecError::NestedRelay));
}

#[test]
fn numbers_have_one_form_and_keep_to_their_range() {
    let number = |bytes: &[u8]| Reader::new(bytes).number("it");
    let wrong = Err(CodecError::Number { what: "it" });
    for value in [0, 127, 128, 16_383, 16_384, u64::MAX >> 1, u64::MAX] {
        let mut out = Writer::default();
        out.number(value);
        assert_eq!(number(&out.into_bytes()), Ok(value));
    }
    assert_eq!(number(&[0x80, 0]), wrong, "zero, in two bytes");
    assert_eq!(number(&[0xff, 0x80, 0]), wrong);
    let last = |last: u8| [&[0xff; 9][..], &[last]].concat();
    assert_eq!(number(&last(1)), Ok(u64::MAX));
    assert_eq!(number(&last(2)), wrong, "one bit more than there are");
    assert_eq!(number(&[0x80; 11]), wrong);
    assert_eq!(Reader::new(&[2]).flag("it"), Err(CodecError::Number { what: "it" }));
    let slot = |number: u64| {
        let mut out = Writer::begin(VERSION);
        out.byte(1).number(0).len(1).number(number);
        to_message(&out.into_bytes())
    };
    let last = Slot::new(16_383).unwrap();
    assert_eq!(slot(16_383), Ok(Message::AskReport { view: ViewNumber(0), slots: vec![last] }));
    assert_eq!(slot(16_384), Err(CodecError::Number { what: "slot" }));
    assert_eq!(slot(1 << 16), Err(CodecError::Number { what: "slot" }), "it is not cut");
}

#[test]
fn a_view_has_a_number_that_another_may_follow() {
    for (number, is_one) in [(NUMBER_MAX, true), (NUMBER_MAX + 1, false), (u64::MAX, false)] {
        let behind = Message::Behind { view: ViewNumber(number) };
        let wrong = Err(CodecError::Number { what: "view" });
        let read = to_message(&behind.encode());
        assert_eq!(read, if is_one { Ok(behind) } else { wrong }, "{number}");
    }
}

#[test]
fn what_the_table_leaves_out_is_not_sent() {
    let watch: Vec<_> = (0..100).map(id).collect();
    let seen = ViewNumber(3);
    let poll = TableAction::Poll { known: seen, watch: watch.clone() };
    let forget = TableAction::Forget { incarnations: watch.clone() };
    for (action, max) in [(poll, WATCH_MAX), (forget, FORGET_MAX)] {
        let bytes = TableRequest { seen, action }.encode();
        let (TableAction::Poll { watch: first, .. } | TableAction::Forget { incarnations: first }) =
            TableRequest::decode(&bytes).unwrap().action
        else {
            panic!("it is another request")
        };
        assert_eq!(first, watch[..max]);
    }
}

#[test]
fn members_stand_in_order_and_once() {
    let view = |numbers: &[u8]| {
        let mut out = Writer::begin(VERSION);
        out.number(1).number(9).byte(1).flag(true).number(9).len(numbers.len());
        for number in numbers {
            out.byte(*number).text("node").byte(1).flag(false).byte(1).text("a:1");
        }
        out.len(0);
        TableAnswer::decode(&out.into_bytes()).map(|_| ())
    };
    assert_eq!(view(&[1, 2, 5]), Ok(()));
    for wrong in [&[2, 1][..], &[1, 1]] {
        assert_eq!(view(wrong), Err(CodecError::Number { what: "order of members" }));
    }
}

#[test]
fn a_full_report_fits_into_a_frame_of_a_control_lane() {
    const CONTROL_FRAME_BYTES_MAX: usize = 1 << 20;
    let len = crate::cluster::ClusterConfig::default().report_len_max;
    let (report, name) = values::largest_report(len);
    let bytes = report.encode();
    assert!(bytes.len() <= CONTROL_FRAME_BYTES_MAX, "{} bytes", bytes.len());
    assert_eq!(Message::decode(&bytes, &|_| Some(name)), Ok(report));
}
