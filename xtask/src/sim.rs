//! `cargo xtask sim`: whole clusters on virtual time.

use std::path::Path;

use crate::command::{Invocation, timed};

/// The argument that takes a mechanism away, for which the program is built apart.
const PLANT: &str = "--plant";

/// Runs the simulation's program.
const RUN: [&str; 7] =
    ["run", "--release", "--quiet", "--package", "tenure-sim-cluster", "--bin", "tenure-sim"];

#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// Arguments of the simulation itself; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Where the seeds stand that found something once.
const SEEDS: &str = "crates/sim-cluster/tests/seeds.txt";

/// Every seed that ever found something.
pub(crate) fn kept() -> Invocation {
    Invocation::cargo(&[&RUN[..], &["--", "--seeds", SEEDS]].concat())
}

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let is_planted = |arg: &String| arg == PLANT || arg.starts_with("--plant=");
    let features: &[&str] = match options.args.iter().any(is_planted) {
        // Another folder, so that one build does not undo the other.
        true => &["--features", "planted", "--target-dir", "target/planted"],
        false => &[],
    };
    let run = Invocation::cargo(&[&RUN[..], features, &["--"]].concat()).args(&options.args);
    timed("sim", &run.to_string(), || run.run(root)).0
}
