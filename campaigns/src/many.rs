//! Many more actors than fit in memory: each is touched once, and none of a sample may be lost.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tenure::config::Settings;
use tenure::{CallError, Node};

use crate::changed_store::{Change, open};
use crate::interrupt;
use crate::ledger::Ledger;
use crate::metrics::Page;
use crate::seed::Seeded;
use crate::size::Bytes;
use crate::stage::{Break, Stage};

const RESIDENT: &str = "process_resident_memory_bytes";
const POLL_PERIOD: Duration = Duration::from_millis(100);
const PROGRESS_PERIOD: Duration = Duration::from_secs(10);
/// How long a caller waits that was refused.
const REFUSED_PAUSE: Duration = Duration::from_millis(20);
const STOP_MAX: Duration = Duration::from_secs(60);
/// How long nothing at all may be touched.
const STALL_MAX: Duration = Duration::from_secs(60);
const FINDINGS_SHOWN: usize = 20;

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many actors are touched once each
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub actors: u64,
    /// How much memory actors may take
    #[arg(long, default_value = "2GiB")]
    pub memory: Bytes,
    /// What the rest of the process may take beside it
    #[arg(long, default_value = "512MiB")]
    pub allowance: Bytes,
    /// How many of them are looked at in the end
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub sample: u64,
    /// How many calls are under way at once
    #[arg(long, default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub calls: u32,
    /// Where the store is made: a new folder in this one; the system's for temporary files otherwise
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Seed, and what is broken; there is no server, the node is in this process
    #[command(flatten)]
    pub stage: Stage,
}

/// How the campaign ended.
#[derive(Debug)]
pub struct Report {
    seed: u64,
    actors: u64,
    refused: u64,
    evictions: u64,
    resident: u64,
    cap: u64,
    touching: Duration,
    sampled: u64,
    sampling: Duration,
    lost: u64,
}

struct Course<'a> {
    options: &'a Options,
    node: Node,
    resident: u64,
    shown: Instant,
}

/// What the callers share.
#[derive(Default)]
struct Counts {
    next: AtomicU64,
    done: AtomicU64,
    refused: AtomicU64,
    /// Calls that failed, of which one is enough.
    failed: parking_lot::Mutex<Option<String>>,
}

/// Touches all actors and looks for a sample of them.
///
/// # Errors
/// When the campaign could not be carried out. What is lost is no error but in the report.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let seed = options.stage.seed();
    println!(
        "campaign many: {} actors, memory {}, {} calls at once, seed {seed:#x}{}",
        options.actors,
        options.memory,
        options.calls,
        options.stage.said(),
    );
    let folder = match &options.data {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let folder = folder.context("could not make a folder")?;
    let runtime = tokio::runtime::Runtime::new()?;
    let node = runtime.block_on(start(options, folder.path()))?;
    let mut course = Course { options, node, resident: 0, shown: Instant::now() };
    let begun = Instant::now();
    let counts = course.touch(&runtime)?;
    let touching = begun.elapsed();
    let evictions = Page::of(&course.node).sum("tenure_evictions_total").unwrap_or(0.0) as u64;
    let begun = Instant::now();
    let lost = course.look(&runtime, &mut Seeded::new(seed))?;
    let report = Report {
        seed,
        actors: options.actors,
        refused: counts.refused.load(Ordering::Relaxed),
        evictions,
        resident: course.resident,
        cap: options.memory.0 + options.allowance.0,
        touching,
        sampled: options.sample.min(options.actors),
        sampling: begun.elapsed(),
        lost,
    };
    runtime.block_on(course.node.stop(STOP_MAX))?;
    Ok(report)
}

async fn start(options: &Options, folder: &Path) -> anyhow::Result<Node> {
    let mut settings = Settings::default();
    settings.memory = Some(options.memory.0);
    let builder = Node::builder().actor::<Ledger>().settings(settings);
    let builder = match options.stage.broken {
        Some(Break::Forgetful) => builder.store(open(folder, Change::Forgetful)?),
        _ => builder.store_in(folder),
    };
    Ok(builder.start().await?)
}

