//! `cargo xtask scale`: the cluster's protocol alone, with many nodes and actors.
//!
//! No runtime, no sockets, no real clock: the machines of `tenure-protocol` beside a simulated network, member
//! table and store. `docs/scale.md` says what the figures mean.

#![expect(clippy::print_stdout, reason = "a command line tool talks to its terminal")]

mod cost;
mod draws;
mod events;
mod fill;
mod outcome;
mod plots;
mod probes;
mod rings;
mod run;
mod scenario;
mod tally;
#[cfg(test)]
mod tests;
mod wire;
mod world;

use std::path::PathBuf;

use clap::Parser;

/// Measures the cluster's protocol in simulation, and draws what came of it
#[derive(Parser)]
#[command(name = "scale")]
struct Cli {
    /// Clusters to measure, as nodes x actors
    #[arg(long, value_delimiter = ',', default_values_t = run::SIZES)]
    sizes: Vec<outcome::Size>,
    /// Where figures and plots go
    #[arg(long, default_value = "docs/scale")]
    folder: PathBuf,
    /// Look only at how actors are placed by look-ups, with the numbers of nodes of the sizes
    #[arg(long)]
    placing_only: bool,
    /// Draw the figures that are there, and measure nothing
    #[arg(long)]
    plots_only: bool,
    /// Decides what is drawn at random
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if !cli.plots_only {
        run::measure(&cli.sizes, cli.placing_only, &cli.folder, cli.seed)?;
    }
    run::draw(&cli.folder)
}
