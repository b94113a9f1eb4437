use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use tenure_types::{BoxFuture, Clock, Instant, Tasks};

use crate::world::World;

/// The tasks of one simulated node, or of who calls it. They live and die together.
pub struct SimTasks {
    world: Arc<World>,
    group: u32,
    is_worker: AtomicBool,
    yield_one_in: AtomicU64,
}

impl SimTasks {
    pub(crate) fn new(world: Arc<World>, group: u32, is_worker: bool, yield_one_in: u64) -> Self {
        Self {
            world,
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

    /// Drops every task, as a crash does; none can be started any more.
    pub(crate) fn kill(&self) {
        self.world.kill(self.group);
    }
}

impl Tasks for SimTasks {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        self.world.spawn(self.group, name, task);
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        Box::pin(Sleep { world: Arc::clone(&self.world), at, timer: None })
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
    at: Instant,
    timer: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.forget();
        if self.world.clock.now() >= self.at {
            return Poll::Ready(());
        }
        self.timer = Some(self.world.set_timer(self.at, cx.waker().clone()));
        Poll::Pending
    }
}

impl Sleep {
    fn forget(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.world.forget_timer(self.at, timer);
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.forget();
    }
}
