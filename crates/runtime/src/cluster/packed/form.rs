//! What moves, as bytes: whose it is, its state, what is kept beside it, its timers.
//!
//! Outcomes of calls and reminders travel in the forms in which they are stored; everything else is written as
//! [`tenure_protocol::codec`] writes. The clock stays at home: events and timers travel with how old they are
//! and how long they have left, and the time on the way is not counted.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tenure_actor::{CAUSE_NAME_BYTES_MAX, Delivery, TimerId};
use tenure_protocol::codec::{CodecError, Reader, Writer};
use tenure_store::{Encoded, EventLog, UNIT_BYTES_MAX, UNIT_ROWS_MAX};
use tenure_types::{ActorId, ActorTypeName, Instant, NUMBER_MAX, StateTag, Version};

use super::{Contents, Packed, PackedState, PackedTimer};
use crate::activation::kept::Kept;
use crate::activation::opening::Opening;
use crate::activation::outcomes::{OUTCOMES_MAX, Outcomes};
use crate::activation::reminder_row::{self, Reminder};
use crate::activation::timers::{PERIOD_MIN, TIMERS_MAX};
use crate::activation::window::{WINDOW_AGE_MAX, WINDOW_EVENTS_MAX, Window};

/// The version of the form that this program writes and reads.
pub const PACKED_VERSION: u8 = 1;

/// The most bytes of what moves. With the names of the move it fits into a frame of 16 MiB.
pub const PACKED_BYTES_MAX: usize = (16 << 20) - (64 << 10);

/// The most reminders of an actor that moves.
const REMINDERS_MAX: usize = UNIT_ROWS_MAX;

/// When what was read was packed, as far as anybody knows here: no event is older.
const READ_AT: Instant = Instant::from_nanos(WINDOW_AGE_MAX.as_nanos() as u64);

/// Why an activation cannot leave its process. It goes on where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// Its type is volatile.
    #[error(
        "{actor} is volatile: its state has no stored form and stays in its process; write its type with \
         another `persist` if it is to move"
    )]
    Itself {
        /// Whose state it is.
        actor: ActorId,
    },
    /// It has too many bytes.
    #[error("{actor} has {bytes} bytes in memory, and {PACKED_BYTES_MAX} may move")]
    TooLarge {
        /// Whose memory it is.
        actor: ActorId,
        /// How many they are, about.
        bytes: usize,
    },
    /// It has too many of something.
    #[error("{actor} has {len} {what}, and {max} may move")]
    TooMany {
        /// Whose they are.
        actor: ActorId,
        /// Of what.
        what: &'static str,
        /// How many.
        len: usize,
        /// How many may move.
        max: usize,
    },
}

impl Packed {
    /// Its bytes, for another process. Cost: a copy of everything.
    ///
    /// # Errors
    /// [`PackError`]: nothing was changed, and the activation can go on here.
    pub fn encode(&self) -> Result<Vec<u8>, PackError> {
        let Contents { actor, tenure, tag, state, kept, timers, at } = &*self.0;
        let PackedState::Encoded(state) = state else {
            return Err(PackError::Itself { actor: actor.clone() });
        };
        let too_large = |bytes| PackError::TooLarge { actor: actor.clone(), bytes };
        if self.bytes() > PACKED_BYTES_MAX {
            return Err(too_large(self.bytes()));
        }
        let reminders = kept.as_ref().map_or(0, |kept| kept.reminders.len());
        let outcomes = kept.as_ref().map_or(0, |kept| kept.outcomes.rows().len());
        for (what, len, max) in
            [("reminders", reminders, REMINDERS_MAX), ("outcomes", outcomes, OUTCOMES_MAX)]
        {
            if len > max {
                return Err(PackError::TooMany { actor: actor.clone(), what, len, max });
            }
        }
        let mut out = Writer::begin(PACKED_VERSION);
        out.actor(actor).tenure(*tenure).number(tag.stamp.into()).number(tag.version.0);
        out.number(state.schema.into()).byte(state.codec).bytes(&state.bytes);
        out.option(kept.as_ref(), |out, kept| write_kept(out, kept, *at));
        out.list(timers.iter(), write_timer);
        match out.into_bytes() {
            bytes if bytes.len() > PACKED_BYTES_MAX => Err(too_large(bytes.len())),
            bytes => Ok(bytes),
        }
    }

