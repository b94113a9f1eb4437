//! What the campaigns that trouble a cluster under a load have in common: its nodes, and who is called there.

use crate::ground::Table;
use crate::ledger::Mode;

/// A cluster under a load.
#[derive(Clone, Debug, clap::Args)]
pub struct Scene {
    /// Where the member table is
    #[arg(long, value_enum, default_value_t)]
    pub table: Table,
    /// How many nodes there are
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..=9))]
    pub nodes: u16,
    /// How many actors of each type are called all the time
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub actors: u16,
    /// How long leases are, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub lease: u64,
}

/// The types whose actors are stored, by whom no acknowledged turn is lost in an orderly stop.
pub(crate) fn stored_types() -> [&'static str; 3] {
    [Mode::WriteThrough, Mode::EventSourced, Mode::WriteBehind].map(Mode::actor_type)
}
