//! Speakers append to a feed, and a consumer in a process of its own counts what it reads, while
//! both are killed: it must have counted exactly what the speakers have said.

pub mod consumer;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::http::{Connection, Failure};
use crate::interrupt;
use crate::seed::Seeded;
use crate::stage::Stage;
use consumer::Book;

/// How long a process lives at least, and up to how much longer.
const LIFE: Duration = Duration::from_millis(150);
const LIFE_SPREAD: Duration = Duration::from_millis(600);
/// How long a connection waits after it was refused.
const REFUSED_PAUSE: Duration = Duration::from_millis(5);
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How often a process is killed: the server and the consumer by turns
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub kills: u32,
    /// How many actors speak
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub actors: u32,
    /// How many connections ask them to
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub connections: u16,
    /// How many seconds the consumer may take to the end once it is calm
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub patience: u64,
    /// Seed, server, and what is broken
    #[command(flatten)]
    pub stage: Stage,
}

/// How the campaign ended.
#[derive(Debug)]
pub struct Report {
    seed: u64,
    kills: [u32; 2],
    acknowledged: u64,
    said: u64,
    counted: u64,
    wrong: Vec<String>,
    took: Duration,
}

/// What connections share.
#[derive(Default)]
struct Load {
    acknowledged: AtomicU64,
    stop: AtomicBool,
}

/// Lets actors speak and a consumer count, kills both, and compares.
///
/// # Errors
/// When the campaign could not be carried out. Differences are no error but in the report.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let stage = &options.stage;
    let seed = stage.seed();
    println!("campaign feeds: {} kills, seed {seed:#x}{}", options.kills, stage.said());
    let folder = tempfile::tempdir().context("could not make a folder")?;
    let launch = stage.launch(&folder.path().join("data"), folder.path())?;
    let file = folder.path().join("book.json");
    let (begun, mut numbers) = (Instant::now(), Seeded::new(seed));
    let mut server = launch.start()?;
    let mut consumer = Consumer::start(launch.listen, &file)?;
    let load = Arc::new(Load::default());
    let speakers: Vec<_> = (0..options.connections)
        .map(|_| speak(&load, launch.listen, options.actors, numbers.fork()))
        .collect();
    let mut kills = [0; 2];
    for kill in 0..options.kills {
        interrupt::pause(LIFE + numbers.time_below(LIFE_SPREAD))?;
        kills[kill as usize % 2] += 1;
        if kill % 2 == 0 {
            server.kill();
            server = launch.start().with_context(|| format!("after kill {}", kill + 1))?;
        } else {
            consumer.kill();
            consumer = Consumer::start(launch.listen, &file)?;
        }
    }
    load.stop.store(true, Ordering::Relaxed);
    for speaker in speakers {
        if speaker.join().is_err() {
            bail!("a connection panicked");
        }
    }
    let said = said(&mut Connection::new(launch.listen), options.actors)?;
    let until = Instant::now() + Duration::from_secs(options.patience);
    let mut book = Book::read(&file)?;
    while book.counted() < said.iter().sum() && book.wrong.is_empty() && Instant::now() < until {
        interrupt::pause(LOOK_PERIOD)?;
        book = Book::read(&file)?;
    }
    consumer.kill();
    server.stop()?;
    Ok(compare(
        &book,
        &said,
        Report {
            seed,
            kills,
            acknowledged: load.acknowledged.load(Ordering::Relaxed),
            said: said.iter().sum(),
            counted: book.counted(),
            wrong: Vec::new(),
            took: begun.elapsed(),
        },
    ))
}

fn compare(book: &Book, said: &[u64], mut report: Report) -> Report {
    report.wrong.clone_from(&book.wrong);
    for (actor, said) in said.iter().enumerate() {
        let counted = book.counts.get(&actor.to_string()).copied().unwrap_or(0);
        if counted != *said {
            report.wrong.push(format!("speaker/{actor} said {said}, {counted} were counted"));
        }
    }
    if report.said < report.acknowledged {
        report.wrong.push(format!("{} acknowledged, {} said", report.acknowledged, report.said));
    }
    report
}

/// What each speaker says that it has said: the truth, with which the consumer is compared.
fn said(connection: &mut Connection, actors: u32) -> anyhow::Result<Vec<u64>> {
    let ask = |actor: u32| {
        let reply = connection.call("POST", &format!("/v1/speaker/{actor}/said"), "");
        let reply = reply.map_err(|why| anyhow::anyhow!("speaker/{actor}: {why:?}"))?;
        Ok(reply.trim().parse()?)
    };
    (0..actors).map(ask).collect()
}

fn speak(load: &Arc<Load>, at: SocketAddr, actors: u32, mut numbers: Seeded) -> JoinHandle<()> {
    let load = Arc::clone(load);
    std::thread::spawn(move || {
        let mut connection = Connection::new(at);
        while !load.stop.load(Ordering::Relaxed) {
            let path = format!("/v1/speaker/{}/say", numbers.below(u64::from(actors)));
            match connection.call("POST", &path, "") {
                Ok(_) => _ = load.acknowledged.fetch_add(1, Ordering::Relaxed),
                Err(Failure::Unknown(_)) => {}
                Err(_) => std::thread::sleep(REFUSED_PAUSE),
            }
        }
    })
}

/// A consumer in a process of its own, killed when dropped.
struct Consumer(Child);

impl Consumer {
    fn start(address: SocketAddr, book: &Path) -> anyhow::Result<Self> {
        let child = Command::new(std::env::current_exe()?)
            .args(["feed-consumer", "--address", &address.to_string(), "--book"])
            .arg(book)
            .stdin(Stdio::null())
            .spawn()
            .context("could not start the consumer")?;
        Ok(Self(child))
    }

    fn kill(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Report {
    /// Whether anything was found that must not be.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        !self.wrong.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for wrong in self.wrong.iter().take(10) {
            writeln!(f, "WRONG: {wrong}")?;
        }
        let [server, consumer] = self.kills;
        write!(
            f,
            "feeds: {server} kills of the server, {consumer} of the consumer; {} acknowledged, {} said, \
             {} counted, {} wrong; time: {:.0} s; seed {:#x}",
            self.acknowledged,
            self.said,
            self.counted,
            self.wrong.len(),
            self.took.as_secs_f64(),
            self.seed,
        )
    }
}
