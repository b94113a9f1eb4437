//! `tenure-sim`: whole clusters on virtual time, a seed each, until one breaks a rule.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its terminal")]

mod arguments;
mod failure;
mod workers;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use tenure_sim::campaign::{Run, RunReport, Settings, run_guarded, run_twice};

use self::arguments::Arguments;
use self::workers::Goal;

/// A run makes and drops tens of thousands of small things for each view.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// So many runs must have reached every rare state.
const LONG_RUNS: u64 = 1_000;

/// The cluster that is run.
const CLUSTER: Option<fn(u64, &Settings) -> RunReport> = Some(tenure_sim_cluster::run::run);

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does what is asked; gives whether it went as it should.
fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    if let Some(names) = arguments.listed() {
        names.iter().for_each(|name| println!("{name}"));
        return Ok(true);
    }
    let cluster = CLUSTER.context("this program was built without a cluster to run")?;
    let settings = arguments.settings()?;
    arguments.plant()?;
    if let Some(seed) = arguments.seed {
        return Ok(one(&cluster, seed, &settings));
    }
    if let Some(seeds) = arguments.twice {
        return Ok(twice(&cluster, arguments.first_seed(), seeds, &settings));
    }
    let goal = goal(arguments)?;
    let found = workers::run(&cluster, &settings, arguments, &goal);
    if !arguments.must_fail() {
        let failures = found.failures;
        failures.iter().for_each(|report| failure::explain(&cluster, report, &settings, arguments));
        let (totals, rare) = (&found.totals, &found.totals.rare);
        let never: Vec<_> = rare.iter().filter(|(_, times)| **times == 0).collect();
        let is_enough = totals.seeds < LONG_RUNS || never.is_empty();
        if !is_enough {
            println!("so many runs, and some rare states were never reached: {never:?}");
        }
        return Ok(failures.is_empty() && is_enough);
    }
    match found.failures.first() {
        Some(report) => {
            let (seed, seeds) = (report.seed, found.totals.seeds);
            println!("found after {seeds} seeds, by {seed:#x}: {}", report.violations[0]);
        }
        None => println!("NOT FOUND in {} seeds", found.totals.seeds),
    }
    Ok(!found.failures.is_empty())
}

/// What many runs are to reach.
fn goal(arguments: &Arguments) -> anyhow::Result<Goal> {
    if let Some(file) = &arguments.seeds {
        return Ok(Goal::Seeds(arguments::read_seeds(file)?));
    }
    Ok(match (arguments.hours, arguments.minutes, arguments.runs) {
        (Some(hours), _, _) => Goal::Simulated(Duration::from_secs_f64(hours * 3_600.0)),
        (_, Some(minutes), _) => Goal::Real(Duration::from_secs(60 * minutes)),
        (_, _, Some(runs)) => Goal::Runs(runs),
        _ if arguments.must_fail() => Goal::Runs(arguments::FIND_RUNS),
        _ => bail!("say what to run: --seed, --hours, --minutes, --runs, --twice or --seeds"),
    })
}

fn one(cluster: &Run<'_>, seed: u64, settings: &Settings) -> bool {
    let report = run_guarded(cluster, seed, settings);
    println!(
        "seed {seed:#x}: {:?} simulated, {} events, hash {:016x}, {} of {} calls acknowledged",
        report.simulated, report.events, report.trace_hash, report.acknowledged, report.calls
    );
    println!("plan:\n{}", report.plan);
    report.violations.iter().for_each(|violation| println!("VIOLATION: {violation}"));
    if !report.violations.is_empty() && settings.shown.is_none() {
        println!("the last events (--trace shows all):\n{}", report.tail);
    }
    report.violations.is_empty()
}

fn twice(cluster: &Run<'_>, first: u64, seeds: u64, settings: &Settings) -> bool {
    let mut same = 0;
    for seed in (0..seeds).map(|number| first.wrapping_add(number)) {
        let (report, difference) = run_twice(cluster, seed, settings);
        match difference {
            None => same += 1,
            Some(difference) => println!("DIFFERENT: {difference}"),
        }
        report.violations.iter().for_each(|it| println!("VIOLATION of seed {seed:#x}: {it}"));
    }
    println!("{same} of {seeds} seeds gave one trace twice");
    same == seeds
}
