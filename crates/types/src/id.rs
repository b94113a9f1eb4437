use std::fmt;

use xxhash_rust::xxh3::Xxh3Default;

use crate::Key;

/// The longest name of an actor type.
pub const TYPE_NAME_BYTES_MAX: usize = 128;

/// The name of an actor type as users, stores and peers see it: `snake_case`, 1 to 128 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorTypeName(&'static str);

/// Why a text is not an [`ActorTypeName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "actor type name {name:?} is not lower-case letters, digits and '_', starting with a letter, \
     at most 128 bytes; name it with #[actor(name = \"..\")]"
)]
pub struct TypeNameError {
    name: String,
}

impl ActorTypeName {
    /// Checks the name.
    ///
    /// # Errors
    /// [`TypeNameError`] when `name` breaks the rule above.
    pub fn new(name: &'static str) -> Result<Self, TypeNameError> {
        Self::check(name).map(|()| Self(name))
    }

    /// Says whether `name` may be one.
    ///
    /// # Errors
    /// [`TypeNameError`] when `name` breaks the rule above.
    pub fn check(name: &str) -> Result<(), TypeNameError> {
        let mut bytes = name.bytes();
        let first_ok = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
        let rest_ok = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if first_ok && rest_ok && name.len() <= TYPE_NAME_BYTES_MAX {
            Ok(())
        } else {
            let name = name.chars().take(TYPE_NAME_BYTES_MAX + 1).collect();
            Err(TypeNameError { name })
        }
    }

    /// The name's text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for ActorTypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for ActorTypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What a user addresses: an actor type and a key, shown as `cart/alice`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId {
    /// The actor's type.
    pub actor_type: ActorTypeName,
    /// Which actor of that type.
    pub key: Key,
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.actor_type, self.key)
    }
}

impl fmt::Debug for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The 64-bit hash that places an actor: xxh3 over type name, a zero byte, and key.
///
/// Stable for ever: the ring, the wire and stored indexes depend on it.
#[must_use]
#[inline]
pub fn actor_hash(type_name: &str, key: &str) -> u64 {
    // Short input, nearly all of it, is hashed in one go from the stack.
    match type_name.len() + 1 + key.len() {
        0..=64 => hash_joined::<64>(type_name, key),
        65..=240 => hash_joined::<240>(type_name, key),
        _ => hash_in_parts(type_name, key),
    }
}

#[inline]
fn hash_joined<const BYTES_MAX: usize>(type_name: &str, key: &str) -> u64 {
    let length = type_name.len() + 1 + key.len();
    let mut joined = [0_u8; BYTES_MAX];
    joined[..type_name.len()].copy_from_slice(type_name.as_bytes());
    joined[type_name.len() + 1..length].copy_from_slice(key.as_bytes());
    xxhash_rust::xxh3::xxh3_64(&joined[..length])
}

fn hash_in_parts(type_name: &str, key: &str) -> u64 {
    let mut hasher = Xxh3Default::new();
    hasher.update(type_name.as_bytes());
    hasher.update(&[0]);
    hasher.update(key.as_bytes());
    hasher.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule() {
        for (name, ok) in [
            ("counter", true),
            ("cart_v2", true),
            ("", false),
            ("Cart", false),
            ("2cart", false),
            ("_events", false),
            ("a/b", false),
        ] {
            assert_eq!(ActorTypeName::new(name).is_ok(), ok, "{name:?}");
        }
    }

    /// Vectors computed with another implementation of XXH3 (python-xxhash 3.x).
    #[test]
    fn the_hash_never_changes() {
        for (name, key, expected) in VECTORS {
            assert_eq!(actor_hash(name, key), expected, "{name}/{key}");
        }
        let long = "k".repeat(512);
        assert_eq!(actor_hash("counter", &long), LONG_KEY);
    }

    const VECTORS: [(&str, &str, u64); 3] = [
        ("counter", "42", 0x38ea8bb924c0429b),
        ("cart", "alice", 0xd2850bf675b6e0e1),
        ("flight", "日本", 0x62bb9df948e213c6),
    ];
    const LONG_KEY: u64 = 0x73d113971e2e85d2;
}
