use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::Instant;

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where time comes from. Injected, so that a simulation can own it.
pub trait Clock: Send + Sync + 'static {
    /// The boot-time clock now; about 25 ns on Linux.
    fn now(&self) -> Instant;

    /// The boot-time clock with a resolution of a few milliseconds; cheap enough for every call.
    /// Never later than [`Clock::now`].
    fn coarse(&self) -> Instant;

    /// Unix time in milliseconds, for people and for `time` columns. Nothing is decided by it.
    fn unix_ms(&self) -> u64;
}

/// Where randomness comes from. Injected, so that a simulation can own it.
pub trait Entropy: Send + Sync + 'static {
    /// A uniformly distributed number.
    fn next_u64(&self) -> u64;
}

/// Where work that outlives its caller runs: the node's own runtime, or a simulator.
pub trait Tasks: Send + Sync + 'static {
    /// Runs `task` to its end. `name` says what it is in traces.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>);

    /// Completes when the boot-time clock reads `at` or later.
    ///
    /// # Cancel safety
    /// Dropping the future forgets the wish.
    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()>;

    /// Whether the current thread drives this node's tasks, so that a handler which waits for
    /// timers or sockets may be polled on it.
    fn is_worker(&self) -> bool;

    /// Takes one unit of the current task's share of its thread, so that a loop of calls that are
    /// always ready still lets others run. Pending means the share is used up; the task is woken.
    fn poll_share(&self, cx: &mut Context<'_>) -> Poll<()>;
}
