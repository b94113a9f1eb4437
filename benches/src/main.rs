//! Measures Tenure beside what it is built of and beside other actor libraries.
//!
//! `cargo xtask bench local` runs every case in rounds, each in a process of its own, and prints a
//! table of medians and ratios; benches/README.md says what each row compares.

#![expect(clippy::print_stdout, reason = "a command line tool talks to its terminal")]

mod cases;
mod job;
mod load;
mod machine;
mod memory;
mod plan;
mod report;
mod rounds;
mod table;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use plan::Row;
use tenure_postgres_server::{Options, PostgresServer};
use tenure_store_postgres::{PostgresConfig, migrate};

/// One allocator for every system under test; the peers' program has the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const README: &str = "benches/README.md";

/// Measures Tenure beside other systems.
#[derive(Parser)]
#[command(name = "tenure-benches", bin_name = "cargo xtask bench", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Compare local calls, memory, activations, durable turns and HTTP; prints a table.
    Local(Local),
    /// Compare durable turns and loads on PostgreSQL with what the server does without actors.
    Store(Local),
    /// Compare frames between two nodes with raw TCP and one write a frame.
    Transport(Local),
    /// Compare calls between two processes with a bare multiplexer, gRPC and other actor libraries.
    Remote(Local),
    /// Run one case in this process and print its values.
    #[command(hide = true)]
    Case(Case),
    /// Serve the calls of a case until killed.
    #[command(hide = true)]
    Serve {
        system: String,
        #[arg(long)]
        folder: PathBuf,
    },
}

#[derive(clap::Args)]
struct Local {
    /// How often each case runs; the table shows medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,
    /// Run only the rows whose section, title or cases contain this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Measure for a shorter time, with fewer entities. For trying things out.
    #[arg(long)]
    quick: bool,
    /// Replace the table in benches/README.md.
    #[arg(long, conflicts_with_all = ["only", "quick"])]
    write: bool,
    /// The program that measures the other libraries; without it they are left out.
    #[arg(long, value_name = "PROGRAM")]
    peers: Option<PathBuf>,
    /// Where durable cases keep their files: a folder on a real disk.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// The database of the cases that need one.
    #[arg(skip)]
    server: Option<String>,
}

#[derive(clap::Args)]
struct Case {
    name: String,
    #[arg(long)]
    quick: bool,
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().verb {
        Verb::Local(options) => {
            let rows = plan::rows(options.quick, options.peers.is_some());
            compare("local", rows, options)
        }
        Verb::Store(options) => {
            let server = store_server()?;
            compare_on(&server, plan::store_rows(options.quick), options)
        }
        Verb::Transport(options) => compare("transport", plan::transport_rows(), options),
        Verb::Remote(options) => {
            compare("remote", plan::remote_rows(options.peers.is_some()), options)
        }
        Verb::Case(Case { name, quick, folder }) => {
            std::fs::create_dir_all(&folder)?;
            let report = cases::run(&name, &cases::Setting { quick, folder })?;
            report.print();
            // The node's threads and the baselines' tasks end with the process.
            Ok(())
        }
        Verb::Serve { system, folder } => cases::serve(&system, &folder),
    }
}

/// A PostgreSQL with the tables of a store, set up as a server with some memory is.
fn store_server() -> anyhow::Result<PostgresServer> {
    let settings = ["shared_buffers = '512MB'", "max_wal_size = '4GB'", "max_connections = 100"];
    let settings = settings.map(str::to_owned).to_vec();
    let server = PostgresServer::with(&Options { settings, ..Options::default() })?;
    let config: PostgresConfig = server.url().parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(migrate(&config, 8))?;
    Ok(server)
}

fn compare_on(server: &PostgresServer, rows: Vec<Row>, mut options: Local) -> anyhow::Result<()> {
    options.server = Some(server.url());
    compare("store", rows, options)
}

fn compare(bench_name: &str, mut rows: Vec<Row>, options: Local) -> anyhow::Result<()> {
    if let Some(only) = &options.only {
        rows.retain(|row| row.matches(only));
        anyhow::ensure!(!rows.is_empty(), "no row contains `{only}`");
    }
    std::fs::create_dir_all(&options.folder)?;
    let bench = rounds::Bench {
        quick: options.quick,
        folder: options.folder,
        peers: options.peers,
        server: options.server,
    };
    let results = bench.run(&rows, options.rounds.into())?;
    cases::remove(&bench.folder)?;
    let text = table::render(&rows, &results);
    println!("{text}");
    let (met, goals) = table::goals(&rows, &results);
    println!("{met} of {goals} goals met");
    if options.write {
        table::write(Path::new(README), bench_name, &text)?;
        println!("wrote {README}");
    }
    Ok(())
}
