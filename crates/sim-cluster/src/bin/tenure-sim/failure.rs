use tenure_sim::campaign::{Run, RunReport, Settings, shrink_failure};

use crate::arguments::Arguments;

/// Says what a run has broken, how few faults it takes, and how to see it again.
pub(crate) fn explain(
    cluster: &Run<'_>,
    report: &RunReport,
    settings: &Settings,
    arguments: &Arguments,
) {
    let seed = report.seed;
    println!("seed {seed:#x} broke {} rules:", report.violations.len());
    report.violations.iter().for_each(|violation| println!("  VIOLATION: {violation}"));
    println!("run it again: cargo xtask sim --seed {seed:#x}{}", arguments.again());
    if arguments.shrink == 0 || report.plan.faults.is_empty() {
        return;
    }
    let small = shrink_failure(cluster, report, settings, arguments.shrink);
    let (all, few) = (report.plan.faults.len(), small.faults.len());
    println!(
        "{few} of its {all} faults are enough; put them into a file, and add --plan FILE:\n{small}"
    );
}
