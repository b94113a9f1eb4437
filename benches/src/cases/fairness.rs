//! One actor under saturating calls, and how long a call of another takes meanwhile.

use std::time::Instant;

use tenure::Node;

use super::actors::Tally;
use super::setting::{Setting, callers_runtime, spawn_on};
use crate::load;
use crate::report::Report;

const SATURATING: usize = 64;

/// All callers share one runtime. The other actor's caller gives way before each call and counts
/// the time until it runs again, so that both its wait for a thread and its wait for the actor are
/// seen.
pub(crate) fn measure(setting: &Setting) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let node = runtime.block_on(Node::builder().actor::<Tally>().store_in_memory().start())?;
    let mut done = load::run(SATURATING + 1, setting.span(), spawn_on(&runtime), |mut caller| {
        let node = node.clone();
        Box::pin(async move {
            let is_saturating = caller.index < SATURATING;
            while caller.goes_on() {
                if is_saturating {
                    node.actor::<Tally>("hot").add_async(1).await.expect("a call");
                } else {
                    let began = Instant::now();
                    tokio::task::yield_now().await;
                    node.actor::<Tally>("other").add(1).await.expect("a call");
                    caller.note(began);
                }
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done).and_latencies(&mut done.latencies))
}
