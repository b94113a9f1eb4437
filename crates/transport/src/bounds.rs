//! Every bound of the transport, by name. Both ends of a lane know the bounds of frames and windows, so
//! they are the same on every node of one protocol version.

use std::time::Duration;

use crate::frame::{Class, HEADER_BYTES};

/// The most bytes of a body on a control lane.
pub const CONTROL_FRAME_BYTES_MAX: usize = 1 << 20;
/// The most bytes of a body on a call lane.
pub const CALL_FRAME_BYTES_MAX: usize = 8 << 20;
/// The most bytes of a body on a bulk lane.
pub const BULK_FRAME_BYTES_MAX: usize = 16 << 20;

/// The most frames that wait on a node for one control lane.
pub const CONTROL_QUEUE_FRAMES_MAX: usize = 1_024;
/// The most frames that wait on a node for one call lane.
pub const CALL_QUEUE_FRAMES_MAX: usize = 16_384;
/// The most frames that wait on a node for one bulk lane.
pub const BULK_QUEUE_FRAMES_MAX: usize = 1_024;

/// The most bytes, headers included, that wait on a node for one control lane.
pub const CONTROL_QUEUE_BYTES_MAX: usize = 4 << 20;
/// The most bytes, headers included, that wait on a node for one call lane.
pub const CALL_QUEUE_BYTES_MAX: usize = 16 << 20;
/// The most bytes, headers included, that wait on a node for one bulk lane.
pub const BULK_QUEUE_BYTES_MAX: usize = 32 << 20;

/// The most bytes that a receiver holds unconsumed of one control lane before it stops to read it.
/// A control lane has no credit.
pub const CONTROL_HELD_BYTES_MAX: usize = 4 << 20;
/// The credit of a call lane: the most bytes that were sent and are not consumed yet.
pub const CALL_WINDOW_BYTES: usize = 16 << 20;
/// The credit of a bulk lane: the most bytes that were sent and are not consumed yet.
pub const BULK_WINDOW_BYTES: usize = 32 << 20;
/// A receiver gives credit back once this part of the window is consumed.
pub(crate) const GRANT_PARTS: usize = 8;

/// The most bytes that a sender puts into one write, unless one frame is larger.
pub(crate) const BATCH_BYTES_MAX: usize = 256 << 10;
/// The most plain bytes of one sealed record.
pub(crate) const RECORD_BYTES_MAX: usize = 64 << 10;
/// How many records are sealed with one key before the next one is derived from it: at 64 KiB each well
/// below what AES-GCM allows (RFC 8446, section 5.5, has 2^24.5 of 16 KiB).
pub(crate) const RECORDS_PER_KEY: u64 = 1 << 20;
/// The most bytes that one read asks for, unless one frame needs more.
pub(crate) const READ_BYTES_MAX: usize = 256 << 10;
/// What the first read of a lane, and the first after a pause, asks for.
pub(crate) const READ_BYTES_MIN: usize = 4 << 10;
/// Bodies up to this size are copied: into the buffer that is written with others, and out of the
/// buffer they arrived in, so that one that is kept does not keep the whole buffer alive.
pub(crate) const COPIED_BYTES_MAX: usize = 4 << 10;
/// A larger body is copied as well when the buffer it arrived in is more than so many times its size: whoever
/// keeps what it holds credit for keeps no more than that alive.
pub(crate) const KEPT_TIMES_MAX: usize = 4;
/// The most bytes of a frame that the receiving end of a lane sends: a grant.
pub(crate) const ANSWER_BYTES_MAX: usize = 8;

