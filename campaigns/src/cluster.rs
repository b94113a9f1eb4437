//! A cluster of real processes on PostgreSQL: its nodes are killed or stopped in the middle of a load, or what has its member
//! table is hurt, and clients say how long each of their actors was away.

pub(crate) mod client;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::ValueEnum;

use self::client::{Crowd, Doors, Manner};
use crate::book::Compared;
use crate::ground::{Ground, Trouble};
use crate::http::Connection;
use crate::ledger::{BALLAST_VARIABLE, Mode};
use crate::process::{Launch, ServerProcess};
use crate::scene::Scene;
use crate::seed::Seeded;
use crate::stage::Stage;
use crate::{interrupt, port};

/// The key of the campaign's clusters, which listen on loopback.
pub(crate) const KEY: &str = "5e11ed5e11ed5e11ed5e11ed5e11ed5e11ed5e11ed5e11ed5e11ed5e11ed5e11";
/// A client that waited longer than this was hit.
const HIT: Duration = Duration::from_millis(50);
/// The actors that are never stored.
pub(crate) const VOLATILE_TYPE: &str = "volatile_ledger";
/// How long all clients are served before the next strike.
const CALM: Duration = Duration::from_secs(2);
/// How long it may take until all clients are served again, beside a lease.
const SERVED_MAX: Duration = Duration::from_secs(30);
const FINDINGS_SHOWN: usize = 20;
/// A client that is not answered for a second asks the next node.
const MANNER: Manner =
    Manner { method: "add", patience: Duration::from_secs(1), waits_as_told: false };

/// What happens to nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Strike {
    /// SIGKILL.
    Kill,
    /// SIGSTOP, and SIGCONT when others have taken over.
    Stop,
    /// The server of the member table stands still for twice a lease; the database, where the table is in it.
    Table,
    /// The server of the member table is killed, and started again three seconds later.
    TableKill,
    /// The server of the member table is killed, and another takes its place.
    TableFailOver,
    /// The wall clock of the server of the member table goes an hour forth, then two back, and is right again.
    TableClock,
}

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How often
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub strikes: u32,
    /// What happens each time
    #[arg(long, value_enum, default_value_t = Strike::Kill)]
    pub strike: Strike,
    /// What is called
    #[command(flatten)]
    pub scene: Scene,
    /// How many MiB every tenth node that is struck has resident
    #[arg(long, default_value_t = 0)]
    pub ballast: u64,
    /// Believe no sentinel: others wait for the lease
    #[arg(long)]
    pub without_sentinel: bool,
    /// Seed and server
    #[command(flatten)]
    pub stage: Stage,
}

/// How the campaign ended.
#[derive(Debug, Default)]
pub struct Report {
    strikes: u32,
    seed: u64,
    acknowledged: u64,
    not_executed: u64,
    unknown: u64,
    executed: u64,
    findings: Vec<String>,
    /// Of those that were hit, by type: how long each was away.
    hit: Vec<(&'static str, Vec<Duration>)>,
    took: Duration,
}

struct Campaign<'a> {
    options: &'a Options,
    ground: Ground,
    launches: Vec<Launch>,
    running: Vec<ServerProcess>,
    crowds: Vec<Arc<Crowd>>,
    /// Who is struck, in order.
    victims: Vec<usize>,
}

/// Strikes again and again.
///
/// # Errors
/// When the campaign could not be carried out: a node did not start or end, or clients were not served again.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let seed = options.stage.seed();
    println!(
        "campaign cluster: {} nodes, {} actors of each type, leases of {} s, {:?} x {}, seed {seed:#x}",
        options.scene.nodes,
        options.scene.actors,
        options.scene.lease,
        options.strike,
        options.strikes
    );
    let began = Instant::now();
    let folder = tempfile::tempdir()?;
    let mut campaign = Campaign::prepare(options, folder.path(), seed)?;
    let doors = Doors::new(campaign.launches.iter().map(|it| it.listen).collect());
    let clients: Vec<_> = campaign.crowds.iter().flat_map(|crowd| crowd.start(&doors)).collect();
    let mut report = Report { strikes: options.strikes, seed, ..Report::default() };
    report.hit = campaign.crowds.iter().map(|crowd| (crowd.actor_type, Vec::new())).collect();
    let struck = campaign.strike_all(&mut report);
    client::end_all(&campaign.crowds, clients);
    struck?;
    campaign.verify(&mut report)?;
    report.took = began.elapsed();
    Ok(report)
}

