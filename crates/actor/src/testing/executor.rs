use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_types::{BoxFuture, Clock, Instant, Tasks};

use crate::host::TimerKey;

/// How many polls one wait of a test may take; more means that its actors never come to rest.
const POLLS_MAX: u32 = 1_000_000;

/// The clock's first reading: not zero, so that a test can look back.
const START: Instant = Instant::from_nanos(3_600_000_000_000);
/// Unix time at [`START`].
const START_UNIX_MS: u64 = 1_750_000_000_000;

/// Runs futures on the thread of the test, with a clock that only it moves.
pub(super) struct Executor {
    this: Weak<Executor>,
    now: AtomicU64,
    timers: Mutex<Timers>,
    tasks: Mutex<Vec<Arc<Task>>>,
    /// How many calls of [`Executor::drive`] and [`Executor::run_ready`] are under way.
    drivers: AtomicUsize,
}

#[derive(Default)]
struct Timers {
    armed: Vec<(Instant, TimerKey, Waker)>,
    count: u32,
}

struct Task {
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    woken: AtomicBool,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
    }
}

impl Task {
    /// Polls the task if it was woken; tells whether it has ended.
    fn poll(self: &Arc<Self>) -> bool {
        self.woken.store(false, Ordering::Relaxed);
        let Some(mut future) = self.future.lock().take() else {
            return false;
        };
        let waker = Waker::from(Arc::clone(self));
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            return true;
        }
        *self.future.lock() = Some(future);
        false
    }
}

impl Executor {
    pub(super) fn new() -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            now: AtomicU64::new(START.as_nanos()),
            timers: Mutex::default(),
            tasks: Mutex::default(),
            drivers: AtomicUsize::new(0),
        })
    }

    /// Runs `future` to its end, then what was sent meanwhile.
    pub(super) fn drive<T>(&self, future: impl Future<Output = T>) -> T {
        let _driver = Driver::new(&self.drivers);
        let root = Arc::new(Task { future: Mutex::new(None), woken: AtomicBool::new(true) });
        let waker = Waker::from(Arc::clone(&root));
        let mut future = pin!(future);
        for _ in 0..POLLS_MAX {
            if root.woken.swap(false, Ordering::Relaxed) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    self.run_ready();
                    return output;
                }
            } else if !self.poll_tasks() {
                self.jump();
            }
        }
        panic!("the actors of this test never come to rest");
    }

    /// Polls tasks until none can go on.
    pub(super) fn run_ready(&self) {
        let _driver = Driver::new(&self.drivers);
        for _ in 0..POLLS_MAX {
            if !self.poll_tasks() {
                return;
            }
        }
        panic!("the actors of this test never come to rest");
    }

    /// Lets time pass until `done`.
    pub(super) fn run_until(&self, done: impl Fn() -> bool) {
        let _driver = Driver::new(&self.drivers);
        for _ in 0..POLLS_MAX {
            if done() {
                return;
            }
            if !self.poll_tasks() {
                self.jump();
            }
        }
        panic!("the actors of this test never come to rest");
    }

    /// Polls `task` at once and keeps it if it has to wait; tells whether it has ended.
    ///
    /// A task that has to wait when nobody drives is dropped: nobody would ever poll it again.
    pub(super) fn begin(&self, task: BoxFuture<'static, ()>) -> Begun {
        let task = Arc::new(Task { future: Mutex::new(Some(task)), woken: AtomicBool::new(false) });
        if task.poll() {
            return Begun::Ended;
        }
        if self.drivers.load(Ordering::Relaxed) == 0 {
            return Begun::Abandoned;
        }
        self.tasks.lock().push(task);
        Begun::Waits
    }

    /// The reading `budget` from now.
    pub(super) fn now_in(&self, budget: Duration) -> Instant {
        self.now() + budget
    }

    /// Lets the time pass, from each moment at which something happens to the next.
    pub(super) fn advance(&self, duration: Duration) {
        let end = self.now() + duration;
        for _ in 0..POLLS_MAX {
            self.run_ready();
            match self.next_moment().filter(|at| *at <= end) {
                Some(at) => self.wake_until(at.max(self.now())),
                None => return self.wake_until(end),
            }
        }
        panic!("the actors of this test never come to rest");
    }

    /// The reading at which the wall clock will show this Unix time.
    pub(super) fn at_unix_ms(&self, unix_ms: u64) -> Instant {
        START + Duration::from_millis(unix_ms.saturating_sub(START_UNIX_MS))
    }

    pub(super) fn wake_at(&self, at: Instant, waker: Waker) -> TimerKey {
        let mut timers = self.timers.lock();
        timers.count += 1;
        let key = TimerKey { index: timers.count, generation: 0 };
        timers.armed.push((at, key, waker));
        key
    }

    pub(super) fn forget(&self, timer: TimerKey) {
        self.timers.lock().armed.retain(|(_, key, _)| *key != timer);
    }

    /// Polls each task that was woken once; tells whether there was one.
    fn poll_tasks(&self) -> bool {
        let woken: Vec<_> = {
            let tasks = self.tasks.lock();
            let woken = tasks.iter().filter(|task| task.woken.load(Ordering::Relaxed));
            woken.cloned().collect()
        };
        for task in &woken {
            if task.poll() {
                self.tasks.lock().retain(|other| !Arc::ptr_eq(other, task));
            }
        }
        !woken.is_empty()
    }

    /// Lets the time pass until something happens.
    fn jump(&self) {
        let Some(at) = self.next_moment() else {
            panic!(
                "the test waits for something that nothing in its world can bring about; time \
                 passes in `cx.sleep`, not in a timer of another runtime"
            )
        };
        self.wake_until(at.max(self.now()));
    }

    /// When the next one of those who wait for the clock is to be woken.
    fn next_moment(&self) -> Option<Instant> {
        let next = self.timers.lock().armed.iter().map(|(at, _, _)| *at).min();
        next.filter(|at| *at < Instant::NEVER)
    }

    fn wake_until(&self, now: Instant) {
        self.now.store(now.as_nanos(), Ordering::Relaxed);
        let due = {
            let armed = &mut self.timers.lock().armed;
            let (mut due, later): (Vec<_>, _) =
                std::mem::take(armed).into_iter().partition(|(at, _, _)| *at <= now);
            *armed = later;
            due.sort_by_key(|(at, key, _)| (*at, key.index));
            due
        };
        for (_, _, waker) in due {
            waker.wake();
        }
    }
}

