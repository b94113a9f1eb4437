//! Listeners follow actors over WebSockets while the node is stopped in order and killed, again and
//! again: each must hear every event once and in order, or be told to begin anew.

pub mod foreign;
pub mod listener;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use parking_lot::Mutex;
use tenure_client::Client;

use crate::http::Connection;
use crate::process::{Launch, ServerProcess};
use crate::seed::Seeded;
use crate::stage::Stage;
use crate::{http, interrupt};
use foreign::{Foreign, ForeignHeard};
use listener::{Heard, listen};

/// How long a process lives at least, once everybody is up with it, and up to how much longer.
const LIFE: Duration = Duration::from_millis(500);
const LIFE_SPREAD: Duration = Duration::from_millis(1_000);
/// Between two things that one connection asks to be said.
const SAY_PAUSE: Duration = Duration::from_millis(10);
const REFUSED_PAUSE: Duration = Duration::from_millis(5);
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// The types: what a crash leaves whole, and what it may take back.
const TYPES: [&str; 2] = ["herald", "crier"];

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How often the node is stopped in order and started again
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub restarts: u32,
    /// How often it is then killed
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub kills: u32,
    /// How many listen, each over a socket of its own
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub listeners: u32,
    /// How many actors of each type speak
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub actors: u32,
    /// A folder with npm's `centrifuge` and a venv with PyPI's `centrifuge-python`: 20 of the listeners
    /// are then theirs; `cargo xtask clients` makes one in target/clients
    #[arg(long)]
    pub clients: Option<PathBuf>,
    /// How many seconds listeners may take to be up with what was said
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub patience: u64,
    /// Seed, server, and what is broken
    #[command(flatten)]
    pub stage: Stage,
}

/// How the campaign ended.
#[derive(Debug, Default)]
pub struct Report {
    seed: u64,
    restarts: u32,
    kills: u32,
    listeners: u64,
    acknowledged: u64,
    events: u64,
    /// While the node was stopped in order; after kills by types.
    reloads: (u64, [u64; 2]),
    wrong: Vec<String>,
    took: Duration,
}

#[derive(Default)]
struct Load {
    acknowledged: AtomicU64,
    stop: AtomicBool,
}

/// Everybody who listens.
struct Audience {
    // Its tasks end with it.
    _runtime: tokio::runtime::Runtime,
    own: Vec<(usize, usize, Arc<Mutex<Heard>>)>,
    foreign: Vec<Foreign>,
}

/// Lets actors speak and many listen, stops and kills the node, and compares.
///
/// # Errors
/// When the campaign could not be carried out. What listeners heard wrong is in the report.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let stage = &options.stage;
    let seed = stage.seed();
    let (restarts, kills) = (options.restarts, options.kills);
    println!(
        "campaign sessions: {restarts} restarts, {kills} kills, seed {seed:#x}{}",
        stage.said()
    );
    let folder = tempfile::tempdir().context("could not make a folder")?;
    let launch = stage.launch(&folder.path().join("data"), folder.path())?;
    let (begun, mut numbers) = (Instant::now(), Seeded::new(seed));
    let mut report = Report { seed, restarts, kills, ..Report::default() };
    let mut server = launch.start()?;
    let mut audience = Audience::gather(options, launch.listen)?;
    let load = Arc::new(Load::default());
    let speakers: Vec<_> =
        (0..4).map(|_| speak(&load, launch.listen, options.actors, numbers.fork())).collect();
    for round in 0..restarts + kills {
        interrupt::pause(LIFE + numbers.time_below(LIFE_SPREAD))?;
        server = next(&launch, server, round < restarts)
            .with_context(|| format!("after round {}", round + 1))?;
        if round + 1 == restarts {
            // Nothing may be lost by an orderly stop: whoever had to begin anew lost something.
            interrupt::pause(Duration::from_secs(2))?;
            report.reloads.0 = audience.heard(&[])?.reloads.iter().sum();
        }
        println!("round {}: up in {:.0} ms", round + 1, server.start_took.as_secs_f64() * 1e3);
    }
    load.stop.store(true, Ordering::Relaxed);
    for speaker in speakers {
        if speaker.join().is_err() {
            bail!("a connection panicked");
        }
    }
    let said = said(&mut Connection::new(launch.listen), options.actors)?;
    let until = Instant::now() + Duration::from_secs(options.patience);
    let mut heard = audience.heard(&said)?;
    while heard.behind > 0 && Instant::now() < until {
        interrupt::pause(LOOK_PERIOD)?;
        heard = audience.heard(&said)?;
    }
    server.stop()?;
    if heard.behind > 0 {
        heard.wrong.push(format!("{} listeners do not know what was said last", heard.behind));
    }
    report.listeners = heard.listeners;
    report.events = heard.events;
    report.reloads.1 = heard.reloads;
    report.acknowledged = load.acknowledged.load(Ordering::Relaxed);
    report.wrong = heard.wrong;
    report.took = begun.elapsed();
    Ok(judge(report))
}

