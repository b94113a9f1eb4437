//! `cargo xtask scale`: the cluster's protocol with many nodes and actors, in simulation.

use std::path::Path;

use crate::command::{Invocation, timed};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Arguments of the simulation itself; `--help` after `--` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Measures, and draws the plots of `docs/scale`.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let run = ["run", "--release", "--package", "tenure-scale", "--"];
    let run = Invocation::cargo(&run).args(&options.args);
    timed("scale", &run.to_string(), || run.run(root)).0
}
