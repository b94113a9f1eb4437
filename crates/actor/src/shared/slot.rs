use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tenure_types::{CallError, Instant};

use super::copy::{SharedCopy, SharedError};

/// Where one copy is.
pub(super) struct Slot<T> {
    copy: ArcSwapOption<Taken<T>>,
    failure: ArcSwapOption<CallError>,
    /// Nanoseconds of the boot-time clock.
    read_at: AtomicU64,
    has_left: AtomicBool,
}

struct Taken<T> {
    value: Arc<T>,
    at: Instant,
}

impl<T> Slot<T> {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            copy: ArcSwapOption::empty(),
            failure: ArcSwapOption::empty(),
            read_at: AtomicU64::new(now.as_nanos()),
            has_left: AtomicBool::new(false),
        }
    }

    pub(super) fn read(
        &self,
        now: Instant,
        max_age: Duration,
    ) -> Result<SharedCopy<T>, SharedError> {
        // Only now and then: readers on several cores would fight for the line.
        let unread = now.as_nanos().saturating_sub(self.read_at.load(Ordering::Relaxed));
        if u128::from(unread) * 4 >= max_age.as_nanos() {
            self.read_at.store(now.as_nanos(), Ordering::Relaxed);
        }
        let why = || self.failure.load().as_deref().cloned();
        let copy = self.copy.load();
        let Some(taken) = &*copy else { return Err(SharedError::NotYet { why: why() }) };
        let age = now.saturating_since(taken.at);
        if age > max_age {
            return Err(SharedError::Stale { age, max_age, why: why() });
        }
        Ok(SharedCopy { value: Arc::clone(&taken.value), age })
    }

    pub(super) fn put(&self, value: T, at: Instant) {
        self.copy.store(Some(Arc::new(Taken { value: Arc::new(value), at })));
        self.failure.store(None);
    }

    /// Keeps the copy there is.
    pub(super) fn failed(&self, error: CallError) {
        self.failure.store(Some(Arc::new(error)));
    }

    pub(super) fn has_left(&self) -> bool {
        self.has_left.load(Ordering::Relaxed)
    }
}

/// A slot whose copy's type is not known.
pub(super) trait AnySlot: Send + Sync {
    /// When it was last read, to about a quarter of its greatest age.
    fn read_at(&self) -> Instant;

    /// It is in the table no more: nobody refreshes it.
    fn leave(&self);

    fn as_any(&self) -> &dyn Any;

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<T: Send + Sync + 'static> AnySlot for Slot<T> {
    fn read_at(&self) -> Instant {
        Instant::from_nanos(self.read_at.load(Ordering::Relaxed))
    }

    fn leave(&self) {
        self.has_left.store(true, Ordering::Relaxed);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

const OF_TYPE: &str = "the key in the table has the actor's type, which says the type of its copy";

impl dyn AnySlot {
    pub(super) fn of<T: 'static>(&self) -> &Slot<T> {
        self.as_any().downcast_ref().expect(OF_TYPE)
    }

    pub(super) fn into_of<T: Send + Sync + 'static>(self: Arc<Self>) -> Arc<Slot<T>> {
        self.into_any().downcast().unwrap_or_else(|_| unreachable!("{OF_TYPE}"))
    }
}
