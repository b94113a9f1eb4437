//! The example `booth` on three nodes, under bots that hold and buy seats while nodes are killed, and once all restarted in
//! good order: in every sample `free + held + sold` is the house, and no seat is sold twice.

mod books;
mod sampler;

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::interrupt;
use crate::nodes::LocalNodes;
use crate::seed::{self, Seeded};
use crate::stage::{parse_seed, program};
use sampler::{Sampled, Sampler};

const NODES: u16 = 3;
const POLL_PERIOD: Duration = Duration::from_millis(20);
/// How long the bots may take after their time: the last event is sold out, and every call is answered.
const BOTS_MAX: Duration = Duration::from_secs(300);
/// What a line of the bots begins with that says which event is open.
const OPEN: &str = "open ";

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// For how many seconds events follow each other
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// How many seconds lie between two kills
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub every: u64,
    /// How many bots
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    pub bots: u32,
    /// How many seats the house has, in four sections
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(40..=4_000))]
    pub seats: u32,
    /// Replays the choices of an earlier run
    #[arg(long, value_parser = parse_seed)]
    pub seed: Option<u64>,
    /// The server; beside this program where it is not named
    #[arg(long)]
    pub server: Option<PathBuf>,
    /// The bots; beside this program where they are not named
    #[arg(long)]
    pub buyers: Option<PathBuf>,
}

/// How the campaign ended.
#[derive(Debug)]
pub struct Report {
    seed: u64,
    kills: u32,
    /// How many nodes were restarted in good order.
    restarts: u32,
    /// What the bots said last.
    bots: String,
    /// Whether they found nothing wrong.
    bots_are_content: bool,
    sampled: Sampled,
    took: Duration,
}

/// Lets bots buy out one event after the other, kills nodes, and takes samples.
///
/// # Errors
/// When the campaign could not be carried out. What is wrong is no error but in the report.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let seed = options.seed.unwrap_or_else(seed::fresh);
    let Options { seconds, every, bots, seats, .. } = *options;
    println!(
        "campaign booth: {seats} seats, {bots} bots, {NODES} nodes, one killed every {every} s for {seconds} s and all restarted \
         in between, seed {seed:#x}"
    );
    let folder = tempfile::tempdir().context("could not make a folder")?;
    let (data, log) = (folder.path().join("data"), folder.path().join("nodes.log"));
    let server = program(options.server.as_deref(), "booth", "booth")?;
    let mut numbers = Seeded::new(seed);
    let mut nodes = LocalNodes::start(&server, NODES, &data, &log)?;
    let begun = Instant::now();
    let sampler = Sampler::start(nodes.addresses(), numbers.fork());
    let mut bots = Bots::start(options, &nodes, numbers.next())?;
    let (mut kills, mut restarts) = (0, 0);
    let restart_at = begun + Duration::from_secs(seconds) / 2;
    let kill_until = begun + Duration::from_secs(seconds);
    let mut next = begun + Duration::from_secs(every);
    while bots.go_on(&sampler)? {
        if sampler.is_wrong() {
            break;
        }
        if restarts == 0 && Instant::now() >= restart_at {
            restarts = nodes.restart_all().context("while all were restarted in turn")?;
            next = Instant::now() + Duration::from_secs(every);
        }
        if (next..kill_until).contains(&Instant::now()) {
            nodes.kill_one(&mut numbers)?;
            kills += 1;
            nodes.wait_for_one().with_context(|| format!("after kill {kills}"))?;
            next = Instant::now().max(next + Duration::from_secs(every));
        }
        if begun.elapsed() > Duration::from_secs(seconds) + BOTS_MAX {
            bail!("the bots do not end; they said last: {}", bots.said);
        }
        interrupt::pause(POLL_PERIOD)?;
    }
    let sampled = sampler.end()?;
    let bots_are_content = bots.child.try_wait()?.is_some_and(|status| status.success());
    let report = Report {
        seed,
        kills,
        restarts,
        bots: bots.said.clone(),
        bots_are_content,
        sampled,
        took: begun.elapsed(),
    };
    for finding in &report.sampled.findings {
        println!("WRONG: {finding}");
    }
    nodes.stop()?;
    Ok(report)
}

/// The bots at work, killed when dropped.
struct Bots {
    child: Child,
    lines: Receiver<String>,
    /// Their last line.
    said: String,
}

impl Bots {
    fn start(options: &Options, nodes: &LocalNodes, seed: u64) -> anyhow::Result<Self> {
        let buyers = program(options.buyers.as_deref(), "booth-bots", "booth")?;
        let urls = nodes.addresses().into_iter().map(|address| format!("http://{address}"));
        let row = options.seats / 40;
        let mut child = Command::new(&buyers)
            .args(["--url", &urls.collect::<Vec<_>>().join(",")])
            .args(["--sections", "4", "--rows", "10", "--seats-per-row", &row.to_string()])
            .args(["--bots", &options.bots.to_string(), "--seconds", &options.seconds.to_string()])
            .args(["--seed", &seed.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {}", buyers.display()))?;
        let output = BufReader::new(child.stdout.take().context("the bots have no output")?);
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Nobody listens any more once the bots were dropped.
            output.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line)));
        });
        Ok(Self { child, lines, said: String::new() })
    }

    /// Hears what they say; whether they go on.
    fn go_on(&mut self, sampler: &Sampler) -> anyhow::Result<bool> {
        loop {
            match self.lines.try_recv() {
                Ok(line) => {
                    println!("{line}");
                    if let Some(event) = line.strip_prefix(OPEN) {
                        let event = event.split_once(':').map_or(event, |(event, _)| event);
                        sampler.watch(event);
                    }
                    self.said = line;
                }
                Err(TryRecvError::Empty) => return Ok(true),
                // They have said everything, so this is not long.
                Err(TryRecvError::Disconnected) => {
                    self.child.wait()?;
                    return Ok(false);
                }
            }
        }
    }
}

impl Drop for Bots {
    fn drop(&mut self) {
        // Both fail only where they have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Report {
    /// Whether anything was found that must not be.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        !self.bots_are_content || self.sampled.wrong > 0
    }

    /// How many nodes were killed.
    #[must_use]
    pub fn kills(&self) -> u32 {
        self.kills
    }

    /// How many nodes were restarted in good order.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// How many samples were taken.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.sampled.samples
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sampled { samples, given_up, wrong, .. } = self.sampled;
        write!(
            f,
            "booth: {}; {samples} samples of a section, {given_up} given up as somebody was away, {wrong} do not add up; \
             {} kills, {} restarts in good order; time: {:.0} s; seed {:#x}",
            self.bots,
            self.kills,
            self.restarts,
            self.took.as_secs_f64(),
            self.seed,
        )
    }
}
