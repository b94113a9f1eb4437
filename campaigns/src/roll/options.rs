//! What the campaign is told.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::scene::Scene;
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
    /// What is called
    #[command(flatten)]
    pub scene: Scene,
    /// How many clients follow actors all the time as a browser's `EventSource` does, types in turn
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u16).range(..=512))]
    pub followers: u16,
    /// A folder with npm's `centrifuge` and `ws`: 8 followers more are theirs; `cargo xtask clients` makes one in
    /// target/clients
    #[arg(long)]
    pub clients: Option<PathBuf>,
    /// For how many seconds nothing happens before a round
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(..=600))]
    pub calm: u64,
    /// Seed and server
    #[command(flatten)]
    pub stage: Stage,
}
