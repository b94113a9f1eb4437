//! Reminders over restarts: whatever is done to the node, each one must have been handled once.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use parking_lot::Mutex;

use crate::clerk::{RING_LOG_VARIABLE, Rung};
use crate::http::{Connection, Failure, Request};
use crate::interrupt;
use crate::metrics::Page;
use crate::process::{Launch, ServerProcess};
use crate::seed::Seeded;
use crate::stage::Stage;

const POLL_PERIOD: Duration = Duration::from_millis(20);
const PROGRESS_PERIOD: Duration = Duration::from_secs(10);
/// How long a client waits before it asks again.
const AGAIN_PAUSE: Duration = Duration::from_millis(5);
/// Up to how long the node is down.
const DOWN_MAX: Duration = Duration::from_millis(1_500);
/// Reminders are set during this part of the time, and due until its end.
const SETTING_PERCENT: u64 = 60;
/// How long the last node runs on after everything has come, so that what comes twice is seen.
const LAST_LOOK: Duration = Duration::from_secs(2);
const FINDINGS_SHOWN: usize = 20;

/// How the campaign runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many reminders are set
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub reminders: u64,
    /// How often the node is killed or stopped, and started again
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=1_000))]
    pub restarts: u64,
    /// Over how many seconds the reminders are due
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// For how many seconds after that the last ones are waited for
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(..=3_600))]
    pub patience: u64,
    /// How many actors there are
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub actors: u64,
    /// How many connections set reminders
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub connections: u64,
    /// Seed, server, and what is broken
    #[command(flatten)]
    pub stage: Stage,
}

/// How the campaign ended.
#[derive(Debug)]
pub struct Report {
    seed: u64,
    set: u64,
    kills: u64,
    stops: u64,
    deliveries: u64,
    wrong: usize,
    up: Lateness,
    down: Lateness,
    took: Duration,
}

/// How late reminders were, sorted, in milliseconds.
#[derive(Debug, Default)]
struct Lateness(Vec<u64>);

/// A reminder that was set: between which times it must be due.
#[derive(Clone, Copy)]
struct Set {
    due_from_ms: u64,
    due_until_ms: u64,
}

/// What the clients share.
struct Desk {
    path: &'static str,
    actors: u64,
    begun: Instant,
    /// By id.
    set: Mutex<BTreeMap<u64, Set>>,
    answered: AtomicU64,
    stop: AtomicBool,
    refused: Mutex<Option<String>>,
}

struct Course<'a> {
    options: &'a Options,
    launch: Launch,
    desk: Arc<Desk>,
    numbers: Seeded,
    /// From when until when the node was down, in Unix milliseconds.
    down: Vec<(u64, u64)>,
    kills: u64,
    stops: u64,
    shown: Instant,
}

/// Sets reminders, restarts the node, waits for all of them and compares.
///
/// # Errors
/// When the campaign could not be carried out. Missing and double ones are no error but in the
/// report.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let seed = options.stage.seed();
    println!(
        "campaign reminders: {} reminders of {} actors over {} s, {} restarts, seed {seed:#x}{}",
        options.reminders,
        options.actors,
        options.seconds,
        options.restarts,
        options.stage.said(),
    );
    let folder = tempfile::tempdir().context("could not make a folder")?;
    let log = folder.path().join("rings.log");
    let mut launch = options.stage.launch(&folder.path().join("data"), folder.path())?;
    launch.env.push((RING_LOG_VARIABLE, log.clone().into()));
    let begun = Instant::now();
    let desk = Desk {
        path: "/v1/clerk",
        actors: options.actors,
        begun,
        set: Mutex::default(),
        answered: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        refused: Mutex::default(),
    };
    let mut course = Course {
        options,
        launch,
        desk: Arc::new(desk),
        numbers: Seeded::new(seed),
        down: Vec::new(),
        kills: 0,
        stops: 0,
        shown: begun,
    };
    let rung = course.run()?;
    let findings = course.compare(&rung);
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        println!("WRONG: {finding}");
    }
    let (up, down) = course.lateness(&rung);
    Ok(Report {
        seed,
        set: course.desk.set.lock().len() as u64,
        kills: course.kills,
        stops: course.stops,
        deliveries: count_lines(&log)?,
        wrong: findings.len(),
        up,
        down,
        took: begun.elapsed(),
    })
}

