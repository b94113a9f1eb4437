//! A great many actors on a few nodes, one of which is killed: how long until each of them answers again.

mod calls;
mod slots;

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

use self::calls::{Homes, Probe};
use self::slots::Owners;
use crate::cluster::{member, share};
use crate::ground::{Ground, Table};
use crate::http::Connection;
use crate::interrupt;
use crate::metrics::Page;
use crate::process::ServerProcess;
use crate::seed::Seeded;
use crate::stage::Stage;
use crate::tenant::NODE_VARIABLE;

const RESIDENT: &str = "process_resident_memory_bytes";
/// How often nodes are asked whether their slots are open.
const LOOK_PERIOD: Duration = Duration::from_millis(5);
/// How long slots may be closed after a death.
const OPEN_MAX: Duration = Duration::from_secs(60);
const FINDINGS_SHOWN: usize = 20;

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many actors there are
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=16_000_000))]
    pub actors: u32,
    /// Where the member table is
    #[arg(long, value_enum, default_value_t)]
    pub table: Table,
    /// How many nodes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(3..=9))]
    pub nodes: u16,
    /// Over how many connections at once actors are called
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub connections: u16,
    /// How many actors of each kind are called in the moment of the kill
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub probes: u16,
    /// How long leases are, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub lease: u64,
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
    seed: u64,
    actors: u32,
    registering: Duration,
    /// Resident memory of all nodes, before and after, and how many entries their directories had.
    memory: [u64; 2],
    entries: usize,
    /// How many actors the node had that was killed, and how many slots.
    killed: [usize; 2],
    /// From the kill until the answer: of actors that live on whose slot lost its owner, and of those that died.
    waits: [Vec<Duration>; 2],
    /// From the kill until the survivors had opened every slot.
    opened: Duration,
    /// From the kill until each actor of the dead node had answered.
    answered: Duration,
    /// How often a call was made again in all.
    again: u64,
    findings: Vec<String>,
}

struct Campaign<'a> {
    options: &'a Options,
    names: Vec<String>,
    running: Vec<ServerProcess>,
    _ground: Ground,
}

/// Calls them all, kills a node, and calls its actors again.
///
/// # Errors
/// When the campaign could not be carried out: a node did not start, or an actor did not answer.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let seed = options.stage.seed();
    let mut numbers = Seeded::new(seed);
    println!(
        "campaign million: {} actors on {} nodes, leases of {} s, seed {seed:#x}",
        options.actors, options.nodes, options.lease
    );
    let folder = tempfile::tempdir()?;
    let mut campaign = Campaign::prepare(options, folder.path())?;
    let mut report = Report { seed, actors: options.actors, ..Report::default() };
    let homes = campaign.register(&mut report)?;
    let victim = numbers.below(u64::from(options.nodes)) as usize;
    let owners = Owners::of(&campaign.names);
    campaign.strike(victim, &homes, &owners, &mut numbers, &mut report)?;
    Ok(report)
}

impl<'a> Campaign<'a> {
    fn prepare(options: &'a Options, folder: &Path) -> anyhow::Result<Self> {
        let ground = Ground::start(options.table, false, false)?;
        let names: Vec<_> = (1..=options.nodes).map(|number| format!("n{number}")).collect();
        let mut running = Vec::new();
        for name in &names {
            let mut launch = member(&options.stage, &ground, folder, name, options.lease)?;
            let fast_path = if options.without_sentinel { "off" } else { "proven" };
            launch.settings.push(format!("cluster.fast_path={fast_path}"));
            // None of them leaves memory meanwhile.
            launch
                .settings
                .extend(["actors.idle_after=1h", "actors.memory=8GiB"].map(str::to_owned));
            launch.env.push((NODE_VARIABLE, name.into()));
            running.push(launch.start().with_context(|| format!("node {name}"))?);
        }
        Ok(Self { options, names, running, _ground: ground })
    }

    /// Calls every actor once, each over a node of its own choice.
    fn register(&self, report: &mut Report) -> anyhow::Result<Homes> {
        let memory = self.resident()?;
        let homes = Homes::new(self.options.actors, &self.names);
        let doors: Vec<_> = self.running.iter().map(|node| node.calls).collect();
        let actors: Vec<u32> = (0..self.options.actors).collect();
        let begun = Instant::now();
        report.again += homes.call_all(&doors, self.options.connections, &actors, "called")?;
        report.registering = begun.elapsed();
        report.memory = [memory, self.resident()?];
        for node in &self.running {
            report.entries += slots::look(&mut Connection::new(node.admin))?.directory_entries;
        }
        Ok(homes)
    }

