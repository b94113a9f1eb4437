use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tenure_types::{Clock, Instant};

use crate::clock::SimClock;
use crate::entropy::{Dice, SimEntropy};
use crate::tasks::SimTasks;
use crate::trace::{Happening, Trace};
use crate::world::{Next, World};

/// How a simulation behaves where the seams leave room.
#[derive(Clone, Debug)]
pub struct Options {
    /// Each poll takes a random time below this.
    pub poll_time_max: Duration,
    /// A task's share of its thread is used up once in so many times; zero: never.
    pub yield_one_in: u64,
    /// What [`Tasks::is_worker`](tenure_types::Tasks::is_worker) says.
    pub is_worker: bool,
    /// The resolution of the coarse clock.
    pub coarse: Duration,
    /// How long the foreground may take, in virtual time, before it counts as stuck. A node has
    /// timers that never end, so time alone never stands still.
    pub patience: Duration,
    /// How many polls may happen before time moves: a task that is always ready is found by this.
    pub polls_per_instant_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            poll_time_max: Duration::ZERO,
            yield_one_in: 8,
            is_worker: true,
            coarse: Duration::from_millis(4),
            patience: Duration::from_secs(3_600),
            polls_per_instant_max: 5_000_000,
        }
    }
}

/// One run: its clock, its tasks and the seed that decides who runs when.
pub struct Simulation {
    seed: u64,
    options: Options,
    world: Arc<World>,
    entropy: Arc<SimEntropy>,
    next_group: AtomicU32,
}

/// The foreground waits for something that will not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// The virtual time.
    pub at: Instant,
    /// Why nothing can be expected any more.
    pub why: &'static str,
    /// The names of the tasks that live.
    pub live: String,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:?}; live tasks: {}", self.why, self.at, self.live)
    }
}

impl std::error::Error for Stuck {}

