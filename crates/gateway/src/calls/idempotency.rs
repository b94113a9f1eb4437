//! `Idempotency-Key`: a call and its repetitions are one effect.

use tenure_actor::CAUSE_NAME_BYTES_MAX;

/// Reads a key, bare or in the quotes of draft-ietf-httpapi-idempotency-key-header.
///
/// The draft's strings may also have spaces and escapes. Both are refused: each key then has one
/// spelling inside the quotes, and that is its spelling without them.
///
/// # Errors
/// A text for the client, when this is no key.
pub(crate) fn idempotency_key(value: &[u8]) -> Result<&str, String> {
    let key = match value {
        [b'"', key @ .., b'"'] => key,
        key => key,
    };
    let wrong = match key.len() {
        0 => "is empty".to_owned(),
        1..=CAUSE_NAME_BYTES_MAX => match key.iter().position(|byte| !is_allowed(*byte)) {
            None => return Ok(std::str::from_utf8(key).expect("visible ASCII")),
            Some(at) => format!("has '{}' at byte {at}", key[at].escape_ascii()),
        },
        bytes => format!("has {bytes}"),
    };
    Err(format!(
        "Idempotency-Key is 1 to {CAUSE_NAME_BYTES_MAX} visible ASCII characters, of which none is \
         a quote or a backslash, bare or in double quotes; this one {wrong}"
    ))
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii_bare_or_quoted() {
        let longest = "k".repeat(CAUSE_NAME_BYTES_MAX);
        let quoted = format!("\"{longest}\"");
        for (text, key) in [
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ("\"8e03978e\"", "8e03978e"),
            ("order/7;retry=1,~!", "order/7;retry=1,~!"),
            ("'", "'"),
            (longest.as_str(), longest.as_str()),
            (quoted.as_str(), longest.as_str()),
        ] {
            assert_eq!(idempotency_key(text.as_bytes()), Ok(key), "{text:?}");
        }
        let too_long = format!("{longest}k");
        let too_long_quoted = format!("\"{too_long}\"");
        for (bytes, wrong) in [
            (&b""[..], "is empty"),
            (b"\"\"", "is empty"),
            (b"\"", "has '\\\"' at byte 0"),
            (b"\"a", "has '\\\"' at byte 0"),
            (b"a\"", "has '\\\"' at byte 1"),
            (b"\"a\";x=1", "has '\\\"' at byte 0"),
            (b"\"a\"b\"", "has '\\\"' at byte 1"),
            (b"\"a\\\"b\"", "has '\\\\' at byte 1"),
            (b"a\\b", "has '\\\\' at byte 1"),
            (b"a b", "has ' ' at byte 1"),
            (b"\"a b\"", "has ' ' at byte 1"),
            (b"a\tb", "has '\\t' at byte 1"),
            (b"a\x7f", "has '\\x7f' at byte 1"),
            (b"\xe6\x97\xa5", "has '\\xe6' at byte 0"),
            (too_long.as_bytes(), "has 257"),
            (too_long_quoted.as_bytes(), "has 257"),
        ] {
            let detail = idempotency_key(bytes).unwrap_err();
            assert!(detail.ends_with(&format!("this one {wrong}")), "{detail}");
        }
    }
}
