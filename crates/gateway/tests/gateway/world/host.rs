use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_actor::host::{
    AsHome, CallHead, Home, Host, PendingCall, QueuedCall, Started, TimerKey,
};
use tenure_actor::{CallId, CallKey, Cause, Effects, State, StateRef, Target, Ticket};
use tenure_types::{BoxFuture, CallError, Clock, Instant, Key, Outcome, Tasks};
use tokio::runtime::Handle;

use super::counter;

const SHARDS: usize = 64;

/// Runs every call at once, on a map of states; but calls on keys that begin with `busy` wait
/// until the test lets them run, and some keys are refused. Idempotency keys are remembered for
/// ever.
pub(crate) struct MapHost {
    shards: Vec<Mutex<States>>,
    held: Mutex<Vec<(Target, Arc<dyn QueuedCall>)>>,
    delayed: Mutex<Vec<Delayed>>,
    outcomes: Mutex<HashMap<KeyPlace, KeyOutcome>>,
    /// Calls whose caller waits for durable state.
    durable: AtomicUsize,
    real: Real,
}

/// A message and when it is due.
type Delayed = (Instant, Target, Arc<dyn QueuedCall>);
/// An idempotency key and whose it is.
type KeyPlace = (u32, Key, Box<str>);
/// The arguments' hash and the encoded outcome.
type KeyOutcome = (u128, Vec<u8>);

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
            delayed: Mutex::default(),
            outcomes: Mutex::default(),
            durable: AtomicUsize::new(0),
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
            self.run_queued(&target, &*call);
        }
    }

    /// When the messages are due that are kept.
    #[allow(dead_code, reason = "not every user of this file looks")]
    pub(crate) fn due(&self) -> Vec<Instant> {
        self.delayed.lock().iter().map(|(at, _, _)| *at).collect()
    }

    /// Sends every message that is kept.
    #[allow(dead_code, reason = "not every user of this file looks")]
    pub(crate) fn send_delayed(&self) {
        let delayed: Vec<_> = std::mem::take(&mut *self.delayed.lock());
        for (_, target, call) in delayed {
            self.run_queued(&target, &*call);
        }
    }

    /// Calls so far whose caller waits for durable state.
    #[allow(dead_code, reason = "not every user of this file looks")]
    pub(crate) fn durable(&self) -> usize {
        self.durable.load(Ordering::Relaxed)
    }

    fn run_queued(&self, target: &Target, call: &dyn QueuedCall) {
        if !self.with_state(target, |state| call.run(StateRef::Exclusive(state), &NoHome)) {
            return;
        }
        if let Some(key) = key_of(call.head()) {
            let place = (target.slot, target.key.clone(), key.key.clone());
            if let Some(outcome) = call.outcome().unwrap() {
                self.outcomes.lock().insert(place, (key.arguments, outcome));
            }
        }
        call.settle(Ok(None));
    }

    /// Starts a call that may have been made before.
    fn start_keyed(&self, target: &Target, key: &CallKey, call: &mut dyn PendingCall) -> Started {
        let is_same = |held: &CallHead| key_of(held).is_some_and(|held| held.key == key.key);
        let mut held = self.held.lock();
        if held.iter().any(|(_, call)| call.is_waiting() && is_same(call.head())) {
            let detail = format!("a call with the key {:?} has not ended", key.key).into();
            return Started::Refused(CallError::InProgress { detail });
        }
        let place = (target.slot, target.key.clone(), key.key.clone());
        let known = self.outcomes.lock().get(&place).cloned();
        match known {
            Some((arguments, _)) if arguments != key.arguments => {
                let detail = format!("the key {:?} belongs to another call", key.key).into();
                return Started::Refused(CallError::KeyReused { detail });
            }
            Some((_, outcome)) => {
                let call = call.share();
                assert!(call.replay(&outcome).unwrap());
                call.settle(Ok(None));
            }
            None if target.key.starts_with("busy") => held.push((target.clone(), call.share())),
            None => self.run_queued(target, &*call.share()),
        }
        Started::Queued
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
        if call.head().durable {
            self.durable.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(key) = key_of(call.head()).cloned() {
            return self.start_keyed(target, &key, call);
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

    fn start_at(
        &self,
        at: Instant,
        target: Target,
        call: Arc<dyn QueuedCall>,
    ) -> Result<(), CallError> {
        if let Some(error) = refusal(&target.key) {
            return Err(error);
        }
        self.delayed.lock().push((at, target, call));
        Ok(())
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

/// The key of a call that may change its actor; of others it is ignored.
fn key_of(head: &CallHead) -> Option<&CallKey> {
    match head.cause.as_deref() {
        Some(Cause::Key(key)) if head.method.exclusive => Some(key),
        _ => None,
    }
}

fn refusal(key: &str) -> Option<CallError> {
    let detail = || "a detail".into();
    Some(match key {
        "full" => CallError::Overloaded { detail: detail(), retry_after_ms: 1_500, actor: true },
        "crowded" => CallError::Overloaded { detail: detail(), retry_after_ms: 1, actor: false },
        "homeless" => CallError::Unavailable { detail: detail() },
        "looped" => CallError::Cycle { path: detail() },
        "newer" => CallError::Incompatible { detail: detail(), outcome: Outcome::NotExecuted },
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

    fn keep(&self, _: Box<Effects>) {
        unreachable!("no handler here uses its context")
    }
}
