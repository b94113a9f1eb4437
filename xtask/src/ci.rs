//! `cargo xtask ci`: every check in order, ending at the first that fails.

pub(crate) mod programs;
mod toolchain;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::command::{Invocation, timed};
use crate::sim;
use crate::suite::{self, Tally};
use crate::tidy;

/// What a step does. It may add what it counted to the tally.
type Action<'a> = Box<dyn FnOnce(&mut Tally) -> anyhow::Result<()> + 'a>;

struct Step<'a> {
    name: &'static str,
    /// The command that runs this step alone, for the reader of a failure.
    alone: String,
    run: Action<'a>,
}

impl<'a> Step<'a> {
    fn command(name: &'static str, root: &'a Path, command: Invocation) -> Self {
        let alone = command.to_string();
        Self { name, alone, run: Box::new(move |_| command.run(root)) }
    }
}

/// Runs every step. The last line printed is always the tally of the tests.
///
/// # Errors
///
/// None so far; a failed step is reported here and in the returned code.
pub(crate) fn run(root: &Path) -> anyhow::Result<ExitCode> {
    println!("tests run with {}", suite::describe_runner(root));
    let mut tally = Tally::default();
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let mut failure = None;
    for step in steps(root) {
        let (result, time) = timed(step.name, &step.alone, || (step.run)(&mut tally));
        times.push((step.name, time));
        if let Err(error) = result {
            failure = Some((step.name, step.alone, error));
            break;
        }
    }
    print_summary(&times, failure.as_ref().map(|(name, ..)| *name));
    if let Some((name, alone, error)) = &failure {
        println!("error: step {name} failed: {error:#}");
        println!("run it alone: {alone}");
    }
    println!("{tally}");
    Ok(if failure.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn steps(root: &Path) -> Vec<Step<'_>> {
    let fmt = ["fmt", "--all", "--check", "--", "--color", "never"];
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let docs = Invocation::cargo(&["doc", "--workspace", "--no-deps"]);
    let mut steps = vec![
        Step {
            name: "toolchain",
            alone: "rustc --version".to_owned(),
            run: Box::new(move |_| toolchain::check(root)),
        },
        Step {
            name: "programs",
            alone: programs::install_command(),
            run: Box::new(move |_| {
                programs::offer(root);
                programs::install_missing(root)
            }),
        },
        Step::command("fmt", root, Invocation::cargo(&fmt)),
        Step::command("clippy", root, Invocation::cargo(&clippy)),
        Step {
            name: "tidy",
            alone: "cargo xtask tidy".to_owned(),
            run: Box::new(move |_| tidy::run(root)),
        },
    ];
    for (name, command) in suite::commands(root, &[]).into_iter().chain(suite::of_etcd()) {
        steps.push(Step {
            name,
            alone: command.to_string(),
            run: Box::new(move |tally| command.run_observed(root, &mut |line| tally.observe(line))),
        });
    }
    steps.push(Step::command("sim", root, sim::kept()));
    steps.push(Step::command("fresh", root, sim::fresh(root)));
    steps.push(Step::command("doc", root, docs.env("RUSTDOCFLAGS", "-D warnings")));
    steps
}

fn print_summary(times: &[(&str, Duration)], failed: Option<&str>) {
    println!("summary");
    for (name, time) in times {
        let outcome = if failed == Some(*name) { "FAILED" } else { "ok" };
        println!("  {name:<10} {:>8.1} s  {outcome}", time.as_secs_f64());
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    println!("  {:<10} {:>8.1} s", "total", total.as_secs_f64());
}