    /// What another process has packed. `names` finds the actor type that has a name. Whether its state can be
    /// read is seen by [`Runtime::activate_moved`](crate::Runtime::activate_moved).
    ///
    /// # Errors
    /// What is wrong with the bytes: nothing of them is taken, and what is stored of the actor is the same.
    pub fn decode(
        bytes: &[u8],
        names: &dyn Fn(&str) -> Option<ActorTypeName>,
    ) -> Result<Self, CodecError> {
        if bytes.len() > PACKED_BYTES_MAX {
            let len = bytes.len() as u64;
            return Err(CodecError::TooLong { what: "memory", len, max: PACKED_BYTES_MAX });
        }
        let mut from = Reader::open(bytes, PACKED_VERSION)?;
        let contents = Contents {
            actor: from.actor(names)?,
            tenure: from.tenure()?,
            tag: StateTag {
                stamp: from.small("tag")?,
                version: Version(stored(&mut from, "version")?),
            },
            state: PackedState::Encoded(Encoded {
                schema: from.small("schema")?,
                codec: from.byte("codec")?,
                bytes: from.bytes("state", UNIT_BYTES_MAX)?.to_vec(),
            }),
            kept: from.option("what is kept", read_kept)?,
            timers: from.list("timers", TIMERS_MAX, read_timer)?,
            at: READ_AT,
        };
        in_order("order of timers", contents.timers.iter().map(|timer| timer.id))?;
        from.end().map(|()| Self(Arc::new(contents)))
    }
}

fn write_kept<'a>(out: &'a mut Writer, kept: &Kept, at: Instant) -> &'a mut Writer {
    // `opening` was resolved when it was packed.
    let Kept { log, opening: _, window, stored_window, published, outcomes, reminders, snapshot } =
        kept;
    out.number(log.epoch).number(log.offset).option(log.open, Writer::tenure);
    out.list(window.ages(at), |out, (age, event)| {
        out.number(age.min(WINDOW_AGE_MAX).as_millis() as u64).bytes(event)
    });
    out.option(*stored_window, |out, (first, last)| out.number(first).number(last));
    out.number(*published);
    out.list(outcomes.rows(), |out, (key, row)| out.text(key).bytes(&row));
    out.list(reminders.iter(), |out, (name, reminder)| {
        out.text(name).number(reminder.due_ms).bytes(&reminder_row::encode(reminder))
    });
    out.number(*snapshot)
}

fn read_kept(from: &mut Reader<'_>) -> Result<Kept, CodecError> {
    let log = EventLog {
        epoch: stored(from, "epoch")?,
        offset: stored(from, "offset")?,
        open: from.option("tenure of an open log", Reader::tenure)?,
    };
    // What stands behind the log's end would be numbers that it gives again.
    let in_log = |from: &mut Reader<'_>, what| match from.number(what)? {
        offset if offset > log.offset => Err(CodecError::Number { what }),
        offset => Ok(offset),
    };
    Ok(Kept {
        log,
        opening: Opening::Over,
        window: read_window(from, log.offset)?,
        stored_window: from.option("stored window", |from| {
            let (first, last) = (in_log(from, "stored window")?, in_log(from, "stored window")?);
            let is_one = 0 < first && first <= last && last - first < WINDOW_EVENTS_MAX;
            is_one.then_some((first, last)).ok_or(CodecError::Number { what: "stored window" })
        })?,
        published: in_log(from, "last event that left")?,
        outcomes: read_outcomes(from)?,
        reminders: read_reminders(from)?.into_iter().collect(),
        snapshot: in_log(from, "snapshot")?,
    })
}