fn next(
    launch: &Launch,
    mut server: ServerProcess,
    is_orderly: bool,
) -> anyhow::Result<ServerProcess> {
    if is_orderly {
        server.stop()?;
    } else {
        server.kill();
    }
    launch.start()
}

/// Who had to begin anew though nothing was lost has heard wrong.
fn judge(mut report: Report) -> Report {
    let (orderly, [durable, _]) = report.reloads;
    if orderly > 0 {
        report.wrong.push(format!("{orderly} listeners had to begin anew after orderly stops"));
    }
    if durable > 0 {
        report.wrong.push(format!("{durable} times a listener of a durable actor began anew"));
    }
    report
}

impl Audience {
    fn gather(options: &Options, at: SocketAddr) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("no runtime")?;
        let mut foreign = Vec::new();
        let mut own = options.listeners;
        if let Some(clients) = &options.clients {
            for (name, program, script) in [
                ("JavaScript", "node", "listeners.mjs"),
                ("Python", "venv/bin/python", "listeners.py"),
            ] {
                let program = match program {
                    "node" => "node".to_owned(),
                    beside => clients.join(beside).display().to_string(),
                };
                let few = 10.min(own);
                let actors = options.actors;
                foreign.push(Foreign::start(name, clients, &program, script, at, actors, few)?);
                own -= few;
            }
        }
        let _entered = runtime.enter();
        let url = format!("ws://{at}/connection/websocket");
        let backoff = (Duration::from_millis(50), Duration::from_secs(1));
        let own = (0..own as usize)
            .map(|index| {
                let client = Client::new(&url).backoff(backoff.0, backoff.1).connect();
                let (kind, actor) = (index % 2, index / 2 % options.actors as usize);
                (kind, actor, listen(&client, format!("{}:{actor}", TYPES[kind])))
            })
            .collect();
        drop(_entered);
        Ok(Self { _runtime: runtime, own, foreign })
    }

    /// What all have heard; `said` is what there was to hear, by type and actor, or nothing yet.
    fn heard(&mut self, said: &[u64]) -> anyhow::Result<ForeignHeard> {
        let mut all = ForeignHeard {
            listeners: self.own.len() as u64,
            events: 0,
            reloads: [0, 0],
            wrong: Vec::new(),
            behind: 0,
        };
        let actors = said.len() / TYPES.len();
        for (kind, actor, heard) in &self.own {
            let heard = heard.lock();
            all.events += heard.events;
            all.reloads[*kind] += heard.reloads;
            all.wrong.extend(heard.wrong.iter().take(3).cloned());
            let expected = said.get(kind * actors + actor);
            all.behind += u64::from(expected.is_some_and(|said| heard.last != *said));
        }
        for foreign in &mut self.foreign {
            let heard = foreign.ask(said)?;
            all.listeners += heard.listeners;
            all.events += heard.events;
            all.behind += heard.behind;
            for (sum, more) in all.reloads.iter_mut().zip(heard.reloads) {
                *sum += more;
            }
            let named = heard.wrong.into_iter().map(|wrong| format!("{}: {wrong}", foreign.name));
            all.wrong.extend(named);
        }
        Ok(all)
    }
}

/// What each actor says that it has said: the truth, with which the listeners are compared.
fn said(connection: &mut Connection, actors: u32) -> anyhow::Result<Vec<u64>> {
    let mut all = Vec::new();
    for kind in TYPES {
        for actor in 0..actors {
            let reply = connection.call("POST", &format!("/v1/{kind}/{actor}/said"), "");
            let reply = reply.map_err(|why| anyhow::anyhow!("{kind}/{actor}: {why:?}"))?;
            all.push(reply.trim().parse()?);
        }
    }
    Ok(all)
}

fn speak(load: &Arc<Load>, at: SocketAddr, actors: u32, mut numbers: Seeded) -> JoinHandle<()> {
    let load = Arc::clone(load);
    std::thread::spawn(move || {
        let mut connection = Connection::new(at);
        while !load.stop.load(Ordering::Relaxed) {
            let kind = TYPES[numbers.below(2) as usize];
            let path = format!("/v1/{kind}/{}/say", numbers.below(u64::from(actors)));
            match connection.call("POST", &path, "") {
                Ok(_) => _ = load.acknowledged.fetch_add(1, Ordering::Relaxed),
                Err(http::Failure::Unknown(_)) => {}
                Err(_) => std::thread::sleep(REFUSED_PAUSE),
            }
            std::thread::sleep(SAY_PAUSE);
        }
    })
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
        let (orderly, [durable, behind]) = self.reloads;
        write!(
            f,
            "sessions: {} listeners, {} restarts, {} kills; {} acknowledged, {} events heard; told to begin \
             anew: {orderly} times after restarts, after kills {durable} of durable actors and {behind} of those \
             written behind; {} wrong; time: {:.0} s; seed {:#x}",
            self.listeners,
            self.restarts,
            self.kills,
            self.acknowledged,
            self.events,
            self.wrong.len(),
            self.took.as_secs_f64(),
            self.seed,
        )
    }
}
