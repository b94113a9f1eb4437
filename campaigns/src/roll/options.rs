//! What the campaign is told.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::ground::Table;
use crate::ledger::Mode;
use crate::stage::Stage;

/// How a node is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// It is stopped, then started again.
    #[default]
    InPlace,
    /// Another one is started, then it is stopped.
    Spare,
}

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How often all nodes are restarted, by the newer and the older build in turn
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: u32,
    /// How a node is replaced
    #[arg(long, value_enum, default_value_t)]
    pub way: Way,
    /// Where the member table is
    #[arg(long, value_enum, default_value_t)]
    pub table: Table,
    /// How many nodes there are
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..=9))]
    pub nodes: u16,
    /// How many actors of each type are called all the time
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub actors: u16,
    /// How many clients follow actors all the time as a browser's `EventSource` does, types in turn
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u16).range(..=512))]
    pub followers: u16,
    /// A folder with npm's `centrifuge` and `ws`: 8 followers more are theirs; `cargo xtask clients` makes one in
    /// target/clients
    #[arg(long)]
    pub clients: Option<PathBuf>,
    /// How long leases are, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub lease: u64,
    /// For how many seconds nothing happens before a round
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(..=600))]
    pub calm: u64,
    /// Seed and server
    #[command(flatten)]
    pub stage: Stage,
}

/// The types whose actors are stored, by whom no acknowledged turn is lost in an orderly stop.
pub(super) fn stored_types() -> [&'static str; 3] {
    [Mode::WriteThrough, Mode::EventSourced, Mode::WriteBehind].map(Mode::actor_type)
}
