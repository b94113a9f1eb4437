//! Flushes what was written behind when it is due.

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::Poll;

use tenure_actor::WaitSlot;
use tenure_types::{BoxFuture, Instant};

use super::behind::{AGAIN_AFTER, FLUSHES_MAX};
use crate::runtime::Runtime;

impl Runtime {
    /// Flushes what is due, until the runtime has stopped.
    pub(crate) async fn write_behind(runtime: Weak<Self>) {
        let Some((tasks, ended)) =
            runtime.upgrade().map(|it| (Arc::clone(&it.tasks), it.ended.clone()))
        else {
            return;
        };
        let mut slot = WaitSlot::default();
        let mut sleep: Option<(Instant, BoxFuture<'static, ()>)> = None;
        poll_fn(|cx| {
            if ended.poll(&mut slot, cx).is_ready() {
                return Poll::Ready(());
            }
            loop {
                let Some(runtime) = runtime.upgrade() else {
                    return Poll::Ready(());
                };
                // Without a store a flush would only lose what is in memory.
                let now = runtime.clock.now();
                let (due, next) = match runtime.is_store_available() {
                    true => runtime.behind.take_due(now, cx.waker()),
                    false => (Vec::new(), Some(now + AGAIN_AFTER)),
                };
                for activation in &due {
                    runtime.flush(activation);
                }
                if due.len() == FLUSHES_MAX {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let Some(at) = next else {
                    sleep = None;
                    return Poll::Pending;
                };
                if sleep.as_ref().is_none_or(|(until, _)| *until != at) {
                    sleep = Some((at, tasks.sleep_until(at)));
                }
                let Some((_, future)) = &mut sleep else { return Poll::Pending };
                std::task::ready!(future.as_mut().poll(cx));
                sleep = None;
            }
        })
        .await;
    }
}
