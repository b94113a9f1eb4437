//! `Prefer` (RFC 7240): what a client would like and a server may ignore.

/// Whether the first `wait` of one `Prefer` header is `wait=durable`; `None` if it has no `wait`.
///
/// Of a preference that is given several times the first counts (RFC 7240, section 2).
pub(crate) fn waits_durable(value: &[u8]) -> Option<bool> {
    preferences(value).find_map(|preference| {
        let unparameterised = preference.split(|byte| *byte == b';').next()?;
        let mut parts = unparameterised.splitn(2, |byte| *byte == b'=');
        let (name, word) = (parts.next()?.trim_ascii(), parts.next().unwrap_or_default());
        let word = match word.trim_ascii() {
            [b'"', word @ .., b'"'] => word,
            word => word,
        };
        name.eq_ignore_ascii_case(b"wait").then(|| word.eq_ignore_ascii_case(b"durable"))
    })
}

/// Takes a list apart at the commas that are in no quotes.
fn preferences(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    value.split(move |byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' => return !is_quoted,
            _ => {}
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wait_counts_and_everything_else_is_ignored() {
        for (text, expected) in [
            ("wait=durable", Some(true)),
            ("wait=\"durable\"", Some(true)),
            ("Wait = Durable", Some(true)),
            ("respond-async, wait=durable", Some(true)),
            ("return=minimal; x=1,wait=durable; y", Some(true)),
            ("wait=durable, wait=10", Some(true)),
            ("wait=10, wait=durable", Some(false)),
            ("wait=10", Some(false)),
            ("wait", Some(false)),
            ("wait=durability", Some(false)),
            ("wait=\"", Some(false)),
            ("wait=\"\"", Some(false)),
            ("waits=durable", None),
            ("x=wait=durable", None),
            ("x=\"a, wait=durable\"", None),
            ("x=\"a\\\", wait=durable\"", None),
            ("x; wait=durable", None),
            ("x=\"never closed, wait=durable", None),
            (",,=;,", None),
            ("", None),
        ] {
            assert_eq!(waits_durable(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(waits_durable(b"x=\xff, wait=durable"), Some(true));
    }
}
