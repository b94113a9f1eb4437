//! The memory engine: the whole contract, kept only as long as the process.
//!
//! Tests and simulations run on it. [`MemoryDisk`] is what survives a restart of the node,
//! [`MemoryStore`] one engine over it, [`Faults`] what goes wrong on purpose.
//!
//! **Invariant:** no thread, no clock and no randomness of its own: what happens, and in which
//! order, follows from the calls and from the injected [`Tasks`] and [`Clock`].

mod commit;
mod disk;
mod faults;
mod feeds;
mod load;
mod plans;
mod rows;
mod shared;
mod waiting;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use parking_lot::Mutex;
use tenure_types::{ActorId, BoxFuture, Clock, FeedName, Incarnation, Key, Tasks};

pub use disk::{Counts, MemoryDisk};
pub use faults::Faults;
pub use plans::{LoadFault, UnitFault};

use self::shared::{Engine, Shared, step_aside};
use self::waiting::{Waiting, fenced};
use crate::{
    Due, Encoded, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, Store, StoreError, Stored,
    StoredHead, Trimmed, Unit, UnitOutcome, UnitSink, Walk,
};

/// The most units that may wait for the committer.
const QUEUE_UNITS_MAX: usize = 65_536;

/// An engine over a [`MemoryDisk`]. Clones are the same engine.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

impl MemoryStore {
    /// An engine over `disk` that completes units in tasks named `memory-commit`.
    #[must_use]
    pub fn new(disk: MemoryDisk, tasks: Arc<dyn Tasks>) -> Self {
        Self::build(disk, tasks, None)
    }

    /// As [`MemoryStore::new`], with the clock that faults with a duration need.
    #[must_use]
    pub fn with_clock(disk: MemoryDisk, tasks: Arc<dyn Tasks>, clock: Arc<dyn Clock>) -> Self {
        Self::build(disk, tasks, Some(clock))
    }

    fn build(disk: MemoryDisk, tasks: Arc<dyn Tasks>, clock: Option<Arc<dyn Clock>>) -> Self {
        let engine = Mutex::new(Engine::default());
        Self { shared: Arc::new(Shared { disk, tasks, clock, engine }) }
    }

    /// What this engine stores to.
    #[must_use]
    pub fn disk(&self) -> &MemoryDisk {
        &self.shared.disk
    }

    /// What goes wrong on purpose. The same for every engine over one disk.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.shared.disk.faults()
    }
}

