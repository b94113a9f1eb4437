//! As bytes.

use tenure_actor::wire::{BODY_BYTES_MAX, HEAD_BYTES_MAX};
use tenure_actor::{EventBytes, EventPage};
use tenure_protocol::codec::{CodecError, Reader, Writer};
use tenure_types::ActorTypeName;

use super::{BATCH_EVENTS_MAX, Following, News, PAGE_EVENTS_MAX};

/// The most bytes of an event: those of what a frame carries.
const EVENT_BYTES_MAX: usize = HEAD_BYTES_MAX + BODY_BYTES_MAX;

/// The numbers of kinds. They are for ever.
mod kind {
    pub(super) const FOLLOW: u8 = 1;
    pub(super) const UNFOLLOW: u8 = 2;
    pub(super) const TOLD: u8 = 3;
    pub(super) const HEARD: u8 = 4;
    pub(super) const READ: u8 = 5;
    pub(super) const PAGE: u8 = 6;
}

/// What is told.
mod news {
    pub(super) const BEGUN: u8 = 0;
    pub(super) const EVENTS: u8 = 1;
    pub(super) const GAP: u8 = 2;
    pub(super) const LEFT: u8 = 3;
}

impl Following {
    pub(crate) fn write(&self, out: &mut Writer) {
        match self {
            Self::Follow { number, actor } => out.byte(kind::FOLLOW).number(*number).actor(actor),
            Self::Unfollow { number } => out.byte(kind::UNFOLLOW).number(*number),
            Self::Told { number, batch, news } => {
                write_news(out.byte(kind::TOLD).number(*number).number(*batch), news)
            }
            Self::Heard { number, batch } => out.byte(kind::HEARD).number(*number).number(*batch),
            Self::Read { number, actor, epoch, offset } => {
                out.byte(kind::READ).number(*number).actor(actor).number(*epoch).number(*offset)
            }
            Self::Page { number, page } => {
                out.byte(kind::PAGE).number(*number).option(page.as_ref(), write_page)
            }
        };
    }

    /// # Errors
    /// What is wrong with the bytes; nothing of them is taken.
    pub(crate) fn read(
        from: &mut Reader<'_>,
        names: &dyn Fn(&str) -> Option<ActorTypeName>,
    ) -> Result<Self, CodecError> {
        Ok(match from.byte("following")? {
            kind::FOLLOW => {
                Self::Follow { number: from.number("follow")?, actor: from.actor(names)? }
            }
            kind::UNFOLLOW => Self::Unfollow { number: from.number("follow")? },
            kind::TOLD => Self::Told {
                number: from.number("follow")?,
                batch: from.number("batch")?,
                news: read_news(from)?,
            },
            kind::HEARD => {
                Self::Heard { number: from.number("follow")?, batch: from.number("batch")? }
            }
            kind::READ => Self::Read {
                number: from.number("read")?,
                actor: from.actor(names)?,
                epoch: from.number("epoch")?,
                offset: from.number("offset")?,
            },
            kind::PAGE => {
                Self::Page { number: from.number("read")?, page: from.option("page", read_page)? }
            }
            number => {
                return Err(CodecError::Kind { what: "following", number: number.into() });
            }
        })
    }
}

fn write_news<'a>(out: &'a mut Writer, news: &News) -> &'a mut Writer {
    match news {
        News::Begun => out.byte(news::BEGUN),
        News::Events { epoch, first, events } => {
            out.byte(news::EVENTS).number(*epoch).number(*first).list(events.iter(), write_event)
        }
        News::Gap => out.byte(news::GAP),
        News::Left => out.byte(news::LEFT),
    }
}

fn write_page<'a>(out: &'a mut Writer, page: &EventPage) -> &'a mut Writer {
    // They follow each other.
    let first = page.events.first().map_or(0, |(offset, _)| *offset);
    let events = page.events.iter().map(|(_, event)| event);
    out.number(page.epoch)
        .number(page.offset)
        .flag(page.recovered)
        .number(first)
        .list(events, write_event)
}

fn write_event<'a>(out: &'a mut Writer, event: &EventBytes) -> &'a mut Writer {
    out.bytes(event)
}

fn read_news(from: &mut Reader<'_>) -> Result<News, CodecError> {
    Ok(match from.byte("news")? {
        news::BEGUN => News::Begun,
        news::EVENTS => {
            let (epoch, first) = (from.number("epoch")?, from.number("offset")?);
            let events = from.list("events", BATCH_EVENTS_MAX, read_event)?;
            follow_on(first, events.len())?;
            News::Events { epoch, first, events }
        }
        news::GAP => News::Gap,
        news::LEFT => News::Left,
        number => return Err(CodecError::Kind { what: "news", number: number.into() }),
    })
}

fn read_page(from: &mut Reader<'_>) -> Result<EventPage, CodecError> {
    let (epoch, offset) = (from.number("epoch")?, from.number("offset")?);
    let recovered = from.flag("recovery")?;
    let first = from.number("offset")?;
    let events = from.list("events", PAGE_EVENTS_MAX, read_event)?;
    if events.is_empty() && first != 0 {
        return Err(CodecError::Number { what: "offset" });
    }
    follow_on(first, events.len())?;
    Ok(EventPage { epoch, offset, recovered, events: (first..).zip(events).collect() })
}

/// There are so many numbers from there on.
fn follow_on(first: u64, len: usize) -> Result<(), CodecError> {
    let end = first.checked_add(len as u64);
    end.map(drop).ok_or(CodecError::Number { what: "offset" })
}

fn read_event(from: &mut Reader<'_>) -> Result<EventBytes, CodecError> {
    from.bytes("event", EVENT_BYTES_MAX).map(EventBytes::from)
}
