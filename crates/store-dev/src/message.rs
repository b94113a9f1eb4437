//! What a client asks of its server, and what it is told, in frames.
//!
//! ```text
//! frame       class            body
//! HERE        control          where the client listens: the server dials it to answer
//! REQUEST     bulk, control    8 bytes of the request's number, little-endian; a `Request`, or a
//!                              `TableRequest` on a control lane
//! PART        as the request   the number, and a part of the answer; more follows
//! END         as the request   the number, and the last part: all of them are a `Reply`
//! ```

use std::sync::Arc;

use bytes::Bytes;
use tenure_protocol::codec::{CodecError, Reader, Writer};
use tenure_store::{Due, FeedFrom, FeedKeep, Unit};
use tenure_types::{ActorId, FeedName, Incarnation, Key};

use crate::bounds::PART_BYTES_MAX;
use crate::codec::{Coded, coded_enum};

/// What a frame is.
pub(crate) mod kind {
    pub(crate) const HERE: u8 = 1;
    pub(crate) const REQUEST: u8 = 2;
    pub(crate) const PART: u8 = 3;
    pub(crate) const END: u8 = 4;
}

const NUMBER_BYTES: usize = 8;

/// What a client asks of the store.
#[derive(Debug)]
pub(crate) enum Request {
    Open,
    OpenToRead,
    Join(Incarnation),
    Fence(Incarnation),
    Close,
    Submit(Arc<Unit>),
    Load(ActorId),
    Events { actor: ActorId, after: u64, limit: usize },
    Due { until_ms: u64, after: Option<Due>, limit: usize },
    Types,
    Heads { type_name: Box<str>, after: Option<Key>, limit: usize },
    ReadFeed { feed: FeedName, from: FeedFrom, limit: usize },
    Feeds,
    TrimFeed { feed: FeedName, keep: FeedKeep },
    FeedEnds(Vec<FeedName>),
}

coded_enum! { Request {
    0 Open,
    1 OpenToRead,
    2 Join(incarnation),
    3 Fence(incarnation),
    4 Close,
    5 Submit(unit),
    6 Load(actor),
    7 Events { actor, after, limit },
    8 Due { until_ms, after, limit },
    9 Types,
    10 Heads { type_name, after, limit },
    11 ReadFeed { feed, from, limit },
    12 Feeds,
    13 TrimFeed { feed, keep },
    14 FeedEnds(feeds),
} }

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It was done, or tried; what was answered, in bytes.
    Done(Vec<u8>),
    /// It was not even tried, and need not be sent again: it cannot be read, for example.
    Refused(Box<str>),
    /// Nobody knows what became of it, and why.
    Unknown(Box<str>),
    /// It was tried, and its answer is larger than answers may be.
    TooLarge(usize),
}

impl Coded for Reply {
    fn put(&self, out: &mut Writer) {
        match self {
            Self::Done(answer) => _ = out.byte(0).bytes(answer),
            Self::Refused(why) => why.put(out.byte(1)),
            Self::Unknown(why) => why.put(out.byte(2)),
            Self::TooLarge(bytes) => bytes.put(out.byte(3)),
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        match from.byte("reply")? {
            0 => Ok(Self::Done(from.bytes("answer", usize::MAX)?.to_vec())),
            1 => Coded::take(from).map(Self::Refused),
            2 => Coded::take(from).map(Self::Unknown),
            3 => Coded::take(from).map(Self::TooLarge),
            tag => Err(CodecError::Kind { what: "reply", number: tag.into() }),
        }
    }
}

/// The body of a frame that has a number.
pub(crate) fn numbered(number: u64, rest: &[u8]) -> Bytes {
    let mut body = Vec::with_capacity(NUMBER_BYTES + rest.len());
    body.extend_from_slice(&number.to_le_bytes());
    body.extend_from_slice(rest);
    body.into()
}

/// The number in a frame's body, and the rest of it.
pub(crate) fn read_number(body: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = body.split_first_chunk::<NUMBER_BYTES>()?;
    Some((u64::from_le_bytes(*number), rest))
}

/// The frames that an answer takes, each with its kind.
pub(crate) fn parts(number: u64, reply: &[u8]) -> impl Iterator<Item = (u8, Bytes)> {
    let last = reply.len().saturating_sub(1) / PART_BYTES_MAX;
    (0..=last).map(move |nth| {
        let (from, kind) = (nth * PART_BYTES_MAX, if nth == last { kind::END } else { kind::PART });
        let until = reply.len().min(from + PART_BYTES_MAX);
        (kind, numbered(number, &reply[from..until]))
    })
}
