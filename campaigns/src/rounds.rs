//! The course of a campaign: start, compare, load, strike; again and again.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::behind::{AGE_METRIC, Behind};
use crate::book::{Book, Finding};
use crate::interrupt;
use crate::ledger::Mode;
use crate::load::{Load, Tally};
use crate::metrics::{Watch, Watched};
use crate::process::{Launch, ServerProcess};
use crate::seed::Seeded;
use crate::stage::{SLOW_VARIABLE, Stage};
use crate::verify::verify;

const POLL_PERIOD: Duration = Duration::from_millis(1);
/// How long a round may take to reach its number of acknowledged turns.
const ROUND_MAX: Duration = Duration::from_secs(120);
const PROGRESS_PERIOD: Duration = Duration::from_secs(5);
/// How many findings are printed.
const FINDINGS_SHOWN: usize = 20;
/// How long the load of write-behind ledgers lasts at least: they would be struck before the first
/// of their turns had to be durable.
const BEHIND_LOAD: Duration = Duration::from_millis(600);

/// How a campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How the actors are kept durable
    #[arg(long, value_enum, default_value_t)]
    pub mode: Mode,
    /// Lets the store answer so many milliseconds later
    #[arg(long, value_name = "MS", value_parser = slow_store)]
    pub slow_store: Option<u64>,
    /// How many connections load the server
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub connections: u16,
    /// How many actors there are
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub actors: u32,
    /// How many turns are acknowledged in each round before anything happens
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub turns: u64,
    /// Up to how many milliseconds later it happens
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(..=10_000))]
    pub spread: u64,
    /// Seed, server, and what is broken
    #[command(flatten)]
    pub stage: Stage,
}

/// What is done to the server.
pub trait Fault {
    /// What it is called, as in "cut 3".
    fn noun(&self) -> &'static str;

    /// The folder for the store.
    fn data(&self) -> &Path;

    /// Makes ready for the next start of the server.
    ///
    /// # Errors
    /// When that cannot be done.
    fn prepare(&mut self, launch: &mut Launch) -> anyhow::Result<()> {
        let _ = launch;
        Ok(())
    }

    /// Strikes. When it returns, the process is gone and the folder may be opened again.
    ///
    /// # Errors
    /// When the fault cannot be made; the campaign then says nothing.
    fn strike(&mut self, server: &mut ServerProcess, numbers: &mut Seeded) -> anyhow::Result<()>;
}

/// How a campaign ended.
#[derive(Debug)]
pub struct Figures {
    noun: &'static str,
    seed: u64,
    /// How often the fault struck.
    pub strikes: u32,
    /// Turns that were acknowledged.
    pub acknowledged: u64,
    /// Turns that were acknowledged and are gone.
    pub lost: u64,
    /// Everything else that must not be.
    pub wrong: u64,
    unknown: u64,
    unknown_executed: u64,
    not_executed: u64,
    starts: Vec<Duration>,
    behind: Option<Behind>,
    took: Duration,
}

struct Course<'a> {
    options: &'a Options,
    fault: &'a mut dyn Fault,
    launch: Launch,
    tally: Arc<Tally>,
    numbers: Seeded,
    figures: Figures,
    begun: Instant,
    shown: Instant,
}

/// When the fault struck, and what was seen of the server until then.
struct Strike {
    at: Instant,
    watched: Watched,
}

/// Strikes `strikes` times, then stops the server in good order and looks once more.
///
/// # Errors
/// When the campaign could not be carried out, or the server does not start any more. Losses are
/// no error but in the figures.
pub fn run(options: &Options, strikes: u32, fault: &mut dyn Fault) -> anyhow::Result<Figures> {
    let seed = options.stage.seed();
    println!(
        "{} 1 to {strikes}: {}, {} connections, {} actors, seed {seed:#x}{}",
        fault.noun(),
        options.mode.actor_type(),
        options.connections,
        options.actors,
        options.stage.said(),
    );
    let folder = tempfile::tempdir().context("could not make a folder")?;
    let mut launch = options.stage.launch(fault.data(), folder.path())?;
    launch.env.extend(options.slow_store.map(|ms| (SLOW_VARIABLE, ms.to_string().into())));
    let now = Instant::now();
    let mut course = Course {
        figures: Figures {
            behind: (options.mode == Mode::WriteBehind).then(Behind::default),
            ..Figures::new(fault.noun(), seed)
        },
        options,
        fault,
        launch,
        tally: Arc::new(Tally::new(Book::new(options.actors as usize), options.mode.actor_type())),
        numbers: Seeded::new(seed),
        begun: now,
        shown: now,
    };
    course.run(strikes)?;
    Ok(course.figures)
}

