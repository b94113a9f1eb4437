//! Many runs: what one is asked, what it reports, and what all of them come to.

mod report;
mod settings;
mod totals;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use self::report::RunReport;
pub use self::settings::{Settings, Vacuity};
pub use self::totals::Totals;

use crate::faults::{Plan, shrink};

/// Runs a cluster: the seed and the settings decide all of it.
pub type Run<'a> = dyn Fn(u64, &Settings) -> RunReport + Sync + 'a;

/// Runs a seed; a panic is a violation, too.
#[must_use]
pub fn run_guarded(run: &Run<'_>, seed: u64, settings: &Settings) -> RunReport {
    match catch_unwind(AssertUnwindSafe(|| run(seed, settings))) {
        Ok(report) => report,
        Err(panic) => {
            let violations = vec![format!("panic: {}", text_of(&*panic))];
            let plan = settings.plan.clone().unwrap_or_default();
            RunReport { seed, plan, violations, ..RunReport::default() }
        }
    }
}

/// Runs a seed twice; says how the two differ, if they do.
#[must_use]
pub fn run_twice(run: &Run<'_>, seed: u64, settings: &Settings) -> (RunReport, Option<String>) {
    let (first, again) = (run_guarded(run, seed, settings), run_guarded(run, seed, settings));
    let (one, other) = ((first.trace_hash, first.events), (again.trace_hash, again.events));
    let difference = (one != other).then(|| {
        format!(
            "seed {seed:#x} ran twice: {} events, hash {:016x}; then {} events, hash {:016x}",
            one.1, one.0, other.1, other.0
        )
    });
    (first, difference)
}

/// Finds the fewest faults of a run with violations under which it still has some, in at most
/// `tries` runs.
#[must_use]
pub fn shrink_failure(
    run: &Run<'_>,
    report: &RunReport,
    settings: &Settings,
    tries: usize,
) -> Plan {
    shrink(&report.plan, tries, |plan| {
        let plan = Some(plan.clone());
        let settings = Settings { plan, without: Vec::new(), ..settings.clone() };
        !run_guarded(run, report.seed, &settings).violations.is_empty()
    })
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a text")
}
