//! Tells the fleet of every flight of a table, or asks it for all its totals.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its terminal"
)]

mod client;
mod load;
mod plan;
mod table;
mod target;
mod totals;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};

use client::Site;
use load::LoadError;
use table::{Table, TableError};

/// Tells the fleet of every flight of a table.
#[derive(Parser)]
#[command(name = "fleet-load", version)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Where the fleet serves
    #[arg(long, global = true, default_value = "http://127.0.0.1:7070")]
    url: Site,
    /// The table of flights
    #[arg(long, global = true, default_value = "examples/fleet/data/flights-2013-01.csv")]
    file: PathBuf,
    /// How many connections to use
    #[arg(long, global = true, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// The number of the table's first row; for a table that continues one that was loaded, its
    /// number of rows plus one
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    first_row: u64,
    /// For how many seconds one call may be tried again before the program gives up
    #[arg(long, global = true, default_value_t = 60)]
    patience: u64,
}

#[derive(Clone, Copy, Subcommand)]
enum Verb {
    /// Tell the fleet of the table's flights (this is what happens without a command)
    Flights,
    /// Print the totals of every actor that the table names, one a line, sorted
    Totals,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Load(#[from] LoadError),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), Error> {
    let table = Arc::new(Table::read(&cli.file, cli.first_row)?);
    let patience = Duration::from_secs(cli.patience);
    let connections = usize::from(cli.connections);
    match cli.verb.unwrap_or(Verb::Flights) {
        Verb::Flights => {
            let rows = table.flights.len();
            let report = load::load(cli.url, table, connections, patience).await?;
            println!("{rows} rows: {report}");
        }
        Verb::Totals => {
            for line in totals::totals(cli.url, &table, connections, patience).await? {
                println!("{line}");
            }
        }
    }
    Ok(())
}
