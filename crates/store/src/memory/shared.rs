use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_types::{Clock, Incarnation, Tasks, Token};

use super::disk::MemoryDisk;
use super::waiting::Waiting;
use crate::{UnitOutcome, UnitSink};

/// What the engine's tasks and its handles share.
pub(super) struct Shared {
    pub(super) disk: MemoryDisk,
    pub(super) tasks: Arc<dyn Tasks>,
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) engine: Mutex<Engine>,
}

#[derive(Default)]
pub(super) struct Engine {
    /// The incarnation this engine handed out last; `None` before `open` and after `close`.
    pub(super) open: Option<Incarnation>,
    /// It is open to be read, as whoever writes.
    pub(super) is_reading: bool,
    pub(super) queue: VecDeque<Waiting>,
    pub(super) is_committing: bool,
    pub(super) closers: Vec<Waker>,
}

/// Pending once, so that other tasks run in between, as they would during real I/O.
pub(super) async fn step_aside() {
    let mut has_stepped = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut has_stepped, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Answers a unit after `delay`.
pub(super) async fn settle_late(
    shared: Arc<Shared>,
    delay: Duration,
    sink: Arc<dyn UnitSink>,
    token: Token,
    outcome: UnitOutcome,
) {
    shared.sleep(delay).await;
    sink.settled(token, outcome);
}

impl Shared {
    /// The incarnation as which this engine reads.
    pub(super) fn open(&self) -> Option<Incarnation> {
        let engine = self.engine.lock();
        let (open, is_reading) = (engine.open, engine.is_reading);
        drop(engine);
        if is_reading { self.disk.last_incarnation().ok().flatten() } else { open }
    }

    pub(super) async fn sleep(&self, delay: Duration) {
        let clock = self.clock.as_ref().expect("a fault with a duration needs the engine's clock");
        self.tasks.sleep_until(clock.now() + delay).await;
    }
}
