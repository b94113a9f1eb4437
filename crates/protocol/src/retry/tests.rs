use std::time::Duration;

use proptest::prelude::*;
use tenure_types::{CallError, CallErrorCode, Incarnation, Instant, Outcome, Tenure, ViewNumber};

use super::{
    ATTEMPTS_MAX, Attempt, Call, CallKey, Decision, HINTS_MAX, Hint, Ignored, Pause, Trail,
    nested_key,
};

const PAUSE: Pause = Pause { min: Duration::from_millis(10), max: Duration::from_millis(100) };
const FULL: Attempt =
    Attempt::NotExecuted { code: CallErrorCode::Overloaded, after: Duration::from_millis(50) };
const REFUSED: Attempt = Attempt::Refused { code: CallErrorCode::BadRequest };

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn give_up(code: CallErrorCode, outcome: Outcome) -> Decision {
    Decision::GiveUp { code, outcome }
}

#[test]
fn each_attempt_is_followed_by_what_rule_9_says() {
    use Attempt::{Answered, NotHere, Unknown, WrongView};
    let unknown = give_up(CallErrorCode::Deadline, Outcome::Unknown);
    for (attempts, has_key, now, expected) in [
        (&[Answered][..], false, 0, Decision::Answer),
        (&[REFUSED], false, 0, Decision::Answer),
        (&[NotHere], false, 0, Decision::RetryAt(at(0))), // with a hint at once
        (&[WrongView], false, 0, Decision::RetryAt(at(0))),
        (&[NotHere, NotHere], false, 0, Decision::RetryAt(at(10))), // then with a pause
        (&[FULL], false, 0, Decision::RetryAt(at(60))), // no sooner than the callee said
        (&[Unknown], false, 0, unknown),                // never without a key
        (&[Unknown], true, 0, Decision::RetryAt(at(10))),
        (&[Unknown, FULL], true, 0, Decision::RetryAt(at(60))),
        (&[Unknown, REFUSED], true, 0, unknown), // the first attempt may have been executed
        (&[Unknown, FULL], true, 999, unknown),
        (&[FULL], false, 940, give_up(CallErrorCode::Overloaded, Outcome::NotExecuted)), // 1,000 is too late
        (&[FULL], false, 939, Decision::RetryAt(at(999))),
        (&[NotHere], false, 1_000, give_up(CallErrorCode::Deadline, Outcome::NotExecuted)),
        (
            &[NotHere, NotHere],
            false,
            995,
            give_up(CallErrorCode::Unavailable, Outcome::NotExecuted),
        ),
    ] {
        let call = attempts
            .iter()
            .fold(Call::new(has_key, at(1_000)), |call, attempt| call.after(*attempt));
        let last = attempts[attempts.len() - 1];
        assert_eq!(
            call.decide(last, PAUSE, at(now), 0),
            expected,
            "{attempts:?} key {has_key} at {now}"
        );
    }
}

#[test]
fn errors_are_attempts() {
    let detail = || Box::<str>::from("x");
    for (error, attempt) in [
        (CallError::App(1), Attempt::Answered),
        (CallError::BadRequest { detail: detail() }, REFUSED),
        (CallError::Overloaded { detail: detail(), retry_after_ms: 50, actor: true }, FULL),
        (
            CallError::Unavailable { detail: detail() },
            Attempt::NotExecuted { code: CallErrorCode::Unavailable, after: Duration::ZERO },
        ),
        (
            CallError::Deadline { outcome: Outcome::NotExecuted },
            Attempt::Refused { code: CallErrorCode::Deadline },
        ),
        (CallError::Deadline { outcome: Outcome::Unknown }, Attempt::Answered),
        (CallError::Panicked { detail: detail() }, Attempt::Answered),
        (CallError::Storage { detail: detail(), outcome: Outcome::Unknown }, Attempt::Unknown),
    ] {
        assert_eq!(Attempt::of_error(&error), attempt, "{error:?}");
    }
}

#[test]
fn pauses_double_to_a_bound() {
    for (attempts, low, high) in
        [(0, 10, 10), (1, 10, 20), (2, 10, 40), (3, 10, 80), (4, 10, 100), (u32::MAX, 10, 100)]
    {
        assert_eq!(PAUSE.after(attempts, 0), Duration::from_millis(low));
        assert_eq!(PAUSE.after(attempts, u64::MAX), Duration::from_millis(high));
    }
    let odd = Pause { min: Duration::from_secs(5), max: Duration::from_secs(1) };
    assert_eq!(odd.after(3, u64::MAX), Duration::from_secs(1));
}

