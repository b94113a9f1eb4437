//! Ten times what a node can do: its memory stays within its bound, what it does hardly less than
//! its best, who is refused is told at once, and afterwards all is as before.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Context;
use rustix::process::nice;

use crate::http::Connection;
use crate::metrics::Page;
use crate::offer::{Offer, Offered, Second, Work};
use crate::seed::Seeded;
use crate::size::Bytes;
use crate::stage::{Break, Stage};

const RESIDENT: &str = "process_resident_memory_bytes";
/// Seconds after the overload within which the node must do as much again, and refuse nobody after.
const RECOVERY_SECONDS: usize = 5;
/// Of what is offered, what may end by its deadline instead of being refused; and, after the
/// overload, what may still be refused: calls do not spread evenly.
const FEW_PERCENT: u64 = 2;
/// What a mailbox holds without a bound worth the name.
const NO_BOUND: u32 = 1_000_000;
/// Connections for each working actor of the load that a node can bear: none is idle, none refuses.
const CALM_CONNECTIONS: u64 = 8;
const PROGRESS_SECONDS: u64 = 5;
/// What the campaign's program gives way by, so that a node on the same machine has the processor it
/// would have on its own.
const NICE: i32 = 10;

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// For how many seconds too much is offered
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(2..=86_400))]
    pub seconds: u64,
    /// How many times the best is offered
    #[arg(long, default_value_t = 10.0)]
    pub factor: f64,
    /// For how many seconds the best is measured
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..=3_600))]
    pub peak_seconds: u64,
    /// For how many seconds the node is watched afterwards
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(6..=3_600))]
    pub after_seconds: u64,
    /// How many of a hundred calls that are done at best must be done in every second of the overload
    #[arg(long, default_value_t = 80, value_parser = clap::value_parser!(u64).range(..=100))]
    pub kept: u64,
    /// How many connections offer too much
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u16).range(128..=16_000))]
    pub connections: u16,
    /// How many actors work, one turn at a time each
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub mills: u64,
    /// How many milliseconds a turn of theirs takes, waiting as for something outside
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub turn_ms: u64,
    /// How many actors there are besides, to which one call of twenty goes
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub actors: u64,
    /// The node's setting `actors.memory`
    #[arg(long, default_value = "32MiB")]
    pub memory: Bytes,
    /// What the rest of the process may take beside it
    #[arg(long, default_value = "256MiB")]
    pub allowance: Bytes,
    /// The node's setting `actors.mailbox_len_max`
    #[arg(long, default_value_t = 32)]
    pub mailbox: u32,
    /// Within how many milliseconds 99 of 100 refused callers must be told
    #[arg(long, default_value_t = 500)]
    pub refusal_ms: u64,
    /// Seed and server
    #[command(flatten)]
    pub stage: Stage,
}

/// How the campaign ended.
#[derive(Debug)]
pub struct Report {
    seed: u64,
    peak: u64,
    /// The lowest second of the measurement of the peak.
    peak_worst: u64,
    worst: u64,
    mean: u64,
    seconds: u64,
    sum: Second,
    refusal_ms: [u64; 2],
    resident: u64,
    cap: u64,
    recovered_after: Option<usize>,
    findings: Vec<String>,
}

struct Course<'a> {
    options: &'a Options,
    address: SocketAddr,
    admin: Connection,
    numbers: Seeded,
    resident: u64,
}

/// Measures the best, offers too much, and goes back to normal.
///
/// # Errors
/// When the campaign could not be carried out. What the node failed at is no error but in the report.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let seed = options.stage.seed();
    println!(
        "campaign overload: {} times the best for {} s, {} connections, {} actors at work for {} ms, \
         {} besides, memory {}, seed {seed:#x}{}",
        options.factor,
        options.seconds,
        options.connections,
        options.mills,
        options.turn_ms,
        options.actors,
        options.memory,
        options.stage.said(),
    );
    let folder = tempfile::tempdir().context("could not make a folder")?;
    let mut launch = options.stage.launch(&folder.path().join("data"), folder.path())?;
    let is_bounded = options.stage.broken != Some(Break::NoBounds);
    let mailbox = if is_bounded { options.mailbox } else { NO_BOUND };
    launch.settings = vec![
        format!("actors.memory={}", options.memory),
        format!("actors.mailbox_len_max={mailbox}"),
    ];
    let server = launch.start()?;
    nice(NICE).context("could not lower the priority")?;
    let mut course = Course {
        options,
        address: server.calls,
        admin: Connection::new(server.admin),
        numbers: Seeded::new(seed),
        resident: 0,
    };
    let calm_connections = (options.mills * CALM_CONNECTIONS) as usize;
    let calm = |seconds| (calm_connections, None, seconds);
    course.offer("warming up", calm(options.peak_seconds.div_ceil(3)))?;
    let best = course.offer("best", calm(options.peak_seconds))?;
    let peak = median(&best);
    let rate = peak as f64 * options.factor;
    let connections = usize::from(options.connections);
    let hurt = course.offer("overload", (connections, Some(rate), options.seconds))?;
    let after = course.offer("after", calm(options.after_seconds))?;
    let mut report = Report {
        seed,
        peak,
        peak_worst: worst(&best),
        worst: worst(&hurt),
        mean: hurt.sum().good / options.seconds,
        seconds: options.seconds,
        sum: hurt.sum(),
        refusal_ms: [50, 99].map(|percent| hurt.refusal_ms(percent)),
        resident: course.resident,
        cap: options.memory.0 + options.allowance.0,
        recovered_after: None,
        findings: Vec::new(),
    };
    report.judge(options, &after);
    server.stop()?;
    Ok(report)
}

