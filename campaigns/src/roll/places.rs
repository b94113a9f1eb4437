//! The nodes of the cluster: each place has one that runs, and is replaced.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::options::{Options, Way};
use crate::build::{BUILD_VARIABLE, Build};
use crate::cluster::client::Doors;
use crate::cluster::{VOLATILE_TYPE, member};
use crate::ground::Ground;
use crate::http::Connection;
use crate::metrics::{Page, Watch};
use crate::process::{Launch, ServerProcess};
use crate::scene::stored_types;
use crate::stage::Break;

const STARTED: &str = "tenure_activations_started_total";
const MOVED: &str = "tenure_activations_moved_total";

/// How often activations were made, and how often of the memory of another one.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(BTreeMap<&'static str, Count>);

/// Of one type.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) started: u64,
    pub(super) moved: u64,
}

/// Where a node runs.
struct Place {
    /// Its node, and the one that takes its place where both run for a while.
    launches: [Launch; 2],
    /// Which of them runs.
    at: usize,
    running: Option<ServerProcess>,
}

/// All places.
pub(super) struct Places {
    all: Vec<Place>,
    pub(super) doors: Arc<Doors>,
    /// What nodes that are gone had counted.
    gone: Counts,
    is_broken: bool,
}

impl Places {
    /// Starts a node at each place.
    pub(super) fn start(
        options: &Options,
        ground: &Ground,
        folder: &Path,
        doors: Arc<Doors>,
    ) -> anyhow::Result<Self> {
        let is_broken = options.stage.broken == Some(Break::NoDrain);
        let mut this = Self { all: Vec::new(), doors, gone: Counts::default(), is_broken };
        for number in 1..=options.scene.nodes {
            let launch = |letter: char| {
                let name = format!("n{number}{letter}");
                member(&options.stage, ground, folder, &name, options.scene.lease)
            };
            let launches = [launch('a')?, launch('b')?];
            this.all.push(Place { launches, at: 0, running: None });
            this.start_at(this.all.len() - 1, Build::default())?;
        }
        Ok(this)
    }

    /// Where the node of a place takes calls.
    pub(super) fn calls(&self, place: usize) -> SocketAddr {
        let Place { launches, at, .. } = &self.all[place];
        launches[*at].listen
    }

    /// Replaces the node of a place by one of this build.
    pub(super) fn replace(&mut self, place: usize, way: Way, build: Build) -> anyhow::Result<()> {
        let old = self.all[place].running.take().context("a place without a node")?;
        match way {
            Way::InPlace => {
                self.stop(old)?;
                self.start_at(place, build)
            }
            Way::Spare => {
                self.all[place].at ^= 1;
                self.start_at(place, build)?;
                self.stop(old)
            }
        }
    }

    fn start_at(&mut self, place: usize, build: Build) -> anyhow::Result<()> {
        let Place { launches, at, running } = &mut self.all[place];
        let mut launch = launches[*at].clone();
        launch.env.push((BUILD_VARIABLE, build.name().into()));
        *running = Some(launch.start().with_context(|| format!("the node at place {place}"))?);
        self.doors.open(launch.listen);
        Ok(())
    }

    /// Stops a node, which is called until it has ended, and keeps what it counted last.
    fn stop(&mut self, mut node: ServerProcess) -> anyhow::Result<()> {
        let before = Page::read(&mut Connection::new(node.admin))?;
        let (calls, watch) = (node.calls, Watch::start(node.admin, STARTED));
        let stopped = if self.is_broken {
            node.kill();
            Ok(())
        } else {
            node.stop()
        };
        self.doors.close(calls);
        self.gone.add(&watch.end()?.last.unwrap_or(before));
        stopped
    }

    /// What all nodes together have counted, those that are gone among them.
    pub(super) fn counts(&self) -> anyhow::Result<Counts> {
        let mut counts = self.gone.clone();
        for node in self.all.iter().filter_map(|place| place.running.as_ref()) {
            counts.add(&Page::read(&mut Connection::new(node.admin))?);
        }
        Ok(counts)
    }
}

impl Counts {
    fn add(&mut self, page: &Page) {
        for name in stored_types().into_iter().chain([VOLATILE_TYPE]) {
            let of = |metric| page.sum(&format!("{metric}{{type=\"{name}\"}}")).unwrap_or(0.0);
            let count = self.0.entry(name).or_default();
            count.started += of(STARTED) as u64;
            count.moved += of(MOVED) as u64;
        }
    }

    /// What came since then.
    pub(super) fn since(mut self, before: &Self) -> Self {
        for (name, count) in &mut self.0 {
            let Count { started, moved } = before.of(name);
            count.started -= started;
            count.moved -= moved;
        }
        self
    }

    /// Of a type.
    pub(super) fn of(&self, name: &str) -> Count {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Of all types whose actors are stored.
    pub(super) fn stored(&self) -> Count {
        stored_types().iter().map(|name| self.of(name)).fold(Count::default(), |all, one| Count {
            started: all.started + one.started,
            moved: all.moved + one.moved,
        })
    }
}
