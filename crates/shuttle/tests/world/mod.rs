//! A node on the threads of the model checker.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test is a crate of its own and uses some of it"
)]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};
use tenure_actor::{ActorRef, ActorType};
use tenure_observe::{Health, Metrics};
use tenure_shuttle::{Parts, Runtime, RuntimeConfig};
use tenure_store::{MemoryDisk, MemoryStore};
use tenure_types::{BoxFuture, Clock, Entropy, Instant, Tasks};

/// How many changes of thread the second half of the runs is built around (Burckhardt et al.,
/// ASPLOS 2010).
const CHANGES: usize = 3;
/// What a turn may nest on a thread's stack, and some more.
const STACK_BYTES: usize = 1 << 20;

/// Runs `scenario` under `runs` schedules, or as many times more as `TENURE_SHUTTLE_TIMES` says.
/// A failure prints its schedule; `TENURE_SHUTTLE_SCHEDULE` runs that one again.
pub fn explore(runs: usize, scenario: fn()) {
    if let Ok(schedule) = std::env::var("TENURE_SHUTTLE_SCHEDULE") {
        return shuttle::replay(scenario, &schedule);
    }
    let times = std::env::var("TENURE_SHUTTLE_TIMES").ok().and_then(|it| it.parse().ok());
    let runs = runs * times.unwrap_or(1_usize);
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.silence_warnings = true;
    Runner::new(RandomScheduler::new(runs / 2), config.clone()).run(scenario);
    Runner::new(PctScheduler::new(CHANGES, runs / 2), config).run(scenario);
}

/// Time that stands still but for what a test adds, and sometimes jumps by what makes whoever
/// runs a mailbox hand it over.
#[derive(Default)]
pub struct HandClock {
    jumps_us: AtomicU64,
    hours: AtomicU64,
    sleepers: Mutex<Vec<(Instant, Waker)>>,
}

impl HandClock {
    /// Moves time by an hour, and wakes who slept for less.
    pub fn pass_an_hour(&self) {
        self.hours.fetch_add(1, Ordering::SeqCst);
        let now = self.coarse();
        let mut due = Vec::new();
        self.sleepers.lock().unwrap().retain(|(at, waker)| {
            if *at <= now {
                due.push(waker.clone());
            }
            *at > now
        });
        due.iter().for_each(Waker::wake_by_ref);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        if thread_rng().gen_bool(0.3) {
            self.jumps_us.fetch_add(60, Ordering::SeqCst);
        }
        self.coarse()
    }

    fn coarse(&self) -> Instant {
        let hours = Duration::from_secs(3_600 * self.hours.load(Ordering::SeqCst));
        let jumps = Duration::from_micros(self.jumps_us.load(Ordering::SeqCst));
        Instant::ZERO + Duration::from_secs(1) + hours + jumps
    }

    fn unix_ms(&self) -> u64 {
        self.coarse().as_millis()
    }
}

struct Threads(Arc<HandClock>);

impl Tasks for Threads {
    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) {
        drop(shuttle::future::spawn(task));
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        let clock = Arc::clone(&self.0);
        Box::pin(poll_fn(move |cx| {
            let mut sleepers = clock.sleepers.lock().unwrap();
            if clock.coarse() >= at {
                return Poll::Ready(());
            }
            sleepers.push((at, cx.waker().clone()));
            Poll::Pending
        }))
    }

    fn is_worker(&self) -> bool {
        thread_rng().gen_bool(0.8)
    }

    fn poll_share(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

#[derive(Default)]
struct Count(AtomicU64);

impl Entropy for Count {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }
}

/// One node in one run.
#[derive(Clone)]
pub struct Node {
    pub runtime: Arc<Runtime>,
    pub clock: Arc<HandClock>,
    pub disk: MemoryDisk,
}

impl Node {
    /// Starts a node that runs `types`.
    pub fn start(types: &[ActorType], config: RuntimeConfig) -> Self {
        let (clock, disk) = (Arc::new(HandClock::default()), MemoryDisk::new());
        let tasks: Arc<dyn Tasks> = Arc::new(Threads(Arc::clone(&clock)));
        let store = MemoryStore::new(disk.clone(), Arc::clone(&tasks));
        let parts = Parts {
            config,
            store: Arc::new(store),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(Count::default()),
            tasks,
            resident: || None,
            metrics: Arc::new(Metrics::new()),
            health: Arc::new(Health::new()),
            seat: None,
        };
        let runtime = wait(Runtime::start(parts, types)).expect("the node starts");
        Self { runtime, clock, disk }
    }

    /// A reference to an actor.
    pub fn actor<A: tenure_actor::Actor>(&self, key: &str) -> ActorRef<A> {
        ActorRef::new(&self.runtime.handle(), key)
    }
}

/// Waits on this thread. Whoever is never answered is found: nothing can run any more.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    shuttle::future::block_on(future)
}

/// Polls a call once and goes away, unless it is ready by then.
pub fn ask_and_leave<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    wait(poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    }))
}

/// Runs all of `work` beside each other, to their ends.
pub fn beside<T: Send + 'static>(work: Vec<Box<dyn FnOnce() -> T + Send>>) -> Vec<T> {
    let threads: Vec<_> = work.into_iter().map(shuttle::thread::spawn).collect();
    threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
}
