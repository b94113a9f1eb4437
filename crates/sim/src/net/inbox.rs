use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tenure_types::Instant;

use super::message::Heard;
use crate::tasks::SimTasks;

/// What the kernel keeps for one process until it is read.
pub(crate) struct Inbox<M> {
    pub(crate) tasks: Arc<SimTasks>,
    queue: Mutex<Queue<M>>,
    /// When the kernel takes the last message that its process decided to send.
    last_send: Mutex<Instant>,
}

struct Queue<M> {
    heard: VecDeque<(Heard<M>, u32)>,
    bytes: u64,
    reader: Option<Waker>,
}

impl<M> Inbox<M> {
    pub(crate) fn new(tasks: Arc<SimTasks>) -> Arc<Self> {
        let queue = Queue { heard: VecDeque::new(), bytes: 0, reader: None };
        Arc::new(Self { tasks, queue: Mutex::new(queue), last_send: Mutex::default() })
    }

    pub(crate) fn group(&self) -> u32 {
        self.tasks.group()
    }

    /// The time of the next send that wants to be at `at`: never before the one before it.
    pub(crate) fn order_send(&self, at: Instant) -> Instant {
        let mut last = self.last_send.lock();
        *last = at.max(*last);
        *last
    }

    pub(crate) fn has_room(&self, bytes: u32, bytes_max: u64) -> bool {
        let queue = self.queue.lock();
        queue.heard.is_empty() || queue.bytes + u64::from(bytes) <= bytes_max
    }

    /// Keeps what was heard; gives who waits for it.
    pub(crate) fn push(&self, heard: Heard<M>, bytes: u32) -> Option<Waker> {
        let mut queue = self.queue.lock();
        queue.heard.push_back((heard, bytes));
        queue.bytes += u64::from(bytes);
        queue.reader.take()
    }

    pub(crate) fn pop(&self) -> Option<Heard<M>> {
        let mut queue = self.queue.lock();
        let (heard, bytes) = queue.heard.pop_front()?;
        queue.bytes -= u64::from(bytes);
        Some(heard)
    }

    pub(crate) fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<Heard<M>> {
        match self.pop() {
            Some(heard) => Poll::Ready(heard),
            None => {
                self.queue.lock().reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.lock().heard.len()
    }
}
