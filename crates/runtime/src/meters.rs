use std::sync::Arc;

use tenure_observe::{Counter, Gauge, Histogram, MetricError, Metrics, names};
use tenure_types::{ActorTypeName, CallErrorCode};

/// The codes that a call can fail with before or after its turn, in the order of their counters.
const CODES: [CallErrorCode; 16] = [
    CallErrorCode::BadRequest,
    CallErrorCode::NotFound,
    CallErrorCode::TooLarge,
    CallErrorCode::Deadline,
    CallErrorCode::Overloaded,
    CallErrorCode::Unavailable,
    CallErrorCode::Cycle,
    CallErrorCode::Panicked,
    CallErrorCode::Incompatible,
    CallErrorCode::Damaged,
    CallErrorCode::Storage,
    CallErrorCode::Denied,
    CallErrorCode::InProgress,
    CallErrorCode::KeyReused,
    CallErrorCode::VersionMismatch,
    CallErrorCode::Withheld,
];

/// What is counted of one actor type, resolved at registration.
pub(crate) struct TypeMeters {
    pub(crate) calls: Arc<Counter>,
    pub(crate) activated: Arc<Counter>,
    /// Those of them that came from another node with their memory.
    pub(crate) moved: Arc<Counter>,
    /// Activations in memory.
    pub(crate) active: Arc<Gauge>,
    errors: Vec<Arc<Counter>>,
}

impl TypeMeters {
    pub(crate) fn register(metrics: &Metrics, name: ActorTypeName) -> Result<Self, MetricError> {
        let labels = &[(names::LABEL_TYPE, name.as_str())];
        let errors = CODES.iter().map(|code| {
            let labels = &[(names::LABEL_TYPE, name.as_str()), (names::LABEL_CODE, code.as_str())];
            metrics.register_counter(names::CALL_ERRORS, labels)
        });
        Ok(Self {
            calls: metrics.register_counter(names::CALLS, labels)?,
            active: metrics.register_gauge(names::ACTIVATIONS, labels)?,
            activated: metrics.register_counter(names::ACTIVATIONS_STARTED, labels)?,
            moved: metrics.register_counter(names::ACTIVATIONS_MOVED, labels)?,
            errors: errors.collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn errors(&self) -> u64 {
        self.errors.iter().map(|counter| counter.value()).sum()
    }

    pub(crate) fn count_error(&self, code: CallErrorCode) {
        if let Some(at) = CODES.iter().position(|&known| known == code) {
            self.errors[at].increment();
        }
    }
}

/// What is counted of the whole runtime.
pub(crate) struct Meters {
    /// Calls that had to wait for their turn and still do.
    pub(crate) queued: Arc<Gauge>,
    /// Calls that did not find their actor here.
    pub(crate) sent_on: Arc<Counter>,
    /// Turns that have begun and wait for something.
    pub(crate) suspended: Arc<Gauge>,
    /// Futures of `cx.spawn` that have not ended.
    pub(crate) spawned: Arc<Gauge>,
    /// Bytes of units on their way to the store.
    pub(crate) uncommitted_bytes: Arc<Gauge>,
    pub(crate) units: Arc<Counter>,
    pub(crate) conflicts: Arc<Counter>,
    pub(crate) failures: Arc<Counter>,
    /// Commits of acknowledged turns that were lost.
    pub(crate) behind_lost: Arc<Counter>,
    /// Activations that left memory to make room.
    pub(crate) evicted: Arc<Counter>,
    pub(crate) commit_time: Arc<Histogram>,
    pub(crate) store_available: Arc<Gauge>,
}

impl Meters {
    pub(crate) fn register(metrics: &Metrics) -> Result<Self, MetricError> {
        Ok(Self {
            queued: metrics.register_gauge(names::MAILBOX_CALLS, &[])?,
            sent_on: metrics.register_counter(names::CALLS_SENT_ON, &[])?,
            suspended: metrics.register_gauge(names::TURNS_IN_FLIGHT, &[])?,
            spawned: metrics.register_gauge(names::SPAWNED, &[])?,
            uncommitted_bytes: metrics.register_gauge(names::UNCOMMITTED_BYTES, &[])?,
            units: metrics.register_counter(names::COMMIT_UNITS, &[])?,
            conflicts: metrics.register_counter(names::COMMIT_CONFLICTS, &[])?,
            failures: metrics.register_counter(names::COMMIT_FAILURES, &[])?,
            behind_lost: metrics.register_counter(names::UNSAVED_LOST, &[])?,
            evicted: metrics.register_counter(names::EVICTIONS, &[])?,
            commit_time: metrics.register_histogram(names::COMMIT_SECONDS, &[])?,
            store_available: metrics.register_gauge(names::STORE_AVAILABLE, &[])?,
        })
    }
}