impl<'a> Campaign<'a> {
    fn prepare(options: &'a Options, folder: &Path, seed: u64) -> anyhow::Result<Self> {
        let has_replica = options.strike == Strike::TableFailOver;
        let ground =
            Ground::start(options.scene.table, has_replica, options.strike == Strike::TableClock)?;
        let mut numbers = Seeded::new(seed);
        let count = u64::from(options.scene.nodes);
        let victims = (0..options.strikes).map(|_| numbers.below(count) as usize).collect();
        let mut launches = Vec::new();
        for number in 1..=options.scene.nodes {
            let name = format!("n{number}");
            let mut launch = member(&options.stage, &ground, folder, &name, options.scene.lease)?;
            let fast_path = if options.without_sentinel { "off" } else { "proven" };
            launch.settings.push(format!("cluster.fast_path={fast_path}"));
            launches.push(launch);
        }
        let actors = usize::from(options.scene.actors);
        let mut crowds: Vec<Arc<Crowd>> =
            [(Mode::WriteThrough, true), (Mode::EventSourced, true), (Mode::WriteBehind, false)]
                .map(|(mode, is_durable)| Crowd::new(mode.actor_type(), actors, is_durable, MANNER))
                .into();
        crowds.push(Crowd::new(VOLATILE_TYPE, actors, false, MANNER));
        let running = Vec::new();
        let mut this = Self { options, ground, launches, running, crowds, victims };
        for node in 0..usize::from(options.scene.nodes) {
            let process = this.start(node, 0)?;
            this.running.push(process);
        }
        Ok(this)
    }

    /// Starts a node that may be struck from strike `next` on; it has its ballast where that is a tenth one.
    fn start(&self, node: usize, next: usize) -> anyhow::Result<ServerProcess> {
        let mut launch = self.launches[node].clone();
        let strike = self.victims[next..].iter().position(|victim| *victim == node);
        if strike.is_some_and(|at| (next + at) % 10 == 9) {
            launch.env.push((BALLAST_VARIABLE, self.options.ballast.to_string().into()));
        }
        launch.start().with_context(|| format!("node n{}", node + 1))
    }

    fn strike_all(&mut self, report: &mut Report) -> anyhow::Result<()> {
        for at in 0..self.victims.len() {
            self.calm()?;
            self.crowds.iter().for_each(|crowd| crowd.begin());
            self.strike(at)?;
            let mut hit = 0;
            for (crowd, (_, all)) in self.crowds.iter().zip(&mut report.hit) {
                let waits = crowd.waits();
                let before = all.len();
                all.extend(waits.into_iter().filter(|wait| *wait > HIT));
                hit += all.len() - before;
            }
            let of = self.crowds.len() * usize::from(self.options.scene.actors);
            let longest = report.hit.iter().flat_map(|(_, all)| all.iter().rev().take(hit)).max();
            let struck = match self.options.strike {
                Strike::Kill | Strike::Stop => format!("n{}", self.victims[at] + 1),
                _ => "the member table".to_owned(),
            };
            println!(
                "strike {}/{}: {struck}, {hit} of {of} actors were away, longest so far {longest:?}",
                at + 1,
                self.victims.len()
            );
        }
        Ok(())
    }

    /// Every client is served for a while.
    fn calm(&self) -> anyhow::Result<()> {
        self.crowds.iter().for_each(|crowd| crowd.begin());
        interrupt::pause(CALM)?;
        self.served()
    }

    fn served(&self) -> anyhow::Result<()> {
        let max = SERVED_MAX + Duration::from_secs(2 * self.options.scene.lease);
        client::until_served(&self.crowds, max)
    }