impl Store for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn open(&self) -> BoxFuture<'_, Result<Incarnation, StoreError>> {
        Box::pin(async move {
            if let Some(delay) = self.shared.disk.open_delay() {
                self.shared.sleep(delay).await;
            }
            let incarnation = self.shared.disk.open()?;
            let mut engine = self.shared.engine.lock();
            (engine.open, engine.is_reading) = (Some(incarnation), false);
            Ok(incarnation)
        })
    }

    fn next_incarnation(&self) -> BoxFuture<'_, Result<Incarnation, StoreError>> {
        Box::pin(std::future::ready(Ok(self.shared.disk.number())))
    }

    fn join(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mut engine = self.shared.engine.lock();
            let is_open = engine.open == Some(incarnation);
            self.shared.disk.join(incarnation, is_open)?;
            (engine.open, engine.is_reading) = (Some(incarnation), false);
            Ok(())
        })
    }

    fn open_to_read(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let found = self.shared.disk.last_incarnation()?;
            let mut engine = self.shared.engine.lock();
            engine.open = None;
            engine.is_reading = found.is_some();
            Ok(found.is_some())
        })
    }

    fn fence(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.shared.disk.fence(incarnation);
            Ok(())
        })
    }

    fn load(&self, actor: &ActorId) -> BoxFuture<'static, Result<Option<Stored>, StoreError>> {
        Box::pin(load::run(Arc::clone(&self.shared), actor.clone()))
    }

    fn events(
        &self,
        actor: &ActorId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(u64, Encoded)>, StoreError>> {
        let (shared, actor) = (Arc::clone(&self.shared), actor.clone());
        Box::pin(async move {
            step_aside().await;
            shared.disk.events(shared.open(), &actor, after, limit)
        })
    }

    fn due(
        &self,
        until_ms: u64,
        after: Option<Due>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Due>, StoreError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            step_aside().await;
            shared.disk.due(shared.open(), until_ms, after, limit)
        })
    }

    fn types(&self) -> BoxFuture<'static, Result<Vec<Box<str>>, StoreError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            step_aside().await;
            shared.disk.types(shared.open())
        })
    }

    fn heads(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<StoredHead>, StoreError>> {
        let shared = Arc::clone(&self.shared);
        let (type_name, after) = (type_name.to_owned(), after.cloned());
        Box::pin(async move {
            step_aside().await;
            shared.disk.heads(shared.open(), &type_name, after.as_ref(), limit)
        })
    }

    fn read_feed(
        &self,
        feed: &FeedName,
        from: FeedFrom,
        limit: usize,
    ) -> BoxFuture<'static, Result<FeedPage, FeedError>> {
        let (shared, feed) = (Arc::clone(&self.shared), feed.clone());
        Box::pin(async move {
            step_aside().await;
            shared.disk.read_feed(shared.open(), &feed, &from, limit)
        })
    }

    fn feeds(&self) -> BoxFuture<'static, Result<Vec<FeedInfo>, StoreError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            step_aside().await;
            shared.disk.feeds(shared.open())
        })
    }

    fn feed_ends(&self, feeds: &[FeedName]) -> BoxFuture<'static, Result<Vec<u64>, StoreError>> {
        let (shared, feeds) = (Arc::clone(&self.shared), feeds.to_vec());
        Box::pin(async move {
            step_aside().await;
            shared.disk.feed_ends(shared.open(), &feeds)
        })
    }

    fn trim_feed(
        &self,
        feed: &FeedName,
        keep: FeedKeep,
    ) -> BoxFuture<'static, Result<Trimmed, StoreError>> {
        let (shared, feed) = (Arc::clone(&self.shared), feed.clone());
        Box::pin(async move {
            step_aside().await;
            shared.disk.trim_feed(shared.open(), &feed, keep)
        })
    }

    fn submit(&self, unit: Arc<Unit>, sink: Arc<dyn UnitSink>) {
        let token = unit.token;
        if let Err((sink, outcome)) = self.accept(unit, sink) {
            sink.settled(token, outcome);
        }
    }

    fn walk(&self) -> BoxFuture<'_, Result<Box<dyn Walk>, StoreError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            step_aside().await;
            let walk = shared.disk.walk(shared.open())?;
            Ok(Box::new(walk) as Box<dyn Walk>)
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut engine = self.shared.engine.lock();
        (engine.open, engine.is_reading) = (None, false);
        drop(engine);
        Box::pin(poll_fn(|cx| {
            let mut engine = self.shared.engine.lock();
            if !engine.is_committing {
                return Poll::Ready(Ok(()));
            }
            engine.closers.push(cx.waker().clone());
            Poll::Pending
        }))
    }
}

/// A unit that is refused at once.
type Refused = (Arc<dyn UnitSink>, UnitOutcome);

impl MemoryStore {
    /// Queues a unit and sees to it that a committer runs.
    fn accept(&self, unit: Arc<Unit>, sink: Arc<dyn UnitSink>) -> Result<(), Refused> {
        let fault = self.shared.disk.note_unit(&unit.actor);
        if let Err(refusal) = unit.check() {
            return Err((sink, refusal));
        }
        let mut engine = self.shared.engine.lock();
        if engine.open.is_none() {
            return Err((sink, fenced("the store is closed")));
        }
        if engine.queue.len() >= QUEUE_UNITS_MAX {
            let reason = "the commit queue is full".into();
            return Err((sink, UnitOutcome::Unknown { reason }));
        }
        engine.queue.push_back(Waiting { unit, sink, fault });
        let is_committing = std::mem::replace(&mut engine.is_committing, true);
        drop(engine);
        if !is_committing {
            let commit = commit::run(Arc::clone(&self.shared));
            self.shared.tasks.spawn("memory-commit", Box::pin(commit));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
