use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::check::Check;
use super::nodes::SEAT_VARIABLE;

/// Names the configuration file; it is no setting itself.
const CONFIG_VARIABLE: &str = "TENURE_CONFIG";
/// What begins as a setting does and is none: the file's name, and what the `tenure` command reads.
pub(super) const OTHER_VARIABLES: &[&str] =
    &[CONFIG_VARIABLE, "TENURE_URL", "TENURE_ADMIN", SEAT_VARIABLE];

/// Serves actors over HTTP.
#[derive(Debug, Parser)]
#[command(version = env!("CARGO_PKG_VERSION"), about = "Serves actors over HTTP.", long_about = None)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
    /// The configuration file; where none is named `tenure.toml` is read if it exists
    #[arg(long, value_name = "FILE", global = true, env = CONFIG_VARIABLE)]
    pub(super) config: Option<PathBuf>,
    /// Sets one setting, as in `--set calls.deadline=5s`; `config print` lists them all
    #[arg(long = "set", value_name = "KEY=VALUE", global = true, value_parser = key_value)]
    set: Vec<(String, String)>,
    /// Where calls come in, as 127.0.0.1:7070; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", global = true)]
    listen: Option<String>,
    /// Where health, metrics and administration listen, as 127.0.0.1:7071
    #[arg(long, value_name = "ADDRESS", global = true)]
    admin_listen: Option<String>,
    /// The folder that keeps the actors
    #[arg(long, value_name = "FOLDER", global = true)]
    data: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Serve until told to stop (this is what happens without a command)
    Serve(Serve),
    /// Serve on this machine for development: shows every request
    Dev(Dev),
    /// Check that this program reads what the one before it stored, and understands its callers
    Check(Check),
    /// Print the OpenAPI 3.1 document of what can be called over HTTP
    Openapi,
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigVerb),
}

#[derive(Debug, Default, Args)]
pub(super) struct Serve {}

#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Delete the stored actors first
    #[arg(long)]
    pub(super) fresh: bool,
    /// How many nodes to start: processes on this machine that are one cluster, with ports ten apart; on a terminal, keys
    /// kill, drain, pause and add them
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) nodes: u32,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// Print every setting, as a file that could be read again
    Print {
        /// Say who set each value, and what it is for
        #[arg(long)]
        origin: bool,
    },
}

impl Default for Verb {
    fn default() -> Self {
        Verb::Serve(Serve::default())
    }
}

impl Cli {
    /// Reads the command line. What cannot be read, `--help` and `--version` end the program.
    pub(super) fn read(arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self::parse_from(arguments)
    }

    /// What of the command line is for every node of several: the file and all settings but where a node listens.
    pub(super) fn passed_on(&self) -> Vec<OsString> {
        let file = self.config.iter().flat_map(|file| ["--config".into(), file.clone().into()]);
        let settings = self
            .set
            .iter()
            .flat_map(|(key, value)| ["--set".into(), OsString::from(format!("{key}={value}"))]);
        file.chain(settings).collect()
    }

    /// Every setting that the command line sets; `--set` wins over the short forms.
    pub(super) fn overrides(&self) -> Vec<(String, String)> {
        let short = [
            ("gateway.listen", &self.listen),
            ("admin.listen", &self.admin_listen),
            ("store.path", &self.data),
        ];
        let short =
            short.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
        short.chain(self.set.iter().cloned()).collect()
    }
}

fn key_value(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
        None => Err("write KEY=VALUE, as in calls.deadline=5s".to_owned()),
    }
}