impl Course<'_> {
    fn run(&mut self, strikes: u32) -> anyhow::Result<()> {
        let mut server = self.start()?;
        for round in 1..=strikes {
            let strike = self.round(&mut server).with_context(|| format!("round {round}"))?;
            self.figures.strikes = round;
            server = self.start().with_context(|| {
                let count = self.tally.acknowledged.load(Ordering::Relaxed);
                format!("after {} {round}, with {count} turns acknowledged", self.fault.noun())
            })?;
            self.compare(server.calls, Some(&strike))?;
            self.show(round, strikes);
            if self.figures.is_bad() {
                return Ok(());
            }
        }
        server.stop()?;
        let server = self.start().context("after an orderly stop")?;
        self.compare(server.calls, None)?;
        server.stop()
    }

    /// Loads the server and strikes in the middle of it.
    fn round(&mut self, server: &mut ServerProcess) -> anyhow::Result<Strike> {
        let connections = usize::from(self.options.connections);
        let acknowledged = || self.tally.acknowledged.load(Ordering::Relaxed);
        let goal = acknowledged() + self.options.turns;
        let until = Instant::now() + ROUND_MAX;
        let later = self.numbers.time_below(Duration::from_millis(self.options.spread));
        let load = Load::start(&self.tally, server.calls, connections, &mut self.numbers);
        let watch = self.figures.behind.is_some().then(|| Watch::start(server.admin, AGE_METRIC));
        let not_before = Instant::now() + watch.as_ref().map_or(Duration::ZERO, |_| BEHIND_LOAD);
        while acknowledged() < goal || Instant::now() < not_before {
            if let Some(status) = server.ended()? {
                bail!("the server ended by itself with {status}");
            }
            if Instant::now() > until {
                bail!(
                    "{} turns are missing after {} s",
                    goal.saturating_sub(acknowledged()),
                    ROUND_MAX.as_secs()
                );
            }
            interrupt::pause(POLL_PERIOD)?;
        }
        interrupt::pause(later)?;
        let at = Instant::now();
        self.fault.strike(server, &mut self.numbers)?;
        load.end();
        let watched = watch.map(Watch::end).transpose()?.unwrap_or_default();
        Ok(Strike { at, watched })
    }

    fn start(&mut self) -> anyhow::Result<ServerProcess> {
        interrupt::check()?;
        self.fault.prepare(&mut self.launch)?;
        let server = self.launch.start()?;
        self.figures.starts.push(server.start_took);
        Ok(server)
    }

    /// Compares after a strike, or after an orderly stop.
    fn compare(&mut self, address: SocketAddr, strike: Option<&Strike>) -> anyhow::Result<()> {
        let compared = verify(&self.tally, address, usize::from(self.options.connections))?;
        let mut findings = compared.findings;
        findings.extend(self.tally.findings());
        if let (Some(behind), Some(strike)) = (&mut self.figures.behind, strike) {
            behind.judge(&mut findings, strike.at, &strike.watched);
        }
        for finding in findings.iter().take(FINDINGS_SHOWN) {
            println!("{finding}");
        }
        if findings.len() > FINDINGS_SHOWN {
            println!("and {} more", findings.len() - FINDINGS_SHOWN);
        }
        let figures = &mut self.figures;
        let lost = findings.iter().filter(|it| matches!(it, Finding::Lost { .. })).count() as u64;
        figures.lost += lost;
        figures.wrong += findings.len() as u64 - lost;
        figures.unknown_executed += compared.executed;
        figures.acknowledged = self.tally.acknowledged.load(Ordering::Relaxed);
        figures.unknown = self.tally.unknown.load(Ordering::Relaxed);
        figures.not_executed = self.tally.not_executed.load(Ordering::Relaxed);
        figures.took = self.begun.elapsed();
        Ok(())
    }

    fn show(&mut self, round: u32, strikes: u32) {
        if self.shown.elapsed() < PROGRESS_PERIOD && round < strikes {
            return;
        }
        self.shown = Instant::now();
        let Figures { noun, acknowledged, lost, took, .. } = &self.figures;
        let seconds = took.as_secs();
        println!("{noun} {round}/{strikes}: {acknowledged} acknowledged, {lost} lost, {seconds} s");
    }
}

impl Figures {
    fn new(noun: &'static str, seed: u64) -> Self {
        Self {
            noun,
            seed,
            strikes: 0,
            acknowledged: 0,
            lost: 0,
            wrong: 0,
            unknown: 0,
            unknown_executed: 0,
            not_executed: 0,
            starts: Vec::new(),
            behind: None,
            took: Duration::ZERO,
        }
    }

    /// Whether anything was found that must not be.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.lost + self.wrong > 0
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut starts = self.starts.clone();
        starts.sort_unstable();
        let median = starts.get(starts.len() / 2).copied().unwrap_or_default();
        let longest = starts.last().copied().unwrap_or_default();
        write!(
            f,
            "{}s: {}; turns: {} acknowledged, {} lost, {} wrong, {} unknown ({} of them executed), {} \
             not executed; starts: median {:.0} ms, longest {:.0} ms; time: {:.0} s; seed {:#x}",
            self.noun,
            self.strikes,
            self.acknowledged,
            self.lost,
            self.wrong,
            self.unknown,
            self.unknown_executed,
            self.not_executed,
            median.as_secs_f64() * 1e3,
            longest.as_secs_f64() * 1e3,
            self.took.as_secs_f64(),
            self.seed,
        )?;
        self.behind.as_ref().map_or(Ok(()), |behind| write!(f, "\n{behind}"))
    }
}

fn slow_store(text: &str) -> Result<u64, String> {
    let ms = text.trim_end_matches("ms").parse().ok().filter(|ms| (1..=1_000).contains(ms));
    ms.ok_or_else(|| "write milliseconds from 1 to 1000, as 50ms".to_owned())
}
