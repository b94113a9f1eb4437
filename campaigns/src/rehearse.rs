//! Everything under a load is upgraded in turn, as an operator would: the nodes, the servers of the member table, the
//! database. No turn may be lost, and no node ends that was not told to.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::build::{BUILD_VARIABLE, Build};
use crate::cluster::client::{self, Crowd, Doors, Manner};
use crate::cluster::{VOLATILE_TYPE, member, share};
use crate::ground::Ground;
use crate::http::Connection;
use crate::interrupt;
use crate::process::{Launch, ServerProcess};
use crate::scene::{Scene, stored_types};
use crate::stage::{Break, Stage};

/// How long all clients are served before the next step.
const CALM: Duration = Duration::from_secs(2);
/// How long it may take until all clients are served again.
const SERVED_MAX: Duration = Duration::from_secs(60);
const FINDINGS_SHOWN: usize = 20;
/// A client waits longer than any deadline.
const MANNER: Manner =
    Manner { method: "add", patience: Duration::from_secs(40), waits_as_told: true };

/// How the rehearsal runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How often everything is upgraded
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: u32,
    /// What is called
    #[command(flatten)]
    pub scene: Scene,
    /// Seed and server
    #[command(flatten)]
    pub stage: Stage,
}

/// What is upgraded, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Each node is stopped, and started as the other build.
    Nodes,
    /// Each server of the member table is stopped and started.
    Table,
    /// The database's replica is, then takes its place, and it comes back as the replica.
    Database,
}

/// What was seen of one kind of step.
#[derive(Debug)]
struct Seen {
    step: Step,
    took: Vec<Duration>,
    /// How long each actor was away for its client at the longest.
    pauses: Vec<Duration>,
    /// Calls whose clients were told to make them again, and those whose outcome nobody knows.
    retried: u64,
    unknown: u64,
}

/// How the rehearsal ended.
#[derive(Debug)]
pub struct Report {
    rounds: u32,
    seen: Vec<Seen>,
    acknowledged: u64,
    findings: Vec<String>,
    took: Duration,
}

struct Rehearsal<'a> {
    options: &'a Options,
    ground: Ground,
    launches: Vec<Launch>,
    running: Vec<Option<ServerProcess>>,
    doors: Arc<Doors>,
    crowds: Vec<Arc<Crowd>>,
    build: Build,
}

/// Upgrades everything, again and again.
///
/// # Errors
/// When it could not be carried out: something did not start or stop, a node ended by itself, or clients were not served
/// again.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    println!(
        "campaign rehearse: {} nodes, the member table in {:?}, {} actors of each type, {} rounds{}",
        options.scene.nodes,
        options.scene.table,
        options.scene.actors,
        options.rounds,
        options.stage.said()
    );
    let begun = Instant::now();
    let folder = tempfile::tempdir()?;
    let mut rehearsal = Rehearsal::prepare(options, folder.path())?;
    let crowds = rehearsal.crowds.iter();
    let clients = crowds.flat_map(|crowd| crowd.start(&rehearsal.doors)).collect();
    let mut report = Report::new(options.rounds);
    let upgraded = rehearsal.upgrade_all(&mut report);
    client::end_all(&rehearsal.crowds, clients);
    upgraded?;
    rehearsal.verify(&mut report)?;
    report.took = begun.elapsed();
    Ok(report)
}

impl<'a> Rehearsal<'a> {
    fn prepare(options: &'a Options, folder: &Path) -> anyhow::Result<Self> {
        let ground = Ground::start(options.scene.table, true, false)?;
        let mut launches = Vec::new();
        for number in 1..=options.scene.nodes {
            let name = format!("n{number}");
            launches.push(member(&options.stage, &ground, folder, &name, options.scene.lease)?);
        }
        let actors = usize::from(options.scene.actors);
        // Nobody crashes: what is written behind is not lost either.
        let stored = stored_types().map(|name| Crowd::new(name, actors, true, MANNER));
        let volatile = Crowd::new(VOLATILE_TYPE, actors, false, MANNER);
        let crowds = stored.into_iter().chain([volatile]).collect();
        let doors = Doors::new(Vec::new());
        let (running, build) = (Vec::new(), Build::default());
        let mut this = Self { options, ground, launches, running, doors, crowds, build };
        for node in 0..this.launches.len() {
            this.running.push(None);
            this.start(node)?;
        }
        Ok(this)
    }

    fn start(&mut self, node: usize) -> anyhow::Result<()> {
        let mut launch = self.launches[node].clone();
        launch.env.push((BUILD_VARIABLE, self.build.name().into()));
        let process = launch.start().with_context(|| format!("node n{}", node + 1))?;
        self.running[node] = Some(process);
        self.doors.open(launch.listen);
        Ok(())
    }

