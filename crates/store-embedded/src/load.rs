//! Reads rows on a small pool of threads, the bound on reads of the disk at a time.

mod direct;
mod queue;

pub(crate) use direct::DirectLoads;
pub(crate) use queue::{LoadQueue, Request};

use crate::serving::Serving;

/// The most requests a thread takes at a time. They share one waking of the thread.
const TAKE_MAX: usize = 32;

/// Serves loads until the queue is closed.
pub(crate) fn run(serving: &Serving) {
    let mut taken = Vec::with_capacity(TAKE_MAX);
    while serving.loads.take(&mut taken, TAKE_MAX) {
        for Request { actor, answer } in taken.drain(..) {
            if !answer.is_abandoned() {
                answer.answer(serving.read(&actor));
            }
        }
    }
}
