//! Calls on live actors in the same process, `actors` of them by `callers`.

use std::sync::Arc;

use tenure::Node;

use super::actors::Tally;
use super::setting::{Setting, callers_runtime, keys, spawn_on};
use crate::load::{self, Caller, Task};
use crate::report::Report;

/// Each call looks its actor up by key.
pub(crate) fn by_key(actors: usize, callers: usize, setting: &Setting) -> anyhow::Result<Report> {
    measure(actors, callers, setting, |node, keys, mut caller| {
        Box::pin(async move {
            while caller.goes_on() {
                let key = keys[caller.pick(keys.len())].as_str();
                node.actor::<Tally>(key).add(1).await.expect("a call on a live actor");
            }
            caller.end();
        })
    })
}

/// Each caller keeps a reference of its own to every actor, as the peers do.
pub(crate) fn kept(actors: usize, callers: usize, setting: &Setting) -> anyhow::Result<Report> {
    measure(actors, callers, setting, |node, keys, mut caller| {
        let kept: Vec<_> = keys.iter().map(|key| node.actor::<Tally>(key.as_str())).collect();
        Box::pin(async move {
            while caller.goes_on() {
                kept[caller.pick(kept.len())].add(1).await.expect("a call on a live actor");
            }
            caller.end();
        })
    })
}

/// As [`by_key`], with a handler that might wait.
pub(crate) fn by_async(actors: usize, callers: usize, setting: &Setting) -> anyhow::Result<Report> {
    measure(actors, callers, setting, |node, keys, mut caller| {
        Box::pin(async move {
            while caller.goes_on() {
                let key = keys[caller.pick(keys.len())].as_str();
                node.actor::<Tally>(key).add_async(1).await.expect("a call on a live actor");
            }
            caller.end();
        })
    })
}

fn measure(
    actors: usize,
    callers: usize,
    setting: &Setting,
    make: impl Fn(Node, Arc<Vec<String>>, Caller) -> Task,
) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let keys = keys(actors);
    let node = runtime.block_on(async {
        let node = Node::builder().actor::<Tally>().store_in_memory().start().await?;
        for key in keys.iter() {
            node.actor::<Tally>(key.as_str()).add(0).await?;
        }
        anyhow::Ok(node)
    })?;
    let done = load::run(callers, setting.span(), spawn_on(&runtime), |caller| {
        make(node.clone(), Arc::clone(&keys), caller)
    });
    Ok(Report::of_load(&done))
}
