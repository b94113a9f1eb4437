//! How a message is sent: `POST .../send?delay=30s&durable=true`.

use std::time::Duration;

use super::path::decode;
use crate::problem::{Problem, echo};

/// What the query of a message asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sending {
    /// How long it is kept before it is sent. A delay of zero is none.
    pub(crate) delay: Option<Duration>,
    /// Whether it is kept by its actor, as a reminder: at least once.
    pub(crate) durable: bool,
}

/// Reads the query of a message.
///
/// # Errors
/// 400 for every other parameter, and values that are none.
pub(crate) fn sending_of(query: &str) -> Result<Sending, Box<Problem>> {
    let (mut delay, mut durable) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "delay" if delay.is_none() => delay = Some(read(value)?),
            "durable" if durable.is_none() => durable = Some(is_true(value)?),
            "delay" | "durable" => {
                let detail = format!("`{name}` occurs more than once");
                return Err(Problem::bad_request(detail).into());
            }
            _ => {
                let detail = format!(
                    "a message takes the query `delay` and `durable` and no other, this one has `{}`; \
                     arguments are in the body",
                    echo(name)
                );
                return Err(Problem::bad_request(detail).into());
            }
        }
    }
    let delay = delay.filter(|delay: &Duration| !delay.is_zero());
    Ok(Sending { delay, durable: durable.unwrap_or(false) })
}

fn is_true(value: &str) -> Result<bool, Box<Problem>> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        other => {
            let detail = format!("`durable` is true or false; this one is {:?}", echo(other));
            Err(Problem::bad_request(detail).into())
        }
    }
}

/// Refuses a delay that is longer than the node keeps messages.
///
/// # Errors
/// 400 with the bound.
pub(crate) fn check_delay(delay: Option<Duration>, max: Duration) -> Result<(), Box<Problem>> {
    match delay {
        Some(delay) if delay > max => {
            let detail = format!("a message is delayed by at most {max:?}, this one by {delay:?}");
            Err(Problem::bad_request(detail).into())
        }
        _ => Ok(()),
    }
}

fn read(value: &str) -> Result<Duration, Box<Problem>> {
    let text = decode(value).unwrap_or(value.into());
    parse(&text).ok_or_else(|| {
        let detail = format!(
            "`delay` is a whole number and a unit of ms, s, m or h, as in 200ms, 30s or 5m; this \
             one is {:?}",
            echo(&text)
        );
        Problem::bad_request(detail).into()
    })
}

/// Reads a duration as settings and actors spell it.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_spelled_as_in_settings() {
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        for (query, expected) in [
            ("delay=200ms", Some(ms(200))),
            ("delay=30s", Some(s(30))),
            ("delay=5m", Some(s(300))),
            ("&delay=24h&", Some(s(86_400))),
            ("delay=30%73", Some(s(30))),
            ("delay=0s", None),
            ("", None),
            ("&", None),
        ] {
            let sending = Sending { delay: expected, durable: false };
            assert_eq!(sending_of(query), Ok(sending), "{query}");
        }
        for (query, status, part) in [
            ("delay=", 400, "this one is \"\""),
            ("delay", 400, "this one is \"\""),
            ("delay=30", 400, "as in 200ms, 30s or 5m; this one is \"30\""),
            ("delay=s", 400, "a whole number"),
            ("delay=-1s", 400, "a whole number"),
            ("delay=+1s", 400, "a whole number"),
            ("delay=1.5s", 400, "a whole number"),
            ("delay=1d", 400, "a whole number"),
            ("delay=30+s", 400, "a whole number"),
            ("delay=30S", 400, "a whole number"),
            ("delay=%zz", 400, "this one is \"%zz\""),
            ("delay=18446744073709551615h", 400, "a whole number"),
            ("delay=99999999999999999999ms", 400, "a whole number"),
            ("delay=1s&delay=2s", 400, "`delay` occurs more than once"),
            ("delay=1s&by=5", 400, "this one has `by`"),
            ("Delay=1s", 400, "this one has `Delay`"),
            ("durable", 400, "`durable` is true or false"),
            ("durable=1", 400, "this one is \"1\""),
            ("durable=true&durable=true", 400, "`durable` occurs more than once"),
        ] {
            let problem = sending_of(query).unwrap_err();
            assert_eq!(problem.status.as_u16(), status, "{query}");
            assert!(problem.detail.contains(part), "{query}: {}", problem.detail);
        }
    }

    #[test]
    fn a_message_may_be_kept_by_its_actor() {
        let s = Duration::from_secs;
        for (query, delay, durable) in [
            ("durable=true", None, true),
            ("durable=false", None, false),
            ("durable=true&delay=30s", Some(s(30)), true),
        ] {
            assert_eq!(sending_of(query), Ok(Sending { delay, durable }), "{query}");
        }
    }

    #[test]
    fn a_delay_has_a_bound() {
        let (day, ms) = (Duration::from_secs(86_400), Duration::from_millis(1));
        assert_eq!(check_delay(None, day), Ok(()));
        assert_eq!(check_delay(Some(day), day), Ok(()));
        let problem = check_delay(Some(day + ms), day).unwrap_err();
        assert_eq!(problem.status.as_u16(), 400);
        assert_eq!(
            problem.detail,
            "a message is delayed by at most 86400s, this one by 86400.001s"
        );
    }
}
