use std::collections::VecDeque;
use std::io;

use bytes::Buf;
use tokio::select;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use crate::backoff::Backoff;
use crate::bounds::{
    ANSWER_BYTES_MAX, BATCH_BYTES_MAX, CLOSE_MAX, PARTING_BYTES_MAX, PING_EVERY, REFUSAL_MAX,
    SILENCE_MAX, STEADY_AFTER,
};
use crate::event::{Direction, Event, LaneEnd};
use crate::frame::{Class, Frame, FrameError, HEADER_BYTES, Header, Origin, own};
use crate::handshake::error::HandshakeError;
use crate::handshake::{Link, dial};
use crate::identity::{Peer, PeerIdentity};
use crate::node::Node;
use crate::queue::Queue;
use crate::wire::{Receiving, Sending};

/// A lane to a peer: what waits for it, and who is at its end. One task drives it.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(crate) peer: Peer,
    pub(crate) class: Class,
    pub(crate) queue: Queue,
}

/// How an outbound lane is at present.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LaneStatus {
    /// Where it leads.
    pub peer: PeerIdentity,
    /// What it is for.
    pub class: Class,
    /// Whether frames leave; otherwise it is being made.
    pub is_up: bool,
    /// How many frames wait, at most [`Class::queue_frames_max`].
    pub waiting_frames: usize,
    /// Their bytes with headers, at most [`Class::queue_bytes_max`].
    pub waiting_bytes: usize,
}

impl Outbound {
    pub(crate) fn new(peer: Peer, class: Class) -> Self {
        Self { peer, class, queue: Queue::new(class) }
    }

    pub(crate) fn status(&self) -> LaneStatus {
        let (is_up, waiting_frames, waiting_bytes) = self.queue.waiting();
        let (peer, class) = (self.peer.identity.clone(), self.class);
        LaneStatus { peer, class, is_up, waiting_frames, waiting_bytes }
    }
}

/// Keeps a lane up until its queue is closed, and what is to leave has left.
pub(crate) async fn run(lane: &Outbound, node: &Node) {
    let mut backoff = Backoff::new();
    loop {
        let dialling = dial(&node.local, &node.network, &lane.peer, lane.class);
        let dialled = select! {
            biased;
            () = lane.queue.over() => return end_before_it_began(lane, node),
            dialled = dialling => dialled,
        };
        let (peer, class) = (lane.peer.identity.clone(), lane.class);
        let is_steady = match dialled {
            Ok(mut link) => {
                let began = Instant::now();
                lane.queue.open();
                let (direction, hello) = (Direction::Outbound, std::mem::take(&mut link.hello));
                node.inbound.happened(Event::LaneUp {
                    peer: peer.clone(),
                    class,
                    direction,
                    hello,
                });
                let end = drive(lane, &mut link).await;
                let unsent = lane.queue.lose();
                node.inbound.happened(Event::LaneLost { peer, class, direction, end, unsent });
                if link.sending.has_parted() {
                    return until_taken(lane, link).await;
                }
                began.elapsed() >= STEADY_AFTER
            }
            Err(error) => {
                // Who is there and only behind with its list takes what waits soon.
                let is_behind = matches!(error, HandshakeError::NotAPeer { .. });
                let unsent = if is_behind { Vec::new() } else { lane.queue.fail() };
                node.inbound.happened(Event::DialFailed { peer, class, error, unsent });
                false
            }
        };
        // It may have taken frames since it was lost, and the next attempt is for those that are to leave.
        if lane.queue.is_over() {
            return end_before_it_began(lane, node);
        }
        if is_steady {
            backoff.reset();
        } else {
            let pause = sleep(backoff.next());
            select! {
                biased;
                () = lane.queue.kicked() => {}
                () = pause => {}
            }
        }
    }
}

/// The lane has ended in good order: waits until the other end has taken all that left, and closes.
async fn until_taken(lane: &Outbound, mut link: Link) {
    let limit = if lane.queue.drains() { CLOSE_MAX } else { REFUSAL_MAX };
    let _late = timeout(limit, link.receiving.discard(PARTING_BYTES_MAX)).await;
}

/// The lane was closed while it was being made: gives back what waited.
fn end_before_it_began(lane: &Outbound, node: &Node) {
    let unsent = lane.queue.lose();
    if !unsent.is_empty() {
        let (peer, class) = (lane.peer.identity.clone(), lane.class);
        let (direction, end) = (Direction::Outbound, LaneEnd::Removed);
        node.inbound.happened(Event::LaneLost { peer, class, direction, end, unsent });
    }
}

