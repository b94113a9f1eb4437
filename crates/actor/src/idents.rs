use std::fmt;

use tenure_types::{Key, KeyError};

/// Names one call, for logs and traces. Random, so unique in practice, and not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId(pub u64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What can be used as the key of an actor: text, or a number written in decimal.
pub trait IntoKey {
    /// The key.
    ///
    /// # Errors
    /// [`KeyError`] names the rule that the value breaks. References made from such a key answer
    /// every call with `BadRequest`.
    fn into_key(self) -> Result<Key, KeyError>;
}

impl IntoKey for &str {
    #[inline]
    fn into_key(self) -> Result<Key, KeyError> {
        Key::new(self)
    }
}

impl IntoKey for &String {
    fn into_key(self) -> Result<Key, KeyError> {
        Key::new(self)
    }
}

impl IntoKey for String {
    fn into_key(self) -> Result<Key, KeyError> {
        Key::new(&self)
    }
}

impl IntoKey for Key {
    fn into_key(self) -> Result<Key, KeyError> {
        Ok(self)
    }
}

impl IntoKey for &Key {
    fn into_key(self) -> Result<Key, KeyError> {
        Ok(self.clone())
    }
}

macro_rules! number_keys {
    ($($number:ty),*) => {$(
        impl IntoKey for $number {
            fn into_key(self) -> Result<Key, KeyError> {
                Key::new(&self.to_string())
            }
        }
    )*};
}

number_keys!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