/// The last events of a log, up to this one.
fn read_window(from: &mut Reader<'_>, last: u64) -> Result<Window, CodecError> {
    let events = from.list("window", WINDOW_EVENTS_MAX as usize, |from| {
        let age_ms = from.number("age of an event")?;
        if age_ms > WINDOW_AGE_MAX.as_millis() as u64 {
            return Err(CodecError::Number { what: "age of an event" });
        }
        let age = Duration::from_millis(age_ms).as_nanos() as u64;
        let at = Instant::from_nanos(READ_AT.as_nanos() - age);
        Ok((at, from.bytes("event", PACKED_BYTES_MAX)?))
    })?;
    let before = last
        .checked_sub(events.len() as u64)
        .ok_or(CodecError::Number { what: "length of a window" })?;
    let mut window = Window::default();
    for (offset, (at, event)) in (before + 1..).zip(events) {
        window.push(offset, at, event.into());
    }
    Ok(window)
}

fn read_outcomes(from: &mut Reader<'_>) -> Result<Outcomes, CodecError> {
    let rows = from.list("outcomes", OUTCOMES_MAX, |from| {
        let key = from.text("key of a call", CAUSE_NAME_BYTES_MAX)?;
        Ok((key, from.bytes("outcome", PACKED_BYTES_MAX)?))
    })?;
    in_order("order of outcomes", rows.iter().map(|(key, _)| key))?;
    let mut outcomes = Outcomes::default();
    for (key, row) in rows {
        outcomes.load(key.into(), row).map_err(|why| CodecError::Text { what: "outcome", why })?;
    }
    outcomes.loaded();
    Ok(outcomes)
}

fn read_reminders(from: &mut Reader<'_>) -> Result<Vec<(Box<str>, Reminder)>, CodecError> {
    let reminders = from.list("reminders", REMINDERS_MAX, |from| {
        let name = from.text("name of a reminder", CAUSE_NAME_BYTES_MAX)?;
        let due_ms = stored(from, "time of a reminder")?;
        let row = from.bytes("reminder", PACKED_BYTES_MAX)?;
        let reminder = reminder_row::decode(due_ms, row)
            .map_err(|why| CodecError::Text { what: "reminder", why })?;
        Ok((name.into(), reminder))
    })?;
    in_order("order of reminders", reminders.iter().map(|(name, _): &(Box<str>, _)| name))?;
    Ok(reminders)
}

fn write_timer<'a>(out: &'a mut Writer, timer: &PackedTimer) -> &'a mut Writer {
    let PackedTimer { id, period, once, delivery, left } = timer;
    out.number(id.0)
        .number(nanos(*period))
        .flag(*once)
        .text(&delivery.method)
        .bytes(&delivery.body)
        .number(nanos(*left))
}

fn read_timer(from: &mut Reader<'_>) -> Result<PackedTimer, CodecError> {
    let id = TimerId(stored(from, "timer")?);
    let period = Duration::from_nanos(from.number("period")?);
    // A shorter one would keep the node busy with nothing else.
    if period < PERIOD_MIN {
        return Err(CodecError::Number { what: "period" });
    }
    let once = from.flag("kind of a timer")?;
    let method = from.text("method", PACKED_BYTES_MAX)?.into();
    let delivery = Delivery { method, body: from.bytes("message", PACKED_BYTES_MAX)?.into() };
    let left = Duration::from_nanos(from.number("time that is left")?);
    Ok(PackedTimer { id, period, once, delivery, left })
}

/// A number that a store could hold: so whatever counts on from there stays in its range.
fn stored(from: &mut Reader<'_>, what: &'static str) -> Result<u64, CodecError> {
    match from.number(what)? {
        number if number > NUMBER_MAX => Err(CodecError::Number { what }),
        number => Ok(number),
    }
}

/// As a map has them: each once, the lowest first.
fn in_order<K: PartialOrd>(
    what: &'static str,
    keys: impl Iterator<Item = K>,
) -> Result<(), CodecError> {
    match keys.is_sorted_by(|one, next| one < next) {
        true => Ok(()),
        false => Err(CodecError::Number { what }),
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
