use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::frame::{Class, Frame};

/// Why a frame was not taken. It was not sent and will not be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// Nobody of that name and incarnation is among the peers, or not any more.
    #[error("it is no peer of this node; look at a newer list of members")]
    NotAPeer,
    /// The lane could not be made and is tried again; until then nothing waits for it.
    #[error("no lane leads there at present; try another way, or later")]
    Down,
    /// As much waits for the lane as may: the peer is slower than what is sent to it.
    #[error("too much waits for the lane; send less, or later")]
    Full,
    /// The body is larger than its class allows.
    #[error("a body of {len} bytes is larger than the {max} of its lane; send it in parts")]
    TooLarge {
        /// The body's length.
        len: usize,
        /// The bound of its class.
        max: usize,
    },
}

/// What waits for one outbound lane. Any thread puts in; the lane's task takes out.
#[derive(Debug)]
pub(crate) struct Queue {
    class: Class,
    inner: Mutex<Inner>,
    /// For the lane's task alone.
    woken: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    frames: VecDeque<Frame>,
    bytes: usize,
    phase: Phase,
    /// The lane's task waits for a first frame.
    is_parked: bool,
    /// The peer showed that it is there: dial at once.
    is_kicked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Phase {
    /// It is being made: frames wait.
    #[default]
    Making,
    /// Frames leave.
    Up,
    /// The last attempt failed: frames are refused.
    Down,
    /// For good. What waits still leaves when `drains`.
    Closed { drains: bool },
}

/// A vector of frames keeps no more room than this while it is empty.
const SPARE_FRAMES: usize = 256;

impl Queue {
    pub(crate) fn new(class: Class) -> Self {
        Self { class, inner: Mutex::default(), woken: Notify::new() }
    }

    /// Puts a frame at the end. Never waits.
    pub(crate) fn push(&self, frame: Frame) -> Result<(), SendError> {
        let (len, max) = (frame.body.len(), self.class.frame_bytes_max());
        if len > max {
            return Err(SendError::TooLarge { len, max });
        }
        let weight = frame.weight();
        let mut inner = self.inner.lock();
        match inner.phase {
            Phase::Making | Phase::Up => {}
            Phase::Down => return Err(SendError::Down),
            Phase::Closed { .. } => return Err(SendError::NotAPeer),
        }
        if inner.frames.len() >= self.class.queue_frames_max()
            || inner.bytes + weight > self.class.queue_bytes_max()
        {
            return Err(SendError::Full);
        }
        inner.bytes += weight;
        inner.frames.push_back(frame);
        let wakes = std::mem::take(&mut inner.is_parked);
        drop(inner);
        if wakes {
            self.woken.notify_one();
        }
        Ok(())
    }

    /// Moves frames from the front into `taken`, which is empty, as long as they fit into `credit` and
    /// `room`; one alone may be larger than `room`. Returns their weight. When nothing waits, the next frame wakes
    /// the lane's task.
    pub(crate) fn take(&self, credit: usize, room: usize, taken: &mut VecDeque<Frame>) -> usize {
        let mut inner = self.inner.lock();
        if inner.frames.is_empty() {
            inner.is_parked = true;
            if inner.frames.capacity() > SPARE_FRAMES {
                inner.frames = VecDeque::new();
            }
            if taken.capacity() > SPARE_FRAMES {
                *taken = VecDeque::new();
            }
            return 0;
        }
        if inner.bytes <= credit.min(room) {
            std::mem::swap(&mut inner.frames, taken);
            return std::mem::take(&mut inner.bytes);
        }
        let mut weight = 0;
        while let Some(next) = inner.frames.front().map(Frame::weight) {
            let fits = weight + next <= room || weight == 0;
            if !fits || weight + next > credit {
                break;
            }
            weight += next;
            taken.extend(inner.frames.pop_front());
        }
        inner.bytes -= weight;
        weight
    }

    /// The lane is lost, and is made again: empties the queue.
    pub(crate) fn lose(&self) -> Vec<Frame> {
        self.empty(Phase::Making)
    }

    /// The lane could not be made: refuses frames from now on, and empties the queue.
    pub(crate) fn fail(&self) -> Vec<Frame> {
        self.empty(Phase::Down)
    }

    /// The lane is up: takes frames.
    pub(crate) fn open(&self) {
        let mut inner = self.inner.lock();
        if !matches!(inner.phase, Phase::Closed { .. }) {
            inner.phase = Phase::Up;
        }
    }

    fn empty(&self, phase: Phase) -> Vec<Frame> {
        let mut inner = self.inner.lock();
        if !matches!(inner.phase, Phase::Closed { .. }) {
            inner.phase = phase;
        }
        inner.bytes = 0;
        std::mem::take(&mut inner.frames).into()
    }

    /// Refuses frames for good. With `drains` what waits still leaves; a later call may take that back.
    pub(crate) fn close(&self, drains: bool) {
        self.inner.lock().phase = Phase::Closed { drains };
        self.woken.notify_one();
    }

