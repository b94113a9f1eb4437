use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::SimClock;
use crate::options::Options;
use crate::tasks::SimTasks;
use crate::world::World;

/// How the clock of a [`Machine`] starts and goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockSpec {
    /// What it reads when the machine is made.
    pub reading: Duration,
    /// By how much it is faster than true time, in parts per billion, at most
    /// [`RATE_PPB_MAX`](crate::RATE_PPB_MAX) either way; 10,000,000 is 1 %.
    pub rate_ppb: i64,
}

/// What stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standstill {
    /// The processes (SIGSTOP): the clock goes on, and the kernel goes on acknowledging.
    Processes,
    /// The machine with its kernel (a sleep, a paused VM): the boot-time clock goes on.
    Machine,
    /// The machine with its boot-time clock: a VM whose pause its clock does not see.
    MachineAndClock,
}

/// A simulated machine: a boot-time clock, a place in the network, and processes. Clones are the
/// same one.
#[derive(Clone)]
pub struct Machine(Arc<Inner>);

struct Inner {
    world: Arc<World>,
    options: Options,
    number: u32,
    clock: Arc<SimClock>,
    state: Mutex<State>,
}

struct State {
    /// Processes that may live.
    processes: Vec<Arc<SimTasks>>,
    rate_ppb: i64,
    /// How often it stands with its kernel, and with its clock.
    stands: u32,
    clock_stands: u32,
}

impl Machine {
    /// A machine that has no place among the nodes, and no number.
    pub(crate) fn outside(world: &Arc<World>, options: &Options) -> Self {
        Self::build(world, options, ClockSpec::default(), u32::MAX)
    }

    pub(crate) fn new(world: &Arc<World>, options: &Options, clock: ClockSpec) -> Self {
        Self::build(world, options, clock, world.begin_machine())
    }

    fn build(world: &Arc<World>, options: &Options, clock: ClockSpec, number: u32) -> Self {
        let ClockSpec { reading, rate_ppb } = clock;
        let state = State { processes: Vec::new(), rate_ppb, stands: 0, clock_stands: 0 };
        Self(Arc::new(Inner {
            number,
            clock: Arc::new(world.clock.of_machine(reading, rate_ppb)),
            world: Arc::clone(world),
            options: options.clone(),
            state: Mutex::new(state),
        }))
    }

    /// Its number: machines are counted from 0. It is its place in the network, too.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.0.number
    }

    /// Its boot-time clock.
    #[must_use]
    pub fn clock(&self) -> Arc<SimClock> {
        Arc::clone(&self.0.clock)
    }

    /// Whether its kernel runs: acknowledges, answers, sends what it was given.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.0.state.lock().stands == 0
    }

    /// Starts a process. On a machine that stands it begins when the machine goes on.
    #[must_use]
    pub fn start(&self) -> Arc<SimTasks> {
        let tasks = SimTasks::begin(&self.0.world, self.clock(), &self.0.options);
        let tasks = Arc::new(tasks);
        let mut state = self.0.state.lock();
        state.processes.retain(|process| !process.is_dead());
        (0..state.stands).for_each(|_| self.0.world.pause(tasks.group()));
        state.processes.push(Arc::clone(&tasks));
        tasks
    }

    /// Lets it stand until the result is dropped. Several may overlap: it goes on with the last.
    pub fn stand(&self, how: Standstill) -> Stand {
        let mut state = self.0.state.lock();
        state.processes.retain(|process| !process.is_dead());
        let paused = state.processes.clone();
        if how != Standstill::Processes {
            state.stands += 1;
        }
        if how == Standstill::MachineAndClock {
            state.clock_stands += 1;
            self.0.clock.stand();
        }
        drop(state);
        for process in &paused {
            self.0.world.pause(process.group());
        }
        Stand { machine: self.clone(), how, paused }
    }

    /// Lets its clock go on at another rate.
    pub fn set_rate_ppb(&self, rate_ppb: i64) {
        let mut state = self.0.state.lock();
        state.rate_ppb = rate_ppb;
        if state.clock_stands == 0 {
            self.0.clock.set_rate(rate_ppb);
            self.tell_groups(&state);
        }
    }

    /// At which rate its clock goes while it does not stand.
    #[must_use]
    pub fn rate_ppb(&self) -> i64 {
        self.0.state.lock().rate_ppb
    }

    /// Moves its wall clock, which decides nothing.
    pub fn jump_wall(&self, by_ms: i64) {
        self.0.clock.jump_wall(by_ms);
    }

    fn tell_groups(&self, state: &State) {
        for process in &state.processes {
            self.0.world.clock_changed(process.group());
        }
    }

    fn go_on(&self, how: Standstill, paused: &[Arc<SimTasks>]) {
        let mut state = self.0.state.lock();
        if how != Standstill::Processes {
            state.stands -= 1;
            // Those that were started meanwhile were paused as often as the machine stood.
            let is_new = |process: &&Arc<SimTasks>| {
                !paused.iter().any(|before| before.group() == process.group())
            };
            for process in state.processes.iter().filter(is_new) {
                self.0.world.resume(process.group());
            }
        }
        if how == Standstill::MachineAndClock {
            state.clock_stands -= 1;
            if state.clock_stands == 0 {
                self.0.clock.set_rate(state.rate_ppb);
            }
        }
        for process in paused {
            self.0.world.resume(process.group());
        }
        self.tell_groups(&state);
    }
}

/// A standstill of a [`Machine`], until it is dropped.
#[must_use = "the machine goes on when it is dropped"]
pub struct Stand {
    machine: Machine,
    how: Standstill,
    paused: Vec<Arc<SimTasks>>,
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.machine.go_on(self.how, &self.paused);
    }
}
