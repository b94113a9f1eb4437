//! How long a client is willing to wait.

use std::time::Duration;

/// Reads `grpc-timeout`: up to eight digits and a unit.
pub(crate) fn grpc_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let n = number(digits, 8)?;
    Some(match unit {
        b'H' => Duration::from_secs(n * 3_600),
        b'M' => Duration::from_secs(n * 60),
        b'S' => Duration::from_secs(n),
        b'm' => Duration::from_millis(n),
        b'u' => Duration::from_micros(n),
        b'n' => Duration::from_nanos(n),
        _ => return None,
    })
}

/// Reads `Connect-Timeout-Ms`: up to ten digits.
pub(crate) fn connect_timeout_ms(value: &[u8]) -> Option<Duration> {
    number(value, 10).map(Duration::from_millis)
}

/// A number above zero in at most `digits_max` digits.
fn number(digits: &[u8], digits_max: usize) -> Option<u64> {
    if digits.is_empty() || digits.len() > digits_max || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    (number > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_units_are_read_and_nothing_else() {
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        for (text, expected) in [
            ("2H", Some(s(7_200))),
            ("3M", Some(s(180))),
            ("1S", Some(s(1))),
            ("100m", Some(ms(100))),
            ("5u", Some(Duration::from_micros(5))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("99999999H", Some(s(99_999_999 * 3_600))),
            ("999999999m", None),
            ("0m", None),
            ("-1m", None),
            ("+1m", None),
            ("1.5S", None),
            ("1 S", None),
            ("1s", None),
            ("S", None),
            ("1", None),
            ("", None),
        ] {
            assert_eq!(grpc_timeout(text.as_bytes()), expected, "{text:?}");
        }
        for (text, expected) in [
            ("1", Some(ms(1))),
            ("9999999999", Some(ms(9_999_999_999))),
            ("99999999999", None),
            ("0", None),
            ("5ms", None),
            ("", None),
        ] {
            assert_eq!(connect_timeout_ms(text.as_bytes()), expected, "{text:?}");
        }
    }
}