/// What became of a task at its first poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    Ended,
    Waits,
    Abandoned,
}

struct Driver<'a>(&'a AtomicUsize);

impl<'a> Driver<'a> {
    fn new(drivers: &'a AtomicUsize) -> Self {
        drivers.fetch_add(1, Ordering::Relaxed);
        Self(drivers)
    }
}

impl Drop for Driver<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Clock for Executor {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.now.load(Ordering::Relaxed))
    }

    fn coarse(&self) -> Instant {
        self.now()
    }

    fn unix_ms(&self) -> u64 {
        START_UNIX_MS + (self.now().as_millis() - START.as_millis())
    }
}

impl Tasks for Executor {
    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) {
        self.tasks
            .lock()
            .push(Arc::new(Task { future: Mutex::new(Some(task)), woken: AtomicBool::new(true) }));
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        Box::pin(Sleep { executor: Weak::clone(&self.this), at, timer: None })
    }

    fn is_worker(&self) -> bool {
        true
    }

    fn poll_share(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

struct Sleep {
    executor: Weak<Executor>,
    at: Instant,
    timer: Option<TimerKey>,
}

impl Sleep {
    fn disarm(&mut self) {
        if let Some(timer) = self.timer.take()
            && let Some(executor) = self.executor.upgrade()
        {
            executor.forget(timer);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.disarm();
        match self.executor.upgrade() {
            Some(executor) if executor.now() < self.at => {
                self.timer = Some(executor.wake_at(self.at, cx.waker().clone()));
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}