impl Simulation {
    /// The run of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Options::default())
    }

    /// The run of `seed` with these options.
    #[must_use]
    pub fn with(seed: u64, options: Options) -> Self {
        let mut dice = Dice::new(seed);
        let entropy = Arc::new(SimEntropy::new(dice.split()));
        let world = World::new(Arc::new(SimClock::new(options.coarse)), dice);
        Self { seed, options, world, entropy, next_group: AtomicU32::new(1) }
    }

    /// The seed, to say which run failed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> Arc<SimClock> {
        Arc::clone(&self.world.clock)
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.world.clock.now()
    }

    /// The randomness of the nodes. It does not disturb the schedule.
    #[must_use]
    pub fn entropy(&self) -> Arc<SimEntropy> {
        Arc::clone(&self.entropy)
    }

    /// A new group of tasks, that lives and dies together.
    #[must_use]
    pub fn tasks(&self) -> Arc<SimTasks> {
        let group = self.next_group.fetch_add(1, Ordering::Relaxed);
        let Options { is_worker, yield_one_in, .. } = self.options;
        Arc::new(SimTasks::new(Arc::clone(&self.world), group, is_worker, yield_one_in))
    }

    /// What happened so far.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.world.trace.clone()
    }

    /// Writes a line of the test's own into the trace.
    pub fn note(&self, text: impl Into<Box<str>>) {
        self.world.record(Happening::Noted(text.into()));
    }

    /// A random sequence for the test's own choices, decided by the schedule so far.
    #[must_use]
    pub fn dice(&self) -> Dice {
        self.world.draw(Dice::split)
    }

    pub(crate) fn world(&self) -> Arc<World> {
        Arc::clone(&self.world)
    }

    /// Runs until `future` is ready.
    ///
    /// # Panics
    /// If it never will be, with the names of the tasks that live.
    pub fn run_until<T>(&self, future: impl Future<Output = T>) -> T {
        match self.try_run_until(future) {
            Ok(value) => value,
            Err(stuck) => panic!("seed {:#x}: {stuck}\n{:?}", self.seed, self.world.trace),
        }
    }

    /// Runs until `future` is ready, or nothing can make it so.
    ///
    /// # Errors
    /// [`Stuck`] when nobody is ready and nobody sleeps, or patience has ended.
    pub fn try_run_until<T>(&self, future: impl Future<Output = T>) -> Result<T, Stuck> {
        let foreground = Foreground::begin(&self.world);
        let mut future = pin!(future);
        let until = self.now() + self.options.patience;
        let mut polls = 0_u64;
        let mut value = None;
        loop {
            match self.step(&mut |cx| Self::poll_main(future.as_mut(), cx, &mut value)) {
                Step::Main if value.is_some() => break,
                Step::Main | Step::Task => polls += 1,
                Step::Sleeping(at) if at > until => {
                    return Err(foreground.stuck("patience has ended"));
                }
                Step::Sleeping(at) => {
                    self.world.clock.move_to(at);
                    polls = 0;
                }
                Step::Nothing => return Err(foreground.stuck("nothing is ready, nobody sleeps")),
            }
            if polls > self.options.polls_per_instant_max {
                return Err(foreground.stuck("time stands still: some task is always ready"));
            }
        }
        drop(foreground);
        Ok(value.expect("the loop ends with a value"))
    }

    fn poll_main<T>(
        future: Pin<&mut impl Future<Output = T>>,
        cx: &mut Context<'_>,
        value: &mut Option<T>,
    ) {
        if let Poll::Ready(ready) = future.poll(cx) {
            *value = Some(ready);
        }
    }

    /// Runs until no task is ready. Time does not move, but for what polls take.
    pub fn run_until_idle(&self) {
        let mut polls = 0_u64;
        while let Step::Task = self.step(&mut |_| {}) {
            polls += 1;
            let max = self.options.polls_per_instant_max;
            assert!(polls < max, "seed {:#x}: never idle", self.seed);
        }
    }

    /// Runs for `duration` of virtual time.
    pub fn advance(&self, duration: Duration) {
        let until = self.now() + duration;
        loop {
            match self.step(&mut |_| {}) {
                Step::Sleeping(at) if at <= until => self.world.clock.move_to(at),
                Step::Sleeping(_) | Step::Nothing => break,
                Step::Main | Step::Task => {}
            }
        }
        self.world.clock.move_to(until);
    }

    /// Polls `polls` tasks, fewer if nothing is left to poll; time moves where nobody is ready.
    pub fn run_polls(&self, polls: u64) {
        let mut left = polls;
        while left > 0 {
            match self.step(&mut |_| {}) {
                Step::Main | Step::Task => left -= 1,
                Step::Sleeping(at) => self.world.clock.move_to(at),
                Step::Nothing => return,
            }
        }
    }

    /// How many tasks live.
    #[must_use]
    pub fn live(&self) -> usize {
        self.world.live()
    }

    fn step(&self, poll_main: &mut dyn FnMut(&mut Context<'_>)) -> Step {
        let step = match self.world.next() {
            Next::Main(waker) => {
                poll_main(&mut Context::from_waker(&waker));
                Step::Main
            }
            Next::Task(id, mut future, waker) => {
                match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Pending => self.world.put_back(id, future),
                    Poll::Ready(()) => {
                        drop(future);
                        self.world.ended(id);
                    }
                }
                Step::Task
            }
            Next::Timer(at) => Step::Sleeping(at),
            Next::Nothing => Step::Nothing,
        };
        self.world.pass_time(self.options.poll_time_max);
        if let Some(violation) = self.world.take_violation() {
            panic!("seed {:#x}: {violation}\n{:?}", self.seed, self.world.trace);
        }
        step
    }
}

enum Step {
    Main,
    Task,
    Sleeping(Instant),
    Nothing,
}

/// The foreground's place among the tasks, until it is dropped.
struct Foreground<'a>(&'a World);

impl<'a> Foreground<'a> {
    fn begin(world: &'a World) -> Self {
        world.begin_main();
        Self(world)
    }

    fn stuck(&self, why: &'static str) -> Stuck {
        Stuck { at: self.0.clock.now(), why, live: self.0.describe_live() }
    }
}

impl Drop for Foreground<'_> {
    fn drop(&mut self) {
        self.0.end_main();
    }
}
