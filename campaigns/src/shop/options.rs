//! What the campaign is told.

use crate::stage::Stage;

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many carts there are, each with two devices
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub pairs: u32,
    /// How many edits and checkouts each device makes
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub edits: u32,
    /// How often the server is killed meanwhile
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(..=1_000))]
    pub kills: u32,
    /// How many connections the devices share
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub connections: u16,
    /// How many of a hundred attempts are cut off in the middle
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=90))]
    pub cuts: u64,
    /// How many seconds the last orders may take once it is calm
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub patience: u64,
    /// Seed, server, and what is broken
    #[command(flatten)]
    pub stage: Stage,
}
