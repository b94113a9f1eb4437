//! `cargo xtask bench`: builds the benchmarks in release form and runs one.

use std::path::Path;

use crate::command::{Invocation, timed};

/// The manifest of the other actor libraries that Tenure is measured against. They are a workspace
/// apart, so that tests never build them.
const PEERS_MANIFEST: &str = "benches/peers/Cargo.toml";
const PEERS_TARGET: &str = "benches/peers/target";
const PEERS_PROGRAM: &str = "benches/peers/target/release/tenure-bench-peers";

/// The benchmark that compares with other libraries.
const LOCAL: &str = "local";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measure Tenure and its baselines alone; leave out the other libraries.
    #[arg(long)]
    no_peers: bool,
    /// The benchmark to run: `local`.
    name: String,
    /// Arguments of the benchmark itself: everything after its name. `cargo xtask bench local
    /// --help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds the benchmark, and the other libraries' program beside it, and runs it: it starts every
/// case of both in turn.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let own = ["run", "--release", "--package", "tenure-benches", "--", &options.name];
    let mut own = Invocation::cargo(&own);
    let asks_for_help = options.args.iter().any(|arg| arg == "--help" || arg == "-h");
    if options.name != LOCAL || asks_for_help {
        // Nothing to compare with.
    } else if has_no_peers(options) {
        println!("the other libraries are left out: --no-peers");
    } else {
        let build = ["build", "--release", "--locked", "--manifest-path", PEERS_MANIFEST];
        let build = Invocation::cargo(&[&build[..], &["--target-dir", PEERS_TARGET]].concat());
        timed("peers", &build.to_string(), || build.run(root)).0?;
        own = own.args(&["--peers".to_owned(), PEERS_PROGRAM.to_owned()]);
    }
    let own = own.args(options.args.iter().filter(|arg| *arg != NO_PEERS));
    timed("bench", &own.to_string(), || own.run(root)).0
}

/// The flag may stand before or after the benchmark's name.
fn has_no_peers(options: &Options) -> bool {
    options.no_peers || options.args.iter().any(|arg| arg == NO_PEERS)
}

const NO_PEERS: &str = "--no-peers";
