//! `cargo xtask`: the one way to check, test, repair and measure this workspace.
//!
//! Continuous integration and a developer's machine run the same `cargo xtask ci`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its terminal"
)]

mod bench;
mod campaign;
mod ci;
mod clients;
mod command;
mod fix;
mod mutants;
mod scale;
mod sim;
mod suite;
mod tidy;
mod tutorial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

/// Checks, tests, repairs and measures the Tenure workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run every check: toolchain, format, clippy, tidy, tests, documentation tests, documentation.
    ///
    /// Changes nothing in the tree. Stops at the first failing step, names it and prints the command
    /// that runs it alone. The last line of the output is the sum of the tests: `N passed, N failed`.
    Ci,
    /// Run the tests and the documentation tests alone.
    ///
    /// Uses `cargo nextest run` when cargo-nextest is installed, otherwise `cargo test`.
    Test {
        /// Run only the tests whose names contain one of these words. A filter that matches no test
        /// is an error.
        filters: Vec<String>,
    },
    /// Check what no compiler checks.
    ///
    /// Levels between crates, the clippy.toml of simulated crates, import circles between files,
    /// lengths of files and functions, names, sleeps in tests, unfinished marks, crate documentation.
    /// Each broken rule is printed as `file:line: what; do what`.
    Tidy,
    /// Format the code and apply what clippy can repair by itself.
    Fix,
    /// Build the benchmarks in release form and run one.
    Bench(bench::Options),
    /// Run a long fault campaign against real processes.
    Campaign(campaign::Options),
    /// Let clients of others call and follow actors: made from the OpenAPI document of the example `shapes`,
    /// off the shelf, slow, and picky.
    ///
    /// TypeScript types, npm and PyPI HTTP clients, and schemathesis, which makes up requests;
    /// `centrifuge` and `eventsource` clients over restarts of a node; Autobahn's cases; slowhttptest.
    /// Installs what they need from npm and PyPI into `target/clients`.
    Clients(clients::Options),
    /// Run whole clusters on virtual time, each from a seed, under faults.
    ///
    /// `--seed 0x5eed` runs one again, `--trace` shows all of it, `--hours 10` runs many on all
    /// processors, `--twice 100` compares traces; `--plant` and `--vacuity` must be found. `--help` of
    /// the simulation lists all.
    Sim(sim::Options),
    /// Take mechanisms away one at a time, in a copy, and look whether the tests notice.
    ///
    /// `xtask/mutants.toml` lists them with the test that must fail. Takes a quarter of an hour.
    Mutants(mutants::Options),
    /// Simulate the cluster's protocol alone with up to 1,000 nodes and 10 million actors, and draw the plots
    /// of docs/scale.
    ///
    /// Takes half an hour and up to 12 GB of memory; `-- --sizes 100x1000000` measures one size,
    /// `-- --plots-only` draws what was measured before.
    Scale(scale::Options),
    /// Follow docs/tutorial.md to the letter, in a folder of its own, and say how long it took.
    ///
    /// Builds everything from nothing. The ports 7070 and 7071 must be free.
    Tutorial,
}

fn main() -> ExitCode {
    match run(&Cli::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: &Verb) -> anyhow::Result<ExitCode> {
    let root = workspace_root()?;
    match verb {
        Verb::Ci => return ci::run(&root),
        Verb::Test { filters } => return suite::run_alone(&root, filters),
        Verb::Tidy => tidy::run(&root)?,
        Verb::Fix => fix::run(&root)?,
        Verb::Bench(options) => bench::run(&root, options)?,
        Verb::Campaign(options) => campaign::run(&root, options)?,
        Verb::Clients(options) => clients::run(&root, options)?,
        Verb::Sim(options) => sim::run(&root, options)?,
        Verb::Mutants(options) => mutants::run(&root, options)?,
        Verb::Scale(options) => scale::run(&root, options)?,
        Verb::Tutorial => tutorial::run(&root)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the folder of the workspace: the parent of this package's folder.
fn workspace_root() -> anyhow::Result<PathBuf> {
    // Cargo sets the variable at run time; the compiled-in path would be wrong in a moved checkout.
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .context("CARGO_MANIFEST_DIR is not set; start this program with `cargo xtask`")?;
    let root = Path::new(&package).parent().context("the package xtask has no parent folder")?;
    Ok(root.to_path_buf())
}
