use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_actor::host::{AsHome, Home, Host, PendingCall, QueuedCall, Started, TimerKey};
use tenure_actor::{CallId, State, StateRef, Target, Ticket};
use tenure_types::{BoxFuture, CallError, Clock, Instant, Key, Outcome, Tasks};
use tokio::runtime::Handle;

use super::counter;

const SHARDS: usize = 64;

/// Runs every call at once, on a map of states; but calls on keys that begin with `busy` wait
/// until the test lets them run, and some keys are refused.
pub(crate) struct MapHost {
    shards: Vec<Mutex<States>>,
    held: Mutex<Vec<(Target, Arc<dyn QueuedCall>)>>,
    real: Real,
}

type States = HashMap<(u32, Key), Box<dyn State>>;

struct Real {
    start: std::time::Instant,
    tokio: Handle,
}

impl MapHost {
    pub(crate) fn new(tokio: Handle) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            held: Mutex::default(),
            real: Real { start: std::time::Instant::now(), tokio },
        }
    }

    /// Calls that wait to be let run; calls that were taken back do not count.
    #[allow(dead_code, reason = "not every user of this file looks")]
    pub(crate) fn waiting(&self) -> usize {
        self.held.lock().iter().filter(|(_, call)| call.is_waiting()).count()
    }

    /// Runs every call that waits.
    #[allow(dead_code, reason = "not every user of this file looks")]
    pub(crate) fn release(&self) {
        let held: Vec<_> = std::mem::take(&mut *self.held.lock());
        for (target, call) in held {
            self.with_state(&target, |state| {
                if call.run(StateRef::Exclusive(state), &NoHome) {
                    call.settle(Ok(None));
                }
            });
        }
    }

    fn with_state<T>(&self, target: &Target, turn: impl FnOnce(&mut dyn State) -> T) -> T {
        let shard = &self.shards[target.hash as usize % SHARDS];
        let mut states = shard.lock();
        let state = states
            .entry((target.slot, target.key.clone()))
            .or_insert_with(|| counter::create(target.type_name));
        turn(&mut **state)
    }
}

impl Host for MapHost {
    fn start(&self, target: &Target, call: &mut dyn PendingCall) -> Started {
        if let Some(error) = refusal(&target.key) {
            return Started::Refused(error);
        }
        if target.key.starts_with("busy") {
            self.held.lock().push((target.clone(), call.share()));
            return Started::Queued;
        }
        let turn = AssertUnwindSafe(|| {
            self.with_state(target, |state| call.run(StateRef::Exclusive(state), &NoHome));
        });
        match std::panic::catch_unwind(turn) {
            Ok(()) => Started::Ran(None),
            Err(_) => Started::Refused(CallError::Panicked { detail: "the secret".into() }),
        }
    }

    fn clock(&self) -> &dyn Clock {
        &self.real
    }

    fn tasks(&self) -> &dyn Tasks {
        &self.real
    }

    fn call_id(&self) -> CallId {
        CallId(1)
    }

    fn deadline_default(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn wake_at(&self, at: Instant, waker: Waker) -> TimerKey {
        let sleep = self.real.sleep_until(at);
        self.real.tokio.spawn(async move {
            sleep.await;
            waker.wake();
        });
        TimerKey { index: 0, generation: 0 }
    }

    fn forget(&self, _: TimerKey) {}
}

fn refusal(key: &str) -> Option<CallError> {
    let detail = || "a detail".into();
    Some(match key {
        "full" => CallError::Overloaded { detail: detail(), retry_after_ms: 1_500, actor: true },
        "crowded" => CallError::Overloaded { detail: detail(), retry_after_ms: 1, actor: false },
        "homeless" => CallError::Unavailable { detail: detail() },
        "looped" => CallError::Cycle { path: detail() },
        "newer" => CallError::Incompatible { detail: detail() },
        "unsaved" => CallError::Storage { detail: detail(), outcome: Outcome::NotExecuted },
        "lost" => CallError::Storage { detail: detail(), outcome: Outcome::Unknown },
        _ => return None,
    })
}

impl Clock for Real {
    fn now(&self) -> Instant {
        // An hour: no test looks back further.
        Instant::ZERO + Duration::from_secs(3_600) + self.start.elapsed()
    }

    fn coarse(&self) -> Instant {
        self.now()
    }

    fn unix_ms(&self) -> u64 {
        0
    }
}

impl Tasks for Real {
    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) {
        self.tokio.spawn(task);
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        let after = at.saturating_since(self.now());
        let _inside = self.tokio.enter();
        let timer = tokio::time::timeout(after, std::future::pending::<()>());
        Box::pin(async move {
            let _ = timer.await;
        })
    }

    fn is_worker(&self) -> bool {
        Handle::try_current().is_ok()
    }

    fn poll_share(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// No handler of these tests uses its context.
struct NoHome;

impl AsHome for NoHome {
    fn to_home(&self) -> Arc<dyn Home> {
        unreachable!("no handler here uses its context")
    }

    fn unsaved(&self) -> Option<Ticket> {
        None
    }
}
