//! Errors and outcomes.

use tenure_protocol::codec::{CodecError, Reader, Writer};
use tenure_store::{CursorError, FeedError, StoreError, UnitOutcome};

use super::{Coded, coded_enum};
use crate::bounds::TEXT_BYTES_MAX;

/// A text for people: cut where it is longer than its bound.
impl Coded for Box<str> {
    fn put(&self, out: &mut Writer) {
        put_reason(self, out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.text("text", TEXT_BYTES_MAX).map(Into::into)
    }
}

fn put_reason(text: &str, out: &mut Writer) {
    out.text(&text[..text.floor_char_boundary(TEXT_BYTES_MAX)]);
}

coded_enum! { UnitOutcome {
    0 Committed,
    1 Conflict { version, token },
    2 TooLarge { bytes, bytes_max },
    3 Invalid { reason },
    4 Corrupt { reason },
    5 Unknown { reason },
    6 Fenced { reason },
} }

impl Coded for StoreError {
    fn put(&self, out: &mut Writer) {
        let mut texts = |tag: u8, texts: [&str; 2]| {
            out.byte(tag);
            texts.iter().for_each(|text| put_reason(text, out));
        };
        match self {
            Self::Locked { store, holder } => texts(0, [store, holder]),
            Self::Corrupt { what, detail } => texts(1, [what, detail]),
            Self::Newer { what, detail } => texts(2, [what, detail]),
            Self::Io { doing, detail } => texts(3, [doing, detail]),
            Self::Unavailable { detail } => texts(4, [detail, ""]),
            // One that is not known here says in words what it is.
            other => texts(4, [&other.to_string(), ""]),
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let tag = from.byte("error of a store")?;
        let (first, second) = (Coded::take(from)?, Coded::take(from)?);
        match tag {
            0 => Ok(Self::Locked { store: first, holder: second }),
            1 => Ok(Self::Corrupt { what: first, detail: second }),
            2 => Ok(Self::Newer { what: first, detail: second }),
            3 => Ok(Self::Io { doing: first, detail: second }),
            4 => Ok(Self::Unavailable { detail: first }),
            tag => Err(CodecError::Kind { what: "error of a store", number: tag.into() }),
        }
    }
}

/// Those of cursors that a store answers, each with its number.
const CURSOR_ERRORS: [CursorError; 5] = [
    CursorError::Altered,
    CursorError::Newer,
    CursorError::OtherFeed,
    CursorError::OtherStore,
    CursorError::Ahead,
];

impl Coded for FeedError {
    fn put(&self, out: &mut Writer) {
        match self {
            Self::Expired { oldest } => {
                out.byte(0);
                oldest.put(out);
            }
            Self::Cursor(error) => {
                let number = CURSOR_ERRORS.iter().position(|it| it == error);
                out.byte(1).byte(number.unwrap_or(0) as u8);
            }
            Self::Store(error) => {
                out.byte(2);
                error.put(out);
            }
            other => {
                out.byte(2);
                StoreError::Unavailable { detail: other.to_string().into() }.put(out);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        match from.byte("error of a feed")? {
            0 => Ok(Self::Expired { oldest: Coded::take(from)? }),
            1 => {
                let number = from.byte("error of a cursor")?;
                let error = CURSOR_ERRORS.get(usize::from(number)).map(|it| Self::Cursor(*it));
                let (what, number) = ("error of a cursor", number.into());
                error.ok_or(CodecError::Kind { what, number })
            }
            2 => Coded::take(from).map(Self::Store),
            tag => Err(CodecError::Kind { what: "error of a feed", number: tag.into() }),
        }
    }
}
