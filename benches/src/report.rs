//! What a case answers: one line of JSON on its standard output.
//!
//! The peers' program includes this file too, so that both say the same thing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::load::Done;

/// Operations a second.
pub(crate) const RATE: &str = "rate";
/// Processor time of one operation, in nanoseconds. In no table: for a look at a busy machine.
pub(crate) const BUSY_NS: &str = "busy_ns";
/// Resident bytes that each entity added.
pub(crate) const BYTES_EACH: &str = "bytes_each";
/// Medians and tails of single operations, in microseconds.
pub(crate) const P50_US: &str = "p50_us";
pub(crate) const P99_US: &str = "p99_us";

/// The values of one run of one case.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) values: BTreeMap<String, f64>,
}

impl Report {
    pub(crate) fn of(name: &str, value: f64) -> Self {
        Self::default().and(name, value)
    }

    /// What callers in a closed loop did.
    pub(crate) fn of_load(done: &Done) -> Self {
        Self::of(RATE, done.rate()).and(BUSY_NS, done.busy_nanos())
    }

    pub(crate) fn and(mut self, name: &str, value: f64) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// Adds the median and the tail of `nanos`, which it sorts.
    pub(crate) fn and_latencies(self, nanos: &mut [u64]) -> Self {
        nanos.sort_unstable();
        let at = |part: f64| match nanos.len() {
            0 => f64::NAN,
            len => nanos[((len - 1) as f64 * part) as usize] as f64 / 1_000.0,
        };
        let (p50, p99) = (at(0.50), at(0.99));
        self.and(P50_US, p50).and(P99_US, p99)
    }

    pub(crate) fn print(&self) {
        println!("{}", serde_json::to_string(self).expect("numbers under names are JSON"));
    }
}
