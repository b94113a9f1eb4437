//! What a client may have meant.

/// The most names that a problem lists.
const LISTED_MAX: usize = 20;

/// Longer texts resemble nothing.
const TEXT_BYTES_MAX: usize = 64;

/// The name that `text` resembles most, if it resembles one at all.
pub(crate) fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let within = (text.len() / 3).max(1);
    names
        .filter(|name| name.len() <= TEXT_BYTES_MAX)
        .map(|name| (strsim::osa_distance(text, name), name))
        .filter(|(distance, _)| *distance <= within)
        .min()
        .map(|(_, name)| name)
}

/// "; did you mean `add`?" or nothing, then what there is, cut after 20 names.
pub(crate) fn hint(text: &str, what: &str, names: &[&str]) -> String {
    let mut hint = String::new();
    if let Some(name) = nearest(text, names.iter().copied()) {
        hint.push_str(&format!("; did you mean `{name}`?"));
    }
    let listed = names.len().min(LISTED_MAX);
    let shown = names[..listed].join(", ");
    hint.push_str(&match (names.len(), names.len() - listed) {
        (0, _) => format!(" (there are no {what})"),
        (_, 0) => format!(" ({what}: {shown})"),
        (_, more) => format!(" ({what}: {shown} and {more} more)"),
    });
    hint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_resembles_is_suggested() {
        let names = ["add", "get", "checkout"];
        for (text, expected) in [
            ("ad", Some("add")),
            ("dad", Some("add")),
            ("checkuot", Some("checkout")),
            ("chekout", Some("checkout")),
            ("gte", Some("get")),
            ("remove", None),
            ("", None),
        ] {
            assert_eq!(nearest(text, names.into_iter()), expected, "{text:?}");
        }
        assert_eq!(nearest(&"a".repeat(65), names.into_iter()), None);
    }

    #[test]
    fn a_list_is_cut() {
        assert_eq!(
            hint("gte", "methods", &["add", "get"]),
            "; did you mean `get`? (methods: add, get)"
        );
        assert_eq!(hint("x", "methods", &[]), " (there are no methods)");
        assert!(hint("x", "types", &["abcdefg"; 25]).ends_with("abcdefg and 5 more)"));
    }
}
