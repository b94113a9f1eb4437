use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// The longest key, in bytes of UTF-8.
pub const KEY_BYTES_MAX: usize = 512;

/// What tells the actors of one type apart: 1 to 512 bytes of UTF-8 without control characters.
///
/// Cloning copies a short key and shares the bytes of a longer one.
#[derive(Clone)]
pub struct Key(Text);

/// Most keys are short: they lie in place, so that making, comparing and dropping one touches no
/// other memory.
#[derive(Clone)]
enum Text {
    Short { length: u8, bytes: [u8; SHORT_BYTES_MAX] },
    Long(Arc<str>),
}

/// With it a key takes 24 bytes, a length and a shared pointer 16 and the heap's part.
const SHORT_BYTES_MAX: usize = 22;

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
    #[inline]
    pub fn new(text: &str) -> Result<Self, KeyError> {
        Self::check(text)?;
        let length = text.len();
        if length > SHORT_BYTES_MAX {
            return Ok(Self(Text::Long(Arc::from(text))));
        }
        let mut bytes = [0; SHORT_BYTES_MAX];
        bytes[..length].copy_from_slice(text.as_bytes());
        Ok(Self(Text::Short { length: length as u8, bytes }))
    }

    /// Says whether `text` may be a key, without copying it.
    ///
    /// # Errors
    /// [`KeyError`] names the rule that `text` breaks.
    #[inline]
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
        match &self.0 {
            Text::Short { .. } => std::str::from_utf8(self.bytes()).expect("made from a text"),
            Text::Long(text) => text,
        }
    }

    /// Bytes that it takes beside itself: none where it is short.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Text::Short { .. } => 0,
            Text::Long(text) => text.len(),
        }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Short { length, bytes } => &bytes[..usize::from(*length)],
            Text::Long(text) => text.as_bytes(),
        }
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            // What follows a short key is zero: all of the place can be compared, without a loop.
            (
                Text::Short { length, bytes },
                Text::Short { length: other_length, bytes: other_bytes },
            ) => length == other_length && bytes == other_bytes,
            (Text::Long(text), Text::Long(other)) => text == other,
            _ => false,
        }
    }
}

impl Eq for Key {}

impl Hash for Key {
    /// As its text does, which it may be borrowed as.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        self.as_str()
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
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

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

    /// Around the length at which a key no longer lies in place.
    #[test]
    fn a_key_is_its_text_whatever_its_length() {
        let texts: Vec<String> = (1..=SHORT_BYTES_MAX + 2)
            .flat_map(|length| ["a".repeat(length), format!("{}b", "a".repeat(length - 1))])
            .collect();
        let hasher = std::hash::RandomState::new();
        for text in &texts {
            let key = Key::new(text).expect("a key");
            assert_eq!(key.as_str(), text);
            assert_eq!(hasher.hash_one(&key), hasher.hash_one(text.as_str()), "borrowed as text");
            for other in &texts {
                let other_key = Key::new(other).expect("a key");
                assert_eq!(key == other_key, text == other, "{text} {other}");
                assert_eq!(key.cmp(&other_key), text.cmp(other), "{text} {other}");
            }
        }
        assert_eq!(size_of::<Option<Key>>(), 24);
    }
}
