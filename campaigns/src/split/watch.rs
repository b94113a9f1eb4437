//! Clients that stay at one node each, and all call the same actors: what they are told while the network is cut.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use parking_lot::Mutex;
use serde::Deserialize;

use crate::http::Connection;

/// How many actors are called.
const ACTORS: u64 = 24;
/// How long a client waits for one answer.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(10);
const TYPE: &str = "ledger";
/// The actors that need no store: they answer as long as their node may.
const VOLATILE_TYPE: &str = "volatile_ledger";

/// What all clients were told.
pub(super) struct Watchers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    next_id: AtomicU64,
    /// When each client was served, in order.
    served: Vec<Mutex<Vec<Instant>>>,
    /// Who was told this number of this actor.
    told: Mutex<BTreeMap<(u64, u64), usize>>,
    findings: Mutex<Vec<String>>,
}

impl Watchers {
    /// One client at each of these nodes.
    pub(super) fn start(doors: &[SocketAddr]) -> Self {
        let served = doors.iter().map(|_| Mutex::default()).collect();
        let shared = Arc::new(Shared { served, ..Shared::default() });
        let threads = doors.iter().copied().enumerate().map(|(place, door)| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.call(place, door))
        });
        let threads = threads.collect();
        Self { shared, threads }
    }

    /// When the client at this node was served last.
    pub(super) fn last(&self, place: usize) -> Option<Instant> {
        self.shared.served[place].lock().last().copied()
    }

    /// When it was served last before this time.
    pub(super) fn last_before(&self, place: usize, end: Instant) -> Option<Instant> {
        let served = self.shared.served[place].lock();
        served.iter().rev().find(|at| **at < end).copied()
    }

    /// How many turns were acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        self.shared.told.lock().len()
    }

    /// Ends them, and compares what they were told with what the actors say at this node.
    pub(super) fn end(self, door: SocketAddr) -> anyhow::Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Shown {
            count: u64,
        }
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().ok().context("a client panicked")?;
        }
        let mut findings = std::mem::take(&mut *self.shared.findings.lock());
        let told = self.shared.told.lock();
        let mut door = Connection::new(door);
        for actor in 0..ACTORS {
            let reply = door.call("GET", &format!("/v1/{TYPE}/s{actor}/show"), "");
            let reply = match reply {
                Ok(reply) => reply,
                Err(why) => {
                    findings.push(format!("s{actor} does not show itself: {why:?}"));
                    continue;
                }
            };
            let Shown { count } = serde_json::from_str(&reply)?;
            let numbers = told.range((actor, 0)..=(actor, u64::MAX));
            let highest = numbers.map(|((_, number), _)| *number).max().unwrap_or(0);
            if count < highest {
                findings.push(format!("s{actor} counts {count}, and {highest} was acknowledged"));
            }
        }
        Ok(findings)
    }
}

impl Shared {
    fn call(&self, place: usize, door: SocketAddr) {
        let mut door = Connection::new(door).patient_for(PATIENCE);
        for actor in (0..ACTORS).cycle().skip(place * ACTORS as usize / 5) {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let id = self.next_id.fetch_add(1, Ordering::Relaxed) + 1;
            for actor_type in [VOLATILE_TYPE, TYPE] {
                let path = format!("/v1/{actor_type}/s{actor}/add");
                // Whatever else it is told, it was not served; its call may have run or not.
                if let Ok(reply) = door.call("POST", &path, &id.to_string()) {
                    self.served[place].lock().push(Instant::now());
                    if actor_type == TYPE {
                        self.note(place, actor, &reply);
                    }
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn note(&self, place: usize, actor: u64, reply: &str) {
        let Ok(number) = reply.trim().parse::<u64>() else {
            return self.findings.lock().push(format!("s{actor} said {reply:?}"));
        };
        if let Some(other) = self.told.lock().insert((actor, number), place) {
            let (one, other) = (place + 1, other + 1);
            let what = format!("turn {number} of s{actor} was acknowledged at n{other} and n{one}");
            self.findings.lock().push(what);
        }
    }
}
