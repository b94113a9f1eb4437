//! Clients of a cluster: each calls one actor without end, over one node and then the next.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::bail;
use parking_lot::Mutex;

use crate::book::{Book, Compared, Finding, Shown};
use crate::http::{Connection, Failure};
use crate::interrupt;

/// How long a client waits between two calls.
const PAUSE: Duration = Duration::from_millis(5);
const LOOK_PERIOD: Duration = Duration::from_millis(5);
const FINDINGS_MAX: usize = 100;
/// How many kinds of answers other than replies are told apart.
const ANSWERS_MAX: usize = 16;

/// How clients behave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// What they call: it counts a turn.
    pub(crate) method: &'static str,
    /// How long one waits for an answer before it asks the next node.
    pub(crate) patience: Duration,
    /// Whether it waits for as long as an answer says before it makes its call again.
    pub(crate) waits_as_told: bool,
}

/// Where nodes take calls, as a balancer in front of them knows it.
pub(crate) struct Doors {
    open: Mutex<Vec<SocketAddr>>,
    /// Grows with each change.
    changes: AtomicU64,
}

/// Actors of one type, each with a client.
pub(crate) struct Crowd {
    pub(crate) actor_type: &'static str,
    manner: Manner,
    /// Where no acknowledged turn may be lost: what was acknowledged.
    book: Option<Book>,
    pub(crate) acknowledged: AtomicU64,
    pub(crate) not_executed: AtomicU64,
    pub(crate) unknown: AtomicU64,
    /// What was answered in place of replies, and how often.
    answers: Mutex<BTreeMap<String, u64>>,
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
    since: Instant,
    /// Whether it had one to a call that began after `expected`.
    is_served: bool,
    expected: Instant,
}

impl Doors {
    pub(crate) fn new(open: Vec<SocketAddr>) -> Arc<Self> {
        Arc::new(Self { open: Mutex::new(open), changes: AtomicU64::new(0) })
    }

