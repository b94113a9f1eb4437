mod cast;

use std::sync::Arc;

use proptest::prelude::*;
use tenure_types::{ActorTypeName, CallError, Key, Outcome, StateTag, Version};

use self::cast::{
    Answers, Dry, NewerPaint, NewerPot, NewerShade, Pot, Shade, at, cell, end, frame, head, run,
    target, types,
};
use super::error::WireError;
use super::{BODY_BYTES_MAX, HEAD_BYTES_MAX, WIRE_VERSION, encode_call, end_call};
use crate::cell::CallCell;
use crate::host::{CallHead, QueuedCall};
use crate::{
    CAUSE_NAME_BYTES_MAX, CHAIN_LEN_MAX, CallKey, Cause, Link, MethodInfo, Precondition, Receipt,
    ReminderId,
};

fn link(before: Option<Arc<Link>>, name: &'static str, key: &str) -> Arc<Link> {
    Link::after(before, ActorTypeName::new(name).unwrap(), Key::new(key).unwrap())
}

fn refused(frame: &[u8]) -> CallError {
    let decoded = types::<Pot>().decode_call(frame, at(0), Answers::default());
    decoded.map(|_| ()).expect_err("it is refused")
}

#[test]
fn a_call_and_its_answer_bring_all_that_the_other_node_needs() {
    let tag = StateTag { stamp: 3, version: Version(3) };
    let receipt = Arc::new(Receipt::asking(Some(Precondition::OneOf([tag].into())), true));
    let cause = Arc::new(Cause::Key(CallKey { key: "k".into(), arguments: 1 << 100 }));
    let chain = link(Some(link(None, "pot", "a")), "of_the_newer_program", "b");
    let of = CallHead {
        chain: Some(chain),
        durable: true,
        cause: Some(Arc::clone(&cause)),
        receipt: Some(Arc::clone(&receipt)),
        ..head()
    };
    let cell = cell(of, 1);
    let answers = Answers::default();
    let decoded = types::<Pot>().decode_call(&frame(&cell), at(100), answers.clone()).unwrap();
    assert_eq!(
        (decoded.target.slot, decoded.target.hash),
        (target("blue").slot, target("blue").hash)
    );
    let there = decoded.call.head();
    // It had 20 s left.
    assert_eq!((there.deadline, there.method.name), (at(20_100), "paint"));
    assert!(there.durable && !there.one_way);
    assert_eq!(there.cause, Some(cause));
    let cycle = there.chain.as_ref().unwrap().check(ActorTypeName::new("pot").unwrap(), "a");
    let path = "pot/a > of_the_newer_program/b > pot/a".into();
    assert_eq!(cycle, Err(CallError::Cycle { path }));
    let asked = there.receipt.as_ref().unwrap();
    assert_eq!(asked.precondition(), Some(&Precondition::OneOf([tag].into())));
    assert!(asked.follows());

    run(&*decoded.call, &mut Pot);
    // The turn took 20 ms, and 80 ms later its state was durable.
    end_call(&*cell, &answers.take(at(600)), at(11_000));
    assert_eq!(end(&cell), Some(Ok(vec![Shade::Mixed(vec![Shade::Red])])));
    assert!(!cell.was_replayed());
    assert_eq!(receipt.tag(), Some(StateTag { stamp: 3, version: Version(4) }));
    assert_eq!(receipt.log(), Some((9, 11)));
    assert_eq!((receipt.began(), receipt.ended()), (Some(at(10_900)), Some(at(10_920))));
}

#[test]
fn an_error_of_the_application_and_an_earlier_reply_are_given_as_such() {
    let (answers, of) = (Answers::default(), cell(head(), 0));
    let decoded = types::<Pot>().decode_call(&frame(&of), at(0), answers.clone()).unwrap();
    run(&*decoded.call, &mut Pot);
    end_call(&*of, &answers.take(at(600)), at(11_000));
    assert_eq!(end(&of), Some(Err(CallError::App(Dry { left: 7 }))));

    let of = cell(head(), 1);
    let decoded = types::<Pot>().decode_call(&frame(&of), at(0), answers.clone()).unwrap();
    // A reply that was kept: no shades.
    assert!(decoded.call.replay(&[0, 0x90]).unwrap());
    decoded.call.settle(Ok(None));
    end_call(&*of, &answers.take(at(600)), at(11_000));
    assert_eq!(end(&of), Some(Ok(vec![])));
    assert!(of.was_replayed());
}

#[test]
fn who_gives_up_on_a_call_that_left_does_not_hear_that_it_did_not_run() {
    let gone = cell(head(), 1);
    assert!(!frame(&gone).is_empty());
    assert!(gone.is_waiting());
    assert!(!gone.take_back(), "its turn may run there");
    assert!(!gone.is_waiting());
    assert_eq!(encode_call(&target("blue"), &*gone, at(0)).unwrap(), None);
    end_call(&*gone, &[], at(0));

    let back = cell(head(), 1);
    let bytes = frame(&back);
    back.come_back();
    assert_eq!(frame(&back), bytes, "it is sent again");
    back.come_back();
    assert!(back.take_back(), "no turn of it ran");
}

