use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::report::RunReport;

/// What many runs came to.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// How many runs.
    pub seeds: u64,
    /// How much virtual time passed in all of them.
    pub simulated: Duration,
    /// How much happened.
    pub events: u64,
    /// How many faults of each kind began.
    pub faults: BTreeMap<&'static str, u64>,
    /// Calls that clients made.
    pub calls: u64,
    /// Calls that were acknowledged.
    pub acknowledged: u64,
    /// How often states were reached that should be reached.
    pub rare: BTreeMap<&'static str, u64>,
    /// Runs that broke a rule.
    pub failed: u64,
    /// How often rules were broken.
    pub violations: u64,
}

fn add(into: &mut BTreeMap<&'static str, u64>, counts: &BTreeMap<&'static str, u64>) {
    for (what, count) in counts {
        *into.entry(what).or_default() += count;
    }
}

impl Totals {
    /// Adds a run.
    pub fn add(&mut self, report: &RunReport) {
        self.seeds += 1;
        self.simulated += report.simulated;
        self.events += report.events;
        self.calls += report.calls;
        self.acknowledged += report.acknowledged;
        self.failed += u64::from(!report.violations.is_empty());
        self.violations += report.violations.len() as u64;
        add(&mut self.faults, &report.faults);
        add(&mut self.rare, &report.rare);
    }

    /// Simulated hours.
    #[must_use]
    pub fn hours(&self) -> f64 {
        self.simulated.as_secs_f64() / 3_600.0
    }

    /// One line of progress after `took` of real time.
    #[must_use]
    pub fn line(&self, took: Duration) -> String {
        let speed = self.simulated.as_secs_f64() / took.as_secs_f64().max(0.001);
        let faults: u64 = self.faults.values().sum();
        format!(
            "{} seeds, {:.2} h simulated, {speed:.0} x real time, {faults} faults, \
             {} of {} calls acknowledged, {} violations",
            self.seeds,
            self.hours(),
            self.acknowledged,
            self.calls,
            self.violations
        )
    }
}

impl fmt::Display for Totals {
    /// Faults by kind and rare states, a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, counts) in [("faults", &self.faults), ("rare states", &self.rare)] {
            writeln!(f, "{title}:")?;
            for (what, count) in counts {
                writeln!(f, "  {what:<44} {count:>12}")?;
            }
        }
        Ok(())
    }
}