    pub(crate) fn open(&self, node: SocketAddr) {
        self.open.lock().push(node);
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn close(&self, node: SocketAddr) {
        self.open.lock().retain(|it| *it != node);
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// The door for whoever counts to `at`.
    pub(crate) fn at(&self, at: usize) -> Option<SocketAddr> {
        let open = self.open.lock();
        open.get(at % open.len().max(1)).copied()
    }
}

impl Crowd {
    /// `keeps_all`: no acknowledged turn may be lost.
    pub(crate) fn new(
        actor_type: &'static str,
        actors: usize,
        keeps_all: bool,
        manner: Manner,
    ) -> Arc<Self> {
        let now = Instant::now();
        let wait = Wait {
            last: now,
            longest: Duration::ZERO,
            since: now,
            is_served: false,
            expected: now,
        };
        Arc::new(Self {
            actor_type,
            manner,
            book: keeps_all.then(|| Book::new(actors)),
            acknowledged: AtomicU64::new(0),
            not_executed: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            answers: Mutex::default(),
            findings: Mutex::default(),
            next_id: AtomicU64::new(1),
            waits: (0..actors).map(|_| Mutex::new(wait)).collect(),
            stop: AtomicBool::new(false),
        })
    }

    /// Starts a client for each actor; they begin at different nodes, and spread anew whenever doors change.
    pub(crate) fn start(self: &Arc<Self>, doors: &Arc<Doors>) -> Vec<JoinHandle<()>> {
        let client = |actor: usize| {
            let (crowd, doors) = (Arc::clone(self), Arc::clone(doors));
            std::thread::spawn(move || crowd.call_on(actor, &doors))
        };
        (0..self.waits.len()).map(client).collect()
    }

    /// From now on waits count anew, and answers are expected.
    pub(crate) fn begin(&self) {
        let now = Instant::now();
        for wait in &self.waits {
            let mut wait = wait.lock();
            (wait.longest, wait.since) = (Duration::ZERO, now);
            (wait.is_served, wait.expected) = (false, now);
        }
    }

    /// From now on answers are expected; waits go on.
    pub(crate) fn expect(&self) {
        let now = Instant::now();
        for wait in &self.waits {
            let mut wait = wait.lock();
            (wait.is_served, wait.expected) = (false, now);
        }
    }

    /// Whether every client had an answer to a call that it began since one was expected.
    pub(crate) fn is_served(&self) -> bool {
        self.waits.iter().all(|wait| wait.lock().is_served)
    }

    /// The longest wait of each client since then.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.waits.iter().map(|wait| wait.lock().longest).collect()
    }

    pub(crate) fn end(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) fn book(&self) -> Option<&Book> {
        self.book.as_ref()
    }

    /// What must not have been answered, and where what was acknowledged differs from what a node says now.
    ///
    /// # Errors
    /// When the node does not answer.
    pub(crate) fn verify(&self, node: &mut Connection) -> anyhow::Result<Compared> {
        let findings = std::mem::take(&mut *self.findings.lock());
        let mut all = Compared { findings, executed: 0 };
        let Some(book) = &self.book else { return Ok(all) };
        for actor in 0..book.actors() {
            let path = format!("/v1/{}/{actor}/show", self.actor_type);
            let reply = node.call("GET", &path, "");
            let reply = reply.map_err(|why| anyhow::anyhow!("{path}: {why:?}"))?;
            let shown: Shown = serde_json::from_str(&reply)?;
            let Compared { findings, executed } = book.compare(actor, &shown);
            all.findings.extend(findings);
            all.executed += executed;
        }
        Ok(all)
    }

    fn find(&self, finding: Finding) {
        let mut findings = self.findings.lock();
        if findings.len() < FINDINGS_MAX {
            findings.push(finding);
        }
    }

    /// What was answered in place of replies, and how often.
    pub(crate) fn answers(&self) -> BTreeMap<String, u64> {
        self.answers.lock().clone()
    }

    fn note_answer(&self, actor: usize, text: &str) {
        let text = text.replace(&format!("{}/{actor}", self.actor_type), "an actor");
        let mut answers = self.answers.lock();
        if answers.len() < ANSWERS_MAX || answers.contains_key(&text) {
            *answers.entry(text).or_default() += 1;
        }
    }

    fn call_on(&self, actor: usize, doors: &Doors) {
        // One at a time: of one that lies idle a client learns too late that it was closed.
        let mut connection: Option<(SocketAddr, Connection)> = None;
        let (mut at, mut changes) = (actor, 0);
        while !self.stop.load(Ordering::Relaxed) {
            let newest = doors.changes.load(Ordering::Relaxed);
            if changes != newest {
                (at, changes) = (actor, newest);
            }
            let mut pause = PAUSE;
            if let Some(node) = doors.at(at) {
                let kept = connection.take().filter(|(address, _)| *address == node);
                let fresh = || Connection::new(node).patient_for(self.manner.patience);
                let (_, used) = connection.insert(kept.unwrap_or_else(|| (node, fresh())));
                if !self.call(actor, used) {
                    at += 1;
                    if self.manner.waits_as_told {
                        pause = used.retry_after().unwrap_or(PAUSE);
                    }
                }
            }
            std::thread::sleep(pause);
        }
    }

    /// Makes a call; whether it was answered well.
    fn call(&self, actor: usize, connection: &mut Connection) -> bool {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let turn = self.book.as_ref().map(|book| book.begin(actor, id));
        let path = format!("/v1/{}/{actor}/{}", self.actor_type, self.manner.method);
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
            Err(Failure::Unknown(why)) => {
                self.note_answer(actor, &format!("unknown: {why}"));
                self.unknown.fetch_add(1, Ordering::Relaxed);
            }
            Err(failure) => {
                if let (Some(book), Some(turn)) = (&self.book, turn) {
                    book.not_executed(turn);
                }
                self.not_executed.fetch_add(1, Ordering::Relaxed);
                match failure {
                    Failure::Refused(why) => wrong(format!("turn {id} was refused: {why}")),
                    Failure::NotExecuted(why) | Failure::Unknown(why) => {
                        self.note_answer(actor, &format!("not executed: {why}"));
                    }
                }
            }
        }
        false
    }

    fn served(&self, actor: usize, began: Instant, at: Instant) {
        let mut wait = self.waits[actor].lock();
        wait.longest = wait.longest.max(at - wait.last.max(wait.since));
        wait.last = at;
        wait.is_served |= began >= wait.expected;
    }
}

/// Waits until every client had an answer to a call that it began since one was expected.
///
/// # Errors
/// When that takes longer than this.
pub(crate) fn until_served(crowds: &[Arc<Crowd>], max: Duration) -> anyhow::Result<()> {
    let until = Instant::now() + max;
    while !crowds.iter().all(|crowd| crowd.is_served()) {
        if Instant::now() >= until {
            bail!("not every client is served again");
        }
        interrupt::pause(LOOK_PERIOD)?;
    }
    Ok(())
}

/// Tells all clients to end, and waits until they have.
pub(crate) fn end_all(crowds: &[Arc<Crowd>], clients: Vec<JoinHandle<()>>) {
    crowds.iter().for_each(|crowd| crowd.end());
    for client in clients {
        if let Err(panic) = client.join() {
            std::panic::resume_unwind(panic);
        }
    }
}
