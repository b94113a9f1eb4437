use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tenure_store::{
    Due, Encoded, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, Store, StoreError, Stored,
    StoredHead, Trimmed, Unit, UnitOutcome, UnitSink,
};
use tenure_types::{ActorId, BoxFuture, FeedName, Incarnation, Key};

use crate::EmbeddedConfig;
use crate::answer::{self, Answer};
use crate::commit::{End, Refusal, WaitingTrim};
use crate::failure::Fault;
use crate::load::{Reader, Request};
use crate::open::{Running, journal_bytes, open, open_to_read};
use crate::serving::Serving;

/// A store in one folder of a local disk.
///
/// Nothing is opened before [`Store::open`]. Dropped without [`Store::close`] it stops as if the
/// process had crashed, except that its threads end first.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
}

struct Shared {
    config: EmbeddedConfig,
    /// Held while the engine is opened, fenced or closed, on a thread made for it.
    control: Mutex<Control>,
    serving: RwLock<Option<Arc<Serving>>>,
}

#[derive(Default)]
struct Control {
    running: Option<Running>,
    /// What ended the last incarnation, if it failed and none was opened since.
    failure: Option<Fault>,
}

impl EmbeddedStore {
    /// A store in the folder `path`, with the defaults of [`EmbeddedConfig`].
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self::with_config(EmbeddedConfig::new(path.as_ref()))
    }

    /// A store as `config` says.
    #[must_use]
    pub fn with_config(config: EmbeddedConfig) -> Self {
        let (control, serving) = (Mutex::default(), RwLock::new(None));
        Self { shared: Arc::new(Shared { config, control, serving }) }
    }

    /// The space that journals take on the disk, in bytes: what the next start reads. It stays near
    /// the length of two journals, 128 MiB; when it grows beyond
    /// [`EmbeddedConfig::journal_bytes_max`], tables are not being written.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the folder cannot be listed, which is also so before the first
    /// `open`.
    pub fn journal_bytes(&self) -> Result<u64, StoreError> {
        journal_bytes(&self.shared.config)
    }

    /// Reads the tree as it is.
    #[cfg(test)]
    pub(crate) fn view<T>(
        &self,
        read: impl FnOnce(&crate::view::View) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.shared.serving()?.view(read)
    }

    /// Sends a request to the pool.
    fn queue<T: Send + 'static>(
        &self,
        request: impl FnOnce(Reader<T>) -> Request,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let queued = self.shared.serving().and_then(|serving| {
            let (answerer, answer) = answer::channel();
            match serving.loads.push(request(answerer)) {
                Ok(()) => Ok((serving, answer)),
                Err(_) if serving.queue.refusal().is_some() => Err(serving.unavailable()),
                Err(_) => Err(unavailable("too many loads wait for the disk")),
            }
        });
        Box::pin(async move {
            let (serving, answer): (_, Answer<_>) = queued?;
            answer.await.unwrap_or_else(|| Err(serving.unavailable()))
        })
    }

    /// Runs `work`, which waits for threads and the disk, on a thread of its own.
    fn control<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let shared = Arc::clone(&self.shared);
        let (answerer, answer) = answer::channel();
        let thread = std::thread::Builder::new().name("tenure-store".to_owned());
        let spawned = thread.spawn(move || answerer.answer(work(&shared)));
        let spawned = spawned.map(drop).map_err(|error| StoreError::Io {
            doing: "starting the thread tenure-store".into(),
            detail: error.to_string().into(),
        });
        Box::pin(async move {
            spawned?;
            answer.await.unwrap_or_else(|| {
                Err(StoreError::Unavailable { detail: "the engine's thread panicked".into() })
            })
        })
    }
}

