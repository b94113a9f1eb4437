//! The example `fleet` under a whole month of flights: its totals must be those that awk computes
//! from the table, whatever happens to the server while they are loaded.

use std::fmt;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::database;
use crate::http::Connection;
use crate::process::Launch;
use crate::seed::Seeded;
use crate::stage::program;
use crate::{interrupt, port, seed};

const POLL_PERIOD: Duration = Duration::from_millis(2);
/// How long one load may take.
const LOAD_MAX: Duration = Duration::from_secs(900);
/// How many differing lines are shown.
const DIFFERENCES_SHOWN: usize = 10;

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How often the server is killed during the second load
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(..=1_000))]
    pub kills: u32,
    /// How many connections the loader uses
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub connections: u16,
    /// Replays the places of the kills of an earlier run
    #[arg(long)]
    pub seed: Option<u64>,
    /// The table of flights
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/fleet/data/flights-2013-01.csv"))]
    pub file: PathBuf,
    /// The program for awk that computes the totals
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/fleet/check/totals.awk"))]
    pub check: PathBuf,
    /// The server; beside this program where it is not named
    #[arg(long)]
    pub server: Option<PathBuf>,
    /// The loader; beside this program where it is not named
    #[arg(long)]
    pub loader: Option<PathBuf>,
}

/// How both loads went.
#[derive(Debug)]
pub struct Report {
    actors: usize,
    kills: u32,
    seed: u64,
    /// What the loader said without and with kills.
    loads: [String; 2],
}

struct Campaign {
    server: PathBuf,
    loader: PathBuf,
    file: PathBuf,
    connections: u16,
    /// The lines that awk computed, sorted.
    expected: Vec<String>,
    /// The airport that most flights leave from, and how many do: the longest list of calls.
    busiest: (String, u64),
}

/// Loads twice, without kills and with them.
///
/// # Errors
/// When the totals differ, or the campaign could not be carried out.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let expected = awk(&options.check, &options.file)?;
    let busiest = busiest(&expected)?;
    let campaign = Campaign {
        server: program(options.server.as_deref(), "fleet", "fleet")?,
        loader: program(options.loader.as_deref(), "fleet-load", "fleet")?,
        file: options.file.clone(),
        connections: options.connections,
        expected,
        busiest,
    };
    let seed = options.seed.unwrap_or_else(seed::fresh);
    let mut numbers = Seeded::new(seed);
    println!(
        "campaign fleet: {}, {} connections, seed {seed}",
        options.file.display(),
        options.connections
    );
    let calm = campaign.load(&[]).context("the load without kills")?;
    println!("without kills: {calm}");
    let places = campaign.places(options.kills, &mut numbers);
    let hurt = campaign.load(&places).context("the load with kills")?;
    println!("with {} kills: {hurt}", options.kills);
    let actors = campaign.expected.len();
    Ok(Report { actors, kills: options.kills, seed, loads: [calm, hurt] })
}

impl Campaign {
    /// After how many departures from the busiest airport the server is killed.
    ///
    /// They lie closer at the beginning, when all connections are at work; near the end only those
    /// of the busiest actors are.
    fn places(&self, kills: u32, numbers: &mut Seeded) -> Vec<u64> {
        let share = |part: f64| (part / f64::from(kills + 1)).powi(2) * self.busiest.1 as f64;
        (1..=kills)
            .map(|kill| {
                let (from, to) = (share(f64::from(kill)), share(f64::from(kill) + 0.8));
                from as u64 + numbers.below((to - from) as u64 + 1)
            })
            .collect()
    }

    /// Loads the table into a new server that is killed at `places`, and compares the totals.
    fn load(&self, places: &[u64]) -> anyhow::Result<String> {
        let folder = tempfile::tempdir()?;
        let mut launch = Launch {
            program: self.server.clone(),
            listen: port::free()?,
            data: folder.path().join("data"),
            log: folder.path().join("server.log"),
            settings: Vec::new(),
            env: Vec::new(),
            namespace: None,
        };
        // What another load has left would answer for this one.
        let database = database::another()?;
        if let Some(database) = &database {
            database::keep_in(&mut launch, database.url());
        }
        let mut server = launch.start()?;
        let said = folder.path().join("load.out");
        let mut loader = Loader { child: self.loader(&launch, "flights", &said)? };
        for (kill, place) in (1..).zip(places) {
            self.wait_for(*place, launch.listen, &mut loader)
                .with_context(|| format!("kill {kill} of {} came too late", places.len()))?;
            server.kill();
            server = launch.start().with_context(|| format!("after kill {kill}"))?;
        }
        loader.wait()?;
        let summary = std::fs::read_to_string(&said)?.trim().to_owned();
        self.compare(&launch, folder.path())?;
        // The totals are durable, too.
        server.stop()?;
        let server = launch.start()?;
        self.compare(&launch, folder.path())?;
        server.stop()?;
        Ok(summary)
    }

