//! A stored state as people read it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::{CODEC_NAMED, CodecError};

/// Turns a stored value into JSON, whatever type it was written by: keys of maps that are no texts are
/// written as JSON, bytes as numbers, and numbers that JSON does not have as texts.
///
/// # Errors
/// [`CodecError`] when the bytes are not in this codec.
pub fn shown(codec: u8, body: &[u8]) -> Result<Value, CodecError> {
    if codec != CODEC_NAMED {
        return Err(CodecError::new(format!("codec {codec} is not known to this program")));
    }
    let mut reader = rmp_serde::Deserializer::new(body);
    reader.set_max_depth(DEPTH_MAX);
    let shown = Shown::deserialize(&mut reader).map_err(|e| CodecError::new(e.to_string()))?;
    match reader.get_ref().len() {
        0 => Ok(shown.0),
        left => Err(CodecError::new(format!("{left} bytes are left over"))),
    }
}

/// How deep values may be nested: each level takes stack.
const DEPTH_MAX: usize = 256;

struct Shown(Value);

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Shown(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some((Shown(key), Shown(value))) = entries.next_entry()? {
            let key = match key {
                Value::String(key) => key,
                other => other.to_string(),
            };
            all.insert(key, value);
        }
        Ok(Value::Object(all))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(serde::de::Error::custom("a self-describing form has no variants"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;
    use serde_json::json;

    use super::*;
    use crate::encode_named;

    #[derive(Serialize)]
    enum Kind {
        Plain,
        With { of: u8 },
        Pair(i8, f64),
    }

    #[derive(Serialize)]
    struct All {
        name: &'static str,
        none: Option<u8>,
        kinds: Vec<Kind>,
        by_number: BTreeMap<u32, char>,
        big: u64,
        unit: (),
    }

    #[test]
    fn every_kind_of_value_is_shown() {
        let all = All {
            name: "ü",
            none: None,
            kinds: vec![Kind::Plain, Kind::With { of: 1 }, Kind::Pair(-1, 0.5)],
            by_number: [(7, 'x')].into(),
            big: u64::MAX,
            unit: (),
        };
        let mut body = Vec::new();
        encode_named(&all, &mut body).unwrap();
        let expected = json!({
            "name": "ü",
            "none": null,
            "kinds": ["Plain", { "With": { "of": 1 } }, { "Pair": [-1, 0.5] }],
            "by_number": { "7": "x" },
            "big": u64::MAX,
            "unit": null,
        });
        assert_eq!(shown(CODEC_NAMED, &body), Ok(expected));
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for body in [&b""[..], b"\x81", b"\xc1", b"\x01\x01"] {
            assert!(shown(CODEC_NAMED, body).is_err(), "{body:?}");
        }
        assert!(shown(9, b"\x01").is_err());
        let mut nan = Vec::new();
        encode_named(&f64::NAN, &mut nan).unwrap();
        assert_eq!(shown(CODEC_NAMED, &nan), Ok("NaN".into()));
        // Nesting has a bound.
        let deep = [&[0x91; 100_000][..], &[1]].concat();
        assert!(shown(CODEC_NAMED, &deep).is_err());
    }
}