impl Store for EmbeddedStore {
    fn name(&self) -> &'static str {
        "embedded"
    }

    fn open(&self) -> BoxFuture<'_, Result<Incarnation, StoreError>> {
        self.control(Shared::open)
    }

    /// It reads journals as a start does, into memory: what is in the tree's files may be arranged
    /// anew, and says the same.
    fn open_to_read(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.control(Shared::open_to_read)
    }

    fn fence(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        self.control(move |shared| shared.fence(incarnation))
    }

    fn load(&self, actor: &ActorId) -> BoxFuture<'static, Result<Option<Stored>, StoreError>> {
        if let Some(loaded) = self.load_now(actor) {
            return Box::pin(std::future::ready(loaded));
        }
        self.queue(|answer| Request::Actor { actor: actor.clone(), answer })
    }

    /// A row that is in memory, as most are, is read in 2 to 4 us, while the pool answers one
    /// caller after about 40 us, because two threads are woken, and spends nearly twice the
    /// processor time on each load of 64 callers. [`Store::load`] tries this way first, too.
    fn load_now(&self, actor: &ActorId) -> Option<Result<Option<Stored>, StoreError>> {
        match self.shared.serving() {
            Ok(serving) => serving.read_now(actor),
            Err(error) => Some(Err(error)),
        }
    }

    fn events(
        &self,
        actor: &ActorId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(u64, Encoded)>, StoreError>> {
        self.queue(|answer| Request::Events { actor: actor.clone(), after, limit, answer })
    }

    fn due(
        &self,
        until_ms: u64,
        after: Option<Due>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Due>, StoreError>> {
        self.queue(|answer| Request::Due { until_ms, after, limit, answer })
    }

    fn types(&self) -> BoxFuture<'static, Result<Vec<Box<str>>, StoreError>> {
        self.queue(|answer| Request::Types { answer })
    }

    fn heads(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<StoredHead>, StoreError>> {
        let (type_name, after) = (type_name.into(), after.cloned());
        self.queue(|answer| Request::Heads { type_name, after, limit, answer })
    }

    fn read_feed(
        &self,
        feed: &FeedName,
        from: FeedFrom,
        limit: usize,
    ) -> BoxFuture<'static, Result<FeedPage, FeedError>> {
        let feed = feed.clone();
        let page = self.queue(|answer| Request::Feed { feed, from, limit, answer });
        Box::pin(async move { page.await? })
    }

    fn feeds(&self) -> BoxFuture<'static, Result<Vec<FeedInfo>, StoreError>> {
        self.queue(|answer| Request::Feeds { answer })
    }

    /// The pool finds out what goes, so that the committing thread reads nothing.
    fn trim_feed(
        &self,
        feed: &FeedName,
        keep: FeedKeep,
    ) -> BoxFuture<'static, Result<Trimmed, StoreError>> {
        let feed = feed.clone();
        let serving = self.shared.serving();
        let planned = self.queue(|answer| Request::PlanTrim { feed, keep, answer });
        Box::pin(async move {
            let serving = serving?;
            let Some(plan) = planned.await? else { return Ok(Trimmed::default()) };
            let (answer, trimmed) = answer::channel();
            if !serving.queue.push_trim(WaitingTrim { plan, answer }) {
                return Err(match serving.queue.refusal() {
                    Some(_) => serving.unavailable(),
                    None => unavailable("too many trims wait"),
                });
            }
            trimmed.await.unwrap_or_else(|| Err(serving.unavailable()))
        })
    }

    fn submit(&self, unit: Arc<Unit>, sink: Arc<dyn UnitSink>) {
        let token = unit.token;
        if let Err((sink, outcome)) = self.shared.accept(unit, sink) {
            sink.settled(token, outcome);
        }
    }

    fn back_up(&self, mut out: Box<dyn Write + Send>) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.control(move |shared| {
            let serving = shared.serving()?;
            Ok(serving.back_up(&mut out)?.bytes)
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.control(Shared::close)
    }
}

impl Control {
    /// Ends the incarnation that runs, if one does.
    fn end(&mut self, refusal: Refusal) -> Result<(), StoreError> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let ended = running.end(refusal);
        self.failure = match ended {
            Ok(End::Orderly | End::Fenced) => None,
            Ok(End::Failed(fault)) => Some(fault),
            // A thread that does not end may still fail.
            Err(_) => Some(Fault::System),
        };
        ended.map(drop)
    }
}

impl Shared {
    fn open(&self) -> Result<Incarnation, StoreError> {
        let mut control = self.control.lock();
        control.end(Refusal::Fenced("the store was opened again".into()))?;
        let opened = open(&self.config, control.failure).inspect_err(|error| {
            if matches!(error, StoreError::Io { .. }) {
                control.failure.get_or_insert(Fault::System);
            }
        })?;
        let incarnation = opened.serving.incarnation;
        *self.serving.write() = Some(Arc::clone(&opened.serving));
        *control = Control { running: Some(opened), failure: None };
        Ok(incarnation)
    }

    fn open_to_read(&self) -> Result<bool, StoreError> {
        let mut control = self.control.lock();
        control.end(Refusal::Fenced("the store was opened to be read".into()))?;
        let opened = open_to_read(&self.config)?;
        *self.serving.write() = opened.as_ref().map(|opened| Arc::clone(&opened.serving));
        control.running = opened;
        Ok(control.running.is_some())
    }

    fn fence(&self, incarnation: Incarnation) -> Result<(), StoreError> {
        let mut control = self.control.lock();
        let current = control.running.as_ref().map(|running| running.serving.incarnation);
        match current {
            None => Err(unavailable("it is not open")),
            Some(current) if incarnation < current => Ok(()),
            Some(current) if incarnation > current => {
                Err(unavailable(&format!("incarnation {incarnation} was not handed out yet")))
            }
            Some(_) => {
                control.end(Refusal::Fenced(format!("incarnation {incarnation} was fenced").into()))
            }
        }
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut control = self.control.lock();
        control.end(Refusal::Closing)?;
        match control.failure {
            Some(_) => Err(unavailable("it had failed, so its stop is not marked as orderly")),
            None => Ok(()),
        }
    }

    fn serving(&self) -> Result<Arc<Serving>, StoreError> {
        self.serving.read().clone().ok_or_else(|| unavailable("it is not open"))
    }

    fn accept(
        &self,
        unit: Arc<Unit>,
        sink: Arc<dyn UnitSink>,
    ) -> Result<(), (Arc<dyn UnitSink>, UnitOutcome)> {
        if let Err(refusal) = unit.check() {
            return Err((sink, refusal));
        }
        match self.serving.read().as_ref() {
            Some(serving) => serving.queue.push(unit, sink),
            None => Err((sink, UnitOutcome::Fenced { reason: "the store is not open".into() })),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(running) = self.control.get_mut().running.take() {
            running.abandon(Refusal::Fenced("the store was dropped".into()));
        }
    }
}

fn unavailable(detail: &str) -> StoreError {
    StoreError::Unavailable { detail: detail.into() }
}