impl Course<'_> {
    fn run(&mut self) -> anyhow::Result<Vec<Rung>> {
        let mut server = self.launch.start()?;
        let mut setters = Setters::start(self.options, &self.desk, server.calls, &mut self.numbers);
        let span = Duration::from_secs(self.options.seconds);
        for restart in 1..=self.options.restarts {
            let at = span * restart as u32 / (self.options.restarts as u32 + 1);
            self.wait_until(at, &mut server)?;
            server = self.restart(server).with_context(|| format!("restart {restart}"))?;
        }
        self.wait_until(span, &mut server)?;
        setters.join()?;
        let until = Instant::now() + Duration::from_secs(self.options.patience);
        let mut connection = Connection::new(server.calls);
        loop {
            let came = self.rung(&mut connection)?.len() as u64;
            if came >= self.options.reminders || Instant::now() > until {
                break;
            }
            self.show(|| format!("{came} have come"));
            interrupt::pause(POLL_PERIOD * 10)?;
        }
        // What is durable counts, and what comes a second time.
        server.stop()?;
        let server = self.launch.start().context("after the last stop")?;
        interrupt::pause(LAST_LOOK)?;
        let mut connection = Connection::new(server.calls);
        let rung = self.rung(&mut connection)?;
        let left = Page::read(&mut Connection::new(server.admin))?.sum("tenure_reminders");
        server.stop()?;
        if rung.len() as u64 >= self.options.reminders && left != Some(0.0) {
            bail!("all reminders have come, and the node says that {left:?} are left");
        }
        Ok(rung)
    }

    fn restart(&mut self, mut server: ServerProcess) -> anyhow::Result<ServerProcess> {
        let from = unix_ms();
        if self.numbers.below(2) == 0 {
            server.kill();
            self.kills += 1;
        } else {
            server.stop()?;
            self.stops += 1;
        }
        interrupt::pause(self.numbers.time_below(DOWN_MAX))?;
        let server = self.launch.start()?;
        self.down.push((from, unix_ms()));
        Ok(server)
    }

    fn wait_until(&mut self, at: Duration, server: &mut ServerProcess) -> anyhow::Result<()> {
        while self.desk.begun.elapsed() < at {
            if let Some(status) = server.ended()? {
                bail!("the server ended by itself with {status}");
            }
            if let Some(why) = &*self.desk.refused.lock() {
                bail!("a reminder was refused: {why}");
            }
            let (set, restarts) = (self.desk.answered.load(Ordering::Relaxed), self.down.len());
            self.show(|| format!("{set} set, {restarts} restarts"));
            interrupt::pause(POLL_PERIOD)?;
        }
        Ok(())
    }

    fn show(&mut self, text: impl FnOnce() -> String) {
        if self.shown.elapsed() > PROGRESS_PERIOD {
            self.shown = Instant::now();
            println!("{}, {} s", text(), self.desk.begun.elapsed().as_secs());
        }
    }

    /// Everything that has come, from all actors.
    fn rung(&self, connection: &mut Connection) -> anyhow::Result<Vec<Rung>> {
        let mut all = Vec::new();
        for actor in 0..self.options.actors {
            let reply = connection
                .call("GET", &format!("{}/{actor}/rung", self.desk.path), "")
                .map_err(|failure| anyhow!("clerk/{actor} cannot be read: {failure:?}"))?;
            let rung: Vec<Rung> = serde_json::from_str(&reply)?;
            all.extend(rung);
        }
        Ok(all)
    }

    fn compare(&self, rung: &[Rung]) -> Vec<String> {
        let mut findings = Vec::new();
        let mut times: BTreeMap<u64, u32> = BTreeMap::new();
        let set = self.desk.set.lock();
        for Rung { id, due_ms, .. } in rung {
            *times.entry(*id).or_default() += 1;
            match set.get(id) {
                None => findings.push(format!("reminder {id} was never set")),
                Some(set) if !(set.due_from_ms..=set.due_until_ms).contains(due_ms) => {
                    let Set { due_from_ms, due_until_ms } = set;
                    findings.push(format!(
                        "reminder {id} was due at {due_ms}, not {due_from_ms} to {due_until_ms}"
                    ));
                }
                Some(_) => {}
            }
        }
        for id in set.keys() {
            match times.get(id) {
                Some(1) => {}
                Some(times) => findings.push(format!("reminder {id} was handled {times} times")),
                None => findings.push(format!("reminder {id} is MISSING")),
            }
        }
        let missing = self.options.reminders - set.len() as u64;
        if missing > 0 {
            findings.push(format!("{missing} reminders could not be set"));
        }
        findings
    }

    /// How late those were that were due while the node was up, and those that were not.
    fn lateness(&self, rung: &[Rung]) -> (Lateness, Lateness) {
        let is_down = |due: u64| self.down.iter().any(|&(from, until)| from <= due && due <= until);
        let (down, up): (Vec<&Rung>, _) = rung.iter().partition(|it| is_down(it.due_ms));
        (Lateness::new(&up), Lateness::new(&down))
    }
}