impl Course<'_> {
    fn touch(&mut self, runtime: &tokio::runtime::Runtime) -> anyhow::Result<Arc<Counts>> {
        let counts = Arc::new(Counts::default());
        let actors = self.options.actors;
        for _ in 0..self.options.calls {
            let (node, counts) = (self.node.clone(), Arc::clone(&counts));
            runtime.spawn(async move {
                loop {
                    let actor = counts.next.fetch_add(1, Ordering::Relaxed);
                    if actor >= actors || !counts.touch(&node, actor).await {
                        return;
                    }
                }
            });
        }
        let begun = Instant::now();
        let (mut last, mut since) = (0, Instant::now());
        loop {
            interrupt::pause(POLL_PERIOD)?;
            let done = counts.done.load(Ordering::Relaxed);
            if let Some(error) = &*counts.failed.lock() {
                bail!("a call failed: {error}");
            }
            if done > last {
                (last, since) = (done, Instant::now());
            }
            if since.elapsed() > STALL_MAX {
                bail!("no actor was touched for {} s, {done} before", STALL_MAX.as_secs());
            }
            let rate = done as f64 / begun.elapsed().as_secs_f64();
            self.show(done >= actors, || format!("{done}/{actors} touched, {rate:.0}/s"));
            if done >= actors {
                return Ok(counts);
            }
        }
    }

    /// Looks for a sample; gives how many are not as they were left.
    fn look(
        &mut self,
        runtime: &tokio::runtime::Runtime,
        numbers: &mut Seeded,
    ) -> anyhow::Result<u64> {
        let Options { actors, sample, calls, .. } = *self.options;
        let sample = sample.min(actors);
        let mut chosen = BTreeSet::new();
        while (chosen.len() as u64) < sample {
            chosen.insert(numbers.below(actors));
        }
        // In another order than they were made in.
        let mut chosen: Vec<(u64, u64)> =
            chosen.into_iter().map(|actor| (numbers.next(), actor)).collect();
        chosen.sort_unstable();
        let chosen: Arc<Vec<u64>> = Arc::new(chosen.into_iter().map(|(_, actor)| actor).collect());
        let (counts, lost) = (Arc::new(Counts::default()), Arc::new(AtomicU64::new(0)));
        for _ in 0..calls {
            let (node, counts) = (self.node.clone(), Arc::clone(&counts));
            let (chosen, lost) = (Arc::clone(&chosen), Arc::clone(&lost));
            runtime.spawn(async move {
                while let Some(&actor) =
                    chosen.get(counts.next.fetch_add(1, Ordering::Relaxed) as usize)
                {
                    match counts.is_as_it_was(&node, actor).await {
                        Some(true) => {}
                        Some(false) => {
                            if (lost.fetch_add(1, Ordering::Relaxed) as usize) < FINDINGS_SHOWN {
                                println!("LOST: ledger/{actor} is not as it was left");
                            }
                        }
                        None => return,
                    }
                }
            });
        }
        while counts.done.load(Ordering::Relaxed) < sample {
            interrupt::pause(POLL_PERIOD)?;
            if let Some(error) = &*counts.failed.lock() {
                bail!("a call failed: {error}");
            }
            let done = counts.done.load(Ordering::Relaxed);
            self.show(false, || format!("{done}/{sample} looked at"));
        }
        Ok(lost.load(Ordering::Relaxed))
    }

    fn show(&mut self, is_last: bool, text: impl FnOnce() -> String) {
        let page = Page::of(&self.node);
        let resident = page.sum(RESIDENT).unwrap_or_default() as u64;
        self.resident = self.resident.max(resident);
        if self.shown.elapsed() < PROGRESS_PERIOD && !is_last {
            return;
        }
        self.shown = Instant::now();
        let evictions = page.sum("tenure_evictions_total").unwrap_or_default();
        let (resident, activations) = (resident >> 20, self.node.activations());
        let text = text();
        println!("{text}, {resident} MiB resident, {activations} in memory, {evictions} evicted");
    }
}

impl Counts {
    /// Touches an actor; says whether that went well.
    async fn touch(&self, node: &Node, actor: u64) -> bool {
        loop {
            match self.settle(node.actor::<Ledger>(actor).add(actor).await) {
                ControlFlow::Break(reply) => return reply.is_some(),
                ControlFlow::Continue(()) => tokio::time::sleep(REFUSED_PAUSE).await,
            }
        }
    }

    /// Whether an actor has its one entry; `None` if it does not answer.
    async fn is_as_it_was(&self, node: &Node, actor: u64) -> Option<bool> {
        loop {
            match self.settle(node.actor::<Ledger>(actor).show().await) {
                ControlFlow::Break(shown) => return Some(shown?.is_only(actor)),
                ControlFlow::Continue(()) => tokio::time::sleep(REFUSED_PAUSE).await,
            }
        }
    }

    /// Counts a reply; goes on while the node has too much to do. What else went wrong is kept.
    fn settle<T>(&self, reply: Result<T, CallError>) -> ControlFlow<Option<T>> {
        match reply {
            Ok(reply) => {
                self.done.fetch_add(1, Ordering::Relaxed);
                ControlFlow::Break(Some(reply))
            }
            Err(CallError::Overloaded { .. }) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                ControlFlow::Continue(())
            }
            Err(error) => {
                *self.failed.lock() = Some(error.to_string());
                ControlFlow::Break(None)
            }
        }
    }
}

impl Report {
    /// Whether anything was lost, or memory was not bounded.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.lost > 0 || self.resident > self.cap
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.touching.as_secs_f64();
        if self.resident > self.cap {
            writeln!(f, "FAILED: the process took {} MiB", self.resident >> 20)?;
        }
        write!(
            f,
            "many: {} actors touched in {seconds:.0} s ({:.0}/s, {} calls refused and made again), {} \
             evicted; memory: at most {} MiB of {} MiB; {} looked at in {:.1} s, {} lost; seed {:#x}",
            self.actors,
            self.actors as f64 / seconds.max(1e-3),
            self.refused,
            self.evictions,
            self.resident >> 20,
            self.cap >> 20,
            self.sampled,
            self.sampling.as_secs_f64(),
            self.lost,
            self.seed,
        )
    }
}
