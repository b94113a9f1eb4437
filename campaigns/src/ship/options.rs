use std::path::PathBuf;

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many actors are stored, of every mode
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(8..))]
    pub actors: u64,
    /// How many events one more actor has
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub events: u64,
    /// How many of them are looked at in the end
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub sample: u64,
    /// How many calls are under way at once
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub calls: u32,
    /// Where stores and files are made: a new folder in this one; the system's for temporary files otherwise
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// The `tenure` command; beside this program where it is not named
    #[arg(long, value_name = "PROGRAM")]
    pub tenure: Option<PathBuf>,
}