/// Sends what waits until the lane ends.
pub(crate) async fn drive(lane: &Outbound, link: &mut Link) -> LaneEnd {
    let Link { receiving, sending, credit, .. } = link;
    let mut credit = match lane.class.has_credit() {
        true => usize::try_from(*credit).unwrap_or(usize::MAX),
        false => usize::MAX,
    };
    let mut tick = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut heard, mut taken, mut left) = (Instant::now(), VecDeque::new(), 0);
    let mut count = 1;
    loop {
        if sending.is_flushed() {
            let filled = fill_a_batch(lane, &mut credit, sending, &mut taken, count).await;
            count = if filled > 0 { filled } else { count };
            if sending.is_flushed() && lane.queue.is_over() {
                sending.part().await;
                return LaneEnd::Removed;
            }
        }
        let is_flushed = sending.is_flushed();
        select! {
            biased;
            read = receiving.fill(0) => {
                if let Err(error) = read {
                    return error.into();
                }
                heard = Instant::now();
                match answers(receiving) {
                    Ok(Some(granted)) if lane.class.has_credit() => {
                        credit = credit.saturating_add(granted);
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => return LaneEnd::Closed,
                    Err(error) => return error.into(),
                }
            }
            written = sending.flush(), if !is_flushed => {
                if let Err(error) = written {
                    return hear_out(receiving, error).await;
                }
            }
            () = lane.queue.changed() => {
                // Who does not read is not waited for.
                if !is_flushed && lane.queue.is_over() {
                    return LaneEnd::Removed;
                }
            }
            _ = tick.tick() => {
                // What the other end's machine takes is an answer too: a large frame may be long under way.
                let is_under_way = !is_flushed && sending.len() != left;
                left = sending.len();
                if is_under_way {
                    heard = Instant::now();
                } else if heard.elapsed() >= SILENCE_MAX {
                    return LaneEnd::Silent;
                }
                if is_flushed {
                    receiving.rest();
                    sending.rest();
                    sending.frame(Origin::Transport, own::PING, &[]);
                    sending.seal();
                }
            }
        }
    }
}

/// Nothing can be written any more: whether the other end had said goodbye is still to be read.
async fn hear_out(receiving: &mut Receiving, error: io::Error) -> LaneEnd {
    let until_goodbye = async {
        while receiving.fill(0).await.is_ok() {
            match answers(receiving) {
                Ok(Some(_credit)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        false
    };
    match timeout(REFUSAL_MAX, until_goodbye).await {
        Ok(true) => LaneEnd::Closed,
        Ok(false) | Err(_) => LaneEnd::Reset(Some(error)),
    }
}

/// How often a write takes what waits, at most.
const ROUNDS_MAX: usize = 4;

/// Encodes and seals what waits and has credit, as one write. Lets others run before it does, and again while that brings
/// more, so that their frames leave in the same write; but not when the last write had a single frame: who sends one
/// at a time waits for it. Returns how many frames there are.
async fn fill_a_batch(
    lane: &Outbound,
    credit: &mut usize,
    sending: &mut Sending,
    taken: &mut VecDeque<Frame>,
    last_count: usize,
) -> usize {
    let mut count = 0;
    for round in 0..ROUNDS_MAX {
        let room = BATCH_BYTES_MAX.saturating_sub(sending.len());
        if room == 0 {
            break;
        }
        let weight = lane.queue.take(*credit, room, taken);
        if weight == 0 {
            break;
        }
        if lane.class.has_credit() {
            *credit -= weight;
        }
        count += taken.len();
        for frame in taken.drain(..) {
            sending.upper(frame.kind, frame.body);
        }
        if round + 1 < ROUNDS_MAX && (count > 1 || last_count > 1) {
            tokio::task::yield_now().await;
        }
    }
    sending.seal();
    count
}

/// Takes the other end's answers: how much credit they gave back; none when it said goodbye.
fn answers(receiving: &mut Receiving) -> Result<Option<usize>, FrameError> {
    let mut granted = 0_usize;
    let plain = &mut receiving.plain;
    while let Some(header) = Header::parse(plain, 0, ANSWER_BYTES_MAX)? {
        if plain.len() < HEADER_BYTES + header.body_len {
            break;
        }
        plain.advance(HEADER_BYTES);
        match (header.origin, header.kind, header.body_len) {
            (Origin::Transport, own::PONG, 0) => {}
            (Origin::Transport, own::GRANT, 8) => {
                let more = usize::try_from(plain.get_u64_le()).unwrap_or(usize::MAX);
                granted = granted.saturating_add(more);
            }
            (Origin::Transport, own::GOODBYE, 0) => return Ok(None),
            (_, kind, _) => return Err(FrameError::Unexpected(kind)),
        }
    }
    Ok(Some(granted))
}
