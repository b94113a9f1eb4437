//! `cargo xtask bench`: builds the benchmarks in release form and runs one.

use std::path::Path;

use crate::ci::programs;
use crate::command::{Invocation, timed};

/// The manifest of the other actor libraries that Tenure is measured against. They are a workspace
/// apart, so that tests never build them.
const PEERS_MANIFEST: &str = "benches/peers/Cargo.toml";
const PEERS_TARGET: &str = "benches/peers/target";
const PEERS_PROGRAM: &str = "benches/peers/target/release/tenure-bench-peers";

/// What calls between two processes are measured against: with remoting on, a library builds its local calls otherwise.
const REMOTE_MANIFEST: &str = "benches/remote/Cargo.toml";
const REMOTE_TARGET: &str = "benches/remote/target";
const REMOTE_PROGRAM: &str = "benches/remote/target/release/tenure-bench-remote-peers";

/// The twins of the example `conversation`: a workspace apart as well.
const TWINS_MANIFEST: &str = "benches/conversation/Cargo.toml";
const TWINS_TARGET: &str = "benches/conversation/target";
const TWINS_PROGRAM: &str = "benches/conversation/target/release/tenure-bench-conversation";
/// The stores that the twins stand on, with their Debian packages.
const STORES: &[(&str, &str)] =
    &[("pg_ctlcluster", "postgresql"), ("redis-server", "redis-server")];

/// The benchmarks that compare with other libraries.
const LOCAL: &str = "local";
const REMOTE: &str = "remote";
/// The benchmark that compares an example with stateless services.
const CONVERSATION: &str = "conversation";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measure Tenure and its baselines alone; leave out the other libraries.
    #[arg(long)]
    no_peers: bool,
    /// The benchmark to run: `local`, `store`, `transport`, `remote`, or `conversation`, which starts PostgreSQL and
    /// Redis.
    name: String,
    /// Arguments of the benchmark itself: everything after its name. `cargo xtask bench local
    /// --help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds the benchmark, and the other libraries' program beside it, and runs it: it starts every
/// case of both in turn.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    if options.name == CONVERSATION {
        return conversation(root, options);
    }
    let own = ["run", "--release", "--package", "tenure-benches", "--", &options.name];
    let mut own = Invocation::cargo(&own);
    if ![LOCAL, REMOTE].contains(&&*options.name) || asks_for_help(options) {
        // Nothing to compare with.
    } else if has_no_peers(options) {
        println!("the other libraries are left out: --no-peers");
    } else if options.name == REMOTE {
        build_apart(root, "remote peers", REMOTE_MANIFEST, REMOTE_TARGET)?;
        own = own.args(&["--peers".to_owned(), REMOTE_PROGRAM.to_owned()]);
    } else {
        build_apart(root, "peers", PEERS_MANIFEST, PEERS_TARGET)?;
        own = own.args(&["--peers".to_owned(), PEERS_PROGRAM.to_owned()]);
    }
    let own = own.args(options.args.iter().filter(|arg| *arg != NO_PEERS));
    timed("bench", &own.to_string(), || own.run(root)).0
}

/// Builds the twins and the example, and runs them beside each other on stores of their own.
fn conversation(root: &Path, options: &Options) -> anyhow::Result<()> {
    build_apart(root, "twins", TWINS_MANIFEST, TWINS_TARGET)?;
    if !asks_for_help(options) {
        let tests = ["test", "--release", "--locked", "--quiet", "--manifest-path", TWINS_MANIFEST];
        let tests = Invocation::cargo(&[&tests[..], &["--target-dir", TWINS_TARGET]].concat());
        timed("tests of the twins", &tests.to_string(), || tests.run(root)).0?;
        programs::install(root, STORES)?;
        let example = ["build", "--release", "--package", "conversation", "--bin", "conversation"];
        let example = Invocation::cargo(&example);
        timed("example", &example.to_string(), || example.run(root)).0?;
    }
    let run = Invocation::new(TWINS_PROGRAM, &["compare"]).args(&options.args);
    timed("bench", &run.to_string(), || run.run(root)).0
}

fn build_apart(root: &Path, name: &str, manifest: &str, target: &str) -> anyhow::Result<()> {
    let build = ["build", "--release", "--locked", "--manifest-path", manifest];
    let build = Invocation::cargo(&[&build[..], &["--target-dir", target]].concat());
    timed(name, &build.to_string(), || build.run(root)).0
}

fn asks_for_help(options: &Options) -> bool {
    options.args.iter().any(|arg| arg == "--help" || arg == "-h")
}

/// The flag may stand before or after the benchmark's name.
fn has_no_peers(options: &Options) -> bool {
    options.no_peers || options.args.iter().any(|arg| arg == NO_PEERS)
}

const NO_PEERS: &str = "--no-peers";
