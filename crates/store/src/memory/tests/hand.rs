//! Tasks and a clock that a test drives by hand.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use tenure_types::{BoxFuture, Clock, Instant, Tasks};

/// Polls every task in turn; time moves to the next sleeper's wish when nothing else happens.
#[derive(Clone, Default)]
pub(crate) struct Hand {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    now: Instant,
    tasks: VecDeque<BoxFuture<'static, ()>>,
    wishes: Vec<Instant>,
    spawned: Vec<&'static str>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Hand {
    /// Runs `future` and every task until it completes.
    ///
    /// # Panics
    /// If nothing can make it complete any more.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        // Far more rounds than anything here needs.
        for _ in 0..100_000 {
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(Arc::clone(&woken));
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return value;
            }
            let has_ended = self.poll_with(&waker);
            if !has_ended && !woken.0.load(Ordering::Relaxed) {
                self.advance();
            }
        }
        panic!("the future waits for something that never happens");
    }

    /// Whether `future` is still pending after everything that can happen without it did.
    pub(super) fn is_stuck<T>(&self, future: impl Future<Output = T>) -> bool {
        let mut future = pin!(future);
        (0..1_000).all(|_| {
            self.poll_tasks();
            self.advance();
            future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
        })
    }

    /// Polls every task once.
    pub(super) fn poll_tasks(&self) {
        self.poll_with(Waker::noop());
    }

    /// Polls every task once and says whether one of them ended or was begun.
    fn poll_with(&self, waker: &Waker) -> bool {
        let tasks = std::mem::take(&mut self.state.lock().tasks);
        let before = tasks.len();
        let mut pending = VecDeque::new();
        for mut task in tasks {
            if task.as_mut().poll(&mut Context::from_waker(waker)).is_pending() {
                pending.push_back(task);
            }
        }
        let mut state = self.state.lock();
        let has_begun = !state.tasks.is_empty();
        let has_ended = pending.len() < before;
        pending.append(&mut state.tasks);
        state.tasks = pending;
        has_begun || has_ended
    }

    /// Drops every task: the node is gone.
    pub(super) fn kill(&self) {
        let tasks = std::mem::take(&mut self.state.lock().tasks);
        drop(tasks);
    }

    pub(super) fn spawned(&self) -> Vec<&'static str> {
        self.state.lock().spawned.clone()
    }

    fn advance(&self) {
        let mut state = self.state.lock();
        let now = state.now;
        state.wishes.retain(|wish| *wish > now);
        if let Some(next) = state.wishes.iter().min().copied() {
            state.now = next;
        }
    }
}

impl Clock for Hand {
    fn now(&self) -> Instant {
        self.state.lock().now
    }

    fn coarse(&self) -> Instant {
        self.now()
    }

    fn unix_ms(&self) -> u64 {
        self.now().as_millis()
    }
}

impl Tasks for Hand {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        let mut state = self.state.lock();
        state.spawned.push(name);
        state.tasks.push_back(task);
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        let hand = self.clone();
        self.state.lock().wishes.push(at);
        Box::pin(poll_fn(move |_| if hand.now() >= at { Poll::Ready(()) } else { Poll::Pending }))
    }

    fn is_worker(&self) -> bool {
        true
    }

    fn poll_share(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
