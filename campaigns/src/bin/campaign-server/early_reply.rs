//! A store that says "committed" before it has committed.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tenure_store::{Store, StoreError, Stored, Unit, UnitOutcome, UnitSink};
use tenure_store_embedded::EmbeddedStore;
use tenure_types::{ActorId, BoxFuture, Incarnation, Token};

/// How long after its answer a unit goes to the engine.
const DELAY: Duration = Duration::from_millis(20);
const WAITING_UNITS_MAX: usize = 65_536;

struct EarlyReply {
    engine: Arc<EmbeddedStore>,
    submitted: SyncSender<(Arc<Unit>, Arc<dyn UnitSink>)>,
}

/// Hears what nobody waits for any more.
struct Nobody;

/// The embedded engine in `folder`, behind a delay.
pub(crate) fn store(folder: &Path) -> Arc<dyn Store> {
    let engine = Arc::new(EmbeddedStore::new(folder));
    let (submitted, units) = sync_channel(WAITING_UNITS_MAX);
    let (late, due_units) = sync_channel(WAITING_UNITS_MAX);
    std::thread::spawn(move || answer(&units, &late));
    let behind = Arc::clone(&engine);
    std::thread::spawn(move || pass_on(&behind, &due_units));
    Arc::new(EarlyReply { engine, submitted })
}

/// Answers each unit at once.
fn answer(
    units: &Receiver<(Arc<Unit>, Arc<dyn UnitSink>)>,
    late: &SyncSender<(Instant, Arc<Unit>)>,
) {
    for (unit, sink) in units {
        let token = unit.token;
        if late.send((Instant::now() + DELAY, unit)).is_err() {
            return;
        }
        sink.settled(token, UnitOutcome::Committed);
    }
}

/// Submits each unit when its time has come, in the order in which they were answered.
fn pass_on(engine: &EmbeddedStore, units: &Receiver<(Instant, Arc<Unit>)>) {
    for (due, unit) in units {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        engine.submit(unit, Arc::new(Nobody));
    }
}

impl Store for EarlyReply {
    fn name(&self) -> &'static str {
        "early-reply"
    }

    fn open(&self) -> BoxFuture<'_, Result<Incarnation, StoreError>> {
        self.engine.open()
    }

    fn fence(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        self.engine.fence(incarnation)
    }

    fn load(&self, actor: &ActorId) -> BoxFuture<'static, Result<Option<Stored>, StoreError>> {
        self.engine.load(actor)
    }

    fn submit(&self, unit: Arc<Unit>, sink: Arc<dyn UnitSink>) {
        // The receiver is gone only where its thread panicked.
        let _ = self.submitted.send((unit, sink));
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.engine.close()
    }
}

impl UnitSink for Nobody {
    fn settled(self: Arc<Self>, _: Token, _: UnitOutcome) {}
}