#[test]
fn what_this_program_cannot_read_is_not_executed_and_says_what() {
    let head_of = |method| CallHead { method, ..head() };
    let newer = NewerPaint { shade: NewerShade::Violet { of: 1 }, drops: 1 };
    let newer = CallCell::<NewerPot, _>::new(head(), newer);
    let newer = encode_call(&target("blue"), &*newer, at(0)).unwrap().unwrap();
    let mut no_type = target("blue");
    no_type.type_name = "jug";
    static SPILL: MethodInfo =
        MethodInfo { name: "spill", exclusive: true, may_suspend: false, durable: false };
    let no_type = encode_call(&no_type, &*cell(head(), 1), at(0)).unwrap().unwrap();
    let mut of_newer_version = frame(&cell(head(), 1));
    of_newer_version[0] = WIRE_VERSION + 1;
    let mut no_codec = frame(&cell(head(), 1));
    no_codec[1] = 77;
    for (frame, code, says) in [
        (newer, "incompatible", "pot::paint"),
        (no_type, "not_found", "`jug`"),
        (frame(&cell(head_of(&SPILL), 1)), "not_found", "`spill`"),
        (of_newer_version, "incompatible", "version 2"),
        (no_codec, "incompatible", "codec 77"),
    ] {
        let error = refused(&frame);
        assert_eq!((error.code().as_str(), error.outcome()), (code, Outcome::NotExecuted));
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn a_reply_that_cannot_be_read_is_of_a_turn_that_ran() {
    let (answers, of) = (Answers::default(), cell(head(), 1));
    // `Red` is known to both programs; what the newer one replies is not.
    let red = CallCell::<Pot, _>::new(head(), cast::Paint { shade: Shade::Red, drops: 1 });
    let decoded = types::<NewerPot>().decode_call(&frame(&red), at(0), answers.clone()).unwrap();
    run(&*decoded.call, &mut NewerPot);
    assert!(!frame(&of).is_empty());
    end_call(&*of, &answers.take(at(600)), at(0));
    let Some(Err(error)) = end(&of) else { panic!("it cannot be read") };
    assert_eq!((error.code().as_str(), error.outcome()), ("incompatible", Outcome::Executed));
}

#[test]
fn errors_are_the_same_there_and_unknown_ones_keep_their_outcome() {
    let detail = || Box::<str>::from("it is so");
    let outcome = Outcome::Unknown;
    for error in [
        CallError::BadRequest { detail: detail() },
        CallError::NotFound { detail: detail() },
        CallError::Denied { detail: detail() },
        CallError::InProgress { detail: detail() },
        CallError::KeyReused { detail: detail() },
        CallError::VersionMismatch { detail: detail() },
        CallError::TooLarge { detail: detail() },
        CallError::Deadline { outcome },
        CallError::Deadline { outcome: Outcome::NotExecuted },
        CallError::Overloaded { detail: detail(), retry_after_ms: 5, actor: true },
        CallError::Unavailable { detail: detail() },
        CallError::Cycle { path: detail() },
        CallError::Panicked { detail: detail() },
        CallError::Incompatible { detail: detail(), outcome: Outcome::Executed },
        CallError::Damaged { detail: detail(), outcome },
        CallError::Storage { detail: detail(), outcome },
        CallError::Withheld { detail: detail(), outcome: Outcome::NotExecuted },
    ] {
        let wire = WireError::of(&error);
        assert_eq!(wire.to_error(), error);
        for (is_retryable, index, expected, code) in [
            (true, 0, Outcome::NotExecuted, "unavailable"),
            (false, 0, Outcome::NotExecuted, "incompatible"),
            (false, 1, Outcome::Executed, "incompatible"),
            (false, 2, Outcome::Unknown, "incompatible"),
            (false, 9, Outcome::Unknown, "incompatible"),
        ] {
            let newer = WireError { code: "melted", is_retryable, outcome: index, ..wire };
            let error = newer.to_error();
            assert_eq!((error.outcome(), error.code().as_str()), (expected, code));
            assert!(error.to_string().contains("`melted`"), "{error}");
        }
    }
    let contradiction = CallError::Unavailable { detail: detail() };
    let contradiction = WireError { outcome: 2, ..WireError::of(&contradiction) };
    assert_eq!(contradiction.to_error().outcome(), Outcome::Unknown);
}

#[test]
fn a_reminder_travels_by_its_name_and_its_end_is_told() {
    let id = ReminderId { name: "tea".into(), due_ms: 7 };
    let cause = Some(Arc::new(Cause::Reminder(id)));
    let of = CallHead { cause, ..CallHead::to_self(&MethodInfo::REMINDER, at(1_000)) };
    let sent = Arc::new(super::reminder::Reminder { head: of });
    let bytes = encode_call(&target("blue"), &*sent, at(0)).unwrap().unwrap();
    let answers = Answers::default();
    let decoded = types::<Pot>().decode_call(&bytes, at(0), answers.clone()).unwrap();
    assert_eq!(decoded.call.head().cause, sent.head().cause);
    assert!(decoded.call.head().one_way);
    decoded.call.settle(Ok(None));
    assert_eq!(super::answer::read(&*sent, &answers.take(at(0)), at(0)), Ok(()));
    let lost = CallError::Deadline { outcome: Outcome::NotExecuted };
    decoded.call.settle(Err(lost.clone()));
    assert_eq!(super::answer::read(&*sent, &answers.take(at(0)), at(0)), Err(lost));
}

#[test]
fn what_is_too_large_does_not_leave_and_is_not_read() {
    let large = Shade::Mixed(vec![Shade::Red; BODY_BYTES_MAX / 4]);
    let large = CallCell::<Pot, _>::new(head(), cast::Paint { shade: large, drops: 1 });
    let error = encode_call(&target("blue"), &*large, at(0)).unwrap_err();
    assert_eq!((error.code().as_str(), error.outcome()), ("too_large", Outcome::NotExecuted));
    assert!(large.take_back(), "it is still here");

    // The longest chain, with the longest key, goes through.
    let (name, key) = (Box::leak("n".repeat(128).into_boxed_str()), "k".repeat(512));
    let mut chain = None;
    for _ in 0..CHAIN_LEN_MAX {
        chain = Some(link(chain, name, &key));
    }
    let name = "i".repeat(CAUSE_NAME_BYTES_MAX).into();
    let cause = Some(Arc::new(Cause::Key(CallKey { key: name, arguments: 1 })));
    let longest = frame(&cell(CallHead { chain: chain.clone(), cause, ..head() }, 1));
    assert!(types::<Pot>().decode_call(&longest, at(0), Answers::default()).is_ok());
    let longer = CallHead { chain: Some(link(chain, name_of_one(), "k")), ..head() };
    assert!(refused(&frame(&cell(longer, 1))).to_string().contains("257 actors"));

    let mut lying = frame(&cell(head(), 1));
    lying[2..6].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(refused(&lying).to_string().contains(&HEAD_BYTES_MAX.to_string()));
    let mut long = frame(&cell(head(), 1));
    long.resize(BODY_BYTES_MAX + HEAD_BYTES_MAX, 0);
    assert!(refused(&long).to_string().contains(&BODY_BYTES_MAX.to_string()));
}

fn name_of_one() -> &'static str {
    "one"
}

#[test]
fn nesting_without_end_is_an_error() {
    let mut bytes = frame(&cell(head(), 1));
    let begin = bytes.windows(5).position(|it| it == b"Mixed").unwrap();
    bytes.truncate(begin - 1);
    for _ in 0..BODY_BYTES_MAX / 16 {
        // A map of one: `Mixed`, a list of one.
        bytes.extend_from_slice(b"\x81\xa5Mixed\x91");
    }
    assert_eq!(refused(&bytes).outcome(), Outcome::NotExecuted);
}

/// Gives a peer's bytes to both ends, which may refuse them and nothing else.
fn take(bytes: &[u8]) {
    let answers = Answers::default();
    if let Ok(decoded) = types::<Pot>().decode_call(bytes, at(0), answers.clone()) {
        decoded.call.settle(Err(CallError::Deadline { outcome: Outcome::NotExecuted }));
        assert!(!answers.take(at(0)).is_empty());
    }
    let waits = cell(head(), 1);
    assert!(!frame(&waits).is_empty());
    end_call(&*waits, bytes, at(0));
    assert!(end(&waits).is_some(), "an answer ends a call, whatever it says");
}

proptest! {
    #[test]
    fn bytes_of_a_peer_panic_nobody(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        take(&bytes);
        let mut likely = vec![WIRE_VERSION, 1, bytes.len() as u8 / 2, 0, 0, 0];
        likely.extend(bytes);
        take(&likely);
    }

    #[test]
    fn nor_do_good_ones_with_errors(
        is_answer in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let receipt = Some(Arc::new(Receipt::asking(Some(Precondition::Exists), true)));
        let chain = Some(link(None, "pot", "a"));
        let of = cell(CallHead { chain, receipt, ..head() }, 1);
        let mut bytes = frame(&of);
        if is_answer {
            let answers = Answers::default();
            let decoded = types::<Pot>().decode_call(&bytes, at(0), answers.clone()).unwrap();
            decoded.call.settle(Err(CallError::Overloaded {
                detail: "full".into(),
                retry_after_ms: 1,
                actor: false,
            }));
            bytes = answers.take(at(0));
        }
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        take(&bytes);
    }
}

#[test]
fn names_of_types_are_found_or_remembered() {
    let types = types::<Pot>();
    let name = |name: &str| types.name(name).map(ActorTypeName::as_str);
    assert_eq!(name("pot"), Some("pot"));
    let (first, again) = (name("of_another_program"), name("of_another_program"));
    assert_eq!(first, Some("of_another_program"));
    assert!(std::ptr::eq(first.unwrap(), again.unwrap()), "it is kept once");
    assert_eq!(name("Pot"), None);
    assert_eq!(name(""), None);
}
