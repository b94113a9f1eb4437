//! The cases: each runs alone in a process of its own and answers with one report.

mod actors;
mod ask;
mod commit;
mod engine;
mod fairness;
mod http;
mod http_client;
mod idle;
mod load_rows;
mod plain;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tokio::runtime::{Builder, Runtime};

use crate::load::{Span, Task};
use crate::report::Report;

pub(crate) use http::serve;

/// What every case is given.
pub(crate) struct Setting {
    pub(crate) quick: bool,
    /// A folder on a real disk. What is in it stays for the other cases of the run.
    pub(crate) folder: PathBuf,
}

impl Setting {
    fn span(&self) -> Span {
        Span::new(self.quick)
    }

    /// An empty folder of this name.
    fn fresh_folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(name);
        remove(&folder)?;
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("could not create {}", folder.display()))?;
        Ok(folder)
    }
}

/// Runs the case `name`: words separated by `/`, the system first.
pub(crate) fn run(name: &str, setting: &Setting) -> anyhow::Result<Report> {
    let words: Vec<&str> = name.split('/').collect();
    let number = |at: usize| -> anyhow::Result<usize> {
        let word = words.get(at).with_context(|| format!("{name}: word {at} is missing"))?;
        word.parse().with_context(|| format!("{name}: `{word}` is not a number"))
    };
    match words[..] {
        ["tenure", "ask", ..] => ask::by_key(number(2)?, number(3)?, setting),
        ["tenure", "ask-kept", ..] => ask::kept(number(2)?, number(3)?, setting),
        ["tenure", "ask-async", ..] => ask::by_async(number(2)?, number(3)?, setting),
        ["dashmap", "ask", ..] => plain::dashmap(number(2)?, number(3)?, setting),
        ["shards", "ask", ..] => plain::shards(number(2)?, number(3)?, setting),
        ["channel", "ask", ..] => plain::channel(number(2)?, number(3)?, setting),
        ["tenure", "idle", ..] => idle::actors(number(2)?, number(3)?),
        ["map", "idle", ..] => idle::map(number(2)?),
        ["map-inline", "idle", ..] => idle::map_inline(number(2)?),
        ["shards", "idle", ..] => idle::shards(number(2)?, number(3)?),
        ["prepare", "rows", ..] => load_rows::prepare(number(2)?, setting),
        ["tenure", "load", ..] => load_rows::by_node(number(2)?, number(3)?, setting),
        ["engine", "get", ..] => load_rows::by_engine(number(2)?, number(3)?, setting),
        ["tenure", "turn-alone"] => commit::turn_alone(setting),
        ["engine", "commit-alone"] => commit::engine_alone(true, setting),
        ["engine", "commit-each"] => commit::engine_alone(false, setting),
        ["tenure", "turns", ..] => commit::turns(number(2)?, number(3)?, setting),
        ["tenure", "http"] => http::measure("tenure", setting),
        ["axum", "http"] => http::measure("axum", setting),
        ["tenure", "fairness"] => fairness::measure(setting),
        _ => bail!("there is no case `{name}`"),
    }
}

/// The runtime of callers: two workers, whatever the machine has.
fn callers_runtime() -> anyhow::Result<Runtime> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("could not make the callers' runtime")
}

fn spawn_on(runtime: &Runtime) -> impl FnMut(usize, Task) {
    move |_, task| {
        runtime.spawn(task);
    }
}

fn keys(count: usize) -> std::sync::Arc<Vec<String>> {
    std::sync::Arc::new((0..count).map(|number| format!("k{number}")).collect())
}

pub(crate) fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
