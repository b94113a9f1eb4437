//! Takes samples of the event that is open, over any of the nodes, as long as the bots play.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use super::books::{AgentBooks, Plan, SectionBooks, Sum, judge};
use crate::http::Connection;
use crate::seed::Seeded;

const FINDINGS_MAX: usize = 20;
/// How long the sampler rests between two samples, so that it leaves the machine to the bots.
const REST: Duration = Duration::from_millis(10);
/// How long it may take until an event that is over is whole again.
const WHOLE_MAX: Duration = Duration::from_secs(60);

/// What was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Sampled {
    pub(super) samples: u64,
    /// Samples that were not taken, as somebody did not answer.
    pub(super) given_up: u64,
    pub(super) wrong: u64,
    pub(super) findings: Vec<String>,
}

/// What the sampler's thread and its owner share.
#[derive(Default)]
struct Shared {
    event: Mutex<Option<String>>,
    stop: AtomicBool,
    wrong: AtomicU64,
}

/// A sampler at work. It stops when dropped.
pub(super) struct Sampler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Sampled>>,
}

impl Sampler {
    pub(super) fn start(nodes: Vec<SocketAddr>, numbers: Seeded) -> Self {
        let shared = Arc::<Shared>::default();
        let connections = nodes.into_iter().map(Connection::new).collect();
        let mut eye =
            Eye { shared: Arc::clone(&shared), connections, numbers, sampled: Sampled::default() };
        let thread = std::thread::spawn(move || {
            eye.work();
            eye.sampled
        });
        Self { shared, thread: Some(thread) }
    }

    /// From now on this event is looked at; the one before once more.
    pub(super) fn watch(&self, event: &str) {
        *self.shared.event.lock() = Some(event.to_owned());
    }

    pub(super) fn is_wrong(&self) -> bool {
        self.shared.wrong.load(Ordering::Relaxed) > 0
    }

    /// Ends it, and gives what it has found.
    pub(super) fn end(mut self) -> anyhow::Result<Sampled> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().ok_or_else(|| anyhow!("it has ended already"))?;
        thread.join().map_err(|_| anyhow!("the sampler panicked"))
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

struct Eye {
    shared: Arc<Shared>,
    /// One to each node.
    connections: Vec<Connection>,
    numbers: Seeded,
    sampled: Sampled,
}

/// An event, and what was seen to be sold, by section.
struct Watched {
    event: String,
    plan: Plan,
    sold: Vec<BTreeMap<u16, String>>,
}

impl Eye {
    fn work(&mut self) {
        let mut watched: Option<Watched> = None;
        while !self.shared.stop.load(Ordering::Relaxed) {
            std::thread::sleep(REST);
            let event = self.shared.event.lock().clone();
            let Some(event) = event else { continue };
            if watched.as_ref().is_none_or(|watched| watched.event != event) {
                watched.take().into_iter().for_each(|over| self.close(over));
                watched = self.begin(event);
            }
            if let Some(watched) = &mut watched {
                let section = self.numbers.below(u64::from(watched.plan.sections)) as u32;
                self.sample(watched, section);
            }
        }
        watched.into_iter().for_each(|over| self.close(over));
    }

    fn begin(&mut self, event: String) -> Option<Watched> {
        let plan: Plan = self.ask(&format!("house/{event}/plan"))?;
        let sold = (0..plan.sections).map(|_| BTreeMap::new()).collect();
        Some(Watched { event, plan, sold })
    }

    /// An event that is over is sold, every seat of it. Where something was wrong already, nothing more is looked for.
    fn close(&mut self, mut over: Watched) {
        for section in 0..over.plan.sections {
            let until = Instant::now() + WHOLE_MAX;
            let sum = loop {
                let sum = self.sample(&mut over, section);
                if self.sampled.wrong > 0 {
                    return;
                }
                if sum.is_some() || Instant::now() > until {
                    break sum;
                }
                std::thread::sleep(REST);
            };
            let seats = over.plan.rows * over.plan.seats_per_row;
            if sum.is_none_or(|sum| sum.sold != seats) {
                self.find(format!("{} is over, and section {section} has {sum:?}", over.event));
            }
        }
    }

    /// Takes one sample of a section; `None` if somebody was away, or it is wrong.
    fn sample(&mut self, watched: &mut Watched, section: u32) -> Option<Sum> {
        let Plan { rows, seats_per_row, agents, .. } = watched.plan;
        let key = format!("{}.{}", watched.event, char::from(b'A' + section as u8));
        let agents: Option<Vec<AgentBooks>> =
            (0..agents).map(|agent| self.ask(&format!("agent/{key}.{agent}/books"))).collect();
        // Not before every agent has told.
        let books: Option<SectionBooks> =
            agents.is_some().then(|| self.ask(&format!("section/{key}/books"))).flatten();
        let (Some(agents), Some(books)) = (agents, books) else {
            self.sampled.given_up += 1;
            return None;
        };
        self.sampled.samples += 1;
        let sold = &mut watched.sold[section as usize];
        match judge(rows * seats_per_row, &agents, &books, sold) {
            Ok(sum) => Some(sum),
            Err(why) => {
                self.find(format!("{key}: {why}"));
                None
            }
        }
    }

    /// Asks one of the nodes, and then the others.
    fn ask<T: DeserializeOwned>(&mut self, path: &str) -> Option<T> {
        let count = self.connections.len();
        let first = self.numbers.below(count as u64) as usize;
        let path = format!("/v1/{path}");
        for at in (first..first + count).map(|at| at % count) {
            if let Ok(reply) = self.connections[at].call("GET", &path, "") {
                return match serde_json::from_str(&reply) {
                    Ok(read) => Some(read),
                    Err(error) => {
                        self.find(format!("{path}: {error} in {reply}"));
                        None
                    }
                };
            }
        }
        None
    }

    fn find(&mut self, what: String) {
        self.sampled.wrong += 1;
        self.shared.wrong.fetch_add(1, Ordering::Relaxed);
        if self.sampled.findings.len() < FINDINGS_MAX {
            self.sampled.findings.push(what);
        }
    }
}
