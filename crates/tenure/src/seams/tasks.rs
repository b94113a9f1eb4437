use std::cell::Cell;
use std::sync::Arc;
use std::task::{Context, Poll};

use tenure_sentinel::Sentinel;
use tenure_types::{BoxFuture, Clock, Instant, Tasks};
use tokio::runtime::Handle;
use tokio::task::coop;

thread_local! {
    /// Which node's sentinel this thread took a place of last; zero for none.
    static HOLDS_OF: Cell<u64> = const { Cell::new(0) };
    /// Which node's runtime this thread works for; zero for none.
    static WORKER_OF: Cell<u64> = const { Cell::new(0) };
}

/// Marks the current thread as one of node number `node`'s workers.
pub(crate) fn mark_worker(node: u64) {
    WORKER_OF.set(node);
}

/// Tasks on a node's own multi-thread runtime.
pub(crate) struct NodeTasks {
    handle: Handle,
    clock: Arc<dyn Clock>,
    node: u64,
    sentinel: Option<Arc<Sentinel>>,
}

impl NodeTasks {
    /// Those of this node, each of whose threads holds its sentinel.
    pub(crate) fn new(
        handle: Handle,
        clock: Arc<dyn Clock>,
        (node, sentinel): (u64, Option<Arc<Sentinel>>),
    ) -> Self {
        Self { handle, clock, node, sentinel }
    }
}

impl Tasks for NodeTasks {
    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) {
        self.handle.spawn(task);
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        let clock = Arc::clone(&self.clock);
        let handle = self.handle.clone();
        Box::pin(async move {
            // Tokio's clock stops while the machine sleeps, the boot-time clock does not: look
            // again after each sleep, and sleep no longer than a few seconds at a time.
            loop {
                let left = at.saturating_since(clock.now());
                if left.is_zero() {
                    return;
                }
                let step = left.min(SLEEP_MAX);
                let sleep = {
                    let _entered = handle.enter();
                    tokio::time::sleep(step)
                };
                sleep.await;
            }
        })
    }

    fn is_worker(&self) -> bool {
        WORKER_OF.get() == self.node
    }

    fn poll_share(&self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sentinel) = self.sentinel.as_ref().filter(|_| HOLDS_OF.get() != self.node) {
            // A caller's own thread, which is about to run a turn.
            sentinel.hold();
            HOLDS_OF.set(self.node);
        }
        let calls = CALLS.get() + 1;
        if calls < CALLS_PER_UNIT {
            CALLS.set(calls);
            return Poll::Ready(());
        }
        CALLS.set(0);
        charge(self.clock.now(), cx)
    }
}

thread_local! {
    /// Calls that this thread made since it last charged a task.
    static CALLS: Cell<u32> = const { Cell::new(0) };
    /// When that was.
    static CHARGED_AT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// How many calls are charged at once, as one unit of tokio's share, of which a task has 128. A
/// call takes a fraction of a microsecond; giving way, where another thread is woken for it, many.
const CALLS_PER_UNIT: u32 = 8;
/// What a unit stands for: calls that took longer are charged several, so that a loop of long
/// turns gives way after fewer of them.
const UNIT: std::time::Duration = std::time::Duration::from_micros(2);
const UNITS_MAX: u128 = 16;

/// Takes the share of the calls since the last time from the current task.
fn charge(now: Instant, cx: &mut Context<'_>) -> Poll<()> {
    let took = CHARGED_AT.replace(Some(now)).map_or(UNIT, |then| now.saturating_since(then));
    let units = (took.as_nanos() / UNIT.as_nanos()).clamp(1, UNITS_MAX);
    for _ in 0..units {
        std::task::ready!(coop::poll_proceed(cx)).made_progress();
    }
    Poll::Ready(())
}

const SLEEP_MAX: std::time::Duration = std::time::Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::seams::SystemClock;

    #[test]
    fn a_loop_of_calls_that_are_always_ready_lets_other_tasks_run() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let tasks =
            NodeTasks::new(runtime.handle().clone(), Arc::new(SystemClock::new()), (1, None));
        let other_ran = Arc::new(AtomicBool::new(false));
        runtime.block_on(async {
            let ran = Arc::clone(&other_ran);
            tasks.spawn("other", Box::pin(async move { ran.store(true, Ordering::Relaxed) }));
            let most = 129 * CALLS_PER_UNIT;
            for _ in 0..most {
                poll_fn(|cx| tasks.poll_share(cx)).await;
            }
        });
        assert!(other_ran.load(Ordering::Relaxed));
    }
}
