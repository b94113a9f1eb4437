//! An engine with one thing changed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use tenure_store::{
    Due, Encoded, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, Store, StoreError, Stored,
    StoredHead, Trimmed, Unit, UnitOutcome, UnitSink,
};
use tenure_store_embedded::EmbeddedStore;
use tenure_store_postgres::{PostgresConfig, PostgresStore};
use tenure_types::{ActorId, BoxFuture, FeedName, Incarnation, Key, Token};

use crate::database::STORE_VARIABLE;

/// How long after its answer a unit goes to the engine, where answers come early.
const EARLY: Duration = Duration::from_millis(20);
/// Of so many units one is forgotten.
const FORGET_EVERY: u64 = 50;
const WAITING_UNITS_MAX: usize = 65_536;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It says "committed" before it has committed.
    EarlyReply,
    /// It answers so much later.
    Slow(Duration),
    /// It knows of no reminder that is due.
    NothingDue,
    /// Of some units it says "committed", and forgets them.
    Forgetful,
}

struct Changed {
    engine: Arc<dyn Store>,
    way: Way,
}

enum Way {
    Straight {
        knows_due: bool,
    },
    Early(SyncSender<(Arc<Unit>, Arc<dyn UnitSink>)>),
    Slow(Sender<Answer>, Duration),
    /// Counts the units.
    Forgetful(AtomicU64),
}

/// An answer that waits for its time.
struct Answer {
    at: Instant,
    token: Token,
    outcome: UnitOutcome,
    sink: Arc<dyn UnitSink>,
}

/// Hears the engine in the stead of who waits.
struct Late {
    answers: Sender<Answer>,
    delay: Duration,
    sink: Arc<dyn UnitSink>,
}

/// Hears what nobody waits for any more.
struct Nobody;

/// The engine that a server has, in `folder` or the database that [`STORE_VARIABLE`] names, with a
/// change.
///
/// # Errors
/// When the variable cannot be read.
pub fn open(folder: &Path, change: Change) -> anyhow::Result<Arc<dyn Store>> {
    let engine: Arc<dyn Store> = match std::env::var(STORE_VARIABLE) {
        Ok(url) => Arc::new(PostgresStore::new(url.parse::<PostgresConfig>()?)),
        Err(_) => Arc::new(EmbeddedStore::new(folder)),
    };
    let way = match change {
        Change::None => Way::Straight { knows_due: true },
        Change::NothingDue => Way::Straight { knows_due: false },
        Change::Forgetful => Way::Forgetful(AtomicU64::new(0)),
        Change::EarlyReply => {
            let (submitted, units) = sync_channel(WAITING_UNITS_MAX);
            let (late, due_units) = sync_channel(WAITING_UNITS_MAX);
            std::thread::spawn(move || answer(&units, &late));
            let behind = Arc::clone(&engine);
            std::thread::spawn(move || pass_on(&*behind, &due_units));
            Way::Early(submitted)
        }
        Change::Slow(delay) => {
            // Bounded by the units in flight, of which each actor has one.
            let (answers, waiting) = channel();
            std::thread::spawn(move || give_late(&waiting));
            Way::Slow(answers, delay)
        }
    };
    Ok(Arc::new(Changed { engine, way }))
}

/// Answers each unit at once.
fn answer(
    units: &Receiver<(Arc<Unit>, Arc<dyn UnitSink>)>,
    late: &SyncSender<(Instant, Arc<Unit>)>,
) {
    for (unit, sink) in units {
        let token = unit.token;
        if late.send((Instant::now() + EARLY, unit)).is_err() {
            return;
        }
        sink.settled(token, UnitOutcome::Committed);
    }
}

/// Submits each unit when its time has come, in the order in which they were answered.
fn pass_on(engine: &dyn Store, units: &Receiver<(Instant, Arc<Unit>)>) {
    for (due, unit) in units {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        engine.submit(unit, Arc::new(Nobody));
    }
}

/// Gives each answer when its time has come; all of them wait equally long.
fn give_late(answers: &Receiver<Answer>) {
    for Answer { at, token, outcome, sink } in answers {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        sink.settled(token, outcome);
    }
}

impl Store for Changed {
    fn name(&self) -> &'static str {
        "changed"
    }

    fn open(&self) -> BoxFuture<'_, Result<Incarnation, StoreError>> {
        self.engine.open()
    }

    fn open_to_read(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.engine.open_to_read()
    }

    fn fence(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        self.engine.fence(incarnation)
    }

    fn load(&self, actor: &ActorId) -> BoxFuture<'static, Result<Option<Stored>, StoreError>> {
        self.engine.load(actor)
    }

    fn events(
        &self,
        actor: &ActorId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(u64, Encoded)>, StoreError>> {
        self.engine.events(actor, after, limit)
    }

    fn due(
        &self,
        until_ms: u64,
        after: Option<Due>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Due>, StoreError>> {
        if matches!(self.way, Way::Straight { knows_due: false }) {
            return Box::pin(async { Ok(Vec::new()) });
        }
        self.engine.due(until_ms, after, limit)
    }

    fn types(&self) -> BoxFuture<'static, Result<Vec<Box<str>>, StoreError>> {
        self.engine.types()
    }

    fn heads(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<StoredHead>, StoreError>> {
        self.engine.heads(type_name, after, limit)
    }

    fn read_feed(
        &self,
        feed: &FeedName,
        from: FeedFrom,
        limit: usize,
    ) -> BoxFuture<'static, Result<FeedPage, FeedError>> {
        self.engine.read_feed(feed, from, limit)
    }

    fn feeds(&self) -> BoxFuture<'static, Result<Vec<FeedInfo>, StoreError>> {
        self.engine.feeds()
    }

    fn feed_ends(&self, feeds: &[FeedName]) -> BoxFuture<'static, Result<Vec<u64>, StoreError>> {
        self.engine.feed_ends(feeds)
    }

    fn trim_feed(
        &self,
        feed: &FeedName,
        keep: FeedKeep,
    ) -> BoxFuture<'static, Result<Trimmed, StoreError>> {
        self.engine.trim_feed(feed, keep)
    }

    fn submit(&self, unit: Arc<Unit>, sink: Arc<dyn UnitSink>) {
        match &self.way {
            Way::Straight { .. } => self.engine.submit(unit, sink),
            // The receiver is gone only where its thread panicked.
            Way::Early(submitted) => drop(submitted.send((unit, sink))),
            Way::Forgetful(count) => {
                if count.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == 0 {
                    sink.settled(unit.token, UnitOutcome::Committed);
                } else {
                    self.engine.submit(unit, sink);
                }
            }
            &Way::Slow(ref answers, delay) => {
                let answers = answers.clone();
                self.engine.submit(unit, Arc::new(Late { answers, delay, sink }));
            }
        }
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.engine.close()
    }
}

impl UnitSink for Late {
    fn settled(self: Arc<Self>, token: Token, outcome: UnitOutcome) {
        let (at, sink) = (Instant::now() + self.delay, Arc::clone(&self.sink));
        // The receiver is gone only where its thread panicked.
        drop(self.answers.send(Answer { at, token, outcome, sink }));
    }
}

impl UnitSink for Nobody {
    fn settled(self: Arc<Self>, _: Token, _: UnitOutcome) {}
}