    fn resident(&self) -> anyhow::Result<u64> {
        let mut all = 0;
        for node in &self.running {
            let page = Page::read(&mut Connection::new(node.admin))?;
            all += page.sum(RESIDENT).unwrap_or_default() as u64;
        }
        Ok(all)
    }

    fn strike(
        &mut self,
        victim: usize,
        homes: &Homes,
        owners: &Owners,
        numbers: &mut Seeded,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let dead = homes.at(victim);
        report.killed = [dead.len(), owners.slots_of(victim)];
        let is_healthy = |actor: &u32| homes.home(*actor) != victim;
        let orphans = owners.actors_of(victim, self.options.actors).filter(is_healthy);
        let kinds = [orphans.collect(), dead.clone()];
        let count = usize::from(self.options.probes);
        let mut probes = Vec::new();
        for (kind, actors) in kinds.into_iter().enumerate() {
            let actors = calls::drawn(actors, count, numbers);
            probes.extend(actors.into_iter().map(|actor| Probe {
                kind,
                actor,
                door: self.running[self.stranger(actor, homes, victim)].calls,
            }));
        }
        println!("{} is killed, with {} actors", self.names[victim], dead.len());
        let struck = calls::probe(probes, || self.running[victim].strike())?;
        let mut survivors: Vec<_> = self.running.iter().collect();
        survivors.remove(victim);
        let at = struck.at;
        report.opened = wait_until_open(&survivors, &self.names[victim], at)?;
        report.waits = struck.waits()?;
        let doors: Vec<_> = survivors.iter().map(|node| node.calls).collect();
        report.again +=
            homes.call_all(&doors, self.options.connections, &dead, "answered again")?;
        report.answered = at.elapsed();
        report.findings = homes.disagreements(&doors, &dead, victim, numbers)?;
        Ok(())
    }

    /// A living node that has not called this actor and does not have it.
    fn stranger(&self, actor: u32, homes: &Homes, victim: usize) -> usize {
        let nodes = self.running.len();
        let called = actor as usize % nodes;
        let living = |node: &usize| *node != victim && *node != homes.home(actor);
        let mut strangers = (0..nodes).filter(living).collect::<Vec<_>>();
        strangers.sort_by_key(|node| *node == called);
        strangers.first().copied().unwrap_or_else(|| (victim + 1) % nodes)
    }
}

/// How long after `struck` all slots were open at those that are left.
fn wait_until_open(
    survivors: &[&ServerProcess],
    victim: &str,
    struck: Instant,
) -> anyhow::Result<Duration> {
    let mut connections: Vec<_> =
        survivors.iter().map(|node| Connection::new(node.admin)).collect();
    while struck.elapsed() < OPEN_MAX {
        let mut open = 0;
        for connection in &mut connections {
            let shown = slots::look(connection)?;
            open += if shown.knows_living(victim) { 0 } else { shown.open() };
        }
        if open >= tenure_types::Slot::COUNT {
            return Ok(struck.elapsed());
        }
        interrupt::pause(LOOK_PERIOD)?;
    }
    anyhow::bail!("slots were still closed {} s after the kill", OPEN_MAX.as_secs())
}

impl Report {
    /// Whether anything was wrong.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        !self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in self.findings.iter().take(FINDINGS_SHOWN) {
            writeln!(f, "{finding}")?;
        }
        let Self { seed, actors, registering, memory: [before, after], entries, .. } = self;
        let grown = after.saturating_sub(*before);
        writeln!(
            f,
            "registered: {actors} actors, {entries} entries, {:.0} a second; {} MiB more in all nodes, {} bytes an actor",
            f64::from(*actors) / registering.as_secs_f64(),
            grown >> 20,
            grown / u64::from(*actors)
        )?;
        let [actors, slots] = self.killed;
        writeln!(f, "killed: a node with {actors} actors and {slots} slots")?;
        for (what, waits) in
            ["live, whose slot had its owner there", "died with it"].iter().zip(&self.waits)
        {
            let mut waits = waits.clone();
            waits.sort_unstable();
            let [half, most, longest] = [50, 99, 100].map(|at| share(&waits, at).as_millis());
            let count = waits.len();
            writeln!(
                f,
                "called in that moment, {count} that {what}: median {half} ms, p99 {most} ms, longest {longest} ms"
            )?;
        }
        write!(
            f,
            "all slots open after {} ms, all actors answered after {:.1} s; {} calls made again; {} findings; seed {seed:#x}",
            self.opened.as_millis(),
            self.answered.as_secs_f64(),
            self.again,
            self.findings.len()
        )
    }
}
