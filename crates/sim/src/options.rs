use std::time::Duration;

use crate::trace::Keep;

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
    /// How many polls one [`advance`](crate::Simulation::advance) may take: those who go round and let time
    /// hardly move are found by this, before they fill the memory.
    pub polls_per_advance_max: u64,
    /// Which events the trace keeps to be read.
    pub keep: Keep,
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
            polls_per_advance_max: 10_000_000,
            keep: Keep::All,
        }
    }
}
