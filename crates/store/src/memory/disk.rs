use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_types::{ActorId, FeedName, Incarnation, Key, Planted};

use super::feeds::Feeds;
use super::plans::{LoadFault, Plans, UnitFault};
use super::rows::Rows;
use super::waiting::{Waiting, fenced};
use crate::walk::Gathered;
use crate::{
    Due, Encoded, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, Fences, RowKey, StoreError,
    Stored, StoredHead, Trimmed, UnitOutcome, UnitSink,
};

/// How many disks were made: each has cursors of its own.
static DISKS: AtomicU64 = AtomicU64::new(1);

/// What a [`super::MemoryStore`] stores to. Clones are the same disk; it survives the engines
/// over it, so that a test can restart a node.
#[derive(Clone)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

/// How often the disk was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of `open` that handed out an incarnation.
    pub opens: u64,
    /// Units that were submitted, whatever became of them.
    pub units: u64,
    /// Batches that reached the disk.
    pub batches: u64,
    /// Units that were stored.
    pub commits: u64,
    /// Units that met another version than they expected.
    pub conflicts: u64,
    /// Loads that were begun.
    pub loads: u64,
}

#[derive(Default)]
struct State {
    fences: Fences,
    rows: Rows,
    feeds: Feeds,
    /// Why nothing works until the next `open`.
    failure: Option<Box<str>>,
    plans: Plans,
    counts: Counts,
    /// Sinks that never hear anything. Kept, because a dropped sink could be told from a late one.
    silent: Vec<Arc<dyn UnitSink>>,
}

