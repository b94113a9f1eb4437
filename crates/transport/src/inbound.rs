use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Buf;
use tokio::select;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::bounds::{ANSWER_BYTES_MAX, CONTROL_HELD_BYTES_MAX, PING_EVERY, SILENCE_MAX};
use crate::credit::{Account, Credit, part_of};
use crate::event::{Inbound, LaneEnd};
use crate::frame::{Class, Frame, FrameError, HEADER_BYTES, Header, Origin, own};
use crate::handshake::Link;
use crate::identity::PeerIdentity;
use crate::wire::{Receiving, Sending};

/// Ends an inbound lane from outside.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    why: AtomicU8,
    woken: Notify,
}

const REPLACED: u8 = 1;
const REMOVED: u8 = 2;

impl Stop {
    /// The other end dialled again.
    pub(crate) fn replace(&self) {
        self.stop(REPLACED);
    }

    /// The other end is no peer any more, or this node closes.
    pub(crate) fn remove(&self) {
        self.stop(REMOVED);
    }

    fn stop(&self, why: u8) {
        // The first reason counts.
        let _later = self.why.compare_exchange(0, why, Ordering::AcqRel, Ordering::Acquire);
        self.woken.notify_one();
    }

    /// Completes when the lane is to end. For one task alone.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn stopped(&self) -> LaneEnd {
        loop {
            match self.why.load(Ordering::Acquire) {
                0 => self.woken.notified().await,
                REPLACED => return LaneEnd::Replaced,
                _ => return LaneEnd::Removed,
            }
        }
    }
}

/// An inbound lane while it is up.
struct Lane<'a> {
    from: &'a PeerIdentity,
    class: Class,
    inbound: &'a dyn Inbound,
    account: &'a Arc<Account>,
    /// What the sender may still send.
    credit: usize,
    /// What is consumed and not given back to the sender yet.
    consumed: usize,
    owes_pong: bool,
}

/// What the frames that were read came to.
enum Read {
    /// So many more bytes are needed for the next frame, where it is known.
    Missing(usize),
    Goodbye,
}

/// Hands what arrives to the level above until the lane ends.
pub(crate) async fn drive(
    from: &PeerIdentity,
    class: Class,
    link: &mut Link,
    inbound: &dyn Inbound,
    account: &Arc<Account>,
    stop: &Stop,
) -> LaneEnd {
    let Link { receiving, sending, credit, .. } = link;
    let credit = usize::try_from(*credit).unwrap_or(0);
    let mut lane = Lane { from, class, inbound, account, credit, consumed: 0, owes_pong: false };
    let mut tick = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        let missing = match lane.deliver(receiving) {
            Ok(Read::Missing(missing)) => missing,
            Ok(Read::Goodbye) => return LaneEnd::Closed,
            Err(error) => return error.into(),
        };
        lane.answer(sending);
        let (is_flushed, may_read) = (sending.is_flushed(), lane.may_read());
        select! {
            biased;
            end = stop.stopped() => {
                sending.part().await;
                return end;
            }
            written = sending.flush(), if !is_flushed => {
                if let Err(error) = written {
                    return LaneEnd::Reset(Some(error));
                }
            }
            () = account.changed() => {}
            read = receiving.fill(missing), if may_read => {
                if let Err(error) = read {
                    return error.into();
                }
                heard = Instant::now();
            }
            _ = tick.tick() => {
                // Who is not read cannot be heard.
                if !may_read {
                    heard = Instant::now();
                    // Nor can its pings: it is answered unasked, or it would take this end for gone.
                    lane.owes_pong = true;
                } else if heard.elapsed() >= SILENCE_MAX {
                    return LaneEnd::Silent;
                }
                receiving.rest();
                sending.rest();
            }
        }
    }
}

impl Lane<'_> {
    /// Hands every whole frame on.
    fn deliver(&mut self, receiving: &mut Receiving) -> Result<Read, FrameError> {
        let max = self.class.frame_bytes_max();
        while let Some(header) = Header::parse(&receiving.plain, max, ANSWER_BYTES_MAX)? {
            let weight = HEADER_BYTES + header.body_len;
            if header.origin == Origin::Upper && self.class.has_credit() && weight > self.credit {
                return Err(FrameError::OverCredit { weight, credit: self.credit });
            }
            if receiving.plain.len() < weight {
                return Ok(Read::Missing(weight - receiving.plain.len()));
            }
            if header.origin == Origin::Transport {
                receiving.plain.advance(weight);
                match (header.kind, header.body_len) {
                    (own::PING, 0) => self.owes_pong = true,
                    (own::GOODBYE, 0) => return Ok(Read::Goodbye),
                    (kind, _) => return Err(FrameError::Unexpected(kind)),
                }
                continue;
            }
            let body = receiving.body(weight);
            let frame = Frame { class: self.class, kind: header.kind, body };
            let mut held = 0;
            let credit = Credit::new(self.account, weight, &mut held);
            self.inbound.received(self.from, frame, credit);
            self.consumed += weight - held;
            self.credit = self.credit.saturating_sub(weight);
        }
        Ok(Read::Missing(0))
    }

    /// Gives credit back and answers pings. One answer is on its way at a time, however many pings came.
    fn answer(&mut self, sending: &mut Sending) {
        let released = self.account.take();
        self.consumed += released;
        if !sending.is_flushed() {
            return;
        }
        if self.class.has_credit() && self.consumed >= part_of(self.class) {
            let granted = std::mem::take(&mut self.consumed);
            self.credit += granted;
            sending.frame(Origin::Transport, own::GRANT, &(granted as u64).to_le_bytes());
        }
        if std::mem::take(&mut self.owes_pong) {
            sending.frame(Origin::Transport, own::PONG, &[]);
        }
        sending.seal();
    }

    /// A lane with credit is always read: its credit bounds what it holds.
    fn may_read(&self) -> bool {
        self.class.has_credit() || self.account.held() <= CONTROL_HELD_BYTES_MAX
    }
}
