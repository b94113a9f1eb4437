//! Where a campaign plays: its server, its seed, and what is broken on purpose.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::ValueEnum;

use crate::process::Launch;
use crate::{port, seed};

/// The variable that tells the campaign's server how to be broken.
pub const BREAK_VARIABLE: &str = "CAMPAIGN_BREAK";
/// The variable that tells the campaign's server how many milliseconds later its store answers.
pub const SLOW_VARIABLE: &str = "CAMPAIGN_SLOW_STORE_MS";

/// What every campaign is told.
#[derive(Clone, Debug, clap::Args)]
pub struct Stage {
    /// Replays the choices of an earlier run
    #[arg(long, value_parser = parse_seed)]
    pub seed: Option<u64>,
    /// Breaks the server on purpose: the campaign must then fail
    #[arg(long = "break")]
    pub broken: Option<Break>,
    /// The server; beside this program where it is not named
    #[arg(long)]
    pub server: Option<PathBuf>,
}

/// A mechanism to take away from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Break {
    /// Release replies some milliseconds before their commit: `kill`, `power`.
    EarlyReply,
    /// Let every sync of a file return at once and do nothing, those of a database too: `power`.
    NoSync,
    /// Let write-behind actors wait for ten times their delay: `kill --mode write-behind`.
    LateFlush,
    /// Show an unsaved age of zero on the metrics page: `kill --mode write-behind`.
    HiddenAge,
    /// Ignore the header `Idempotency-Key`, or leave it out: `keys`, `shop`.
    NoKeys,
    /// Find no reminder in the store: `reminders`.
    NothingDue,
    /// Let calls wait for an actor without a bound: `overload`.
    NoBounds,
    /// Forget what actors leave behind when they leave memory: `many`.
    Forgetful,
    /// Give nothing back that a refused order has reserved: `shop`.
    NoCompensation,
    /// Append to feeds after the turn instead of with it: `feeds`.
    LateAppend,
    /// Kill nodes that are to stop in good order: `roll`.
    NoDrain,
    /// Let orders go on by timers, which end with their process: `shop`.
    NoReminders,
}

impl Stage {
    /// The seed that was asked for, or a fresh one.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(seed::fresh)
    }

    /// What is broken, for the first line of a campaign.
    #[must_use]
    pub fn said(&self) -> String {
        let broken = self.broken.map(|it| format!(", BROKEN ON PURPOSE: {}", it.name()));
        broken.unwrap_or_default()
    }

    /// How the server is started, over a store in `data` and with its log in `folder`.
    ///
    /// # Errors
    /// When there is no server, or no port.
    pub fn launch(&self, data: &Path, folder: &Path) -> anyhow::Result<Launch> {
        self.launch_of("campaign-server", "tenure-campaigns", data, folder)
    }

    /// The same with another server than the campaigns' own, where none is named.
    ///
    /// # Errors
    /// When there is no server, or no port.
    pub fn launch_of(
        &self,
        name: &str,
        package: &str,
        data: &Path,
        folder: &Path,
    ) -> anyhow::Result<Launch> {
        let broken = self.broken.map(|it| (BREAK_VARIABLE, OsString::from(it.name())));
        Ok(Launch {
            program: program(self.server.as_deref(), name, package)?,
            listen: port::free()?,
            data: data.to_owned(),
            log: folder.join("server.log"),
            settings: Vec::new(),
            env: broken.into_iter().collect(),
            namespace: None,
        })
    }
}

impl Break {
    /// The word that names it on command lines.
    #[must_use]
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// The program that was named, or else the one of this name beside the running one.
///
/// # Errors
/// When it is not there.
pub(crate) fn program(named: Option<&Path>, name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let beside = || Ok(std::env::current_exe()?.with_file_name(name));
    let program = named.map(Path::to_owned).map_or_else(beside, anyhow::Ok)?;
    if !program.exists() {
        bail!("{} is not there; build the package {package}", program.display());
    }
    Ok(program)
}

/// Reads a seed as it is printed.
///
/// # Errors
/// When it is no number.
pub fn parse_seed(text: &str) -> Result<u64, std::num::ParseIntError> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    }
}