impl Default for MemoryDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        let disk = Self { state: Arc::default() };
        disk.state.lock().feeds.store = DISKS.fetch_add(1, Ordering::Relaxed);
        disk
    }

    /// How often the disk was used since it was made.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.lock().counts
    }

    /// What is stored of `actor`, whatever faults stand and without counting as a load.
    ///
    /// # Errors
    /// As [`Store::load`](crate::Store::load).
    pub fn stored(&self, actor: &ActorId) -> Result<Option<Stored>, StoreError> {
        self.state.lock().rows.load(actor)
    }

    pub(super) fn open(&self) -> Result<Incarnation, StoreError> {
        let mut state = self.state.lock();
        if let Some(rest) = state.plans.failing_opens.checked_sub(1) {
            state.plans.failing_opens = rest;
            return Err(unavailable("a fault of the test"));
        }
        state.failure = None;
        state.counts.opens += 1;
        Ok(state.fences.open())
    }

    pub(super) fn number(&self) -> Incarnation {
        self.state.lock().fences.number()
    }

    /// Lets `incarnation` read and commit beside others; `is_open` where this engine is open as it
    /// already.
    pub(super) fn join(&self, incarnation: Incarnation, is_open: bool) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if is_open && state.fences.refusal(incarnation).is_none() {
            state.failure = None;
            return Ok(());
        }
        if let Some(rest) = state.plans.failing_opens.checked_sub(1) {
            state.plans.failing_opens = rest;
            return Err(unavailable("a fault of the test"));
        }
        state.fences.join(incarnation).map_err(|reason| unavailable(&reason))?;
        state.failure = None;
        state.counts.opens += 1;
        Ok(())
    }

    pub(super) fn fence(&self, incarnation: Incarnation) {
        let mut state = self.state.lock();
        state.fences.fence(incarnation);
        state.feeds.take_back(incarnation);
    }

    pub(super) fn note_unit(&self, actor: &ActorId) -> Option<UnitFault> {
        let mut state = self.state.lock();
        state.counts.units += 1;
        state.plans.units.take(actor)
    }

    pub(super) fn note_load(&self, actor: &ActorId) -> Option<LoadFault> {
        let mut state = self.state.lock();
        state.counts.loads += 1;
        state.plans.loads.take(actor)
    }

    /// Reads `actor` as an engine that is open as `open` does.
    pub(super) fn read(
        &self,
        open: Option<Incarnation>,
        actor: &ActorId,
    ) -> Result<Option<Stored>, StoreError> {
        self.state.lock().readable(open)?.load(actor)
    }

    pub(super) fn walk(&self, open: Option<Incarnation>) -> Result<Gathered, StoreError> {
        Ok(self.state.lock().readable(open)?.walk())
    }

    pub(super) fn events(
        &self,
        open: Option<Incarnation>,
        actor: &ActorId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Encoded)>, StoreError> {
        self.state.lock().readable(open)?.events(actor, after, limit)
    }

    pub(super) fn due(
        &self,
        open: Option<Incarnation>,
        until_ms: u64,
        after: Option<Due>,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError> {
        Ok(self.state.lock().readable(open)?.due(until_ms, after, limit))
    }

    pub(super) fn types(&self, open: Option<Incarnation>) -> Result<Vec<Box<str>>, StoreError> {
        Ok(self.state.lock().readable(open)?.types())
    }

    pub(super) fn heads(
        &self,
        open: Option<Incarnation>,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<StoredHead>, StoreError> {
        Ok(self.state.lock().readable(open)?.heads(type_name, after, limit))
    }

    pub(super) fn read_feed(
        &self,
        open: Option<Incarnation>,
        feed: &FeedName,
        from: &FeedFrom,
        limit: usize,
    ) -> Result<FeedPage, FeedError> {
        let state = self.state.lock();
        state.readable(open)?;
        state.feeds.read(feed, |it| state.fences.is_over(it), from, limit)
    }

    pub(super) fn feeds(&self, open: Option<Incarnation>) -> Result<Vec<FeedInfo>, StoreError> {
        let state = self.state.lock();
        state.readable(open)?;
        Ok(state.feeds.list())
    }

    pub(super) fn feed_ends(
        &self,
        open: Option<Incarnation>,
        feeds: &[FeedName],
    ) -> Result<Vec<u64>, StoreError> {
        let state = self.state.lock();
        state.readable(open)?;
        Ok(feeds.iter().map(|feed| state.feeds.end(feed)).collect())
    }

    pub(super) fn trim_feed(
        &self,
        open: Option<Incarnation>,
        feed: &FeedName,
        keep: FeedKeep,
    ) -> Result<Trimmed, StoreError> {
        let mut state = self.state.lock();
        state.readable(open)?;
        Ok(state.feeds.trim(feed, keep))
    }

    pub(super) fn damage_feed(&self, feed: &FeedName) -> bool {
        self.state.lock().feeds.damage(feed)
    }

    /// An incarnation as which the disk can be read, if there ever was one.
    pub(super) fn last_incarnation(&self) -> Result<Option<Incarnation>, StoreError> {
        let state = self.state.lock();
        match &state.failure {
            Some(failure) => Err(unavailable(failure)),
            None => Ok(state.fences.reader()),
        }
    }

    /// Shows what a batch appends before it is known whether it commits. For a planted bug alone.
    pub(super) fn show_early(&self, batch: &[Waiting]) {
        let mut state = self.state.lock();
        let State { feeds, fences, .. } = &mut *state;
        let units = batch.iter().map(|waiting| &*waiting.unit);
        units
            .filter(|it| !fences.is_over(it.token.incarnation))
            .for_each(|it| feeds.show_early(it));
    }

    /// Stores a batch and says what became of each unit, in order.
    pub(super) fn apply(&self, batch: &[Waiting]) -> Vec<UnitOutcome> {
        let mut state = self.state.lock();
        state.counts.batches += 1;
        batch.iter().for_each(|it| state.feeds.take_back(it.unit.token.incarnation));
        let failing = state.plans.failing_batch.take();
        if failing == Some(false) {
            state.failure = Some("the batch could not be written".into());
        }
        let mut outcomes: Vec<_> = batch.iter().map(|waiting| state.apply_one(waiting)).collect();
        if failing == Some(true) {
            state.failure = Some("the batch could not be synced".into());
            outcomes.fill(fenced("the batch could not be synced"));
        }
        // The engine has no other clock.
        let now_ms = batch.iter().map(|waiting| waiting.unit.written_at_ms).max();
        state.rows.forget(now_ms.unwrap_or(0));
        outcomes
    }

    pub(super) fn batch_delay(&self) -> Option<Duration> {
        self.state.lock().plans.batch_delay
    }

    pub(super) fn open_delay(&self) -> Option<Duration> {
        self.state.lock().plans.open_delay
    }

    pub(super) fn plan(&self, change: impl FnOnce(&mut Plans)) {
        change(&mut self.state.lock().plans);
    }

    pub(super) fn fail(&self, reason: &str) {
        self.state.lock().failure = Some(reason.into());
    }

    pub(super) fn damage(&self, actor: &ActorId, key: Option<&RowKey>, at: usize) -> bool {
        self.state.lock().rows.damage(actor, key, at)
    }

    pub(super) fn keep_silent(&self, sink: Arc<dyn UnitSink>) {
        self.state.lock().silent.push(sink);
    }
}

impl State {
    /// Why `incarnation` can neither load nor commit, if so.
    fn refusal(&self, incarnation: Incarnation) -> Option<Box<str>> {
        if let Some(failure) = &self.failure {
            return Some(failure.clone());
        }
        self.fences.refusal(incarnation)
    }

    fn apply_one(&mut self, waiting: &Waiting) -> UnitOutcome {
        let unit = &*waiting.unit;
        if let Some(reason) = self.refusal(unit.token.incarnation) {
            return UnitOutcome::Fenced { reason };
        }
        if waiting.fault.as_ref().is_some_and(UnitFault::is_absent) {
            return UnitOutcome::Unknown { reason: "a fault of the test".into() };
        }
        let (version, token) = match self.rows.version(&unit.actor) {
            Ok(head) => head,
            Err(error) => return error.unit_outcome(),
        };
        if version != unit.expected && !Planted::VersionCheck.is_planted() {
            self.counts.conflicts += 1;
            return UnitOutcome::Conflict { version, token };
        }
        if let Err(refusal) = self.feeds.check(unit) {
            return refusal;
        }
        if let Err(error) = self.rows.apply(unit) {
            return error.unit_outcome();
        }
        self.feeds.append(unit);
        self.counts.commits += 1;
        UnitOutcome::Committed
    }

    /// The rows, for an engine that is open as `open`.
    fn readable(&self, open: Option<Incarnation>) -> Result<&Rows, StoreError> {
        let incarnation = open.ok_or_else(|| unavailable("the store is closed"))?;
        match self.refusal(incarnation) {
            Some(reason) => Err(unavailable(&reason)),
            None => Ok(&self.rows),
        }
    }
}

fn unavailable(detail: &str) -> StoreError {
    StoreError::Unavailable { detail: detail.into() }
}