/// The key of a nested call is part of what nodes of several versions share: it never changes.
#[test]
fn nested_keys_never_change() {
    let parent = CallKey::of_text("order-7");
    assert_eq!(parent, CallKey(PARENT));
    assert_eq!(nested_key(parent, 0), CallKey(NESTED_0));
    assert_eq!(nested_key(nested_key(parent, 0), 3), CallKey(NESTED_0_3));
    assert_ne!(nested_key(parent, 0), nested_key(parent, 1));
}

/// Computed by python-xxhash 4.1.0.
const PARENT: u128 = 0xa3f03a09ffd732b4a7d22227afa77f36;
const NESTED_0: u128 = 0xe0b2b7e0866240477945d49ccf1ae3e4;
const NESTED_0_3: u128 = 0x666d35c79a338c795cd6c05ddc119563;

fn hint(view: u64, sequence: u64, host: u64) -> Hint {
    Hint { view: ViewNumber(view), tenure: Tenure { view, sequence }, host: Incarnation(host) }
}

#[test]
fn hints_are_followed_upwards_and_three_times() {
    let mut trail = Trail::from_cache(hint(5, 2, 1));
    for (hint, expected) in [
        (hint(5, 2, 9), Err(Ignored::NotNewer)),
        (hint(5, 1, 9), Err(Ignored::NotNewer)),
        (hint(4, 8, 9), Err(Ignored::NotNewer)),
        (hint(5, 3, 2), Ok(Incarnation(2))),
        (hint(6, 1, 3), Ok(Incarnation(3))),
        (hint(5, 9, 9), Err(Ignored::NotNewer)),
        (hint(6, 2, 4), Ok(Incarnation(4))),
        (hint(7, 1, 9), Err(Ignored::TooMany)),
    ] {
        assert_eq!(trail.follow(hint), expected, "{hint:?}");
    }
    assert_eq!(
        Trail::default().follow(hint(0, 0, 7)),
        Ok(Incarnation(7)),
        "without a cache the first is followed"
    );
}

fn an_attempt() -> impl Strategy<Value = Attempt> {
    prop::sample::select(vec![
        Attempt::NotHere,
        Attempt::WrongView,
        Attempt::Unknown,
        FULL,
        REFUSED,
        Attempt::Answered,
    ])
}

proptest! {
    /// Attempts are bounded and before the deadline, "not executed" is never said of what may have been, and without a key nothing
    /// unknown is tried again.
    #[test]
    fn a_call_ends_in_time_and_says_the_truth(
        attempts in prop::collection::vec((an_attempt(), any::<u64>()), 1..200), has_key: bool, deadline in 0_u64..20_000,
    ) {
        let (mut call, mut now, mut was_unknown) = (Call::new(has_key, at(deadline)), at(0), false);
        for (made, (attempt, drawn)) in (1..).zip(attempts) {
            prop_assert!(made <= ATTEMPTS_MAX);
            call = call.after(attempt);
            was_unknown |= attempt == Attempt::Unknown;
            match call.decide(attempt, PAUSE, now, drawn) {
                Decision::RetryAt(then) => {
                    prop_assert!(then >= now && then < at(deadline));
                    prop_assert!(has_key || !was_unknown);
                    now = then;
                }
                Decision::GiveUp { outcome, .. } => {
                    prop_assert_eq!(outcome == Outcome::Unknown, was_unknown);
                    break;
                }
                Decision::Answer => {
                    prop_assert!(attempt == Attempt::Answered || !was_unknown);
                    break;
                }
            }
        }
    }

    /// However hints come, few are followed and none twice.
    #[test]
    fn a_trail_ends(hints in prop::collection::vec((0_u64..4, 0_u64..4, 0_u64..4), 0..40)) {
        let (mut trail, mut followed) = (Trail::default(), Vec::new());
        for (view, sequence, host) in hints {
            if trail.follow(hint(view, sequence, host)).is_ok() {
                followed.push((view, sequence));
            }
        }
        prop_assert!(followed.len() <= usize::from(HINTS_MAX));
        prop_assert!(followed.is_sorted_by(|one, next| one < next));
    }
}
