use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use tenure_sim::campaign::{Settings, Vacuity};
use tenure_sim::faults::Plan;
use tenure_types::Planted;

/// In how many seeds a bug that was planted must be found.
pub(crate) const FIND_RUNS: u64 = 1_000;

/// Runs whole clusters on virtual time. A seed decides all: what once went wrong goes wrong again.
#[derive(clap::Parser)]
#[command(name = "tenure-sim", bin_name = "cargo xtask sim", arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Run this seed alone, decimal or 0x.., and say what happened.
    #[arg(long, value_parser = parse_seed)]
    pub(crate) seed: Option<u64>,
    /// With --seed: show everything that happens.
    #[arg(long)]
    trace: bool,
    /// Take what goes wrong from this file, not from the seed.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Leave out the faults at these places of the plan, counted from 0.
    #[arg(long, value_delimiter = ',', value_name = "PLACES")]
    without: Vec<usize>,
    /// Run seeds until so many hours were simulated.
    #[arg(long)]
    pub(crate) hours: Option<f64>,
    /// Run seeds for so many minutes of real time.
    #[arg(long)]
    pub(crate) minutes: Option<u64>,
    /// Run so many seeds.
    #[arg(long)]
    pub(crate) runs: Option<u64>,
    /// Run the seeds that this file lists, one a line, `#` before comments.
    #[arg(long, value_name = "FILE")]
    pub(crate) seeds: Option<PathBuf>,
    /// Run so many seeds twice, and compare the hashes of their traces.
    #[arg(long)]
    pub(crate) twice: Option<u64>,
    /// The first seed of many; by default another one each time.
    #[arg(long, value_parser = parse_seed)]
    first: Option<u64>,
    /// Leave out this mechanism: the runs must find that. `list` names them all.
    #[arg(long, value_name = "NAME")]
    plant: Option<String>,
    /// Run under what the promises exclude: the runs must find that. `list` names them all.
    #[arg(long, value_name = "NAME")]
    vacuity: Option<String>,
    /// With --vacuity: judge by the promises that remain under it, and those must hold.
    #[arg(long, requires = "vacuity")]
    remaining: bool,
    /// How many threads run seeds; by default one for each processor.
    #[arg(long)]
    pub(crate) workers: Option<usize>,
    /// Do not stop at the first seed that fails.
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// How many runs may be spent on finding the few faults that a failure needs.
    #[arg(long, default_value_t = 200)]
    pub(crate) shrink: usize,
}

fn parse_seed(text: &str) -> Result<u64, String> {
    let seed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    seed.map_err(|_| format!("{text:?} is neither a number nor 0x and hexadecimal digits"))
}

/// The seeds that a file lists.
pub(crate) fn read_seeds(file: &Path) -> anyhow::Result<Vec<u64>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("could not read {file:?}"))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let seeds = lines.filter(|line| !line.is_empty()).map(parse_seed);
    seeds.collect::<Result<_, _>>().map_err(|error| anyhow::anyhow!("{file:?}: {error}"))
}

impl Arguments {
    /// What each run is asked.
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let plan = self.plan.as_deref().map(read_plan).transpose()?;
        let vacuity = self.vacuity.as_deref().map(|name| {
            let names = Vacuity::ALL.iter().map(|vacuity| vacuity.name());
            Vacuity::named(name).with_context(|| unknown("--vacuity", name, names))
        });
        let shown: fn(&tenure_sim::Event) = |event| println!("{event}");
        Ok(Settings {
            plan,
            without: self.without.clone(),
            vacuity: vacuity.transpose()?,
            remaining: self.remaining,
            shown: self.trace.then_some(shown),
        })
    }

    /// The names that are asked for with `list`.
    pub(crate) fn listed(&self) -> Option<Vec<&'static str>> {
        let is_list = |name: &Option<String>| name.as_deref() == Some("list");
        if is_list(&self.plant) {
            return Some(Planted::ALL.iter().map(|bug| bug.name()).collect());
        }
        is_list(&self.vacuity).then(|| Vacuity::ALL.iter().map(|vacuity| vacuity.name()).collect())
    }

    /// Leaves out the mechanism that shall be missed.
    pub(crate) fn plant(&self) -> anyhow::Result<()> {
        let Some(name) = &self.plant else { return Ok(()) };
        match Planted::ALL.iter().find(|bug| bug.name() == name) {
            Some(bug) => plant(*bug),
            None => bail!(unknown("--plant", name, Planted::ALL.iter().map(|bug| bug.name()))),
        }
    }

    /// Whether runs are expected to break a rule.
    pub(crate) fn must_fail(&self) -> bool {
        self.plant.is_some() || (self.vacuity.is_some() && !self.remaining)
    }

    /// The first seed of many.
    pub(crate) fn first_seed(&self) -> u64 {
        self.first.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            // Room for seeds in between two starts.
            u64::try_from(now.as_millis()).unwrap_or(0) << 16
        })
    }

    /// What of the command line belongs to a run, to be typed again.
    pub(crate) fn again(&self) -> String {
        let named = |flag: &str, value: &Option<String>| match value {
            Some(value) => format!(" {flag} {value}"),
            None => String::new(),
        };
        let remaining = if self.remaining { " --remaining" } else { "" };
        named("--plant", &self.plant) + &named("--vacuity", &self.vacuity) + remaining
    }
}

#[cfg(feature = "planted")]
fn plant(bug: Planted) -> anyhow::Result<()> {
    bug.plant();
    Ok(())
}

#[cfg(not(feature = "planted"))]
fn plant(bug: Planted) -> anyhow::Result<()> {
    bail!("{} needs a build with `--features planted`, as cargo xtask sim makes it", bug.name())
}

fn read_plan(file: &Path) -> anyhow::Result<Plan> {
    let text = std::fs::read_to_string(file).with_context(|| format!("could not read {file:?}"))?;
    text.parse().with_context(|| format!("could not understand {file:?}"))
}

fn unknown(flag: &str, name: &str, names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<&str> = names.collect();
    format!("{flag} {name}: there is {}", names.join(", "))
}
