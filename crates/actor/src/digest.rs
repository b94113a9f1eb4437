use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use xxhash_rust::xxh3::xxh3_128;

use crate::CodecError;

/// A hash of an encoded value that does not depend on the order in which a map was written: two
/// hash maps of the same entries are written in two orders.
///
/// # Errors
/// [`CodecError`] when the bytes are not one whole value.
pub(crate) fn digest(body: &[u8]) -> Result<u128, CodecError> {
    whole(body, Digest { in_order: true })
}

/// As [`digest`], and independent of the order of lists too, because a hash set is written as one.
///
/// # Errors
/// As [`digest`].
pub(crate) fn digest_unordered(body: &[u8]) -> Result<u128, CodecError> {
    whole(body, Digest { in_order: false })
}

fn whole(body: &[u8], digest: Digest) -> Result<u128, CodecError> {
    let mut reader = rmp_serde::Deserializer::new(body);
    let hash = digest.deserialize(&mut reader).map_err(|e| CodecError::new(e.to_string()))?;
    match reader.get_ref().len() {
        0 => Ok(hash),
        left => Err(CodecError::new(format!("{left} bytes are left over"))),
    }
}

/// Reads any value as its hash.
#[derive(Clone, Copy)]
struct Digest {
    /// Whether the order of lists counts.
    in_order: bool,
}

/// Values of two kinds never have one hash by having the same bytes.
fn of(kind: u8, bytes: &[u8]) -> u128 {
    let mut tagged = Vec::with_capacity(bytes.len() + 1);
    tagged.push(kind);
    tagged.extend_from_slice(bytes);
    xxh3_128(&tagged)
}

fn of_two(kind: u8, first: u128, second: u128) -> u128 {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&first.to_le_bytes());
    bytes[16..].copy_from_slice(&second.to_le_bytes());
    of(kind, &bytes)
}

const NOTHING: u8 = 0;
const TRUTH: u8 = 1;
const INTEGER: u8 = 2;
const FLOAT: u8 = 3;
const TEXT: u8 = 4;
const BYTES: u8 = 5;
const LIST: u8 = 6;
const MAP: u8 = 7;
const ENTRY: u8 = 8;

impl<'de> DeserializeSeed<'de> for Digest {
    type Value = u128;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u128, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Digest {
    type Value = u128;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an encoded value")
    }

    fn visit_unit<E>(self) -> Result<u128, E> {
        Ok(of(NOTHING, &[]))
    }

    fn visit_none<E>(self) -> Result<u128, E> {
        Ok(of(NOTHING, &[]))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<u128, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<u128, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<u128, E> {
        Ok(of(TRUTH, &[u8::from(truth)]))
    }

    fn visit_u64<E>(self, number: u64) -> Result<u128, E> {
        Ok(of(INTEGER, &i128::from(number).to_le_bytes()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<u128, E> {
        Ok(of(INTEGER, &i128::from(number).to_le_bytes()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<u128, E> {
        Ok(of(FLOAT, &number.to_bits().to_le_bytes()))
    }

    fn visit_str<E>(self, text: &str) -> Result<u128, E> {
        Ok(of(TEXT, text.as_bytes()))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<u128, E> {
        Ok(of(BYTES, bytes))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<u128, S::Error> {
        let (mut hash, mut len) = (0_u128, 0_u128);
        while let Some(item) = list.next_element_seed(self)? {
            hash = if self.in_order { of_two(ENTRY, hash, item) } else { hash.wrapping_add(item) };
            len += 1;
        }
        Ok(of_two(LIST, hash, len))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<u128, M::Error> {
        let (mut hash, mut len) = (0_u128, 0_u128);
        while let Some(key) = map.next_key_seed(self)? {
            let value = map.next_value_seed(self)?;
            hash = hash.wrapping_add(of_two(ENTRY, key, value));
            len += 1;
        }
        Ok(of_two(MAP, hash, len))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::encode_named;

    fn encoded(value: &impl serde::Serialize) -> Vec<u8> {
        let mut out = Vec::new();
        encode_named(value, &mut out).unwrap();
        out
    }

    /// A map in the order in which it is given.
    struct Written(&'static [(&'static str, u8)]);

    impl serde::Serialize for Written {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.0.iter().copied())
        }
    }

    #[test]
    fn the_order_of_a_map_is_no_difference_and_everything_else_is() {
        let one = encoded(&Written(&[("a", 1), ("b", 2)]));
        let other = encoded(&Written(&[("b", 2), ("a", 1)]));
        assert_ne!(one, other);
        assert_eq!(digest(&one), digest(&other));
        let swapped = encoded(&Written(&[("a", 2), ("b", 1)]));
        assert_ne!(digest(&one), digest(&swapped));
        let all = [
            encoded(&()),
            encoded(&false),
            encoded(&0),
            encoded(&0.0),
            encoded(&-1),
            encoded(&""),
            encoded(&"0"),
            encoded(&[0_u8; 0]),
            encoded(&[1]),
            encoded(&[1, 1]),
            encoded(&[1, 2]),
            encoded(&[2, 1]),
            encoded(&[[1], [2]]),
            encoded(&BTreeMap::<u8, u8>::new()),
            encoded(&BTreeMap::from([(1, 2)])),
            encoded(&BTreeMap::from([(2, 1)])),
        ];
        let digests: std::collections::BTreeSet<_> =
            all.iter().map(|body| digest(body).unwrap()).collect();
        assert_eq!(digests.len(), all.len());
    }

    #[test]
    fn a_set_is_written_as_a_list_in_any_order() {
        let (one, other) = (encoded(&[1, 2, 2]), encoded(&[2, 1, 2]));
        assert_ne!(digest(&one), digest(&other));
        assert_eq!(digest_unordered(&one), digest_unordered(&other));
        assert_ne!(digest_unordered(&one), digest_unordered(&encoded(&[1, 2])));
        assert_ne!(digest_unordered(&one), digest_unordered(&encoded(&[1, 1, 2])));
    }

    #[test]
    fn what_is_no_value_is_an_error() {
        assert!(digest(&[]).is_err());
        assert!(digest(&[0x81]).is_err());
        assert!(digest(&[0xc0, 0xc0]).is_err());
    }
}
