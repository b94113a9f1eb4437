use std::cell::Cell;
use std::sync::Arc;
use std::task::{Context, Poll};

use tenure_types::{BoxFuture, Clock, Instant, Tasks};
use tokio::runtime::Handle;
use tokio::task::coop;

thread_local! {
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
}

impl NodeTasks {
    pub(crate) fn new(handle: Handle, clock: Arc<dyn Clock>, node: u64) -> Self {
        Self { handle, clock, node }
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
        coop::poll_proceed(cx).map(|share| share.made_progress())
    }
}

const SLEEP_MAX: std::time::Duration = std::time::Duration::from_secs(5);
