//! Calls of actors, and where each of them lives.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use parking_lot::Mutex;

use super::slots::TYPE;
use crate::http::{Connection, Failure};
use crate::interrupt;
use crate::seed::Seeded;

/// Where an actor is that nobody has called.
const NOWHERE: u8 = u8::MAX;
/// How long a caller waits that was refused.
const REFUSED_PAUSE: Duration = Duration::from_millis(20);
/// How long one actor may not answer.
const ANSWER_MAX: Duration = Duration::from_secs(60);
const PROGRESS_PERIOD: Duration = Duration::from_secs(10);
/// How many actors two nodes are asked about in the end.
const COMPARED: usize = 1_000;

/// Where every actor lives, as it says itself.
pub(super) struct Homes {
    names: Vec<String>,
    homes: Vec<AtomicU8>,
}

/// A call in the moment of the kill.
pub(super) struct Probe {
    pub(super) kind: usize,
    pub(super) actor: u32,
    pub(super) door: SocketAddr,
}

/// Calls that began when a node was killed.
pub(super) struct Struck {
    pub(super) at: Instant,
    calls: Vec<(usize, JoinHandle<anyhow::Result<Instant>>)>,
}

impl Homes {
    pub(super) fn new(actors: u32, names: &[String]) -> Self {
        let homes = (0..actors).map(|_| AtomicU8::new(NOWHERE)).collect();
        Self { names: names.to_owned(), homes }
    }

    /// The node of an actor.
    pub(super) fn home(&self, actor: u32) -> usize {
        usize::from(self.homes[actor as usize].load(Ordering::Relaxed))
    }

    /// The actors at a node.
    pub(super) fn at(&self, node: usize) -> Vec<u32> {
        (0..self.homes.len() as u32).filter(|actor| self.home(*actor) == node).collect()
    }

    /// Calls each of these actors until it has answered, the actor `n` at door `n`; gives how many calls were made again.
    pub(super) fn call_all(
        &self,
        doors: &[SocketAddr],
        connections: u16,
        actors: &[u32],
        what: &str,
    ) -> anyhow::Result<u64> {
        let (next, again) = (AtomicUsize::new(0), AtomicU64::new(0));
        let failed = Mutex::new(None);
        let shown = Mutex::new(Instant::now());
        let one = || -> anyhow::Result<()> {
            let mut doors: Vec<_> = doors.iter().copied().map(Connection::new).collect();
            while let Some(actor) = actors.get(next.fetch_add(1, Ordering::Relaxed)) {
                let door = *actor as usize % doors.len();
                let home = self.ask(&mut doors[door], *actor, &again)?;
                self.homes[*actor as usize].store(home, Ordering::Relaxed);
                if let Some(mut shown) = shown.try_lock()
                    && shown.elapsed() >= PROGRESS_PERIOD
                {
                    *shown = Instant::now();
                    let done = next.load(Ordering::Relaxed).min(actors.len());
                    println!("{done} of {} actors {what}", actors.len());
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    if let Err(error) = one() {
                        next.store(actors.len(), Ordering::Relaxed);
                        failed.lock().get_or_insert(error);
                    }
                });
            }
        });
        match failed.into_inner() {
            Some(error) => Err(error),
            None => Ok(again.into_inner()),
        }
    }

    fn ask(&self, door: &mut Connection, actor: u32, again: &AtomicU64) -> anyhow::Result<u8> {
        let begun = Instant::now();
        loop {
            match home(door, &actor.to_string()) {
                Ok(name) => {
                    let place = self.names.iter().position(|it| *it == name);
                    return Ok(place.context("an actor at no node")? as u8);
                }
                // It may be made again whatever became of it: it changes nothing.
                Err(failure) if begun.elapsed() < ANSWER_MAX => {
                    again.fetch_add(1, Ordering::Relaxed);
                    if let Failure::Refused(refusal) = failure {
                        bail!("actor {actor}: {refusal}");
                    }
                    interrupt::pause(REFUSED_PAUSE)?;
                }
                Err(failure) => bail!("actor {actor} does not answer: {failure:?}"),
            }
        }
    }

    /// What the nodes say differently of where some of these actors live, or that they live at a dead node.
    pub(super) fn disagreements(
        &self,
        doors: &[SocketAddr],
        actors: &[u32],
        dead: usize,
        numbers: &mut Seeded,
    ) -> anyhow::Result<Vec<String>> {
        let mut findings = Vec::new();
        let again = AtomicU64::new(0);
        let mut doors: Vec<_> = doors.iter().copied().map(Connection::new).collect();
        for actor in drawn(actors.to_vec(), COMPARED, numbers) {
            let mut said = vec![self.home(actor)];
            for door in &mut doors {
                said.push(usize::from(self.ask(door, actor, &again)?));
            }
            if said.contains(&dead) || said.iter().any(|it| *it != said[0]) {
                findings.push(format!("actor {actor}: it lives at {said:?}, node {dead} is dead"));
            }
        }
        Ok(findings)
    }
}

/// At most so many of them, drawn by lot.
pub(super) fn drawn(mut actors: Vec<u32>, count: usize, numbers: &mut Seeded) -> Vec<u32> {
    let count = count.min(actors.len());
    for place in 0..count {
        let other = place + numbers.below((actors.len() - place) as u64) as usize;
        actors.swap(place, other);
    }
    actors.truncate(count);
    actors
}

fn home(door: &mut Connection, key: &str) -> Result<String, Failure> {
    let reply = door.call("GET", &format!("/v1/{TYPE}/{key}/home"), "")?;
    serde_json::from_str(&reply).map_err(|error| Failure::Unknown(error.to_string()))
}

/// Strikes, and makes all these calls in that moment, each over a connection that is open.
pub(super) fn probe(
    probes: Vec<Probe>,
    strike: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Struck> {
    let (ready, go) = (Barrier::new(probes.len() + 1), Barrier::new(probes.len() + 1));
    let barriers = Arc::new((ready, go));
    let calls = probes.into_iter().map(|probe| {
        let barriers = Arc::clone(&barriers);
        (probe.kind, thread::spawn(move || probe.call(&barriers)))
    });
    let calls = calls.collect();
    barriers.0.wait();
    let at = Instant::now();
    let struck = strike();
    barriers.1.wait();
    struck.map(|()| Struck { at, calls })
}

impl Probe {
    fn call(&self, (ready, go): &(Barrier, Barrier)) -> anyhow::Result<Instant> {
        let mut door = Connection::new(self.door);
        let opened = home(&mut door, &format!("opened-for-{}", self.actor));
        ready.wait();
        go.wait();
        opened.map_err(|failure| anyhow!("before the kill: {failure:?}"))?;
        let begun = Instant::now();
        while begun.elapsed() < ANSWER_MAX {
            if home(&mut door, &self.actor.to_string()).is_ok() {
                return Ok(Instant::now());
            }
            interrupt::pause(REFUSED_PAUSE)?;
        }
        bail!("actor {} did not answer", self.actor)
    }
}

impl Struck {
    /// From the kill until the answer, by kind.
    pub(super) fn waits(self) -> anyhow::Result<[Vec<Duration>; 2]> {
        let mut waits = [Vec::new(), Vec::new()];
        for (kind, call) in self.calls {
            let answered = call.join().ok().context("a call panicked")??;
            waits[kind].push(answered - self.at);
        }
        Ok(waits)
    }
}
