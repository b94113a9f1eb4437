//! What calls on actors are measured against: maps without actors, and a bare task with channels.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::setting::{Setting, callers_runtime, keys, spawn_on};
use crate::load;
use crate::report::Report;

/// As many as Tenure's catalog has.
pub(crate) const SHARDS: usize = 128;
const MAILBOX_LEN: usize = 64;

/// A dashmap with text keys and its default hasher.
pub(crate) fn dashmap(entries: usize, callers: usize, setting: &Setting) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let keys = keys(entries);
    let map: Arc<DashMap<String, i64>> =
        Arc::new(keys.iter().map(|key| (key.clone(), 0)).collect());
    let done = load::run(callers, setting.span(), spawn_on(&runtime), |mut caller| {
        let (map, keys) = (Arc::clone(&map), Arc::clone(&keys));
        Box::pin(async move {
            while caller.goes_on() {
                let key = keys[caller.pick(keys.len())].as_str();
                *map.get_mut(key).expect("every key was put in") += 1;
                if caller.is_share_used() {
                    tokio::task::yield_now().await;
                }
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done))
}

/// A hash map in shards, each behind a lock, on cache lines of its own.
pub(crate) struct Shards<V> {
    hasher: RandomState,
    shards: Vec<Shard<V>>,
}

#[repr(align(64))]
struct Shard<V>(Mutex<HashMap<String, V>>);

impl<V> Shards<V> {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Shard(Mutex::default())).collect();
        Self { hasher: RandomState::new(), shards }
    }

    pub(crate) fn of(&self, key: &str) -> &Mutex<HashMap<String, V>> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS].0
    }
}

/// The standard hash map in shards behind `parking_lot` locks.
pub(crate) fn shards(entries: usize, callers: usize, setting: &Setting) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let keys = keys(entries);
    let map = Arc::new(Shards::<i64>::new());
    for key in keys.iter() {
        map.of(key).lock().insert(key.clone(), 0);
    }
    let done = load::run(callers, setting.span(), spawn_on(&runtime), |mut caller| {
        let (map, keys) = (Arc::clone(&map), Arc::clone(&keys));
        Box::pin(async move {
            while caller.goes_on() {
                let key = keys[caller.pick(keys.len())].as_str();
                *map.of(key).lock().get_mut(key).expect("every key was put in") += 1;
                if caller.is_share_used() {
                    tokio::task::yield_now().await;
                }
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done))
}

/// One task for each entity, reached through a bounded channel, answering through a one-shot.
/// Callers hold the channels: nothing is looked up.
pub(crate) fn channel(tasks: usize, callers: usize, setting: &Setting) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let entities: Vec<mpsc::Sender<(i64, oneshot::Sender<i64>)>> = (0..tasks)
        .map(|_| {
            let (sender, mut calls) = mpsc::channel::<(i64, oneshot::Sender<i64>)>(MAILBOX_LEN);
            runtime.spawn(async move {
                let mut value = 0;
                while let Some((by, reply)) = calls.recv().await {
                    value += by;
                    // A caller that is gone needs no answer.
                    let _: Result<(), i64> = reply.send(value);
                }
            });
            sender
        })
        .collect();
    let entities = Arc::new(entities);
    let done = load::run(callers, setting.span(), spawn_on(&runtime), |mut caller| {
        let entities = Arc::clone(&entities);
        Box::pin(async move {
            while caller.goes_on() {
                let entity = &entities[caller.pick(entities.len())];
                let (sender, reply) = oneshot::channel();
                entity.send((1, sender)).await.expect("the task runs");
                reply.await.expect("the task answers");
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done))
}
