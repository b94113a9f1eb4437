//! Clients of a cluster: each calls one actor without end, over one node and then the next.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::book::{Book, Finding};
use crate::http::{Connection, Failure};

/// How long a client waits between two calls.
const PAUSE: Duration = Duration::from_millis(5);
/// How long it waits for an answer before it asks the next node.
const PATIENCE: Duration = Duration::from_secs(1);
const FINDINGS_MAX: usize = 100;

/// Actors of one type, each with a client.
pub(super) struct Crowd {
    pub(super) actor_type: &'static str,
    /// Where turns are durable before their replies: what was acknowledged.
    book: Option<Book>,
    pub(super) acknowledged: AtomicU64,
    pub(super) not_executed: AtomicU64,
    pub(super) unknown: AtomicU64,
    findings: Mutex<Vec<Finding>>,
    next_id: AtomicU64,
    waits: Vec<Mutex<Wait>>,
    stop: AtomicBool,
}

/// How long a client was without an answer.
#[derive(Clone, Copy)]
struct Wait {
    /// When its last good answer came.
    last: Instant,
    /// The longest time between two of them since that was asked for.
    longest: Duration,
    /// Whether it had one to a call that began since then.
    is_served: bool,
    since: Instant,
}

impl Crowd {
    pub(super) fn new(actor_type: &'static str, actors: usize, is_durable: bool) -> Arc<Self> {
        let now = Instant::now();
        let wait = Wait { last: now, longest: Duration::ZERO, is_served: false, since: now };
        Arc::new(Self {
            actor_type,
            book: is_durable.then(|| Book::new(actors)),
            acknowledged: AtomicU64::new(0),
            not_executed: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            findings: Mutex::default(),
            next_id: AtomicU64::new(1),
            waits: (0..actors).map(|_| Mutex::new(wait)).collect(),
            stop: AtomicBool::new(false),
        })
    }

    /// Starts a client for each actor; they begin at different nodes.
    pub(super) fn start(self: &Arc<Self>, nodes: &[SocketAddr]) -> Vec<JoinHandle<()>> {
        let client = |actor: usize| {
            let (crowd, mut nodes) = (Arc::clone(self), nodes.to_vec());
            let first = actor % nodes.len();
            nodes.rotate_left(first);
            std::thread::spawn(move || crowd.call_on(actor, &nodes))
        };
        (0..self.waits.len()).map(client).collect()
    }

    /// From now on waits count anew.
    pub(super) fn begin(&self) {
        let now = Instant::now();
        for wait in &self.waits {
            let mut wait = wait.lock();
            (wait.longest, wait.is_served, wait.since) = (Duration::ZERO, false, now);
        }
    }

    /// Whether every client had an answer to a call that it began since then.
    pub(super) fn is_served(&self) -> bool {
        self.waits.iter().all(|wait| wait.lock().is_served)
    }

    /// The longest wait of each client since then.
    pub(super) fn waits(&self) -> Vec<Duration> {
        self.waits.iter().map(|wait| wait.lock().longest).collect()
    }

    pub(super) fn end(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn book(&self) -> Option<&Book> {
        self.book.as_ref()
    }

    /// What must not have been answered.
    pub(super) fn findings(&self) -> Vec<Finding> {
        std::mem::take(&mut *self.findings.lock())
    }

    fn find(&self, finding: Finding) {
        let mut findings = self.findings.lock();
        if findings.len() < FINDINGS_MAX {
            findings.push(finding);
        }
    }

    fn call_on(&self, actor: usize, nodes: &[SocketAddr]) {
        let mut connections: Vec<Connection> =
            nodes.iter().map(|node| Connection::new(*node).patient_for(PATIENCE)).collect();
        let mut at = 0;
        while !self.stop.load(Ordering::Relaxed) {
            if !self.call(actor, &mut connections[at]) {
                at = (at + 1) % nodes.len();
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Makes a call; whether it was answered well.
    fn call(&self, actor: usize, connection: &mut Connection) -> bool {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let turn = self.book.as_ref().map(|book| book.begin(actor, id));
        let path = format!("/v1/{}/{actor}/add", self.actor_type);
        let began = Instant::now();
        let answer = connection.call("POST", &path, &id.to_string());
        let wrong = |what| self.find(Finding::Wrong { actor, what });
        match answer {
            Ok(reply) => {
                let at = Instant::now();
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
                self.served(actor, began, at);
                if let (Some(book), Some(turn)) = (&self.book, turn) {
                    match reply.trim().parse() {
                        Ok(version) => {
                            if let Err(finding) = book.acknowledge(turn, version, at) {
                                self.find(finding);
                            }
                        }
                        Err(_) => wrong(format!("turn {id} was answered with {reply:?}")),
                    }
                }
                return true;
            }
            Err(Failure::Unknown(_)) => {
                self.unknown.fetch_add(1, Ordering::Relaxed);
            }
            Err(failure) => {
                if let (Some(book), Some(turn)) = (&self.book, turn) {
                    book.not_executed(turn);
                }
                self.not_executed.fetch_add(1, Ordering::Relaxed);
                if let Failure::Refused(why) = failure {
                    wrong(format!("turn {id} was refused: {why}"));
                }
            }
        }
        false
    }

    fn served(&self, actor: usize, began: Instant, at: Instant) {
        let mut wait = self.waits[actor].lock();
        wait.longest = wait.longest.max(at - wait.last.max(wait.since));
        wait.last = at;
        wait.is_served |= began >= wait.since;
    }
}
