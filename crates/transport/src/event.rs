use std::io;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::credit::Credit;
use crate::frame::{Class, Frame, FrameError};
use crate::handshake::error::HandshakeError;
use crate::identity::PeerIdentity;
use crate::wire::ReadError;

/// The level above: it is given what arrives and told what happens to lanes.
///
/// Both methods run on the task of the lane, so they must not block and should be short: queue the
/// work, and hold its [`Credit`] until it is done. They must not panic: the lane would end, and no event
/// would say so.
pub trait Inbound: Send + Sync + 'static {
    /// A frame arrived. Frames of one lane come one at a time, in the order in which they were sent,
    /// after the lane's [`Event::LaneUp`] and before its [`Event::LaneLost`]. Once this returns the frame
    /// counts as consumed, unless `credit` was held.
    fn received(&self, from: &PeerIdentity, frame: Frame, credit: Credit<'_>);

    /// Something happened to a lane.
    fn happened(&self, event: Event);
}

/// Which way a lane carries frames.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// This node dialled and sends.
    Outbound,
    /// The peer dialled, and this node receives.
    Inbound,
}

/// What happens to lanes.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A lane carries frames from now on.
    LaneUp {
        /// The other end.
        peer: PeerIdentity,
        /// What the lane is for.
        class: Class,
        /// Which way.
        direction: Direction,
        /// What the other end's level above says of itself.
        hello: Bytes,
    },
    /// A lane that was up carries no more frames. Outbound lanes are dialled again, at first at once.
    LaneLost {
        /// The other end.
        peer: PeerIdentity,
        /// What the lane was for.
        class: Class,
        /// Which way.
        direction: Direction,
        /// Why.
        end: LaneEnd,
        /// Frames that never left this node. Of those accepted before and not among these nobody knows
        /// whether they arrived. Empty for inbound lanes.
        unsent: Vec<Frame>,
    },
    /// An outbound lane did not come up. It is tried again, after longer and longer pauses, and until
    /// then refuses frames; after [`HandshakeError::NotAPeer`] they wait, for the other end is only behind with its list.
    DialFailed {
        /// Who should have answered.
        peer: PeerIdentity,
        /// What the lane is for.
        class: Class,
        /// Why. [`HandshakeError::Refused`] after [`LaneEnd::Reset`] hints at a crash.
        error: HandshakeError,
        /// Frames that waited for the lane and do not any more.
        unsent: Vec<Frame>,
    },
    /// Somebody dialled this node and was refused. Strangers cause it as often as they like: count it,
    /// and log it at a bounded rate.
    CallerRefused {
        /// From where; none on the in-memory network.
        address: Option<SocketAddr>,
        /// Why.
        error: HandshakeError,
    },
}

/// Why a lane that was up ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaneEnd {
    /// The other end said goodbye.
    #[error("the other end closed it in good order")]
    Closed,
    /// The connection ended without a goodbye: the other process, its machine or the way there is gone,
    /// or somebody cut it off.
    #[error("the connection broke")]
    Reset(#[source] Option<io::Error>),
    /// The connection stands and nothing was heard for [`SILENCE_MAX`](crate::bounds::SILENCE_MAX).
    #[error("the other end was not heard any more")]
    Silent,
    /// What arrived was altered on the way, or replayed.
    #[error("what arrived was altered on the way")]
    Altered,
    /// What arrived is no frame of this lane.
    #[error("what arrived is no frame of this lane")]
    Malformed(#[source] FrameError),
    /// The other end dialled again, so this one is old.
    #[error("the other end made another one in its place")]
    Replaced,
    /// This node ended it: the peer is none any more, or the transport closes.
    #[error("this node ended it")]
    Removed,
}

impl From<ReadError> for LaneEnd {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Ended(source) => LaneEnd::Reset(source),
            // Lanes have no messages, so no message is too long.
            ReadError::Altered | ReadError::TooLong => LaneEnd::Altered,
        }
    }
}

impl From<FrameError> for LaneEnd {
    fn from(error: FrameError) -> Self {
        LaneEnd::Malformed(error)
    }
}