    fn upgrade_all(&mut self, report: &mut Report) -> anyhow::Result<()> {
        for round in 1..=self.options.rounds {
            self.build = self.build.other();
            for seen in &mut report.seen {
                self.calm()?;
                let before = self.counted();
                self.crowds.iter().for_each(|crowd| crowd.begin());
                let begun = Instant::now();
                if !self.upgrade(seen.step)? {
                    continue;
                }
                seen.took.push(begun.elapsed());
                self.crowds.iter().for_each(|crowd| crowd.expect());
                client::until_served(&self.crowds, SERVED_MAX)?;
                self.all_run()?;
                let pauses: Vec<_> = self.crowds.iter().flat_map(|crowd| crowd.waits()).collect();
                let after = self.counted();
                seen.retried += after.0 - before.0;
                seen.unknown += after.1 - before.1;
                println!(
                    "round {round}/{}: {:?} in {:.1} s, longest pause {} ms",
                    self.options.rounds,
                    seen.step,
                    begun.elapsed().as_secs_f64(),
                    pauses.iter().max().map_or(0, Duration::as_millis)
                );
                seen.pauses.extend(pauses);
            }
        }
        Ok(())
    }

    /// `false` where there is no such thing.
    fn upgrade(&mut self, step: Step) -> anyhow::Result<bool> {
        match step {
            Step::Nodes => {
                for node in 0..self.running.len() {
                    self.stop(node)?;
                    self.start(node)?;
                }
            }
            Step::Table => return self.ground.roll_table(),
            Step::Database => self.ground.roll_database()?,
        }
        Ok(true)
    }

    fn stop(&mut self, node: usize) -> anyhow::Result<()> {
        let mut old = self.running[node].take().context("a place without a node")?;
        let calls = old.calls;
        let stopped = if self.options.stage.broken == Some(Break::NoDrain) {
            old.kill();
            Ok(())
        } else {
            old.stop()
        };
        self.doors.close(calls);
        stopped
    }

    /// Every client is served for a while.
    fn calm(&self) -> anyhow::Result<()> {
        self.crowds.iter().for_each(|crowd| crowd.begin());
        interrupt::pause(CALM)?;
        client::until_served(&self.crowds, SERVED_MAX)
    }

    /// No node has ended by itself.
    fn all_run(&mut self) -> anyhow::Result<()> {
        for (node, process) in self.running.iter_mut().enumerate() {
            let status = process.as_mut().map(ServerProcess::ended).transpose()?.flatten();
            if let Some(status) = status {
                bail!("node n{} ended with {status}: it was declared dead", node + 1);
            }
        }
        Ok(())
    }

    /// Calls that were made again, and calls whose outcome nobody knows.
    fn counted(&self) -> (u64, u64) {
        let sum = |of: fn(&Crowd) -> u64| self.crowds.iter().map(|crowd| of(crowd)).sum();
        (
            sum(|it| it.not_executed.load(Ordering::Relaxed)),
            sum(|it| it.unknown.load(Ordering::Relaxed)),
        )
    }

    fn verify(&self, report: &mut Report) -> anyhow::Result<()> {
        let mut connection = Connection::new(self.launches[0].listen);
        for crowd in &self.crowds {
            report.acknowledged += crowd.acknowledged.load(Ordering::Relaxed);
            let findings = crowd.verify(&mut connection)?.findings;
            let texts = findings.iter().map(|it| format!("{} {it}", crowd.actor_type));
            report.findings.extend(texts);
        }
        Ok(())
    }
}

impl Report {
    fn new(rounds: u32) -> Self {
        let seen = [Step::Nodes, Step::Table, Step::Database].map(|step| Seen {
            step,
            took: Vec::new(),
            pauses: Vec::new(),
            retried: 0,
            unknown: 0,
        });
        let (findings, took) = (Vec::new(), Duration::ZERO);
        Self { rounds, seen: seen.into(), acknowledged: 0, findings, took }
    }

    /// Whether anything was lost or wrong, or an upgrade of nodes failed a call.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        let failed = self.seen.iter().any(|seen| seen.step == Step::Nodes && seen.unknown > 0);
        failed || !self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in self.findings.iter().take(FINDINGS_SHOWN) {
            writeln!(f, "{finding}")?;
        }
        for Seen { step, took, pauses, retried, unknown } in &self.seen {
            let Some(longest) = took.iter().max() else { continue };
            let mut pauses = pauses.clone();
            pauses.sort_unstable();
            let [half, most, all] = [50, 99, 100].map(|at| share(&pauses, at).as_millis());
            writeln!(
                f,
                "{step:?}: {} times, in {:.1} s at the longest; pauses: median {half} ms, p99 {most} ms, longest {all} \
                 ms; {retried} calls made again, {unknown} unknown",
                took.len(),
                longest.as_secs_f64()
            )?;
        }
        write!(
            f,
            "rounds: {}; {} turns acknowledged, {} findings; time: {} s",
            self.rounds,
            self.acknowledged,
            self.findings.len(),
            self.took.as_secs()
        )
    }
}
