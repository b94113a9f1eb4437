//! The runtime on real threads: the seams over a tokio runtime and the machine's clock.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tenure_observe::{Health, Metrics};
use tenure_runtime::{Parts, Runtime, RuntimeConfig};
use tenure_store::{MemoryDisk, MemoryStore};
use tenure_types::{BoxFuture, Clock, Entropy, Instant, Tasks};
use tokio::runtime::Handle;
use tokio::task::coop;

struct Threads(Handle);

impl Tasks for Threads {
    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let left = at.saturating_since(StdClock.now());
            let _ = tokio::time::timeout(left, pending::<()>()).await;
        })
    }

    fn is_worker(&self) -> bool {
        Handle::try_current().is_ok_and(|current| current.id() == self.0.id())
    }

    fn poll_share(&self, cx: &mut Context<'_>) -> Poll<()> {
        coop::poll_proceed(cx).map(|share| share.made_progress())
    }
}

/// Time since the first reading in this process.
struct StdClock;

impl Clock for StdClock {
    fn now(&self) -> Instant {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        let start = START.get_or_init(std::time::Instant::now);
        Instant::ZERO + Duration::from_secs(1) + start.elapsed()
    }

    fn coarse(&self) -> Instant {
        self.now()
    }

    fn unix_ms(&self) -> u64 {
        self.now().as_millis()
    }
}

#[derive(Default)]
struct Count(AtomicU64);

impl Entropy for Count {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }
}

/// Runs `test` on four threads; a deadlock fails it after a minute.
pub fn on_four_threads<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(4).enable_time().build().expect("threads start");
    runtime.block_on(async {
        let ended = tokio::time::timeout(Duration::from_secs(60), test()).await;
        ended.expect("the test ends within a minute");
    });
}

/// Starts a node over `disk` on the current tokio runtime.
pub async fn start(disk: &MemoryDisk, types: &[tenure_actor::ActorType]) -> Arc<Runtime> {
    let tasks: Arc<dyn Tasks> = Arc::new(Threads(Handle::current()));
    let clock: Arc<dyn Clock> = Arc::new(StdClock);
    let store = MemoryStore::with_clock(disk.clone(), Arc::clone(&tasks), Arc::clone(&clock));
    let parts = Parts {
        config: RuntimeConfig::default(),
        store: Arc::new(store),
        clock,
        entropy: Arc::new(Count::default()),
        tasks,
        resident: || None,
        metrics: Arc::new(Metrics::new()),
        health: Arc::new(Health::new()),
        seat: None,
    };
    Runtime::start(parts, types).await.expect("the node starts")
}
