use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The longest key, in bytes of UTF-8.
pub const KEY_BYTES_MAX: usize = 512;

/// What tells the actors of one type apart: 1 to 512 bytes of UTF-8 without control characters.
///
/// Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// Why a text is not a [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is empty.
    #[error("a key has at least one character")]
    Empty,
    /// The text is longer than [`KEY_BYTES_MAX`].
    #[error("a key has at most {KEY_BYTES_MAX} bytes of UTF-8, this one has {bytes}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The text holds a control character.
    #[error("a key has no control characters, this one has U+{:04X} at byte {at}", *character as u32)]
    Control {
        /// The first one found.
        character: char,
        /// Its byte offset.
        at: usize,
    },
}

impl Key {
    /// Checks `text` and copies it.
    ///
    /// # Errors
    /// [`KeyError`] names the rule that `text` breaks.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        Self::check(text)?;
        Ok(Self(Arc::from(text)))
    }

    /// Says whether `text` may be a key, without copying it.
    ///
    /// # Errors
    /// [`KeyError`] names the rule that `text` breaks.
    pub fn check(text: &str) -> Result<(), KeyError> {
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLong { bytes: text.len() });
        }
        // Plain ASCII, nearly every key, is decided without decoding a character.
        if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Ok(());
        }
        match text.char_indices().find(|(_, c)| c.is_control()) {
            Some((at, character)) => Err(KeyError::Control { character, at }),
            None => Ok(()),
        }
    }

    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for Key {
    type Error = KeyError;

    fn try_from(text: &str) -> Result<Self, KeyError> {
        Self::new(text)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_the_rule() {
        let longest = "k".repeat(KEY_BYTES_MAX);
        let too_long = "k".repeat(KEY_BYTES_MAX + 1);
        for (text, expected) in [
            ("a", Ok(())),
            ("with/slash and space", Ok(())),
            ("日本", Ok(())),
            (longest.as_str(), Ok(())),
            ("", Err(KeyError::Empty)),
            (too_long.as_str(), Err(KeyError::TooLong { bytes: KEY_BYTES_MAX + 1 })),
            ("a\0b", Err(KeyError::Control { character: '\0', at: 1 })),
            ("a\nb", Err(KeyError::Control { character: '\n', at: 1 })),
            ("\u{7f}", Err(KeyError::Control { character: '\u{7f}', at: 0 })),
            ("ü\u{85}", Err(KeyError::Control { character: '\u{85}', at: 2 })),
        ] {
            assert_eq!(Key::new(text).map(|_| ()), expected, "{text:?}");
        }
    }
}
