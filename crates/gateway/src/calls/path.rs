//! Where a request's path leads. The path is taken as it came over the wire.

use std::borrow::Cow;

use tenure_types::{Key, KeyError};

/// The parts of a path under `/v1/`, still percent-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallPath<'a> {
    /// `/v1/{type}/{key}/{method}` and `/v1/{type}/{key}/{method}/send`.
    Method {
        /// The actor type's name.
        type_name: &'a str,
        /// The key.
        key: &'a str,
        /// The method's name.
        method: &'a str,
        /// Whether the path ends in `/send`.
        one_way: bool,
    },
    /// `/v1/{type}/{key}`.
    Actor {
        /// The actor type's name.
        type_name: &'a str,
        /// The key.
        key: &'a str,
    },
    /// `/v1/{type}`.
    Type {
        /// The actor type's name.
        type_name: &'a str,
    },
    /// More segments than there can be: a key with a slash in it, most likely.
    TooDeep {
        /// The actor type's name.
        type_name: &'a str,
        /// Everything after the type.
        rest: &'a str,
    },
    /// Not under `/v1/`.
    Elsewhere,
}

impl<'a> CallPath<'a> {
    /// Takes a path apart at its slashes.
    pub(crate) fn parse(path: &'a str) -> Self {
        let Some(rest) = path.strip_prefix("/v1/") else {
            return CallPath::Elsewhere;
        };
        let Some((type_name, rest)) = rest.split_once('/') else {
            return CallPath::Type { type_name: rest };
        };
        let Some((key, after)) = rest.split_once('/') else {
            return CallPath::Actor { type_name, key: rest };
        };
        match after.split_once('/') {
            None => CallPath::Method { type_name, key, method: after, one_way: false },
            Some((method, "send")) => CallPath::Method { type_name, key, method, one_way: true },
            Some(_) => CallPath::TooDeep { type_name, rest },
        }
    }

    /// Type and key, where the path has both.
    pub(crate) fn actor(self) -> Option<(&'a str, &'a str)> {
        match self {
            CallPath::Method { type_name, key, .. } | CallPath::Actor { type_name, key } => {
                Some((type_name, key))
            }
            _ => None,
        }
    }
}

/// Why a segment is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SegmentError {
    #[error(
        "the key has a '%' at byte {at} that two hexadecimal digits do not follow; write it %25"
    )]
    Escape { at: usize },
    #[error("the key is not UTF-8 once its percent escapes are decoded")]
    Utf8,
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Decodes a key's percent escapes, once, and checks the key.
pub(crate) fn decode_key(segment: &str) -> Result<Key, SegmentError> {
    Ok(Key::new(&decode(segment)?)?)
}

/// Decodes percent escapes, once. Everything else is left as it is.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, SegmentError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            decoded.push(bytes[at]);
            at += 1;
            continue;
        }
        let digit = |offset: usize| char::from(*bytes.get(at + offset)?).to_digit(16);
        let (Some(high), Some(low)) = (digit(1), digit(2)) else {
            return Err(SegmentError::Escape { at });
        };
        decoded.push((high * 16 + low) as u8);
        at += 3;
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| SegmentError::Utf8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_split_at_its_slashes_and_nowhere_else() {
        let method =
            |key, one_way| CallPath::Method { type_name: "counter", key, method: "add", one_way };
        for (path, expected) in [
            ("/v1/counter/42/add", method("42", false)),
            ("/v1/counter/42/add/send", method("42", true)),
            ("/v1/counter/a%2Fb/add", method("a%2Fb", false)),
            ("/v1/counter/%2e%2E/add", method("%2e%2E", false)),
            ("/v1/counter/../add", method("..", false)),
            ("/v1/counter//add", method("", false)),
            ("/v1/counter/42", CallPath::Actor { type_name: "counter", key: "42" }),
            ("/v1/counter", CallPath::Type { type_name: "counter" }),
            ("/v1/", CallPath::Type { type_name: "" }),
            ("/v1/counter/a/b/add", CallPath::TooDeep { type_name: "counter", rest: "a/b/add" }),
            ("/v1/counter/42/add/", CallPath::TooDeep { type_name: "counter", rest: "42/add/" }),
            (
                "/v1/counter/42/add/send/send",
                CallPath::TooDeep { type_name: "counter", rest: "42/add/send/send" },
            ),
            ("/v1", CallPath::Elsewhere),
            ("/", CallPath::Elsewhere),
            ("*", CallPath::Elsewhere),
            ("", CallPath::Elsewhere),
            ("//v1/counter/42/add", CallPath::Elsewhere),
            ("/V1/counter/42/add", CallPath::Elsewhere),
            ("/v2/counter/42/add", CallPath::Elsewhere),
        ] {
            assert_eq!(CallPath::parse(path), expected, "{path:?}");
        }
    }

    #[test]
    fn a_key_is_decoded_once_and_checked() {
        let longest = "k".repeat(512);
        let too_long = "k".repeat(513);
        let control = |character, at| Err(SegmentError::Key(KeyError::Control { character, at }));
        for (segment, expected) in [
            ("alice", Ok("alice")),
            ("a%2Fb", Ok("a/b")),
            ("a%2fb", Ok("a/b")),
            ("%252F", Ok("%2F")),
            ("a+b", Ok("a+b")),
            ("%20", Ok(" ")),
            ("%2e%2e", Ok("..")),
            ("%E6%97%A5", Ok("日")),
            ("日", Ok("日")),
            (longest.as_str(), Ok(longest.as_str())),
            ("", Err(SegmentError::Key(KeyError::Empty))),
            (too_long.as_str(), Err(SegmentError::Key(KeyError::TooLong { bytes: 513 }))),
            ("a%00b", control('\0', 1)),
            ("%0a", control('\n', 0)),
            ("%7F", control('\u{7f}', 0)),
            ("%C2%85", control('\u{85}', 0)),
            ("%", Err(SegmentError::Escape { at: 0 })),
            ("a%2", Err(SegmentError::Escape { at: 1 })),
            ("a%zz", Err(SegmentError::Escape { at: 1 })),
            ("%+1", Err(SegmentError::Escape { at: 0 })),
            ("%%41", Err(SegmentError::Escape { at: 0 })),
            ("%ff", Err(SegmentError::Utf8)),
            ("%C0%AF", Err(SegmentError::Utf8)),
            ("%ED%A0%80", Err(SegmentError::Utf8)),
        ] {
            let decoded = decode_key(segment);
            let decoded = decoded.as_ref().map(Key::as_str).map_err(Clone::clone);
            assert_eq!(decoded, expected, "{segment:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back_from_its_encoding(text in ".{0,64}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decode(&encoded).unwrap(), text);
        }

        #[test]
        fn no_text_panics(text in ".{0,64}") {
            let _ = decode_key(&text);
            let _ = CallPath::parse(&text);
        }
    }
}
