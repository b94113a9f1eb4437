use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tenure_store::{
    Due, Encoded, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, Store, StoreError, Stored,
    StoredHead, Trimmed, Unit, UnitOutcome, UnitSink,
};
use tenure_types::{ActorId, BoxFuture, FeedName, Incarnation, Key, Token};

use crate::trace::Happening;
use crate::world::World;

/// A store that writes what it is asked into the trace, and checks that the runtime asks only what
/// the contract allows: one unit of an actor in flight, an unknown one resolved by submitting it
/// again and by nothing else, and no load meanwhile.
pub struct Watched {
    inner: Arc<dyn Store>,
    watch: Arc<Watch>,
}

/// What was seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreWatch {
    /// Loads that are not answered.
    pub loads_in_flight: usize,
    /// The most loads that were in flight at once.
    pub loads_in_flight_max: usize,
    /// Units that are not resolved.
    pub units_open: usize,
    /// Units that were submitted again.
    pub resubmitted: u64,
}

struct Watch {
    world: Arc<World>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    counts: StoreWatch,
    open: BTreeMap<ActorId, Flight>,
}

struct Flight {
    unit: Arc<Unit>,
    unknown: bool,
}

impl Watched {
    pub(crate) fn new(inner: Arc<dyn Store>, world: Arc<World>) -> Self {
        Self { inner, watch: Arc::new(Watch { world, seen: Mutex::default() }) }
    }

    /// What was seen so far.
    #[must_use]
    pub fn seen(&self) -> StoreWatch {
        let seen = self.watch.seen.lock();
        StoreWatch { units_open: seen.open.len(), ..seen.counts }
    }
}

impl Store for Watched {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn open(&self) -> BoxFuture<'_, Result<Incarnation, StoreError>> {
        Box::pin(async move {
            let opened = self.inner.open().await;
            let number = opened.as_ref().map_or(0, |incarnation| incarnation.0);
            self.watch.record("open", None, number);
            opened
        })
    }

    fn join(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        self.watch.record("join", None, incarnation.0);
        self.inner.join(incarnation)
    }

    fn open_to_read(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.watch.record("open_to_read", None, 0);
        self.inner.open_to_read()
    }

    fn fence(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        self.watch.record("fence", None, incarnation.0);
        self.inner.fence(incarnation)
    }

    fn load(&self, actor: &ActorId) -> BoxFuture<'static, Result<Option<Stored>, StoreError>> {
        let load = self.inner.load(actor);
        let loading = self.watch.begin_load(actor);
        let actor = actor.clone();
        Box::pin(async move {
            let loaded = load.await;
            let version = loaded.iter().flatten().map(|stored| stored.version.0).next();
            loading.0.record("loaded", Some(&actor), version.unwrap_or(0));
            loaded
        })
    }

    fn events(
        &self,
        actor: &ActorId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(u64, Encoded)>, StoreError>> {
        self.watch.record("events", Some(actor), after);
        self.inner.events(actor, after, limit)
    }

    fn due(
        &self,
        until_ms: u64,
        after: Option<Due>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Due>, StoreError>> {
        self.watch.record("due", None, until_ms);
        self.inner.due(until_ms, after, limit)
    }

    fn types(&self) -> BoxFuture<'static, Result<Vec<Box<str>>, StoreError>> {
        self.inner.types()
    }

    fn heads(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<StoredHead>, StoreError>> {
        self.inner.heads(type_name, after, limit)
    }

    fn read_feed(
        &self,
        feed: &FeedName,
        from: FeedFrom,
        limit: usize,
    ) -> BoxFuture<'static, Result<FeedPage, FeedError>> {
        self.inner.read_feed(feed, from, limit)
    }

    fn feeds(&self) -> BoxFuture<'static, Result<Vec<FeedInfo>, StoreError>> {
        self.inner.feeds()
    }

    fn feed_ends(&self, feeds: &[FeedName]) -> BoxFuture<'static, Result<Vec<u64>, StoreError>> {
        self.inner.feed_ends(feeds)
    }

    fn trim_feed(
        &self,
        feed: &FeedName,
        keep: FeedKeep,
    ) -> BoxFuture<'static, Result<Trimmed, StoreError>> {
        self.inner.trim_feed(feed, keep)
    }

    fn submit(&self, unit: Arc<Unit>, sink: Arc<dyn UnitSink>) {
        self.watch.begin_unit(&unit);
        let sink = WatchedSink { sink, actor: unit.actor.clone(), watch: Arc::clone(&self.watch) };
        self.inner.submit(unit, Arc::new(sink));
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.watch.record("close", None, 0);
        self.inner.close()
    }
}

impl Watch {
    fn record(&self, operation: &'static str, actor: Option<&ActorId>, number: u64) {
        self.world.record(Happening::Store { operation, actor: actor.cloned(), number });
    }

    fn begin_load(self: &Arc<Self>, actor: &ActorId) -> Loading {
        self.record("load", Some(actor), 0);
        let mut seen = self.seen.lock();
        if seen.open.contains_key(actor) {
            self.world.violated(format!("{actor} is loaded while a unit of it is not resolved"));
        }
        let counts = &mut seen.counts;
        counts.loads_in_flight += 1;
        counts.loads_in_flight_max = counts.loads_in_flight_max.max(counts.loads_in_flight);
        Loading(Arc::clone(self))
    }

    fn begin_unit(&self, unit: &Arc<Unit>) {
        self.record("submit", Some(&unit.actor), unit.version.0);
        let mut seen = self.seen.lock();
        if unit.version <= unit.expected {
            self.world.violated(format!("a unit of {} does not move its version", unit.actor));
        }
        let flight = Flight { unit: Arc::clone(unit), unknown: false };
        let Some(before) = seen.open.insert(unit.actor.clone(), flight) else { return };
        if !before.unknown {
            self.world.violated(format!("{} has two units in flight", unit.actor));
        } else if before.unit != *unit {
            self.world.violated(format!("{}: another unit follows an unknown one", unit.actor));
        }
        seen.counts.resubmitted += 1;
    }

    fn settle(&self, actor: &ActorId, token: Token, outcome: &UnitOutcome) {
        let (name, number) = match outcome {
            UnitOutcome::Committed => ("committed", token.sequence),
            UnitOutcome::Conflict { version, .. } => ("conflict", version.0),
            UnitOutcome::TooLarge { .. } => ("too large", token.sequence),
            UnitOutcome::Invalid { .. } => ("invalid", token.sequence),
            UnitOutcome::Corrupt { .. } => ("corrupt", token.sequence),
            UnitOutcome::Unknown { .. } => ("unknown", token.sequence),
            UnitOutcome::Fenced { .. } => ("fenced", token.sequence),
        };
        self.record(name, Some(actor), number);
        let mut seen = self.seen.lock();
        let Some(flight) = seen.open.get_mut(actor).filter(|it| it.unit.token == token) else {
            return;
        };
        flight.unknown = true;
        if !matches!(outcome, UnitOutcome::Unknown { .. }) {
            seen.open.remove(actor);
        }
    }
}

/// A load in flight, until it is dropped.
struct Loading(Arc<Watch>);

impl Drop for Loading {
    fn drop(&mut self) {
        self.0.seen.lock().counts.loads_in_flight -= 1;
    }
}

struct WatchedSink {
    sink: Arc<dyn UnitSink>,
    actor: ActorId,
    watch: Arc<Watch>,
}

impl UnitSink for WatchedSink {
    fn settled(self: Arc<Self>, token: Token, outcome: UnitOutcome) {
        self.watch.settle(&self.actor, token, &outcome);
        Arc::clone(&self.sink).settled(token, outcome);
    }
}
