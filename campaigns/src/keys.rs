//! Idempotency keys under hostile conditions: connections are cut in the middle of calls, the server
//! is killed, and every call is made again with its key until it is answered. Each must have had one
//! effect and one reply.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use parking_lot::Mutex;
use serde::Deserialize;

use crate::http::{Connection, Cut, Failure, Request};
use crate::interrupt;
use crate::ledger::{Mode, digest};
use crate::process::ServerProcess;
use crate::seed::Seeded;
use crate::stage::Stage;

const POLL_PERIOD: Duration = Duration::from_millis(2);
/// How long no call at all may be answered.
const STALL_MAX: Duration = Duration::from_secs(60);
const PROGRESS_PERIOD: Duration = Duration::from_secs(10);
/// How long a client waits before it makes a call again that was certainly not executed.
const AGAIN_PAUSE: Duration = Duration::from_millis(3);
/// Up to how much later than it was due the server is killed.
const KILL_SPREAD: Duration = Duration::from_millis(50);
/// Up to how long a client waits for a reply before it goes away.
const WAIT_MAX: Duration = Duration::from_millis(3);
/// As long as the head of a reply and its body together, about.
const REPLY_BYTES: u64 = 60;
const FINDINGS_MAX: usize = 20;

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many calls are made, each until it is answered
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub calls: u64,
    /// How often the server is killed meanwhile
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(..=10_000))]
    pub kills: u64,
    /// How many connections make calls
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub connections: u16,
    /// How many actors there are
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub actors: u32,
    /// How many of a hundred attempts are cut off in the middle
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=90))]
    pub cuts: u64,
    /// How many of a hundred calls are made again although they were answered
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=100))]
    pub repeats: u64,
    /// How the actors are kept durable; calls of write-behind ones ask for a durable reply
    #[arg(long, value_enum, default_value_t)]
    pub mode: Mode,
    /// Seed, server, and what is broken
    #[command(flatten)]
    pub stage: Stage,
}

/// How the campaign ended.
#[derive(Debug)]
pub struct Report {
    seed: u64,
    actors: u32,
    calls: u64,
    kills: u64,
    attempts: u64,
    cut: u64,
    repeated: u64,
    replayed: u64,
    wrong: u64,
    took: Duration,
}

/// What was asked of one actor.
#[derive(Default)]
struct Account {
    calls: u64,
    digest: u64,
    /// Which numbers its calls were answered with.
    numbers: Vec<bool>,
}

/// What all clients share.
struct Desk {
    path: String,
    /// Whether replies are asked for that wait until their turn is durable.
    durable: bool,
    calls: u64,
    cuts: u64,
    repeats: u64,
    accounts: Vec<Mutex<Account>>,
    next_id: AtomicU64,
    answered: AtomicU64,
    attempts: AtomicU64,
    cut: AtomicU64,
    repeated: AtomicU64,
    replayed: AtomicU64,
    stop: AtomicBool,
    wrong: AtomicU64,
    findings: Mutex<Vec<String>>,
}

/// What an actor shows of itself.
#[derive(Deserialize)]
struct Shown {
    count: u64,
    digest: u64,
}

struct Client {
    desk: Arc<Desk>,
    connection: Connection,
    numbers: Seeded,
}

