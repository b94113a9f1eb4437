//! Durable turns, and the engine's own commits that they are measured against.

use std::sync::Arc;
use std::time::Instant;

use tenure::Node;
use tenure_types::ActorTypeName;

use super::actors::Saved;
use super::engine::{Engine, row_key, write_row};
use super::setting::{Setting, callers_runtime, keys, spawn_on};
use crate::load;
use crate::machine;
use crate::report::Report;

/// How many rows the engine's own commits are spread over.
const ROWS: usize = 10_000;

/// One caller, one actor, on one core: what a durable turn costs without any company.
pub(crate) fn turn_alone(setting: &Setting) -> anyhow::Result<Report> {
    machine::pin_to_first_core()?;
    let folder = setting.fresh_folder("turn-alone")?;
    let runtime = callers_runtime()?;
    let node = runtime.block_on(Node::builder().actor::<Saved>().store_in(folder).start())?;
    let mut done = load::run(1, setting.span(), spawn_on(&runtime), |mut caller| {
        let node = node.clone();
        Box::pin(async move {
            while caller.goes_on() {
                let began = Instant::now();
                node.actor::<Saved>("alone").add(1).await.expect("a durable turn");
                caller.note(began);
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done).and_latencies(&mut done.latencies))
}

/// One thread that commits one row after the other; pinned to one core, or free.
pub(crate) fn engine_alone(pinned: bool, setting: &Setting) -> anyhow::Result<Report> {
    if pinned {
        machine::pin_to_first_core()?;
    }
    let name = if pinned { "commit-alone" } else { "commit-each" };
    let engine = Engine::open(&setting.fresh_folder(name)?)?;
    let keys = keys(if pinned { 1 } else { ROWS });
    let type_name = ActorTypeName::new("saved")?;
    let mut done = load::run(
        1,
        setting.span(),
        |_, task| {
            let thread = tokio::runtime::Builder::new_current_thread().build();
            let thread = thread.expect("a runtime without drivers");
            std::thread::spawn(move || thread.block_on(task));
        },
        |mut caller| {
            let (engine, keys) = (engine.clone(), Arc::clone(&keys));
            Box::pin(async move {
                let (mut row, mut version) = (Vec::new(), 0);
                while caller.goes_on() {
                    version += 1;
                    let key = keys[caller.pick(keys.len())].as_str();
                    write_row(type_name, key, version, body(version), &mut row);
                    let began = Instant::now();
                    engine.commit(&row_key("saved", key), &row).expect("a commit");
                    caller.note(began);
                }
                caller.end();
            })
        },
    );
    Ok(Report::of_load(&done).and_latencies(&mut done.latencies))
}

/// Durable turns on `actors` by `callers`.
pub(crate) fn turns(actors: usize, callers: usize, setting: &Setting) -> anyhow::Result<Report> {
    let folder = setting.fresh_folder("turns")?;
    let runtime = callers_runtime()?;
    let keys = keys(actors);
    let node = runtime.block_on(Node::builder().actor::<Saved>().store_in(folder).start())?;
    make_live(&runtime, &node, &keys)?;
    let mut done = load::run(callers, setting.span(), spawn_on(&runtime), |mut caller| {
        let (node, keys) = (node.clone(), Arc::clone(&keys));
        Box::pin(async move {
            while caller.goes_on() {
                let began = Instant::now();
                let key = keys[caller.pick(keys.len())].as_str();
                node.actor::<Saved>(key).add(1).await.expect("a durable turn");
                caller.note(began);
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done).and_latencies(&mut done.latencies))
}

/// Activates every actor, so that loads are not measured.
fn make_live(
    runtime: &tokio::runtime::Runtime,
    node: &Node,
    keys: &Arc<Vec<String>>,
) -> anyhow::Result<()> {
    let tasks: Vec<_> = super::idle::parts(keys.len(), 64.min(keys.len()))
        .map(|part| {
            let (node, keys) = (node.clone(), Arc::clone(keys));
            runtime.spawn(async move {
                for key in &keys[part] {
                    node.actor::<Saved>(key.as_str()).get().await.expect("an actor is loaded");
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task)?;
    }
    Ok(())
}

/// A counter's stored form, `{"value": n}` in MessagePack.
fn body(version: u64) -> Vec<u8> {
    let mut body = b"\x81\xa5value\xcd".to_vec();
    body.extend_from_slice(&(version as u16).to_be_bytes());
    body
}
