//! For tests: a host whose clock stands still until a test moves it, and futures that are driven by hand.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_actor::host::{Host, HostHandle, PendingCall, QueuedCall, Started, TimerKey};
use tenure_actor::{CallId, Target};
use tenure_types::{BoxFuture, CallError, Clock, Instant, Tasks};

/// How often a future is polled before it counts as one that never rests.
const POLLS_MAX: u32 = 100_000;

/// A clock, its timers, and numbers that are the same in every run. There are no actors.
pub(crate) struct Still {
    me: std::sync::Weak<Self>,
    now: Mutex<Instant>,
    timers: Mutex<Vec<(Instant, Waker)>>,
    drawn: AtomicU64,
}

impl Still {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            now: Mutex::new(Instant::ZERO + Duration::from_secs(3_600)),
            timers: Mutex::default(),
            drawn: AtomicU64::new(0),
        })
    }

    pub(crate) fn host(self: &Arc<Self>) -> HostHandle {
        HostHandle::new(Arc::clone(self) as Arc<dyn Host>)
    }

    /// Moves the clock, and wakes whoever waited for it.
    pub(crate) fn advance(&self, by: Duration) {
        let now = {
            let mut now = self.now.lock();
            *now = *now + by;
            *now
        };
        let (due, later) = std::mem::take(&mut *self.timers.lock())
            .into_iter()
            .partition::<Vec<_>, _>(|(at, _)| *at <= now);
        self.timers.lock().extend(later);
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

impl Host for Still {
    fn start(&self, _: &Target, _: &mut dyn PendingCall) -> Started {
        unreachable!("nobody is called")
    }

    fn start_at(&self, _: Instant, _: Target, _: Arc<dyn QueuedCall>) -> Result<(), CallError> {
        unreachable!("nobody is called")
    }

    fn clock(&self) -> &dyn Clock {
        self
    }

    fn tasks(&self) -> &dyn Tasks {
        self
    }

    fn call_id(&self) -> CallId {
        // A Weyl sequence: spread over all numbers.
        CallId(self.drawn.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed))
    }

    fn deadline_default(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn wake_at(&self, at: Instant, waker: Waker) -> TimerKey {
        self.timers.lock().push((at, waker));
        TimerKey { index: 0, generation: 0 }
    }

    fn forget(&self, _: TimerKey) {}
}

impl Clock for Still {
    fn now(&self) -> Instant {
        *self.now.lock()
    }

    fn coarse(&self) -> Instant {
        self.now()
    }

    fn unix_ms(&self) -> u64 {
        0
    }
}

impl Tasks for Still {
    fn spawn(&self, name: &'static str, _: BoxFuture<'static, ()>) {
        unreachable!("no task is begun, {name} neither")
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        let still = self.me.upgrade();
        Box::pin(std::future::poll_fn(move |cx| {
            let Some(still) = &still else { return Poll::Ready(()) };
            if still.now() >= at {
                return Poll::Ready(());
            }
            still.timers.lock().push((at, cx.waker().clone()));
            Poll::Pending
        }))
    }

    fn is_worker(&self) -> bool {
        true
    }

    fn poll_share(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// Whether a future was woken.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// A future that is polled when it was woken, and only then.
pub(crate) struct Driven<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    woken: Arc<Woken>,
    ended: bool,
}

impl<'a, T> Driven<'a, T> {
    pub(crate) fn new(future: impl Future<Output = T> + 'a) -> Self {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        Self { future: Box::pin(future), woken, ended: false }
    }

    /// Polls it until it rests; gives what it ended with, once.
    pub(crate) fn run(&mut self) -> Option<T> {
        let waker = Waker::from(Arc::clone(&self.woken));
        for _ in 0..POLLS_MAX {
            if self.ended || !self.woken.0.swap(false, Ordering::AcqRel) {
                return None;
            }
            if let Poll::Ready(output) = self.future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                self.ended = true;
                return Some(output);
            }
        }
        panic!("it never rests");
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Runs another future beside this one, to the other's end.
    ///
    /// # Panics
    /// When both rest before.
    #[track_caller]
    pub(crate) fn beside<Output>(&mut self, other: impl Future<Output = Output>) -> Output {
        let mut other = Driven::new(other);
        loop {
            self.run();
            if let Some(output) = other.run() {
                self.run();
                return output;
            }
            let rests = |woken: &Woken| !woken.0.load(Ordering::Acquire);
            assert!(
                !(rests(&self.woken) || self.ended) || !rests(&other.woken),
                "both wait for ever"
            );
        }
    }
}
