use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

/// The length of a frame's header: length, version, origin, kind and a zero.
pub const HEADER_BYTES: usize = 8;
/// The version of the header.
const HEADER_VERSION: u8 = 1;

/// What a frame is for. Each class has lanes of its own, so no class waits behind another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// What keeps the cluster together: small, and never waiting for credit.
    Control,
    /// Calls and their answers.
    Call,
    /// Activations that move, and reports.
    Bulk,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 3] = [Class::Control, Class::Call, Class::Bulk];

    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    pub(crate) fn from_wire(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Control => "control",
            Class::Call => "call",
            Class::Bulk => "bulk",
        })
    }
}

/// What travels between nodes: a body that the transport does not look into.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Which lane carries it.
    pub class: Class,
    /// What the body is; the transport carries it along.
    pub kind: u8,
    /// At most [`Class::frame_bytes_max`] bytes.
    pub body: Bytes,
}

impl Frame {
    /// What it takes of a queue and of a lane's credit: its body and its header.
    #[must_use]
    pub fn weight(&self) -> usize {
        HEADER_BYTES + self.body.len()
    }
}

/// Who a frame on a lane is from: the level above, or the transport itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    Upper = 0,
    Transport = 1,
}

/// The kinds of the transport's own frames.
pub(crate) mod own {
    /// Asks the other end to show that it is there.
    pub(crate) const PING: u8 = 1;
    /// Answers a ping.
    pub(crate) const PONG: u8 = 2;
    /// Gives credit back: the body is a number of bytes, `u64`.
    pub(crate) const GRANT: u8 = 3;
    /// The sender ends the lane in good order.
    pub(crate) const GOODBYE: u8 = 4;
}

/// Why bytes are no frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Nothing was allocated for it.
    #[error("a frame claims {claimed} bytes, and {max} is the most here")]
    TooLarge {
        /// What the header says.
        claimed: u32,
        /// The bound it breaks.
        max: usize,
    },
    /// The header is of another version or nonsense.
    #[error("a frame's header is not one of version 1")]
    Header,
    /// A frame of the transport itself that this end does not expect.
    #[error("a frame of the transport itself of kind {0} does not belong here")]
    Unexpected(u8),
    /// The sender did not wait for credit.
    #[error("a frame of {weight} bytes came where credit for {credit} was left")]
    OverCredit {
        /// The frame with its header.
        weight: usize,
        /// What was left.
        credit: usize,
    },
}

/// A frame's header, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) origin: Origin,
    pub(crate) kind: u8,
    pub(crate) body_len: usize,
}

impl Header {
    /// Reads the header that `bytes` begin with; `None` when there are too few. Bodies of the level above
    /// have at most `max` bytes, those of the transport itself at most `own_max`.
    pub(crate) fn parse(
        bytes: &[u8],
        max: usize,
        own_max: usize,
    ) -> Result<Option<Self>, FrameError> {
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let &[a, b, c, d, version, origin, kind, zero] = header;
        let (origin, max) = match origin {
            0 => (Origin::Upper, max),
            1 => (Origin::Transport, own_max),
            _ => return Err(FrameError::Header),
        };
        if version != HEADER_VERSION || zero != 0 {
            return Err(FrameError::Header);
        }
        let claimed = u32::from_le_bytes([a, b, c, d]);
        let body_len = claimed as usize;
        if body_len > max {
            return Err(FrameError::TooLarge { claimed, max });
        }
        Ok(Some(Self { origin, kind, body_len }))
    }
}

/// Appends a frame to `out`. The caller has checked the length against the class's bound.
pub(crate) fn encode(out: &mut BytesMut, origin: Origin, kind: u8, body: &[u8]) {
    out.reserve(HEADER_BYTES + body.len());
    encode_header(out, origin, kind, body.len());
    out.put_slice(body);
}

/// Appends the header of a frame to `out`; its body follows.
pub(crate) fn encode_header(out: &mut BytesMut, origin: Origin, kind: u8, body_len: usize) {
    out.put_u32_le(u32::try_from(body_len).expect("bounds of frames are below 4 GiB"));
    out.put_slice(&[HEADER_VERSION, origin as u8, kind, 0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWN: usize = 8;

    #[test]
    fn headers_are_bounded_before_anything_else() {
        let header = |len: u32, rest: [u8; 4]| [&len.to_le_bytes()[..], &rest].concat();
        for (bytes, expected) in [
            (header(3, [1, 0, 9, 0]), Ok(Some((Origin::Upper, 9, 3)))),
            (header(8, [1, 1, own::GRANT, 0]), Ok(Some((Origin::Transport, own::GRANT, 8)))),
            (header(3, [1, 0, 9, 0])[..7].to_vec(), Ok(None)),
            (header(11, [1, 0, 9, 0]), Err(FrameError::TooLarge { claimed: 11, max: 10 })),
            (header(9, [1, 1, 9, 0]), Err(FrameError::TooLarge { claimed: 9, max: OWN })),
            (
                header(u32::MAX, [1, 0, 9, 0]),
                Err(FrameError::TooLarge { claimed: u32::MAX, max: 10 }),
            ),
            (header(3, [2, 0, 9, 0]), Err(FrameError::Header)),
            (header(3, [1, 2, 9, 0]), Err(FrameError::Header)),
            (header(3, [1, 0, 9, 1]), Err(FrameError::Header)),
        ] {
            let parsed = Header::parse(&bytes, 10, OWN);
            let parsed = parsed.map(|it| it.map(|it| (it.origin, it.kind, it.body_len)));
            assert_eq!(parsed, expected, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn headers_say_what_was_encoded(kind: u8, body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut out = BytesMut::new();
            encode(&mut out, Origin::Upper, kind, &body);
            let header = Header::parse(&out, 64, OWN).unwrap().unwrap();
            prop_assert_eq!(header, Header { origin: Origin::Upper, kind, body_len: body.len() });
            prop_assert_eq!(&out[HEADER_BYTES..], &body[..]);
        }

        #[test]
        fn no_bytes_break_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..16)) {
            if let Ok(Some(header)) = Header::parse(&bytes, 100, OWN) {
                prop_assert!(header.body_len <= 100);
            }
        }
    }
}
