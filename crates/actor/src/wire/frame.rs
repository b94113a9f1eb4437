//! Version, codec and length of the head before head and body.

use serde::{Deserialize, Serialize};

use super::{BODY_BYTES_MAX, HEAD_BYTES_MAX, WIRE_VERSION};

/// What lies before the head.
const PRELUDE_BYTES: usize = 6;

/// What a frame is given from its beginning: most fit into it and need not grow.
const ROOM_BYTES: usize = 256;

/// What is wrong with a frame.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// A newer program wrote it.
    #[error(
        "its form is version {0}, and this program reads {WIRE_VERSION}; deploy the newer program"
    )]
    Version(u8),
    #[error("it has {0} bytes, too few for its head")]
    Short(usize),
    #[error("its head has {0} bytes, and {HEAD_BYTES_MAX} are accepted")]
    HeadBytes(usize),
    #[error("its body has {0} bytes, and {BODY_BYTES_MAX} are accepted")]
    BodyBytes(usize),
    #[error("its head cannot be read: {0}")]
    Head(postcard::Error),
}

/// A frame, taken apart.
pub(super) struct Parts<'a, H> {
    pub(super) codec: u8,
    pub(super) head: H,
    pub(super) body: &'a [u8],
}

/// Writes `head` before the body that `write` appends; both within their bounds.
///
/// # Errors
/// What `write` says, or the bound that is passed.
pub(super) fn write<E: From<FrameError>>(
    codec: u8,
    head: &impl Serialize,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let mut prelude = Vec::with_capacity(ROOM_BYTES);
    prelude.extend_from_slice(&[WIRE_VERSION, codec, 0, 0, 0, 0]);
    let mut out = postcard::to_extend(head, prelude).map_err(FrameError::Head)?;
    let head_bytes = out.len() - PRELUDE_BYTES;
    if head_bytes > HEAD_BYTES_MAX {
        return Err(FrameError::HeadBytes(head_bytes).into());
    }
    let length = u32::try_from(head_bytes).unwrap_or(u32::MAX);
    out[2..PRELUDE_BYTES].copy_from_slice(&length.to_le_bytes());
    let begin = out.len();
    write(&mut out)?;
    match out.len() - begin {
        bytes if bytes > BODY_BYTES_MAX => Err(FrameError::BodyBytes(bytes).into()),
        _ => Ok(out),
    }
}

/// Takes a frame apart; nothing is copied.
pub(super) fn parse<'a, H: Deserialize<'a>>(frame: &'a [u8]) -> Result<Parts<'a, H>, FrameError> {
    let &[version, codec, a, b, c, d, ref rest @ ..] = frame else {
        return Err(FrameError::Short(frame.len()));
    };
    if version != WIRE_VERSION {
        return Err(FrameError::Version(version));
    }
    let head_bytes = u32::from_le_bytes([a, b, c, d]) as usize;
    if head_bytes > HEAD_BYTES_MAX {
        return Err(FrameError::HeadBytes(head_bytes));
    }
    let Some((head, body)) = rest.split_at_checked(head_bytes) else {
        return Err(FrameError::Short(frame.len()));
    };
    if body.len() > BODY_BYTES_MAX {
        return Err(FrameError::BodyBytes(body.len()));
    }
    let head = postcard::from_bytes(head).map_err(FrameError::Head)?;
    Ok(Parts { codec, head, body })
}
