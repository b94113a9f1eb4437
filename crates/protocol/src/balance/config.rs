use std::time::Duration;

/// When to level, and how much of it at once.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BalanceConfig {
    /// Begin when a member is above this many percent of the mean. Default 120.
    pub begin_percent: u32,
    /// Stop when no member is above this many percent of the mean; not above `begin_percent`. Default 110.
    pub stop_percent: u32,
    /// The most moves under way at once. Default 16.
    pub at_once_max: u32,
    /// The most moves that begin in a second. Default 32.
    pub a_second_max: u32,
    /// For so long after its move no actor moves again. Default one minute.
    pub rest_of_actor: Duration,
    /// For so long after a member was last seen leaving nothing moves. Default one minute.
    pub rest_after_leave: Duration,
}

impl Default for BalanceConfig {
    fn default() -> Self {
        Self {
            begin_percent: 120,
            stop_percent: 110,
            at_once_max: 16,
            a_second_max: 32,
            rest_of_actor: Duration::from_secs(60),
            rest_after_leave: Duration::from_secs(60),
        }
    }
}
