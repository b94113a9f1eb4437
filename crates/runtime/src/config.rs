use std::time::Duration;

use tenure_actor::DEADLINE_DEFAULT;

/// The bounds and times of a runtime. Every field has a default that fits a small node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// How many calls may wait for their turn on one actor; past it `Overloaded`.
    pub mailbox_len_max: usize,
    /// How many replies of one actor may wait for the store; past it `Overloaded`.
    pub uncommitted_turns_max: usize,
    /// How long a call may have to wait for its turn, as far as that is foreseen; past it
    /// `Overloaded`.
    pub queue_time_max: Duration,
    /// How many calls may wait for their turns on a node; past it `Overloaded`. As for all bounds of
    /// a node, calls that turns make may take as much again.
    pub calls_waiting_max: usize,
    /// How many turns of a node may have begun and wait for something; past it `Overloaded`.
    pub turns_in_flight_max: usize,
    /// How many bytes of units a node may have on their way to the store; past it `Overloaded`.
    pub uncommitted_bytes_max: usize,
    /// How many futures of `cx.spawn` a node runs; a turn that goes past it is rolled back with
    /// `Overloaded`.
    pub spawned_max: usize,
    /// As `spawned_max`, of one actor.
    pub actor_spawned_max: usize,
    /// How many loads may be in flight; further ones wait.
    pub loads_in_flight_max: usize,
    /// How many loads may wait to begin; past it `Overloaded`.
    pub loads_waiting_max: usize,
    /// How many bytes the activations of a node may take; idle stored ones leave before it is
    /// reached, and past it new ones are refused with `Overloaded`.
    pub memory_bytes_max: u64,
    /// How many activations a node holds; past it new ones are refused with `Overloaded`.
    pub activations_max: usize,
    /// How many delayed sends a node keeps; past it `Overloaded`.
    pub delayed_sends_max: usize,
    /// How long entries of feeds are kept.
    pub feed_retention_age: Duration,
    /// How many bytes of each feed are kept; past it the oldest entries go.
    pub feed_retention_bytes: u64,
    /// How many readers of feeds are served at a time, those that wait for entries among them; past
    /// it they are told to come again.
    pub feed_polls_max: usize,
    /// How long a stored actor may be idle before it leaves memory.
    pub idle_after: Duration,
    /// How long a volatile actor may be idle before it leaves memory, with its state.
    pub volatile_idle_after: Duration,
    /// How long a call may take that says nothing about it.
    pub deadline: Duration,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            mailbox_len_max: 2_048,
            uncommitted_turns_max: 4_096,
            queue_time_max: Duration::from_secs(5),
            calls_waiting_max: 1 << 17,
            turns_in_flight_max: 1 << 16,
            uncommitted_bytes_max: 256 << 20,
            spawned_max: 1 << 16,
            actor_spawned_max: 1_000,
            loads_in_flight_max: 256,
            loads_waiting_max: 16_384,
            memory_bytes_max: u64::MAX,
            activations_max: 1 << 24,
            delayed_sends_max: 1 << 17,
            feed_retention_age: Duration::from_secs(7 * 24 * 3_600),
            feed_retention_bytes: 1 << 30,
            feed_polls_max: 1_024,
            idle_after: Duration::from_secs(600),
            volatile_idle_after: Duration::from_secs(3_600),
            deadline: DEADLINE_DEFAULT,
        }
    }
}
