use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tenure_types::{Clock, Instant};

use crate::clock::SimClock;
use crate::entropy::{Dice, SimEntropy};
use crate::machine::{ClockSpec, Machine};
use crate::options::Options;
use crate::tasks::SimTasks;
use crate::trace::{Happening, Trace};
use crate::world::{NOBODY, Next, World};

/// One run: its clock, its tasks and the seed that decides who runs when.
pub struct Simulation {
    seed: u64,
    options: Options,
    world: Arc<World>,
    entropy: Arc<SimEntropy>,
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
        let world = World::new(Arc::new(SimClock::new(options.coarse)), dice, options.keep);
        Self { seed, options, world, entropy }
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
        Arc::new(SimTasks::begin(&self.world, self.clock(), &self.options))
    }

    /// A new machine, with a clock of its own, for processes to run on.
    #[must_use]
    pub fn machine(&self, clock: ClockSpec) -> Machine {
        Machine::new(&self.world, &self.options, clock)
    }

    pub(crate) fn machine_outside(&self) -> Machine {
        Machine::outside(&self.world, &self.options)
    }

    /// Lets `act` happen at the true time `at`, outside of all tasks.
    pub fn plan(&self, at: Instant, act: impl FnOnce() + Send + 'static) {
        self.world.plan(at, NOBODY, move |_| act());
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
    ///
    /// # Panics
    /// When that takes more polls than [`Options::polls_per_advance_max`].
    pub fn advance(&self, duration: Duration) {
        let until = self.now() + duration;
        let mut polls = 0_u64;
        loop {
            match self.step(&mut |_| {}) {
                Step::Sleeping(at) if at <= until => self.world.clock.move_to(at),
                Step::Sleeping(_) | Step::Nothing => break,
                Step::Main | Step::Task => polls += 1,
            }
            let (max, seed, now) = (self.options.polls_per_advance_max, self.seed, self.now());
            assert!(polls < max, "seed {seed:#x}: something goes round without end at {now:?}");
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
        let most = self.options.poll_time_max;
        let step = match self.world.next() {
            Next::Main(waker) => {
                poll_main(&mut Context::from_waker(&waker));
                self.world.take_time(most);
                Step::Main
            }
            Next::Task(place, mut future, waker) => {
                let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
                let rest = match polled {
                    Poll::Pending => Some(future),
                    Poll::Ready(()) => {
                        drop(future);
                        None
                    }
                };
                self.world.polled(place, rest, most);
                Step::Task
            }
            Next::Act(act, owner) => {
                act(owner);
                Step::Task
            }
            Next::Timer(at) => Step::Sleeping(at),
            Next::Nothing => Step::Nothing,
        };
        if let Some(violation) = self.world.take_violation() {
            panic!("seed {:#x}: {violation}\n{:?}", self.seed, self.world.trace);
        }
        step
    }
}

impl Drop for Simulation {
    /// Ends every task, so that nobody keeps anybody alive.
    fn drop(&mut self) {
        self.world.end();
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
