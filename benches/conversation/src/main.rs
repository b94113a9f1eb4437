//! Measures the example `conversation` beside the same job done by stateless services.
//!
//! `cargo xtask bench conversation` builds it and the example and runs `compare`; benches/README.md says what is
//! compared. `serve` is one of the twins.

mod check;
mod client;
mod films;
mod job;
mod load;
mod machine;
mod process;
mod subject;
mod table;
mod twin;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};

use subject::{Cluster, Place, Running, Subject, remove};
use table::Results;

/// The twins have the same allocator as the example.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const README: &str = "benches/README.md";
const FILMS: &str = "examples/conversation/data/films.csv";

/// Measures a conversation beside the same job done by stateless services.
#[derive(Parser)]
#[command(name = "tenure-bench-conversation", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Compare all subjects; prints tables.
    Compare(Compare),
    /// Serve a twin until killed: `postgres` or `redis`.
    Serve {
        /// Which one.
        kind: String,
        /// Its store, as its library reads it.
        store: String,
    },
}

#[derive(clap::Args)]
struct Compare {
    /// How long each subject is measured in each round, after a second to warm up.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How often all are measured; the tables show medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,
    /// With how many connections.
    #[arg(long, value_delimiter = ',', default_value = "64,1024", value_parser = connections)]
    connections: Vec<usize>,
    /// Only the subjects whose names or transports contain this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Let load, services and stores run on all cores, instead of the load on the last and them on the others.
    #[arg(long)]
    share_cores: bool,
    /// Replace the tables in benches/README.md.
    #[arg(long, conflicts_with_all = ["only", "connections", "share_cores"])]
    write: bool,
    /// The program of the example.
    #[arg(long, default_value = "target/release/conversation")]
    ours: PathBuf,
    /// Where stores keep their files: a folder on a real disk, which is removed afterwards.
    #[arg(long, default_value = "target/bench-conversation")]
    folder: PathBuf,
}

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=4_096).contains(&count) => Ok(count),
        _ => Err("write a number of connections from 1 to 4096".to_owned()),
    }
}

fn main() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Compare(options) => compare(&options),
        Verb::Serve { kind, store } => twin::serve(&kind, &store),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Compare) -> anyhow::Result<()> {
    let films = films::read(Path::new(FILMS))?;
    let subjects: Vec<Subject> = Subject::ALL.into_iter().filter(|it| options.has(*it)).collect();
    ensure!(!subjects.is_empty(), "no subject has {:?}", options.only);
    let ours = options.ours.canonicalize().with_context(|| {
        format!(
            "{} is missing; build it with `cargo build --release -p conversation`",
            options.ours.display()
        )
    })?;
    let cores = machine::Cores::read(options.share_cores)?;
    machine::allow_many_files();
    remove(&options.folder)?;
    std::fs::create_dir_all(&options.folder)?;
    let folder = options.folder.canonicalize()?;
    println!("making the cluster of PostgreSQL");
    cores.of_services()?;
    let place = Place { cluster: Cluster::make(&folder)?, folder, ours };
    let results = rounds(options, &subjects, &place, &cores, &films);
    remove(&place.folder)?;
    let text = table::render(&results, options.seconds);
    println!("{text}");
    let (met, judged) = table::met(&results, &options.connections);
    println!("{met} of {judged} goals met");
    let failed = results.values().flatten().filter(|it| it.is_none()).count();
    ensure!(failed == 0, "{failed} measurements failed; nothing is written");
    if options.write {
        table::write(Path::new(README), &text)?;
        println!("wrote {README}");
    }
    Ok(())
}

fn rounds(
    options: &Compare,
    subjects: &[Subject],
    place: &Place,
    cores: &machine::Cores,
    films: &[String],
) -> Results {
    let mut results = Results::new();
    for round in 1..=options.rounds {
        for &connections in &options.connections {
            for &subject in subjects {
                let (name, transport) = (subject.name(), subject.transport.name());
                let what = format!("{name} over {transport}, {connections} connections");
                let place_in_run = format!("round {round}/{}: {what}", options.rounds);
                let measured = measure(options, subject, connections, place, cores, films);
                match &measured {
                    Ok(it) => println!("{place_in_run}: {it}"),
                    Err(error) => println!("{place_in_run}: FAILED: {error:#}"),
                }
                results.entry((connections, subject)).or_default().push(measured.ok());
            }
        }
    }
    results
}

/// Starts one subject afresh, checks it, and measures it.
fn measure(
    options: &Compare,
    subject: Subject,
    connections: usize,
    place: &Place,
    cores: &machine::Cores,
    films: &[String],
) -> anyhow::Result<load::Measured> {
    cores.of_services()?;
    let mut running = Running::start(subject.service, place).context("could not start it")?;
    cores.of_load()?;
    let seconds = Duration::from_secs(options.seconds);
    load::measure(&mut running, subject, connections, seconds, films)
}

impl Compare {
    fn has(&self, subject: Subject) -> bool {
        let Some(only) = &self.only else { return true };
        format!("{} {}", subject.name(), subject.transport.name()).contains(only.as_str())
    }
}
