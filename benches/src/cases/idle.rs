//! Entities with 100 bytes of state that are made and then lie idle: how fast, and what each takes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tenure::Node;

use super::actors::Idle;
use super::plain::Shards;
use super::setting::{callers_runtime, keys};
use crate::memory::{bytes_each, resident_bytes};
use crate::report::{BYTES_EACH, RATE, Report};

type Entry = Box<Mutex<[u8; 100]>>;

fn entry() -> Entry {
    Box::new(Mutex::new([0; 100]))
}

/// Volatile actors, each made by its first call.
pub(crate) fn actors(count: usize, callers: usize) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let keys = keys(count);
    let node = runtime.block_on(Node::builder().actor::<Idle>().store_in_memory().start())?;
    let before = resident_bytes();
    let began = Instant::now();
    let tasks: Vec<_> = parts(count, callers)
        .map(|part| {
            let (node, keys) = (node.clone(), Arc::clone(&keys));
            runtime.spawn(async move {
                for key in &keys[part] {
                    node.actor::<Idle>(key.as_str()).touch().await.expect("an actor is made");
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task)?;
    }
    let seconds = began.elapsed().as_secs_f64();
    anyhow::ensure!(node.activations() == count, "{} actors are live", node.activations());
    Ok(answer(before, count, seconds))
}

/// One plain map of boxed entries, each behind a lock: what its owner alone may insert into.
pub(crate) fn map(count: usize) -> anyhow::Result<Report> {
    let keys = keys(count);
    let before = resident_bytes();
    let began = Instant::now();
    let mut map: HashMap<String, Entry> = HashMap::new();
    for key in keys.iter() {
        map.entry(key.clone()).or_insert_with(entry).lock()[0] += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    anyhow::ensure!(map.len() == count, "{} entries are there", map.len());
    Ok(answer(before, count, seconds))
}

/// One plain map with the state in its table.
pub(crate) fn map_inline(count: usize) -> anyhow::Result<Report> {
    let keys = keys(count);
    let before = resident_bytes();
    let began = Instant::now();
    let mut map: HashMap<String, [u8; 100]> = HashMap::new();
    for key in keys.iter() {
        map.entry(key.clone()).or_insert([0; 100])[0] += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    anyhow::ensure!(map.len() == count, "{} entries are there", map.len());
    Ok(answer(before, count, seconds))
}

/// The plain map in shards behind locks, so that several callers may insert.
pub(crate) fn shards(count: usize, callers: usize) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let keys = keys(count);
    let map = Arc::new(Shards::<Entry>::new());
    let before = resident_bytes();
    let began = Instant::now();
    let tasks: Vec<_> = parts(count, callers)
        .map(|part| {
            let (map, keys) = (Arc::clone(&map), Arc::clone(&keys));
            runtime.spawn(async move {
                for key in &keys[part] {
                    let mut shard = map.of(key).lock();
                    shard.entry(key.clone()).or_insert_with(entry).lock()[0] += 1;
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task)?;
    }
    Ok(answer(before, count, began.elapsed().as_secs_f64()))
}

fn answer(before: u64, count: usize, seconds: f64) -> Report {
    let each = bytes_each(before, count);
    Report::of(RATE, count as f64 / seconds).and(BYTES_EACH, each)
}

/// The numbers below `count`, one range for each of `callers`.
pub(crate) fn parts(count: usize, callers: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..callers).map(move |caller| count * caller / callers..count * (caller + 1) / callers)
}
