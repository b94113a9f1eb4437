use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};
use tenure_store::{
    Due, Encoded, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, StoreError, Stored, StoredHead,
};
use tenure_types::{ActorId, FeedName, Key};

use crate::answer::Answerer;
use crate::feeds::TrimPlan;

/// The most loads that may wait for a thread.
const QUEUE_LOADS_MAX: usize = 4_096;

/// Answers what was read.
pub(crate) type Reader<T> = Answerer<Result<T, StoreError>>;

/// A page of a feed, or why there is none.
pub(crate) type Page = Result<FeedPage, FeedError>;

/// One load that waits, of an actor or of what else is read.
pub(crate) enum Request {
    Actor { actor: ActorId, answer: Reader<Option<Stored>> },
    Events { actor: ActorId, after: u64, limit: usize, answer: Reader<Vec<(u64, Encoded)>> },
    Due { until_ms: u64, after: Option<Due>, limit: usize, answer: Reader<Vec<Due>> },
    Types { answer: Reader<Vec<Box<str>>> },
    Heads { type_name: Box<str>, after: Option<Key>, limit: usize, answer: Reader<Vec<StoredHead>> },
    Feed { feed: FeedName, from: FeedFrom, limit: usize, answer: Reader<Page> },
    Feeds { answer: Reader<Vec<FeedInfo>> },
    FeedEnds { feeds: Vec<FeedName>, answer: Reader<Vec<u64>> },
    PlanTrim { feed: FeedName, keep: FeedKeep, answer: Reader<Option<TrimPlan>> },
}

/// Loads on their way to the pool.
pub(crate) struct LoadQueue {
    state: Mutex<State>,
    more: Condvar,
}

struct State {
    waiting: VecDeque<Request>,
    idle_threads: usize,
    is_closed: bool,
}

impl LoadQueue {
    pub(crate) fn new() -> Self {
        let state = State { waiting: VecDeque::new(), idle_threads: 0, is_closed: false };
        Self { state: Mutex::new(state), more: Condvar::new() }
    }

    /// Queues a load, or gives it back when there is no room or the queue is closed.
    pub(crate) fn push(&self, request: Request) -> Result<(), Request> {
        let mut state = self.state.lock();
        if state.is_closed || state.waiting.len() >= QUEUE_LOADS_MAX {
            return Err(request);
        }
        state.waiting.push_back(request);
        let wakes = state.idle_threads > 0;
        drop(state);
        if wakes {
            self.more.notify_one();
        }
        Ok(())
    }

    /// Waits for loads and takes up to `max` of them. `false` when the queue is closed and empty.
    pub(crate) fn take(&self, into: &mut Vec<Request>, max: usize) -> bool {
        let mut state = self.state.lock();
        while state.waiting.is_empty() {
            if state.is_closed {
                return false;
            }
            state.idle_threads += 1;
            self.more.wait(&mut state);
            state.idle_threads -= 1;
        }
        let take = state.waiting.len().min(max);
        into.extend(state.waiting.drain(..take));
        true
    }

    /// Takes no more loads; those that wait are still handed out.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.more.notify_all();
    }
}
