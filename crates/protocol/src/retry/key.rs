use xxhash_rust::xxh3::Xxh3Default;

/// An idempotency key between actors: it names one call, however often it is made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallKey(pub u128);

impl CallKey {
    /// The key of a call that came from outside with this text (`Idempotency-Key`).
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let mut hasher = Xxh3Default::new();
        hasher.update(b"call\0");
        hasher.update(text.as_bytes());
        Self(hasher.digest128())
    }
}

/// The key of the `index`th call that the turn of `parent` made, from 0.
///
/// The same turn run again calls with the same keys, so its nested calls have one effect too, if it makes them in the same
/// order. Xxh3-128 of the bytes `nested`, a zero byte, the parent's key and the index, both little-endian: stable for ever. It is
/// no secret and resists no attacker; keys of different actors never meet, since outcomes are kept per actor.
#[must_use]
pub fn nested_key(parent: CallKey, index: u32) -> CallKey {
    let mut bytes = [0; 7 + 16 + 4];
    bytes[..7].copy_from_slice(b"nested\0");
    bytes[7..23].copy_from_slice(&parent.0.to_le_bytes());
    bytes[23..].copy_from_slice(&index.to_le_bytes());
    let mut hasher = Xxh3Default::new();
    hasher.update(&bytes);
    CallKey(hasher.digest128())
}
