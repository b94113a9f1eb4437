//! Durations as options spell them: `"250ms"`, `"90s"`, `"10m"`, `"1h"`.

use syn::LitStr;

/// Milliseconds of a literal.
///
/// # Errors
/// At the literal, with the spelling that is expected.
pub(crate) fn millis(literal: &LitStr) -> syn::Result<u64> {
    let text = literal.value();
    parse(&text).ok_or_else(|| {
        syn::Error::new(
            literal.span(),
            format!(
                "\"{text}\" is not a duration; write a whole number above zero and a unit, as in \
                 \"250ms\", \"90s\", \"10m\" or \"1h\""
            ),
        )
    })
}

fn parse(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let millis = number.parse::<u64>().ok()?.checked_mul(unit_ms)?;
    (millis > 0).then_some(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, expected) in [
            ("250ms", Some(250)),
            ("90s", Some(90_000)),
            ("10m", Some(600_000)),
            ("1h", Some(3_600_000)),
            ("10", None),
            ("m", None),
            ("0s", None),
            ("1.5s", None),
            ("10 m", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }
}
