use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tenure_sim::campaign::{Run, RunReport, Settings, Totals, run_guarded};

use crate::arguments::Arguments;

/// How often progress is shown.
const PROGRESS_PERIOD: Duration = Duration::from_secs(10);
/// How many reports may wait to be added up.
const REPORTS_MAX: usize = 64;
/// How many failed runs are kept.
const FAILURES_MAX: usize = 20;

/// What many runs are to reach.
pub(crate) enum Goal {
    /// So much virtual time.
    Simulated(Duration),
    /// So much real time.
    Real(Duration),
    /// So many runs.
    Runs(u64),
    /// Each of these seeds.
    Seeds(Vec<u64>),
}

/// What many runs came to.
pub(crate) struct Found {
    pub(crate) totals: Totals,
    /// The first that broke a rule, by their seeds.
    pub(crate) failures: Vec<RunReport>,
}

/// Runs seeds on all processors until the goal is reached, or one fails.
pub(crate) fn run(
    cluster: &Run<'_>,
    settings: &Settings,
    arguments: &Arguments,
    goal: &Goal,
) -> Found {
    let processors = || thread::available_parallelism().map_or(1, usize::from);
    let workers = arguments.workers.unwrap_or_else(processors).max(1);
    let first = arguments.first_seed();
    let (next, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (began, mut shown) = (Instant::now(), Instant::now());
    let mut found = Found { totals: Totals::default(), failures: Vec::new() };
    println!("{workers} threads, seeds from {first:#x}");
    thread::scope(|scope| {
        let (sender, reports) = sync_channel(REPORTS_MAX);
        for _ in 0..workers {
            let sender = sender.clone();
            scope.spawn(|| {
                let sender = sender;
                while let Some(seed) = take_seed(goal, &next, first, &is_over) {
                    if sender.send(run_guarded(cluster, seed, settings)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        loop {
            match reports.recv_timeout(PROGRESS_PERIOD) {
                Ok(report) => found.add(report),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if shown.elapsed() >= PROGRESS_PERIOD {
                println!("{}", found.totals.line(began.elapsed()));
                shown = Instant::now();
            }
            let is_reached = match goal {
                Goal::Simulated(time) => found.totals.simulated >= *time,
                Goal::Real(time) => began.elapsed() >= *time,
                Goal::Runs(_) | Goal::Seeds(_) => false,
            };
            let has_failed = !found.failures.is_empty() && !arguments.keep_going;
            is_over.fetch_or(is_reached || has_failed, Ordering::Relaxed);
        }
    });
    found.failures.sort_by_key(|report| report.seed);
    println!("{}\n{}", found.totals.line(began.elapsed()), found.totals);
    found
}

fn take_seed(goal: &Goal, next: &AtomicU64, first: u64, is_over: &AtomicBool) -> Option<u64> {
    if is_over.load(Ordering::Relaxed) {
        return None;
    }
    let number = next.fetch_add(1, Ordering::Relaxed);
    match goal {
        Goal::Seeds(seeds) => seeds.get(usize::try_from(number).ok()?).copied(),
        Goal::Runs(runs) => (number < *runs).then(|| first.wrapping_add(number)),
        Goal::Simulated(_) | Goal::Real(_) => Some(first.wrapping_add(number)),
    }
}

impl Found {
    fn add(&mut self, report: RunReport) {
        self.totals.add(&report);
        let Some(violation) = report.violations.first() else { return };
        // Whoever ends a long run early has seen it.
        println!("seed {:#x} failed: {violation}", report.seed);
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(report);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use clap::Parser as _;

    use super::*;

    fn arguments(more: &[&str]) -> Arguments {
        let given = ["tenure-sim", "--runs", "1", "--first", "100", "--workers", "2"];
        Arguments::parse_from(given.iter().chain(more))
    }

    /// Runs of an hour, of which the seed 130 fails; gives which seeds were run, in order.
    fn seeds(goal: &Goal, more: &[&str]) -> (Vec<u64>, Found) {
        let ran = Mutex::new(Vec::new());
        let cluster = |seed, _: &Settings| {
            ran.lock().unwrap().push(seed);
            let violations = if seed == 130 { vec!["broken".to_owned()] } else { Vec::new() };
            let simulated = Duration::from_secs(3_600);
            RunReport { seed, simulated, violations, ..RunReport::default() }
        };
        let found = run(&cluster, &Settings::default(), &arguments(more), goal);
        let mut ran = ran.into_inner().unwrap();
        ran.sort_unstable();
        (ran, found)
    }

    #[test]
    fn every_seed_is_run_once_until_the_goal_is_reached() {
        let (ran, found) = seeds(&Goal::Runs(20), &[]);
        assert_eq!((ran, found.totals.seeds), ((100..120).collect(), 20));
        let (ran, _) = seeds(&Goal::Seeds(vec![7, 3, 9]), &[]);
        assert_eq!(ran, [3, 7, 9]);
        let (ran, found) = seeds(&Goal::Simulated(Duration::from_secs(10 * 3_600)), &[]);
        assert!(ran.len() >= 10 && found.totals.hours() >= 10.0);
        assert_eq!(ran, (100..100 + ran.len() as u64).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_failure_ends_it_unless_it_shall_go_on() {
        let (ran, found) = seeds(&Goal::Runs(100_000), &[]);
        assert!(ran.len() < 100_000, "it went on");
        assert_eq!(found.failures.iter().map(|it| it.seed).collect::<Vec<_>>(), [130]);
        let (ran, found) = seeds(&Goal::Runs(200), &["--keep-going"]);
        assert_eq!((ran.len(), found.failures.len(), found.totals.failed), (200, 1, 1));
    }
}
