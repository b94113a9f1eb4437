use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use tenure_types::{BoxFuture, Clock, Instant, Tasks};

use crate::clock::SimClock;
use crate::options::Options;
use crate::timers::TimerPlace;
use crate::world::World;

/// The tasks of one simulated node, or of who calls it. They live and die together.
pub struct SimTasks {
    world: Arc<World>,
    clock: Arc<SimClock>,
    group: u32,
    is_worker: AtomicBool,
    yield_one_in: AtomicU64,
}

impl SimTasks {
    /// A new group of tasks whose time is told by `clock`.
    pub(crate) fn begin(world: &Arc<World>, clock: Arc<SimClock>, options: &Options) -> Self {
        let group = world.begin_group(Arc::clone(&clock));
        let Options { is_worker, yield_one_in, .. } = *options;
        Self {
            world: Arc::clone(world),
            clock,
            group,
            is_worker: AtomicBool::new(is_worker),
            yield_one_in: AtomicU64::new(yield_one_in),
        }
    }

    /// Sets what [`Tasks::is_worker`] says.
    pub fn set_worker(&self, is_worker: bool) {
        self.is_worker.store(is_worker, Ordering::Relaxed);
    }

    /// Makes [`Tasks::poll_share`] be pending once in so many times; zero: never.
    pub fn set_yield_one_in(&self, n: u64) {
        self.yield_one_in.store(n, Ordering::Relaxed);
    }

    /// How many of these tasks live that have this name.
    #[must_use]
    pub fn live_of(&self, name: &str) -> usize {
        self.world.live_of(self.group, name)
    }

    /// The number of the group in traces.
    #[must_use]
    pub fn group(&self) -> u32 {
        self.group
    }

    /// Whether they were killed.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.world.is_dead(self.group)
    }

    /// Whether none of them is polled now.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.world.is_paused(self.group)
    }

    /// The clock that tells their time.
    #[must_use]
    pub fn clock(&self) -> Arc<SimClock> {
        Arc::clone(&self.clock)
    }

    /// Drops every task, as a crash does; none can be started any more.
    pub fn kill(&self) {
        self.world.kill(self.group);
    }
}

impl Tasks for SimTasks {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        self.world.spawn(self.group, name, task);
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        let (world, clock) = (Arc::clone(&self.world), Arc::clone(&self.clock));
        Box::pin(Sleep { world, clock, group: self.group, at, timer: None })
    }

    fn is_worker(&self) -> bool {
        self.is_worker.load(Ordering::Relaxed)
    }

    fn poll_share(&self, cx: &mut Context<'_>) -> Poll<()> {
        let n = self.yield_one_in.load(Ordering::Relaxed);
        if self.world.draw(|dice| dice.one_in(n)) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

/// A wish to be woken, forgotten when it is dropped.
struct Sleep {
    world: Arc<World>,
    clock: Arc<SimClock>,
    group: u32,
    at: Instant,
    timer: Option<TimerPlace>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.forget();
        if self.clock.now() >= self.at {
            return Poll::Ready(());
        }
        self.timer = Some(self.world.set_timer(self.group, self.at, cx.waker().clone()));
        Poll::Pending
    }
}

impl Sleep {
    fn forget(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.world.forget_timer(self.group, timer);
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.forget();
    }
}
