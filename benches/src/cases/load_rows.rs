//! Stored actors that are called for the first time after a start, and the engine's own reads of
//! the same rows.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tenure::Node;

use super::actors::Note;
use super::engine::{Engine, row_key};
use super::setting::{Setting, callers_runtime, keys, remove};
use crate::report::{RATE, Report};

/// The node's folder, and a copy of it that the engine reads: neither disturbs the other.
const OURS: &str = "rows";
const COPY: &str = "rows-copy";
const WRITERS: usize = 1024;
const STOP_BUDGET: Duration = Duration::from_secs(30);

/// Stores `count` actors of 100 bytes. The other cases of this file read them.
pub(crate) fn prepare(count: usize, setting: &Setting) -> anyhow::Result<Report> {
    let folder = setting.fresh_folder(OURS)?;
    let runtime = callers_runtime()?;
    let node = runtime.block_on(Node::builder().actor::<Note>().store_in(&folder).start())?;
    let began = Instant::now();
    each_once(&runtime, &node, count, WRITERS, |node, keys, at| async move {
        let text = format!("{at:0100}");
        node.actor::<Note>(keys[at].as_str()).write(text).await.expect("a note is stored");
    })?;
    let seconds = began.elapsed().as_secs_f64();
    runtime.block_on(node.stop(STOP_BUDGET))?;
    let copy = setting.folder.join(COPY);
    remove(&copy)?;
    copy_folder(&folder, &copy)?;
    Ok(Report::of(RATE, count as f64 / seconds))
}

/// Calls every stored actor once on a node that has just started.
pub(crate) fn by_node(count: usize, callers: usize, setting: &Setting) -> anyhow::Result<Report> {
    let folder = setting.folder.join(OURS);
    let runtime = callers_runtime()?;
    let node = runtime.block_on(Node::builder().actor::<Note>().store_in(&folder).start())?;
    let began = Instant::now();
    each_once(&runtime, &node, count, callers, |node, keys, at| async move {
        let note = node.actor::<Note>(keys[at].as_str());
        assert_eq!(note.bytes().await.expect("an actor is loaded"), 100, "the note was stored");
    })?;
    let seconds = began.elapsed().as_secs_f64();
    runtime.block_on(node.stop(STOP_BUDGET))?;
    Ok(Report::of(RATE, count as f64 / seconds))
}

/// Reads every row once with the engine itself, on `threads` threads.
pub(crate) fn by_engine(count: usize, threads: usize, setting: &Setting) -> anyhow::Result<Report> {
    let engine = Engine::open(&setting.folder.join(COPY))?;
    let keys: Vec<_> = keys(count).iter().map(|key| row_key("note", key)).collect();
    let order = shuffled(count);
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| -> anyhow::Result<()> {
                    while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let found = engine.get(&keys[at])?;
                        ensure!(found.is_some_and(|bytes| bytes > 100), "row {at} is missing");
                    }
                    Ok(())
                })
            })
            .collect();
        readers.into_iter().try_for_each(|reader| reader.join().expect("a reader does not panic"))
    })?;
    Ok(Report::of(RATE, count as f64 / began.elapsed().as_secs_f64()))
}

/// Does `work` once for each number below `count`, in a random order, `callers` at a time.
pub(super) fn each_once<F: Future<Output = ()> + Send + 'static>(
    runtime: &tokio::runtime::Runtime,
    node: &Node,
    count: usize,
    callers: usize,
    work: impl Fn(Arc<Node>, Arc<Vec<String>>, usize) -> F + Clone + Send + 'static,
) -> anyhow::Result<()> {
    let (keys, order) = (keys(count), Arc::new(shuffled(count)));
    let next = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (keys, order, next) = (Arc::clone(&keys), Arc::clone(&order), Arc::clone(&next));
            let (work, node) = (work.clone(), Arc::new(node.clone()));
            runtime.spawn(async move {
                while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(Arc::clone(&node), Arc::clone(&keys), at).await;
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task)?;
    }
    Ok(())
}

/// The numbers below `count` in a random order that is always the same (Fisher and Yates 1938).
fn shuffled(count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for at in (1..count).rev() {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(at, (random >> 33) as usize % (at + 1));
    }
    order
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)
                .with_context(|| format!("could not copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}
