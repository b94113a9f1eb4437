//! Calls from one node of a cluster to actors on another, which is a process of its own.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tenure::prelude::*;
use tenure::{LocalCluster, LocalSeat};
use tokio::runtime::Handle;
use tokio::time::sleep;

use super::served::{Served, say_ready};
use super::setting::{Setting, callers_runtime, keys};
use crate::job::{ACTORS, ARGUMENT};
use crate::load;
use crate::machine;
use crate::report::Report;

/// The name of the process that has the actors.
pub(super) const SERVER: &str = "node";
/// Names the seat of the process that has the actors.
const SEAT_VARIABLE: &str = "TENURE_BENCH_SEAT";
/// How long the other node may take to be a member that takes actors.
const JOIN_MAX: Duration = Duration::from_secs(30);

/// An actor without a store: what it does costs nothing beside the way to it.
#[derive(Default)]
pub(crate) struct Taker {
    taken: u64,
}

#[actor(persist = volatile)]
impl Taker {
    pub fn take(&mut self, text: String) -> u64 {
        self.taken += text.len() as u64;
        self.taken
    }
}

/// The threads of this process's node, where its handlers and its connections run.
static THREADS: OnceLock<Handle> = OnceLock::new();

/// Tells on which threads its node runs.
#[derive(Default)]
pub(crate) struct Door;

#[actor(persist = volatile)]
impl Door {
    pub async fn open(&mut self) {
        std::future::ready(()).await;
        THREADS.get_or_init(Handle::current);
    }
}

/// Calls by key, each with a text, with so many in flight. The callers are tasks of the calling node's own threads,
/// as handlers and connections are.
pub(crate) fn measure(
    in_flight: usize,
    is_pinned: bool,
    setting: &Setting,
) -> anyhow::Result<Report> {
    if is_pinned {
        machine::pin_to_first_core()?;
    }
    let folder = setting.fresh_folder("remote")?;
    let runtime = callers_runtime()?;
    let cluster = runtime.block_on(LocalCluster::host(&folder))?;
    let seat = |name: &'static str| runtime.block_on(cluster.seat(name));
    let node = Node::builder().actor::<Door>().actor::<Taker>().seat(seat("callers")?);
    let node = runtime.block_on(node.start())?;
    runtime.block_on(async { node.actor::<Door>("1").open().await })?;
    let threads = THREADS.get().context("the door was opened")?;
    node.cordon(true);
    let variables = [(SEAT_VARIABLE, seat("actors")?.to_text())];
    let (_server, _) = Served::with(SERVER, &folder, &variables)?;
    let keys = keys(ACTORS);
    runtime.block_on(touch(&node, &keys))?;
    ensure!(node.activations() == 1, "every actor but the door is at the other node");
    let spawn = |_, task| drop(threads.spawn(task));
    let mut done = load::run(in_flight, setting.span(), spawn, |mut caller| {
        let (node, keys) = (node.clone(), Arc::clone(&keys));
        Box::pin(async move {
            while caller.goes_on() {
                let since = Instant::now();
                let taker = node.actor::<Taker>(&*keys[caller.pick(keys.len())]);
                taker.take(ARGUMENT.to_owned()).await.expect("the other node answers");
                caller.note(since);
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done).and_latencies(&mut done.latencies))
}

/// Calls every actor once, so that it lives. The first calls come before the other node takes actors.
async fn touch(node: &Node, keys: &[String]) -> anyhow::Result<()> {
    let until = Instant::now() + JOIN_MAX;
    for key in keys {
        while let Err(error) = node.actor::<Taker>(&**key).take(ARGUMENT.to_owned()).await {
            ensure!(Instant::now() < until, "{key} was not called: {error}");
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

/// Is the node that has the actors, until it is killed.
pub(crate) fn serve(_folder: &Path) -> anyhow::Result<()> {
    let seat = std::env::var(SEAT_VARIABLE).context("a node of a local cluster has a seat")?;
    let seat: LocalSeat = seat.parse()?;
    let runtime = callers_runtime()?;
    let node = Node::builder().actor::<Door>().actor::<Taker>().seat(seat);
    let node = runtime.block_on(node.start())?;
    // Its seat is where it is; this address says only that it stands.
    say_ready(([127, 0, 0, 1], 0).into());
    runtime.block_on(node.ended());
    bail!("the node that has the actors lost its place in the cluster: the machine is too busy")
}
