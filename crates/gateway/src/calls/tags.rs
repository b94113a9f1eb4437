//! Entity tags: `If-Match` and `If-None-Match` (RFC 9110, section 13.1).

use hyper::header::HeaderValue;
use tenure_actor::Precondition;
use tenure_types::StateTag;

/// The most tags of one header: they lie within the bound on a request's head anyway.
const TAGS_MAX: usize = 64;

/// Reads `If-Match`. A tag that is none of this server's, or weak, matches nothing, and is no error:
/// it may be that of a page between.
///
/// # Errors
/// A text for the client, when this is no list of tags.
pub(crate) fn if_match(value: &HeaderValue) -> Result<Precondition, String> {
    if value.as_bytes().trim_ascii() == b"*" {
        return Ok(Precondition::Exists);
    }
    let mut tags = Vec::new();
    for (is_weak, tag) in list("If-Match", value)? {
        if !is_weak {
            tags.extend(tag.parse::<StateTag>());
        }
    }
    Ok(Precondition::OneOf(tags.into()))
}

/// Whether `If-None-Match` has this tag, so that the client has the state already. What cannot be
/// read is ignored: the client then gets the state again.
pub(crate) fn has(value: &HeaderValue, tag: StateTag) -> bool {
    // Weak comparison: RFC 9110, section 13.1.2.
    let tags = list("If-None-Match", value).unwrap_or_default();
    tags.iter().any(|(_, text)| text.parse() == Ok(tag))
}

/// The value of `ETag`.
pub(crate) fn etag(tag: StateTag) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{tag}\"")).expect("a tag is ASCII")
}

/// The tags of a list, and which of them are weak.
fn list<'a>(header: &str, value: &'a HeaderValue) -> Result<Vec<(bool, &'a str)>, String> {
    let wrong = || {
        format!(
            "{header} is `*` or tags in double quotes, as an ETag gave them: \"0000002a-17\"; this \
             one is {:?}",
            crate::problem::echo(&String::from_utf8_lossy(value.as_bytes()))
        )
    };
    let text = value.to_str().map_err(|_| wrong())?;
    let mut rest = text.trim();
    let mut tags = Vec::new();
    // A list may be empty, and have empty elements (RFC 9110, section 5.6.1).
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(',') {
            rest = after.trim_start();
            continue;
        }
        if tags.len() == TAGS_MAX {
            return Err(format!("{header} has more than {TAGS_MAX} tags"));
        }
        let is_weak = rest.starts_with("W/");
        let quoted = if is_weak { &rest[2..] } else { rest };
        let inner = quoted.strip_prefix('"').ok_or_else(wrong)?;
        let (tag, after) = inner.split_once('"').ok_or_else(wrong)?;
        tags.push((is_weak, tag));
        rest = after.trim_start();
        if !rest.is_empty() && !rest.starts_with(',') {
            return Err(wrong());
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use tenure_types::Version;

    use super::*;

    fn value(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).unwrap()
    }

    fn tag(stamp: u32, version: u64) -> StateTag {
        StateTag { stamp, version: Version(version) }
    }

    #[test]
    fn a_list_of_tags_is_read() {
        for (text, expected) in [
            ("\"0000002a-17\"", vec![tag(42, 17)]),
            (" \"0000002a-17\" , \"00000001-2\"", vec![tag(42, 17), tag(1, 2)]),
            ("W/\"0000002a-17\"", vec![]),
            ("\"somebody else's\", \"00000001-2\"", vec![tag(1, 2)]),
            ("\"\"", vec![]),
            ("\"a,b\"", vec![]),
            ("", vec![]),
            (" , ", vec![]),
            (",\"0000002a-17\",,", vec![tag(42, 17)]),
        ] {
            assert_eq!(if_match(&value(text)), Ok(Precondition::OneOf(expected.into())), "{text}");
        }
        assert_eq!(if_match(&value(" * ")), Ok(Precondition::Exists));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let many = ["\"x\""; TAGS_MAX + 1].join(",");
        for text in ["0000002a-17", "\"a", "\"a\" \"b\"", "\"a\",b", "*, \"a\"", "w/\"a\"", &many] {
            let wrong = if_match(&value(text)).unwrap_err();
            assert!(wrong.starts_with("If-Match "), "{text}: {wrong}");
        }
    }

    #[test]
    fn what_the_client_has_is_found_weakly() {
        for (text, expected) in [
            ("\"0000002a-17\"", true),
            ("W/\"0000002a-17\"", true),
            ("\"x\", \"0000002a-17\"", true),
            ("\"0000002a-18\"", false),
            ("nonsense", false),
        ] {
            assert_eq!(has(&value(text), tag(42, 17)), expected, "{text}");
        }
        assert_eq!(etag(tag(42, 17)), "\"0000002a-17\"");
    }
}
