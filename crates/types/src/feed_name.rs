use std::fmt;
use std::sync::Arc;

/// The longest name of a feed, in bytes.
pub const FEED_NAME_BYTES_MAX: usize = 64;

/// The name of a feed: 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`, the first one neither `_` nor `.`.
///
/// Cloning shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedName(Arc<str>);

/// Why a text is not a [`FeedName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeedNameError {
    /// The text is empty or longer than [`FEED_NAME_BYTES_MAX`].
    #[error("the name of a feed has 1 to {FEED_NAME_BYTES_MAX} bytes, this one has {bytes}")]
    Length {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The text begins with a character that is kept for other names.
    #[error("the name of a feed does not begin with {first:?}")]
    First {
        /// That character.
        first: char,
    },
    /// The text holds another character.
    #[error(
        "the name of a feed has only a-z, 0-9, '.', '_' and '-', this one has {character:?} at \
         byte {at}"
    )]
    Character {
        /// The first one found.
        character: char,
        /// Its byte offset.
        at: usize,
    },
}

impl FeedName {
    /// Checks `text` and copies it.
    ///
    /// # Errors
    /// [`FeedNameError`] names the rule that `text` breaks.
    pub fn new(text: &str) -> Result<Self, FeedNameError> {
        if text.is_empty() || text.len() > FEED_NAME_BYTES_MAX {
            return Err(FeedNameError::Length { bytes: text.len() });
        }
        let is_good = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-');
        if let Some((at, character)) = text.char_indices().find(|(_, c)| !is_good(*c)) {
            return Err(FeedNameError::Character { character, at });
        }
        match text.chars().next() {
            Some(first @ ('_' | '.')) => Err(FeedNameError::First { first }),
            _ => Ok(Self(text.into())),
        }
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FeedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FeedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_follows_the_rule_or_is_told_which_it_breaks() {
        let longest = "f".repeat(64);
        let too_long = "f".repeat(65);
        for name in ["answers", "a", "0", "-", "a.b_c-9", longest.as_str()] {
            assert_eq!(FeedName::new(name).map(|it| it.to_string()), Ok(name.to_owned()));
        }
        let character = |character, at| FeedNameError::Character { character, at };
        for (name, expected) in [
            ("", FeedNameError::Length { bytes: 0 }),
            (too_long.as_str(), FeedNameError::Length { bytes: 65 }),
            ("_feeds", FeedNameError::First { first: '_' }),
            ("..", FeedNameError::First { first: '.' }),
            ("Answers", character('A', 0)),
            ("a/b", character('/', 1)),
            ("a\0", character('\0', 1)),
            ("aü", character('ü', 1)),
        ] {
            assert_eq!(FeedName::new(name), Err(expected), "{name:?}");
        }
    }
}