    /// Whether the lane is to end now: it was closed, and nothing that should leave waits.
    pub(crate) fn is_over(&self) -> bool {
        let inner = self.inner.lock();
        match inner.phase {
            Phase::Closed { drains } => !drains || inner.frames.is_empty(),
            Phase::Making | Phase::Up | Phase::Down => false,
        }
    }

    /// Whether it was closed, and what waited was still to leave.
    pub(crate) fn drains(&self) -> bool {
        matches!(self.inner.lock().phase, Phase::Closed { drains: true })
    }

    /// Whether frames leave, how many wait, and their bytes with headers.
    pub(crate) fn waiting(&self) -> (bool, usize, usize) {
        let inner = self.inner.lock();
        (inner.phase == Phase::Up, inner.frames.len(), inner.bytes)
    }

    fn is_closed(&self) -> bool {
        matches!(self.inner.lock().phase, Phase::Closed { .. })
    }

    /// The peer is there: whoever pauses before the next attempt stops to.
    pub(crate) fn kick(&self) {
        self.inner.lock().is_kicked = true;
        self.woken.notify_one();
    }

    /// Completes after a push that found the lane's task parked, a close or a kick; sometimes without.
    /// For the lane's task alone.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn changed(&self) {
        self.woken.notified().await;
    }

    /// Completes when the lane is to end, as [`Queue::is_over`] has it.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn over(&self) {
        while !self.is_over() {
            self.changed().await;
        }
    }

    /// Completes when the queue was closed, or kicked since this was last asked.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn kicked(&self) {
        loop {
            let is_kicked = std::mem::take(&mut self.inner.lock().is_kicked);
            if is_kicked || self.is_closed() {
                return;
            }
            self.changed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::bounds::{CALL_FRAME_BYTES_MAX, CALL_QUEUE_BYTES_MAX, CALL_QUEUE_FRAMES_MAX};
    use crate::frame::HEADER_BYTES;

    fn frame(kind: u8, len: usize) -> Frame {
        Frame { class: Class::Call, kind, body: Bytes::from(vec![0; len]) }
    }

    fn taken(queue: &Queue, credit: usize, room: usize) -> (usize, Vec<u8>) {
        let mut taken = VecDeque::new();
        let weight = queue.take(credit, room, &mut taken);
        (weight, taken.iter().map(|frame| frame.kind).collect())
    }

    #[test]
    fn frames_are_bounded_by_count_and_by_bytes() {
        let queue = Queue::new(Class::Call);
        for _ in 0..CALL_QUEUE_FRAMES_MAX {
            queue.push(frame(0, 0)).unwrap();
        }
        assert_eq!(queue.push(frame(0, 0)), Err(SendError::Full));
        assert_eq!(queue.lose().len(), CALL_QUEUE_FRAMES_MAX);
        let half = CALL_QUEUE_BYTES_MAX / 2 - HEADER_BYTES;
        queue.push(frame(1, half)).unwrap();
        queue.push(frame(2, half)).unwrap();
        assert_eq!(queue.push(frame(3, 0)), Err(SendError::Full));
        assert_eq!(taken(&queue, usize::MAX, 1).1, [1]);
        queue.push(frame(3, 0)).expect("there is room again");
        let (len, max) = (CALL_FRAME_BYTES_MAX + 1, CALL_FRAME_BYTES_MAX);
        assert_eq!(queue.push(frame(0, len)), Err(SendError::TooLarge { len, max }));
    }

    #[test]
    fn frames_are_taken_in_order_within_credit_and_room() {
        let queue = Queue::new(Class::Call);
        let weight = HEADER_BYTES + 10;
        for kind in 1..=5 {
            queue.push(frame(kind, 10)).unwrap();
        }
        assert_eq!(taken(&queue, weight - 1, usize::MAX), (0, vec![]), "no credit");
        assert_eq!(taken(&queue, weight, usize::MAX), (weight, vec![1]));
        assert_eq!(taken(&queue, usize::MAX, 2 * weight), (2 * weight, vec![2, 3]));
        assert_eq!(taken(&queue, usize::MAX, 1), (weight, vec![4]), "one alone may be larger");
        assert_eq!(taken(&queue, usize::MAX, usize::MAX), (weight, vec![5]));
        assert_eq!(taken(&queue, usize::MAX, usize::MAX), (0, vec![]));
    }

    #[test]
    fn lanes_that_are_down_or_closed_refuse() {
        let queue = Queue::new(Class::Call);
        queue.push(frame(1, 1)).unwrap();
        assert_eq!(queue.fail().len(), 1, "what waited is given back");
        assert_eq!(queue.push(frame(1, 1)), Err(SendError::Down));
        queue.open();
        queue.push(frame(1, 1)).unwrap();
        queue.close(true);
        assert_eq!(queue.push(frame(1, 1)), Err(SendError::NotAPeer));
        assert!(!queue.is_over(), "what waits still leaves");
        queue.close(false);
        assert!(queue.is_over());
        assert_eq!(queue.lose().len(), 1);
        queue.open();
        assert_eq!(queue.push(frame(1, 1)), Err(SendError::NotAPeer), "closed is for good");
    }
}
