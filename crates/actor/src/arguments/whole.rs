//! Numbers such as `160.0` and `1e3`, which are whole although they are not written so.

/// The same JSON with whole numbers written as digits alone; `None` if there was nothing to do.
pub(super) fn numbers(json: &[u8]) -> Option<Vec<u8>> {
    let mut written = Vec::with_capacity(json.len());
    let (mut at, mut in_text, mut has_changed) = (0, false, false);
    while let Some(&byte) = json.get(at) {
        if in_text && byte == b'\\' {
            written.extend(json.iter().skip(at).take(2));
            at += 2;
            continue;
        }
        in_text ^= byte == b'"';
        if in_text || !(byte == b'-' || byte.is_ascii_digit()) {
            written.push(byte);
            at += 1;
            continue;
        }
        let is_part = |b: &&u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
        let number = &json[at..at + json[at..].iter().take_while(is_part).count()];
        match whole(number) {
            Some(digits) => {
                has_changed = true;
                written.extend_from_slice(digits.as_bytes());
            }
            None => written.extend_from_slice(number),
        }
        at += number.len();
    }
    has_changed.then_some(written)
}

/// A number with a fraction or an exponent, if it is whole and an `i128` holds it.
fn whole(number: &[u8]) -> Option<String> {
    if !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return None;
    }
    let value: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    let fits = value.abs() < 2_f64.powi(64);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and in range")]
    (fits && value.fract() == 0.0).then(|| (value as i128).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_written_as_such_and_all_else_is_left() {
        for (json, expected) in [
            ("160.0", Some("160")),
            ("-1.50e1", Some("-15")),
            ("1e3", Some("1000")),
            ("-0.0", Some("0")),
            (r#"{"a":[1.0,2.5,"3.0"],"4.0":5E0}"#, Some(r#"{"a":[1,2.5,"3.0"],"4.0":5}"#)),
            (r#"["\"1.0",2.0]"#, Some(r#"["\"1.0",2]"#)),
            ("18446744073709549568.0", Some("18446744073709549568")),
            ("1e19", Some("10000000000000000000")),
            ("1e20", None),
            ("1.5", None),
            ("1e-1", None),
            ("160", None),
            (r#""160.0""#, None),
            ("1.0.0", None),
            ("1e", None),
            (r#""\"#, None),
            ("", None),
        ] {
            let written = numbers(json.as_bytes());
            let written = written.as_deref().map(|it| std::str::from_utf8(it).unwrap());
            assert_eq!(written, expected, "{json}");
        }
    }
}
