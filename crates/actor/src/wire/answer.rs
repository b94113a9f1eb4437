//! Answers on their way to the caller.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tenure_types::{CallError, Instant, Outcome, StateTag, Version};

use super::error::WireError;
use super::frame::{self, FrameError};
use crate::host::{Arrived, QueuedCall, Replied};
use crate::{CODEC_NAMED, Receipt};

/// What became of a call, for its caller at another node.
#[derive(Debug)]
pub struct Answer {
    end: Ended,
    receipt: Option<Arc<Receipt>>,
    codec: u8,
    reply: Vec<u8>,
}

#[derive(Debug)]
enum Ended {
    /// Nobody waits for a reply, and there is none.
    Taken,
    Replied(Replied),
    Failed(CallError),
}

#[derive(Debug, Serialize, Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    end: WireEnd<'a>,
    ran: Option<Ran>,
}

#[derive(Debug, Serialize, Deserialize)]
enum WireEnd<'a> {
    Taken,
    Replied {
        is_error: bool,
        replayed: bool,
    },
    #[serde(borrow)]
    Failed(WireError<'a>),
}

/// What the caller's receipt asked for.
#[derive(Debug, Serialize, Deserialize)]
struct Ran {
    /// Stamp and version of the state that the turn left.
    tag: (u32, u64),
    /// Epoch and offset.
    log: Option<(u64, u64)>,
    turn_ns: u64,
    /// From the end of the turn until the answer left.
    held_ns: u64,
}

impl Answer {
    /// That of a call which ended with this error, or could not be decoded.
    #[must_use]
    pub fn failed(error: CallError) -> Self {
        Self { end: Ended::Failed(error), receipt: None, codec: CODEC_NAMED, reply: Vec::new() }
    }

    /// That of a call whose turn has left a reply.
    pub(super) fn of(call: &dyn QueuedCall, codec: u8) -> Self {
        let head = call.head();
        let receipt = head.receipt.clone();
        let mut reply = Vec::new();
        if head.one_way {
            return Self { end: Ended::Taken, receipt, codec, reply };
        }
        match call.reply(codec, &mut reply) {
            Ok(replied) => Self { end: Ended::Replied(replied), receipt, codec, reply },
            Err(error) => Self::failed(unsent(&error)),
        }
    }

    /// Whether a turn's reply is in it.
    #[must_use]
    pub fn is_reply(&self) -> bool {
        !matches!(self.end, Ended::Failed(_))
    }

    /// Whether its bytes depend on when it leaves.
    #[must_use]
    pub fn tells_time(&self) -> bool {
        self.receipt.is_some()
    }

    /// Its bytes; `now` is by the clock of the node where the turn ran.
    #[must_use]
    pub fn encode(&self, now: Instant) -> Vec<u8> {
        let ran = self.receipt.as_deref().and_then(|receipt| Ran::of(receipt, now));
        let end = match &self.end {
            Ended::Taken => WireEnd::Taken,
            Ended::Replied(Replied { is_error, replayed }) => {
                WireEnd::Replied { is_error: *is_error, replayed: *replayed }
            }
            Ended::Failed(error) => WireEnd::Failed(WireError::of(error)),
        };
        let written = frame::write(self.codec, &Head { end, ran }, |out| {
            out.extend_from_slice(&self.reply);
            Ok::<_, FrameError>(())
        });
        written.unwrap_or_else(|error| Self::failed(unsent(&error)).encode(now))
    }
}

/// The turn ran, and its reply cannot leave.
fn unsent(error: &dyn std::fmt::Display) -> CallError {
    CallError::Panicked {
        detail: format!("the turn ran, and its reply cannot be sent to another node: {error}")
            .into(),
    }
}

impl Ran {
    fn of(receipt: &Receipt, now: Instant) -> Option<Self> {
        let (tag, ended) = (receipt.tag()?, receipt.ended()?);
        let began = receipt.began().unwrap_or(ended);
        let nanos = |it: Duration| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX);
        Some(Self {
            tag: (tag.stamp, tag.version.0),
            log: receipt.log(),
            turn_ns: nanos(ended.saturating_since(began)),
            held_ns: nanos(now.saturating_since(ended)),
        })
    }

    fn tell(&self, receipt: &Receipt, now: Instant) {
        let before = |at: Instant, ns: u64| Instant::from_nanos(at.as_nanos().saturating_sub(ns));
        let ended = before(now, self.held_ns);
        let (stamp, version) = self.tag;
        let tag = StateTag { stamp, version: Version(version) };
        receipt.ran(tag, before(ended, self.turn_ns), ended);
        if let Some((epoch, offset)) = self.log {
            receipt.stands_at(epoch, offset);
        }
    }
}

/// Ends a call that left, with the bytes of its answer. `now` is by the clock of the caller's node.
///
/// Bytes that make no sense end it too: nobody knows then whether it was executed.
pub fn end_call(call: &dyn QueuedCall, frame: &[u8], now: Instant) {
    call.settle(read(call, frame, now).map(|()| None));
}

pub(super) fn read(call: &dyn QueuedCall, frame: &[u8], now: Instant) -> Result<(), CallError> {
    let parts =
        frame::parse::<Head<'_>>(frame).map_err(|error| unreadable(Outcome::Unknown, &error))?;
    let one_way = call.head().one_way;
    let replied = match parts.head.end {
        WireEnd::Failed(error) => return Err(error.to_error()),
        WireEnd::Taken if one_way => return Ok(()),
        WireEnd::Taken => return Err(unreadable(Outcome::Unknown, &"it has no reply")),
        WireEnd::Replied { .. } if one_way => return Ok(()),
        WireEnd::Replied { is_error, replayed } => Replied { is_error, replayed },
    };
    if let (Some(ran), Some(receipt)) = (&parts.head.ran, &call.head().receipt) {
        ran.tell(receipt, now);
    }
    let arrived = Arrived { replied, codec: parts.codec, body: parts.body };
    match call.keep_reply(arrived) {
        // Nobody waits any more, and the error is heard by nobody.
        Ok(false) => Err(unreadable(Outcome::Unknown, &"its caller has gone")),
        Ok(true) => Ok(()),
        Err(error) => Err(unreadable(Outcome::Executed, &error)),
    }
}

fn unreadable(outcome: Outcome, why: &dyn std::fmt::Display) -> CallError {
    let detail = format!("the answer of another node cannot be read: {why}").into();
    CallError::Incompatible { detail, outcome }
}
