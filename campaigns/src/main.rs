//! Runs a fault campaign: `cargo xtask campaign kill`, `power`, `keys`, ..

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its terminal"
)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tenure_campaigns::database::{self, Database, STORE_VARIABLE, Trouble};
use tenure_campaigns::disk::Disk;
use tenure_campaigns::kill::Kill;
use tenure_campaigns::power::{DatabasePower, Power};
use tenure_campaigns::rounds::{self, Fault, Options};
use tenure_campaigns::{
    booth, cluster, feeds, fleet, interrupt, keys, many, million, overload, rehearse, reminders,
    roll, sessions, ship, shop, split,
};

/// Hurts real servers in the middle of a load and looks for what they acknowledged.
#[derive(Parser)]
#[command(name = "campaign")]
struct Cli {
    /// Keep the actors in a PostgreSQL of the campaign's own
    #[arg(long, global = true)]
    postgres: bool,
    #[command(subcommand)]
    campaign: Campaign,
}

#[derive(Subcommand)]
enum Campaign {
    /// Kill the server's process with SIGKILL, at any time, again and again
    Kill {
        /// How often
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
        kills: u32,
        #[command(flatten)]
        options: Options,
    },
    /// Cut the power of the disk under the server's store, or with `--postgres` under its database, at any
    /// time, again and again; needs root
    Power {
        /// How often
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        cuts: u32,
        #[command(flatten)]
        options: Options,
    },
    /// Let something happen to the database that actors are kept in, in the middle of a load, and kill the
    /// server after that; again and again
    Database {
        /// How often
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        strikes: u32,
        /// What happens to the database
        #[arg(long, value_enum, default_value_t)]
        trouble: Trouble,
        #[command(flatten)]
        options: Options,
    },
    /// Make calls with idempotency keys over connections that are cut, and kill the server meanwhile
    Keys(keys::Options),
    /// Set reminders, kill and stop the node again and again, and look for each of them
    Reminders(reminders::Options),
    /// Offer ten times what the node can do
    Overload(overload::Options),
    /// Touch many more actors than fit in memory
    Many(many::Options),
    /// Append to a feed, kill the server and the consumer of the feed, and compare what it counted
    Feeds(feeds::Options),
    /// The consumer of that campaign
    #[command(hide = true)]
    FeedConsumer(feeds::consumer::Options),
    /// Let many follow actors over WebSockets, stop and kill the node, and compare what they heard
    Sessions(sessions::Options),
    /// Kill or stop nodes of a cluster on PostgreSQL, or hurt what has its member table, and say how long actors were away
    Cluster(cluster::Options),
    /// Restart all nodes of a cluster on PostgreSQL, one after the other, by another build, and look for calls that failed
    /// and for events that were lost or came twice
    Roll(roll::Options),
    /// Upgrade everything in turn under a load, as an operator would: the nodes, the servers of the member table, the
    /// database
    Rehearse(rehearse::Options),
    /// Call very many actors on a cluster, kill a node, and say how long until each of them answers again
    Million(million::Options),
    /// Cut the network between the nodes of a cluster in every way in which it falls into two; needs root
    Split(split::Options),
    /// Load the example `fleet` with a whole month, without and with kills, and compare its totals
    Fleet(fleet::Options),
    /// Let pairs of devices edit carts of the example `shop` and order, kill it meanwhile, and add up
    /// carts, orders, stock and money
    Shop(shop::Options),
    /// Let bots buy out events of the example `booth` on three nodes, kill nodes meanwhile, and see in every sample that
    /// free, held and sold seats are the house
    Booth(booth::Options),
    /// Move all actors from an embedded store into a database and a folder, and compare the files
    Ship(ship::Options),
}

fn main() -> ExitCode {
    match interrupt::listen().and_then(|()| on_store(Cli::parse())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the campaign, in a process of its own where it is to have a database of its own.
fn on_store(cli: Cli) -> anyhow::Result<bool> {
    if let (true, Campaign::Power { cuts, options }) = (cli.postgres, &cli.campaign) {
        return on_disk(|disk| strike(options, *cuts, &mut DatabasePower::new(disk, options)?));
    }
    if !cli.postgres || std::env::var_os(STORE_VARIABLE).is_some() {
        return run(cli.campaign);
    }
    let database = database::start(None)?;
    let mut again = std::process::Command::new(std::env::current_exe()?);
    again.args(std::env::args_os().skip(1)).env(STORE_VARIABLE, database.url());
    Ok(again.status()?.success())
}

/// Prints a report, and says whether everything was as it should be.
macro_rules! told {
    ($run:expr) => {{
        let report = $run?;
        println!("{report}");
        Ok(!report.is_bad())
    }};
}

/// Says whether everything was as it should be.
fn run(campaign: Campaign) -> anyhow::Result<bool> {
    match campaign {
        Campaign::Database { strikes, trouble, options } => {
            strike(&options, strikes, &mut Database::new(trouble)?)
        }
        Campaign::Kill { kills, options } => strike(&options, kills, &mut Kill::new()?),
        Campaign::Power { cuts, options } => {
            on_disk(|disk| strike(&options, cuts, &mut Power::new(disk)))
        }
        Campaign::Keys(options) => told!(keys::run(&options)),
        Campaign::Reminders(options) => told!(reminders::run(&options)),
        Campaign::Overload(options) => told!(overload::run(&options)),
        Campaign::Many(options) => told!(many::run(&options)),
        Campaign::Feeds(options) => told!(feeds::run(&options)),
        Campaign::FeedConsumer(options) => feeds::consumer::run(&options).map(|()| true),
        Campaign::Sessions(options) => told!(sessions::run(&options)),
        Campaign::Cluster(options) => told!(cluster::run(&options)),
        Campaign::Roll(options) => told!(roll::run(&options)),
        Campaign::Rehearse(options) => told!(rehearse::run(&options)),
        Campaign::Million(options) => told!(million::run(&options)),
        Campaign::Split(options) => told!(split::run(&options)),
        Campaign::Fleet(options) => {
            println!("{}", fleet::run(&options)?);
            Ok(true)
        }
        Campaign::Shop(options) => told!(shop::run(&options)),
        Campaign::Ship(options) => told!(ship::run(&options)),
        Campaign::Booth(options) => told!(booth::run(&options)),
    }
}

/// Makes a disk whose power can be cut, where this system has such.
fn on_disk(run: impl FnOnce(Disk) -> anyhow::Result<bool>) -> anyhow::Result<bool> {
    if let Err(reason) = Disk::check() {
        println!("skipped: {reason}");
        return Ok(true);
    }
    run(Disk::new()?)
}

fn strike(options: &Options, strikes: u32, fault: &mut dyn Fault) -> anyhow::Result<bool> {
    let figures = rounds::run(options, strikes, fault)?;
    println!("{figures}");
    Ok(!figures.is_bad())
}