    fn loader(&self, launch: &Launch, verb: &str, output: &Path) -> anyhow::Result<Child> {
        Command::new(&self.loader)
            .args([verb, "--url", &format!("http://{}", launch.listen)])
            .args(["--connections", &self.connections.to_string(), "--file"])
            .arg(&self.file)
            .stdin(Stdio::null())
            .stdout(File::create(output)?)
            .spawn()
            .with_context(|| format!("could not start {}", self.loader.display()))
    }

    /// Waits until the busiest airport has so many departures, while the loader is at work.
    fn wait_for(
        &self,
        departures: u64,
        address: SocketAddr,
        loader: &mut Loader,
    ) -> anyhow::Result<()> {
        let path = format!("/v1/airport/{}/totals", self.busiest.0);
        let mut connection = Connection::new(address);
        let until = Instant::now() + LOAD_MAX;
        while Instant::now() < until {
            if let Some(status) = loader.child.try_wait()? {
                bail!("the load had ended already, with {status}");
            }
            let reply = connection.call("GET", &path, "").unwrap_or_default();
            let totals: serde_json::Value = serde_json::from_str(&reply).unwrap_or_default();
            if totals["departures"]["flights"].as_u64().is_some_and(|count| count >= departures) {
                return Ok(());
            }
            interrupt::pause(POLL_PERIOD)?;
        }
        bail!("the load takes more than {} s", LOAD_MAX.as_secs())
    }

    fn compare(&self, launch: &Launch, folder: &Path) -> anyhow::Result<()> {
        let output = folder.join("totals.out");
        Loader { child: self.loader(launch, "totals", &output)? }.wait()?;
        let totals = std::fs::read_to_string(&output)?;
        let totals: Vec<&str> = totals.lines().collect();
        let pairs = self.expected.iter().zip(&totals).filter(|(expected, shown)| expected != shown);
        let differing = pairs.clone().count() + self.expected.len().abs_diff(totals.len());
        for (expected, shown) in pairs.take(DIFFERENCES_SHOWN) {
            println!("awk   {expected}\nfleet {shown}");
        }
        if differing > 0 {
            bail!("{differing} of {} lines of totals differ", self.expected.len());
        }
        Ok(())
    }
}

/// The loader at work, killed when dropped.
struct Loader {
    child: Child,
}

impl Loader {
    fn wait(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + LOAD_MAX;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("the loader ended with {status}");
                }
                return Ok(());
            }
            interrupt::pause(POLL_PERIOD)?;
        }
        bail!("the loader takes more than {} s", LOAD_MAX.as_secs())
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { actors, kills, seed, .. } = self;
        write!(
            f,
            "{actors} totals equal those of awk, without kills and with {kills}, before and after a \
             restart; seed {seed}"
        )
    }
}

impl Report {
    /// What the loader said at its end, without kills and with them.
    #[must_use]
    pub fn loads(&self) -> &[String; 2] {
        &self.loads
    }
}

/// Computes the totals without any of our code.
fn awk(check: &Path, file: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("awk").arg("-f").arg(check).arg(file).env("LC_ALL", "C").output();
    let output = output.context("could not run awk")?;
    if !output.status.success() {
        bail!("awk failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8(output.stdout)?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    Ok(lines)
}

fn busiest(totals: &[String]) -> anyhow::Result<(String, u64)> {
    let departures = totals.iter().filter_map(|line| {
        let mut fields = line.strip_prefix("airport_departures,")?.split(',');
        Some((fields.next()?.to_owned(), fields.next()?.parse::<u64>().ok()?))
    });
    departures.max_by_key(|(_, flights)| *flights).context("no flight leaves in the table")
}
