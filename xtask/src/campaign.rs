//! `cargo xtask campaign`: forwards to the package of the long fault campaigns.

use std::path::Path;

use clap::ValueEnum;

use crate::command::{Invocation, timed};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The campaign to run.
    campaign: Campaign,
    /// Arguments of the campaign itself: everything after its name.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Campaign {
    /// Kill a node's process at arbitrary moments and check what was acknowledged.
    Kill,
    /// Cut the power of a node's disk at arbitrary writes and check what was acknowledged.
    Power,
    /// Drive a fleet of nodes through restarts and faults under load.
    Fleet,
}

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let name = match options.campaign {
        Campaign::Kill => "kill",
        Campaign::Power => "power",
        Campaign::Fleet => "fleet",
    };
    let run = ["run", "--release", "--package", "tenure-campaigns", "--", name];
    let run = Invocation::cargo(&run).args(&options.args);
    timed("campaign", &run.to_string(), || run.run(root)).0
}
