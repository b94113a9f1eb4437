//! The load: many connections, each asking for turn after turn, and every answer in the book.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::book::{Book, Finding};
use crate::http::{Connection, Failure};
use crate::seed::Seeded;

/// Half of all turns go to this many actors, so that turns of one actor share a commit.
const HOT_ACTORS: u64 = 8;
/// How long a connection waits after it was refused.
const REFUSED_PAUSE: Duration = Duration::from_millis(5);
/// More findings say nothing new.
const FINDINGS_MAX: usize = 100;

/// What all connections count and share.
pub(crate) struct Tally {
    pub(crate) book: Book,
    /// The ledgers' actor type.
    pub(crate) actor_type: &'static str,
    pub(crate) acknowledged: AtomicU64,
    pub(crate) not_executed: AtomicU64,
    pub(crate) unknown: AtomicU64,
    findings: Mutex<Vec<Finding>>,
    next_id: AtomicU64,
    stop: AtomicBool,
}

/// Connections at work.
pub(crate) struct Load {
    tally: Arc<Tally>,
    threads: Vec<JoinHandle<()>>,
}

impl Tally {
    pub(crate) fn new(book: Book, actor_type: &'static str) -> Self {
        Self {
            book,
            actor_type,
            acknowledged: AtomicU64::new(0),
            not_executed: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            findings: Mutex::default(),
            next_id: AtomicU64::new(1),
            stop: AtomicBool::new(false),
        }
    }

    /// What must not have been answered.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        std::mem::take(&mut *self.findings.lock())
    }

    fn find(&self, finding: Finding) {
        let mut findings = self.findings.lock();
        if findings.len() < FINDINGS_MAX {
            findings.push(finding);
        }
    }
}

impl Load {
    /// Starts to load the server at `address`.
    pub(crate) fn start(
        tally: &Arc<Tally>,
        address: SocketAddr,
        connections: usize,
        seeds: &mut Seeded,
    ) -> Self {
        tally.stop.store(false, Ordering::Relaxed);
        let threads = (0..connections).map(|_| {
            let (tally, numbers) = (Arc::clone(tally), seeds.fork());
            std::thread::spawn(move || work(&tally, Connection::new(address), numbers))
        });
        Self { tally: Arc::clone(tally), threads: threads.collect() }
    }

    /// Ends the load once each connection has its answer, or knows that none will come.
    pub(crate) fn end(mut self) {
        self.join();
    }

    fn join(&mut self) {
        self.tally.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.join();
        }
    }
}

fn work(tally: &Tally, mut connection: Connection, mut numbers: Seeded) {
    while !tally.stop.load(Ordering::Relaxed) {
        let actor = pick(&mut numbers, tally.book.actors() as u64);
        let id = tally.next_id.fetch_add(1, Ordering::Relaxed);
        let turn = tally.book.begin(actor, id);
        let wrong = |what| tally.find(Finding::Wrong { actor, what });
        let path = format!("/v1/{}/{actor}/add", tally.actor_type);
        match connection.call("POST", &path, &id.to_string()) {
            Ok(reply) => {
                let at = Instant::now();
                tally.acknowledged.fetch_add(1, Ordering::Relaxed);
                match reply.trim().parse() {
                    Ok(version) => {
                        if let Err(finding) = tally.book.acknowledge(turn, version, at) {
                            tally.find(finding);
                        }
                    }
                    Err(_) => wrong(format!("turn {id} was answered with {reply:?}")),
                }
            }
            Err(Failure::Unknown(_)) => {
                tally.unknown.fetch_add(1, Ordering::Relaxed);
            }
            Err(Failure::NotExecuted(_)) => {
                tally.book.not_executed(turn);
                tally.not_executed.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(REFUSED_PAUSE);
            }
            Err(Failure::Refused(why)) => {
                tally.book.not_executed(turn);
                wrong(format!("turn {id} was refused: {why}"));
                std::thread::sleep(REFUSED_PAUSE);
            }
        }
    }
}

fn pick(numbers: &mut Seeded, actors: u64) -> usize {
    let among = if numbers.below(2) == 0 { actors.min(HOT_ACTORS) } else { actors };
    numbers.below(among) as usize
}