/// The most peers of a node.
pub const PEERS_MAX: usize = 2_048;
/// The most bytes of a peer's address.
pub const ADDRESS_BYTES_MAX: usize = 512;
/// The most bytes of a hello.
pub const HELLO_BYTES_MAX: usize = 64 << 10;
/// The most bytes of a handshake's message: a hello and the names around it.
pub(crate) const HANDSHAKE_BYTES_MAX: usize = HELLO_BYTES_MAX + 1_024;
/// The most connections that are not authenticated yet: past it the oldest one of the address with the most of
/// them ends.
pub const STRANGERS_MAX: usize = 512;
/// The most connections from one address that are not authenticated yet: past it the oldest one of them ends.
pub const STRANGERS_PER_ADDRESS_MAX: usize = 64;
/// The most connections that the in-memory network holds for a node until it accepts them.
pub(crate) const MEMORY_BACKLOG_MAX: usize = 128;
/// The bytes in flight in each direction of an in-memory connection.
pub(crate) const MEMORY_PIPE_BYTES: usize = 64 << 10;

/// How long connecting may take.
pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(3);
/// How long a handshake may take, on either end.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// How long a refusal waits for the other end to have read it.
pub(crate) const REFUSAL_MAX: Duration = Duration::from_secs(1);
/// The most bytes that are still read of who was refused, to throw them away.
pub(crate) const REFUSED_BYTES_MAX: usize = 64 << 10;
/// The most bytes that the end that closes a lane still reads, to throw them away.
pub(crate) const PARTING_BYTES_MAX: usize = 64 << 20;
/// How often the sending end of a lane asks whether the other end is there.
pub const PING_EVERY: Duration = Duration::from_secs(3);
/// A lane ends when the other end was not heard for so long.
pub const SILENCE_MAX: Duration = Duration::from_secs(9);
/// The shortest pause before a lane is dialled again.
pub const REDIAL_MIN: Duration = Duration::from_millis(20);
/// The longest pause before a lane is dialled again.
pub const REDIAL_MAX: Duration = Duration::from_secs(2);
/// A lane that was up for so long is dialled again without a pause.
pub(crate) const STEADY_AFTER: Duration = Duration::from_secs(1);
/// How long closing a transport waits for what is queued to leave.
pub const CLOSE_MAX: Duration = Duration::from_secs(5);

impl Class {
    /// The most bytes of a body on a lane of this class.
    #[must_use]
    pub const fn frame_bytes_max(self) -> usize {
        match self {
            Class::Control => CONTROL_FRAME_BYTES_MAX,
            Class::Call => CALL_FRAME_BYTES_MAX,
            Class::Bulk => BULK_FRAME_BYTES_MAX,
        }
    }

    /// The most frames that wait for a lane of this class.
    #[must_use]
    pub const fn queue_frames_max(self) -> usize {
        match self {
            Class::Control => CONTROL_QUEUE_FRAMES_MAX,
            Class::Call => CALL_QUEUE_FRAMES_MAX,
            Class::Bulk => BULK_QUEUE_FRAMES_MAX,
        }
    }

    /// The most bytes, headers included, that wait for a lane of this class.
    #[must_use]
    pub const fn queue_bytes_max(self) -> usize {
        match self {
            Class::Control => CONTROL_QUEUE_BYTES_MAX,
            Class::Call => CALL_QUEUE_BYTES_MAX,
            Class::Bulk => BULK_QUEUE_BYTES_MAX,
        }
    }

    /// The most bytes, headers included, that a receiver holds of a lane of this class.
    #[must_use]
    pub const fn window_bytes(self) -> usize {
        match self {
            Class::Control => CONTROL_HELD_BYTES_MAX,
            Class::Call => CALL_WINDOW_BYTES,
            Class::Bulk => BULK_WINDOW_BYTES,
        }
    }

    /// Whether a sender needs credit on lanes of this class.
    #[must_use]
    pub const fn has_credit(self) -> bool {
        !matches!(self, Class::Control)
    }
}

// A frame of the largest size fits into a queue, and into the window although the last parts of what
// was consumed were not given back yet: twice a part at most.
const _: () = {
    let mut index = 0;
    while index < Class::ALL.len() {
        let class = Class::ALL[index];
        let frame = class.frame_bytes_max() + HEADER_BYTES;
        assert!(frame <= class.queue_bytes_max());
        let window = class.window_bytes();
        assert!(frame <= window - 2 * (window / GRANT_PARTS));
        index += 1;
    }
};
