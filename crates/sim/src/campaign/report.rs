use std::collections::BTreeMap;
use std::time::Duration;

use crate::faults::Plan;

/// What one run came to.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    /// The seed that decided it.
    pub seed: u64,
    /// How much virtual time passed.
    pub simulated: Duration,
    /// The hash over everything that happened.
    pub trace_hash: u64,
    /// How much that was.
    pub events: u64,
    /// What was to go wrong.
    pub plan: Plan,
    /// How many faults of each kind began.
    pub faults: BTreeMap<&'static str, u64>,
    /// Calls that clients made.
    pub calls: u64,
    /// Calls that were acknowledged.
    pub acknowledged: u64,
    /// How often states were reached that should be reached.
    pub rare: BTreeMap<&'static str, u64>,
    /// Which rules were broken, and how that was seen.
    pub violations: Vec<String>,
    /// The last that happened, a line each, where it was kept.
    pub tail: String,
}
