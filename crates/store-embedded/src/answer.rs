//! One answer from a thread of the engine to a future of the caller.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// Makes the two ends of one answer.
pub(crate) fn channel<T>() -> (Answerer<T>, Answer<T>) {
    let slot = Arc::new(Mutex::new(Slot::Empty(None)));
    (Answerer { slot: Arc::clone(&slot) }, Answer { slot })
}

enum Slot<T> {
    Empty(Option<Waker>),
    Full(T),
    /// The answerer went away, or the answer was taken.
    Gone,
}

/// The end that answers.
pub(crate) struct Answerer<T> {
    slot: Arc<Mutex<Slot<T>>>,
}

impl<T> Answerer<T> {
    pub(crate) fn answer(self, value: T) {
        self.settle(Slot::Full(value));
    }

    /// Answers what `work` gives, unless nobody waits any more.
    pub(crate) fn answer_with(self, work: impl FnOnce() -> T) {
        if Arc::strong_count(&self.slot) > 1 {
            self.answer(work());
        }
    }

    fn settle(&self, settled: Slot<T>) {
        let mut slot = self.slot.lock();
        if let Slot::Empty(waker) = &mut *slot {
            let waker = waker.take();
            *slot = settled;
            drop(slot);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<T> Drop for Answerer<T> {
    fn drop(&mut self) {
        self.settle(Slot::Gone);
    }
}

/// The end that waits. `None` means that the answering thread went away.
pub(crate) struct Answer<T> {
    slot: Arc<Mutex<Slot<T>>>,
}

impl<T> Future for Answer<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = self.slot.lock();
        if let Slot::Empty(waker) = &mut *slot {
            match waker {
                Some(waker) => waker.clone_from(cx.waker()),
                None => *waker = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        match std::mem::replace(&mut *slot, Slot::Gone) {
            Slot::Full(value) => Poll::Ready(Some(value)),
            Slot::Empty(_) | Slot::Gone => Poll::Ready(None),
        }
    }
}