/// Makes all calls and compares.
///
/// # Errors
/// When the campaign could not be carried out. Differences are no error but in the report.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let seed = options.stage.seed();
    println!(
        "campaign keys: {} calls of {} actors ({}), {} kills, {} connections, seed {seed:#x}{}",
        options.calls,
        options.actors,
        options.mode.actor_type(),
        options.kills,
        options.connections,
        options.stage.said(),
    );
    let folder = tempfile::tempdir().context("could not make a folder")?;
    let launch = options.stage.launch(&folder.path().join("data"), folder.path())?;
    let desk = Arc::new(Desk::new(options));
    let mut numbers = Seeded::new(seed);
    let begun = Instant::now();
    let mut server = launch.start()?;
    let mut clients = Clients::start(&desk, launch.listen, options.connections, &mut numbers);
    let mut shown = Instant::now();
    let mut made = 0;
    for kill in 1..=options.kills {
        let goal = options.calls * kill / (options.kills + 1);
        desk.wait_for(goal, &mut server, &mut shown)?;
        interrupt::pause(numbers.time_below(KILL_SPREAD))?;
        server.kill();
        made = kill;
        server = launch.start().with_context(|| format!("after kill {kill}"))?;
        if desk.wrong.load(Ordering::Relaxed) > 0 {
            break;
        }
    }
    if desk.wrong.load(Ordering::Relaxed) == 0 {
        desk.wait_for(options.calls, &mut server, &mut shown)?;
    }
    clients.join()?;
    server.stop()?;
    let server = launch.start().context("after an orderly stop")?;
    desk.compare(launch.listen)?;
    server.stop()?;
    for finding in &*desk.findings.lock() {
        println!("WRONG: {finding}");
    }
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Ok(Report {
        seed,
        actors: options.actors,
        calls: read(&desk.answered),
        kills: made,
        attempts: read(&desk.attempts),
        cut: read(&desk.cut),
        repeated: read(&desk.repeated),
        replayed: read(&desk.replayed),
        wrong: read(&desk.wrong),
        took: begun.elapsed(),
    })
}

impl Desk {
    fn new(options: &Options) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            path: format!("/v1/{}", options.mode.actor_type()),
            durable: options.mode == Mode::WriteBehind,
            calls: options.calls,
            cuts: options.cuts,
            repeats: options.repeats,
            accounts: (0..options.actors).map(|_| Mutex::default()).collect(),
            next_id: AtomicU64::new(1),
            answered: zero(),
            attempts: zero(),
            cut: zero(),
            repeated: zero(),
            replayed: zero(),
            stop: AtomicBool::new(false),
            wrong: zero(),
            findings: Mutex::default(),
        }
    }

    fn find(&self, what: String) {
        self.wrong.fetch_add(1, Ordering::Relaxed);
        let mut findings = self.findings.lock();
        if findings.len() < FINDINGS_MAX {
            findings.push(what);
        }
    }

    /// Waits until so many calls were answered, or something was found.
    fn wait_for(
        &self,
        goal: u64,
        server: &mut ServerProcess,
        shown: &mut Instant,
    ) -> anyhow::Result<()> {
        let (mut last, mut since) = (0, Instant::now());
        loop {
            let answered = self.answered.load(Ordering::Relaxed);
            if answered >= goal || self.wrong.load(Ordering::Relaxed) > 0 {
                return Ok(());
            }
            if answered > last {
                (last, since) = (answered, Instant::now());
            }
            if since.elapsed() > STALL_MAX {
                bail!("no call was answered for {} s, {answered} before", STALL_MAX.as_secs());
            }
            if let Some(status) = server.ended()? {
                bail!("the server ended by itself with {status}");
            }
            if shown.elapsed() > PROGRESS_PERIOD {
                *shown = Instant::now();
                println!("{answered}/{} calls answered", self.calls);
            }
            interrupt::pause(POLL_PERIOD)?;
        }
    }

    /// Compares every actor with what was asked of it.
    fn compare(&self, address: SocketAddr) -> anyhow::Result<()> {
        let mut connection = Connection::new(address);
        for (actor, account) in self.accounts.iter().enumerate() {
            let reply = connection.call("GET", &format!("{}/{actor}/show", self.path), "");
            let reply = reply.map_err(|failure| anyhow!("{actor} cannot be read: {failure:?}"))?;
            let shown: Shown = serde_json::from_str(&reply)?;
            let account = account.lock();
            if (shown.count, shown.digest) != (account.calls, account.digest) {
                let Account { calls, .. } = &*account;
                let count = shown.count;
                self.find(format!("actor {actor}: {calls} calls had {count} effects, or others"));
            }
        }
        Ok(())
    }
}

struct Clients {
    desk: Arc<Desk>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    fn start(desk: &Arc<Desk>, address: SocketAddr, count: u16, seeds: &mut Seeded) -> Self {
        let threads = (0..count).map(|_| {
            let (desk, numbers) = (Arc::clone(desk), seeds.fork());
            let connection = Connection::new(address);
            std::thread::spawn(move || Client { desk, connection, numbers }.work())
        });
        Self { threads: threads.collect(), desk: Arc::clone(desk) }
    }

