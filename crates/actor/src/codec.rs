use serde::Serialize;
use serde::de::DeserializeOwned;

/// The codec id of MessagePack with field names, the only one so far.
pub const CODEC_NAMED: u8 = 1;

/// The stored form of a message without arguments, in [`CODEC_NAMED`]: an empty map.
pub const NO_ARGUMENTS: &[u8] = &[0x80];

/// Why a state could not be encoded or a stored one not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(Box<str>);

impl CodecError {
    /// An error with this text.
    #[must_use]
    pub fn new(detail: impl Into<Box<str>>) -> Self {
        Self(detail.into())
    }
}

/// Appends `value` as MessagePack with field names: fields may be added, with
/// `#[serde(default)]`, and reordered without breaking what is stored.
///
/// # Errors
/// [`CodecError`] when serde refuses a value.
pub fn encode_named<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    rmp_serde::encode::write_named(out, value).map_err(|e| CodecError::new(e.to_string()))
}

/// Appends `value` as `codec` says.
///
/// # Errors
/// [`CodecError`] when serde refuses a value, or the codec is not known.
pub fn encode_as<T: Serialize>(codec: u8, value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    if codec != CODEC_NAMED {
        return Err(unknown(codec));
    }
    encode_named(value, out)
}

/// Reads what [`encode_named`] wrote, and nothing more: trailing bytes are refused.
///
/// # Errors
/// [`CodecError`] when the codec is not known, the bytes do not fit `T`, or bytes are left over.
pub fn decode_named<T: DeserializeOwned>(codec: u8, body: &[u8]) -> Result<T, CodecError> {
    if codec != CODEC_NAMED {
        return Err(unknown(codec));
    }
    // Not `from_read_ref`: that one does not tell what it has left over.
    let mut reader = rmp_serde::Deserializer::new(body);
    let value = T::deserialize(&mut reader).map_err(|e| CodecError::new(e.to_string()))?;
    match reader.get_ref().len() {
        0 => Ok(value),
        left => Err(CodecError::new(format!("{left} bytes are left over after the state"))),
    }
}

fn unknown(codec: u8) -> CodecError {
    CodecError::new(format!("codec {codec} is not known to this program"))
}