impl Course<'_> {
    fn offer(
        &mut self,
        what: &str,
        (connections, rate, seconds): (usize, Option<f64>, u64),
    ) -> anyhow::Result<Offered> {
        let Options { mills, turn_ms, actors, .. } = *self.options;
        let work = Work { mills, turn_ms, actors };
        let offer = Offer { address: self.address, connections, rate, work, seconds };
        let begun = Instant::now();
        let (admin, mut resident) = (&mut self.admin, self.resident);
        let offered = offer.run(&mut self.numbers, |second| {
            let page = Page::read(admin)?;
            let now = page.sum(RESIDENT).unwrap_or_default() as u64;
            resident = resident.max(now);
            let passed = begun.elapsed().as_secs();
            if passed.is_multiple_of(PROGRESS_SECONDS) || passed == seconds {
                let Second { offered, good, touched, refused, late, failed } = second;
                println!(
                    "{what} {passed} s: {offered} offered, {good} good, {touched} touched, \
                     {refused} refused, {late} late, {failed} failed; {} MiB",
                    now >> 20
                );
            }
            Ok(())
        })?;
        self.resident = resident;
        Ok(offered)
    }
}

impl Report {
    fn judge(&mut self, options: &Options, after: &Offered) {
        let kept = self.peak * options.kept / 100;
        let mut findings = Vec::new();
        if self.resident > self.cap {
            findings.push(format!("the process took {} MiB", self.resident >> 20));
        }
        if self.worst < kept {
            let (worst, peak) = (self.worst, self.peak);
            findings.push(format!("{worst} calls in one second of the overload, {peak} at best"));
        }
        if self.refusal_ms[1] > options.refusal_ms {
            findings.push(format!("refusals took {} ms", self.refusal_ms[1]));
        }
        let Second { offered, late, failed, .. } = self.sum;
        if (late + failed) * 100 > offered * FEW_PERCENT {
            findings.push(format!("{late} calls came to their deadline, {failed} failed"));
        }
        let is_well = |it: &Second| {
            let bad = it.refused + it.late + it.failed;
            it.good >= kept && bad * 100 <= it.good * FEW_PERCENT
        };
        self.recovered_after = after.seconds.iter().position(is_well).map(|place| place + 1);
        if self.recovered_after.is_none_or(|seconds| seconds > RECOVERY_SECONDS) {
            findings.push(format!("it had not recovered after {RECOVERY_SECONDS} s"));
        }
        self.findings = findings;
    }

    /// Whether the node failed at anything.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        !self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Second { offered, good, touched, refused, late, failed } = self.sum;
        let factor = offered as f64 / self.seconds as f64 / self.peak.max(1) as f64;
        for finding in &self.findings {
            writeln!(f, "FAILED: {finding}")?;
        }
        write!(
            f,
            "best: {}/s in the median, {}/s at the least; offered: {}/s, {factor:.1} times as much, for \
             {} s: {good} good ({}/s on average, {}/s at the least), {touched} touched, {refused} refused (median {} ms, \
             p99 {} ms), {late} late, {failed} failed; memory: at most {} MiB of {} MiB; ",
            self.peak,
            self.peak_worst,
            offered / self.seconds,
            self.seconds,
            self.mean,
            self.worst,
            self.refusal_ms[0],
            self.refusal_ms[1],
            self.resident >> 20,
            self.cap >> 20,
        )?;
        match self.recovered_after {
            Some(seconds) => write!(f, "recovered in second {seconds}; seed {:#x}", self.seed),
            None => write!(f, "not recovered; seed {:#x}", self.seed),
        }
    }
}

fn median(offered: &Offered) -> u64 {
    let mut good: Vec<u64> = offered.seconds.iter().map(|it| it.good).collect();
    good.sort_unstable();
    good[good.len() / 2]
}

fn worst(offered: &Offered) -> u64 {
    offered.seconds.iter().map(|it| it.good).min().unwrap_or(0)
}