struct Setters {
    desk: Arc<Desk>,
    threads: Vec<JoinHandle<()>>,
}

impl Setters {
    fn start(options: &Options, desk: &Arc<Desk>, address: SocketAddr, seeds: &mut Seeded) -> Self {
        let (count, step) = (options.reminders, options.connections);
        let span_ms = options.seconds * 1_000;
        let threads = (0..step).map(|first| {
            let (desk, mut numbers) = (Arc::clone(desk), seeds.fork());
            std::thread::spawn(move || {
                let mut connection = Connection::new(address);
                for id in (first..count).step_by(step as usize) {
                    let at_ms = span_ms * SETTING_PERCENT / 100 * id / count;
                    let due_ms = at_ms + numbers.below(span_ms - at_ms);
                    if !desk.set(&mut connection, id, Duration::from_millis(at_ms), due_ms) {
                        return;
                    }
                }
            })
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

impl Drop for Setters {
    fn drop(&mut self) {
        self.desk.stop.store(true, Ordering::Relaxed);
        // The campaign has failed already where threads are left.
        let _ = self.join();
    }
}

impl Desk {
    /// Sets a reminder at `at` after the beginning, due at `due_ms` after it; asks until it is
    /// answered. Says whether it was.
    fn set(&self, connection: &mut Connection, id: u64, at: Duration, due_ms: u64) -> bool {
        while self.begun.elapsed() < at {
            if self.stop.load(Ordering::Relaxed) {
                return false;
            }
            std::thread::sleep(AGAIN_PAUSE);
        }
        let ms = due_ms.saturating_sub(self.begun.elapsed().as_millis() as u64);
        let path = format!("{}/{}/wake", self.path, id % self.actors);
        // The key keeps a call that is made again from setting the reminder a second time, after it
        // has come.
        let (body, key) = (format!("{{\"id\":{id},\"ms\":{ms}}}"), format!("wake-{id}"));
        let (path, body) = (path.as_str(), body.as_str());
        let request = Request { method: "POST", path, body, key: Some(&key), ..Request::default() };
        let due_from_ms = unix_ms() + ms;
        while !self.stop.load(Ordering::Relaxed) {
            match connection.ask(&request, None) {
                Ok(_) => {
                    let set = Set { due_from_ms, due_until_ms: unix_ms() + ms };
                    self.set.lock().insert(id, set);
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    return true;
                }
                Err(Failure::NotExecuted(_) | Failure::Unknown(_)) => {
                    std::thread::sleep(AGAIN_PAUSE);
                }
                Err(Failure::Refused(why)) => {
                    *self.refused.lock() = Some(why.to_string());
                    return false;
                }
            }
        }
        false
    }
}

impl Lateness {
    fn new(rung: &[&Rung]) -> Self {
        let mut late: Vec<u64> = rung.iter().map(|it| it.at_ms.saturating_sub(it.due_ms)).collect();
        late.sort_unstable();
        Self(late)
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |percent: usize| self.0.get(self.0.len() * percent / 100).copied().unwrap_or(0);
        let (count, max) = (self.0.len(), self.0.last().copied().unwrap_or(0));
        write!(f, "{count}, median {} ms, p99 {} ms, longest {max} ms", at(50), at(99))
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
            "reminders: {} set, {} kills and {} stops, {} turns for them ({} came again, without a \
             second effect), {} wrong\nlate, due while the node was up: {}\nlate, due while it was \
             down: {}\ntime: {:.0} s; seed {:#x}",
            self.set,
            self.kills,
            self.stops,
            self.deliveries,
            self.deliveries.saturating_sub(self.set),
            self.wrong,
            self.up,
            self.down,
            self.took.as_secs_f64(),
            self.seed,
        )
    }
}

fn count_lines(file: &Path) -> anyhow::Result<u64> {
    if !file.exists() {
        return Ok(0);
    }
    let text = std::fs::read(file)?;
    Ok(text.iter().filter(|byte| **byte == b'\n').count() as u64)
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}