    fn strike(&mut self, at: usize) -> anyhow::Result<()> {
        let node = self.victims[at];
        match self.options.strike {
            Strike::Kill => {
                self.running[node].kill();
                self.served()?;
                self.running[node] = self.start(node, at + 1)?;
            }
            Strike::Stop => {
                self.running[node].pause()?;
                // One that nobody missed is given up all the same.
                let given_up =
                    interrupt::pause(Duration::from_secs(self.options.scene.lease) * 3 / 2);
                let served = given_up.and_then(|()| self.served());
                self.running[node].resume()?;
                served?;
                // It finds that it was replaced, and ends.
                self.running[node].wait_for_end()?;
                self.running[node] = self.start(node, at + 1)?;
            }
            Strike::Table => {
                let long = Duration::from_secs(2 * self.options.scene.lease);
                self.trouble(Trouble::Pause(long))?;
            }
            Strike::TableKill => self.trouble(Trouble::Kill)?,
            Strike::TableFailOver => self.trouble(Trouble::FailOver)?,
            Strike::TableClock => self.trouble(Trouble::Clock)?,
        }
        Ok(())
    }

    /// Troubles the member table: no node may be declared dead for it.
    fn trouble(&mut self, trouble: Trouble) -> anyhow::Result<()> {
        self.ground.trouble(trouble)?;
        self.crowds.iter().for_each(|crowd| crowd.expect());
        self.served()?;
        for (node, process) in self.running.iter_mut().enumerate() {
            if let Some(status) = process.ended()? {
                bail!("node n{} ended with {status}: it was declared dead", node + 1);
            }
        }
        Ok(())
    }

    /// Compares what was acknowledged with what a node says.
    fn verify(&self, report: &mut Report) -> anyhow::Result<()> {
        let mut connection = Connection::new(self.launches[0].listen);
        for crowd in &self.crowds {
            report.acknowledged += crowd.acknowledged.load(Ordering::Relaxed);
            report.not_executed += crowd.not_executed.load(Ordering::Relaxed);
            report.unknown += crowd.unknown.load(Ordering::Relaxed);
            let Compared { findings, executed } = crowd.verify(&mut connection)?;
            report.executed += executed;
            let texts = findings.iter().map(|it| format!("{} {it}", crowd.actor_type));
            report.findings.extend(texts);
        }
        Ok(())
    }
}

/// How a node of a cluster of this name is started, with its files in a folder of its own.
///
/// # Errors
/// When there is no server, no port or no room for its files.
pub fn member(
    stage: &Stage,
    ground: &Ground,
    folder: &Path,
    name: &str,
    lease: u64,
) -> anyhow::Result<Launch> {
    let data = folder.join(name);
    std::fs::create_dir(&data)?;
    let mut launch = stage.launch(&data, &data)?;
    ground.carry(&mut launch);
    launch.settings.extend([
        format!("node.name={name}"),
        format!("cluster.listen={}", port::free()?),
        format!("cluster.key={KEY}"),
        format!("cluster.lease={lease}s"),
    ]);
    Ok(launch)
}

impl Report {
    /// Whether anything was lost or wrong.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        !self.findings.is_empty()
    }
}

/// The value below which a share of them is.
pub(crate) fn share(sorted: &[Duration], percent: usize) -> Duration {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in self.findings.iter().take(FINDINGS_SHOWN) {
            writeln!(f, "{finding}")?;
        }
        let all = self.hit.iter().flat_map(|(_, waits)| waits.iter().copied()).collect();
        for (name, waits) in self.hit.iter().cloned().chain([("all", all)]) {
            let mut waits: Vec<Duration> = waits;
            waits.sort_unstable();
            let [half, most, longest] = [50, 99, 100].map(|at| share(&waits, at).as_millis());
            let hit = waits.len();
            writeln!(
                f,
                "{name}: {hit} were away, median {half} ms, p99 {most} ms, longest {longest} ms"
            )?;
        }
        let Self { strikes, seed, acknowledged, not_executed, unknown, executed, .. } = self;
        write!(
            f,
            "strikes: {strikes}; turns: {acknowledged} acknowledged, {} findings, {unknown} unknown ({executed} \
             durable ones of them executed), {not_executed} not executed; time: {} s; seed {seed:#x}",
            self.findings.len(),
            self.took.as_secs()
        )
    }
}