    fn join(&mut self) -> anyhow::Result<()> {
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| anyhow!("a client panicked"))?;
        }
        Ok(())
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.desk.stop.store(true, Ordering::Relaxed);
        // The campaign has failed already where threads are left.
        let _ = self.join();
    }
}

impl Client {
    fn work(mut self) {
        let desk = Arc::clone(&self.desk);
        loop {
            let id = desk.next_id.fetch_add(1, Ordering::Relaxed);
            if id > desk.calls || desk.wrong.load(Ordering::Relaxed) > 0 {
                return;
            }
            let actor = self.numbers.below(desk.accounts.len() as u64) as usize;
            {
                let mut account = desk.accounts[actor].lock();
                account.calls += 1;
                account.digest = account.digest.wrapping_add(digest(id));
            }
            let Some(number) = self.ask(actor, id, false) else { return };
            desk.answered.fetch_add(1, Ordering::Relaxed);
            let mut account = desk.accounts[actor].lock();
            let place = number as usize;
            if account.numbers.len() <= place {
                account.numbers.resize(place + 1, false);
            }
            if std::mem::replace(&mut account.numbers[place], true) {
                desk.find(format!("actor {actor}: two calls were answered with {number}"));
            }
            drop(account);
            if self.numbers.below(100) < desk.repeats {
                desk.repeated.fetch_add(1, Ordering::Relaxed);
                let Some(again) = self.ask(actor, id, true) else { return };
                if again != number {
                    desk.find(format!("actor {actor}: {id} was answered {number}, then {again}"));
                }
            }
        }
    }

    /// Makes a call until it is answered; gives its number, `None` when it is time to stop.
    fn ask(&mut self, actor: usize, id: u64, was_answered: bool) -> Option<u64> {
        let desk = Arc::clone(&self.desk);
        let (path, body) = (format!("{}/{actor}/add", desk.path), id.to_string());
        let key = format!("call-{id}");
        let (path, body, durable) = (path.as_str(), body.as_str(), desk.durable);
        let key = Some(key.as_str());
        let request = Request { method: "POST", path, body, key, durable, ..Request::default() };
        let mut tried = was_answered;
        loop {
            desk.attempts.fetch_add(1, Ordering::Relaxed);
            let cut = (self.numbers.below(100) < desk.cuts).then(|| self.cut());
            if cut.is_some() {
                desk.cut.fetch_add(1, Ordering::Relaxed);
            }
            match self.connection.ask(&request, cut) {
                Ok(reply) => {
                    if reply.was_replayed {
                        desk.replayed.fetch_add(1, Ordering::Relaxed);
                    }
                    if reply.was_replayed && !tried {
                        desk.find(format!("actor {actor}: {id} was replayed, but never made"));
                    }
                    if was_answered && !reply.was_replayed {
                        desk.find(format!("actor {actor}: {id} was answered twice, not replayed"));
                    }
                    let number = reply.body.trim().parse().ok().filter(|it| *it <= desk.calls);
                    if number.is_none() {
                        desk.find(format!("actor {actor}: {id} was answered {:?}", reply.body));
                    }
                    return number;
                }
                Err(Failure::Unknown(_)) => tried = true,
                Err(Failure::NotExecuted(_)) => std::thread::sleep(AGAIN_PAUSE),
                Err(Failure::Refused(why)) => {
                    desk.find(format!("actor {actor}: {id} was refused: {why}"));
                    return None;
                }
            }
            if desk.stop.load(Ordering::Relaxed) {
                return None;
            }
        }
    }

    fn cut(&mut self) -> Cut {
        match self.numbers.below(3) {
            0 => Cut::Sending(1 + self.numbers.below(100) as usize),
            1 => Cut::Waiting(self.numbers.time_below(WAIT_MAX)),
            _ => Cut::Replying(1 + self.numbers.below(REPLY_BYTES) as usize),
        }
    }
}

impl Report {
    /// Whether anything was found that must not be.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.wrong > 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "keys: {} calls of {} actors answered in {} attempts ({} cut off, {} calls made again), {} \
             replays, {} kills, {} wrong; time: {:.0} s; seed {:#x}",
            self.calls,
            self.actors,
            self.attempts,
            self.cut,
            self.repeated,
            self.replayed,
            self.kills,
            self.wrong,
            self.took.as_secs_f64(),
            self.seed,
        )
    }
}
