//! `cargo xtask bench`: builds the benchmarks in release form and runs one.

use std::path::Path;

use crate::command::{Invocation, timed};

/// The manifest of the other actor libraries that Tenure is measured against. They are a workspace
/// apart, so that tests never build them.
const PEERS_MANIFEST: &str = "benches/peers/Cargo.toml";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measure Tenure alone; leave out the other libraries.
    #[arg(long)]
    no_peers: bool,
    /// The benchmark to run, for example `local`.
    name: String,
    /// Arguments of the benchmark itself: everything after its name.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    if options.no_peers {
        println!("peers are left out: --no-peers");
    } else if !root.join(PEERS_MANIFEST).is_file() {
        println!("peers are left out: there is no {PEERS_MANIFEST}");
    } else {
        let peers = ["run", "--release", "--manifest-path", PEERS_MANIFEST, "--", &options.name];
        let peers = Invocation::cargo(&peers).args(&options.args);
        timed("peers", &peers.to_string(), || peers.run(root)).0?;
    }
    let own = ["run", "--release", "--package", "tenure-benches", "--", &options.name];
    let own = Invocation::cargo(&own).args(&options.args);
    timed("bench", &own.to_string(), || own.run(root)).0
}
