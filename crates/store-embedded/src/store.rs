use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tenure_store::{
    Due, Encoded, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, Store, StoreError, Stored,
    StoredHead, Trimmed, Unit, UnitSink, Walk,
};
use tenure_types::{ActorId, BoxFuture, FeedName, Incarnation, Key};

use crate::EmbeddedConfig;
use crate::answer::{self, Answer};
use crate::commit::{Errand, WaitingTrim};
use crate::load::{Reader, Request};
use crate::open::journal_bytes;
use crate::seat::{Handle, unavailable};

/// A store in one folder of a local disk.
///
/// Nothing is opened before [`Store::open`], [`Store::join`] or [`EmbeddedStore::host`]. Dropped without
/// [`Store::close`] it stops as if the process had crashed, except that its threads end first.
///
/// # Several incarnations
/// One process has the folder, and in it [`EmbeddedStore::share`] makes further stores over the same
/// open folder: each joins as an incarnation of its own, and is closed for itself. The folder is let go
/// of when the last one is closed. Whoever opens the store alone ends all that have joined. What has
/// joined lives as long as this process has the folder open, and through a failure of its disk: when
/// the folder is opened again, everything that was ever seen is fenced.
pub struct EmbeddedStore {
    handle: Arc<Handle>,
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
        Self { handle: Arc::new(Handle::new(config)) }
    }

    /// Another store over the same folder, which is not open yet.
    #[must_use]
    pub fn share(&self) -> Self {
        Self { handle: Arc::new(self.handle.share()) }
    }

    /// Opens the folder for incarnations that join through [`EmbeddedStore::share`], keeps it open until
    /// this one is closed, and gives the highest incarnation that was ever handed out, has joined or was
    /// fenced: whoever hands out numbers begins above it. This one itself reads and commits nothing.
    ///
    /// # Errors
    /// As [`Store::join`].
    pub fn host(&self) -> BoxFuture<'static, Result<Incarnation, StoreError>> {
        self.control(Handle::host)
    }

    /// The space that journals take on the disk, in bytes: what the next start reads. It stays near
    /// the length of two journals, 128 MiB; when it grows beyond
    /// [`EmbeddedConfig::journal_bytes_max`], tables are not being written.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the folder cannot be listed, which is also so before the first
    /// `open`.
    pub fn journal_bytes(&self) -> Result<u64, StoreError> {
        journal_bytes(self.handle.config())
    }

    /// Reads the tree as it is.
    #[cfg(test)]
    pub(crate) fn view<T>(
        &self,
        read: impl FnOnce(&crate::view::View) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.handle.serving()?.view(read)
    }

    /// Sends a request to the pool.
    fn queue<T: Send + 'static>(
        &self,
        request: impl FnOnce(Reader<T>) -> Request,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let queued = self.handle.serving().and_then(|serving| {
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
        work: impl FnOnce(&Handle) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let handle = Arc::clone(&self.handle);
        let (answerer, answer) = answer::channel();
        let thread = std::thread::Builder::new().name("tenure-store".to_owned());
        let spawned = thread.spawn(move || answerer.answer(work(&handle)));
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
        self.control(Handle::open)
    }

    fn join(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        self.control(move |handle| handle.join(incarnation))
    }

    /// It reads journals as a start does, into memory: what is in the tree's files may be arranged
    /// anew, and says the same. Where the folder is open in this process already it is read beside.
    fn open_to_read(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.control(Handle::open_to_read)
    }

    fn fence(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        self.control(move |handle| handle.fence(incarnation))
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
        match self.handle.serving() {
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

    fn feed_ends(&self, feeds: &[FeedName]) -> BoxFuture<'static, Result<Vec<u64>, StoreError>> {
        let feeds = feeds.to_vec();
        self.queue(|answer| Request::FeedEnds { feeds, answer })
    }

    /// The pool finds out what goes, so that the committing thread reads nothing.
    fn trim_feed(
        &self,
        feed: &FeedName,
        keep: FeedKeep,
    ) -> BoxFuture<'static, Result<Trimmed, StoreError>> {
        let feed = feed.clone();
        let serving = self.handle.serving();
        let planned = self.queue(|answer| Request::PlanTrim { feed, keep, answer });
        Box::pin(async move {
            let serving = serving?;
            let Some(plan) = planned.await? else { return Ok(Trimmed::default()) };
            let (answer, trimmed) = answer::channel();
            if !serving.queue.push_errand(Errand::Trim(WaitingTrim { plan, answer })) {
                return Err(match serving.queue.refusal() {
                    Some(_) => serving.unavailable(),
                    None => unavailable("too much waits for the committing thread"),
                });
            }
            trimmed.await.unwrap_or_else(|| Err(serving.unavailable()))
        })
    }

    fn submit(&self, unit: Arc<Unit>, sink: Arc<dyn UnitSink>) {
        let token = unit.token;
        if let Err((sink, outcome)) = self.handle.accept(unit, sink) {
            sink.settled(token, outcome);
        }
    }

    fn back_up(&self, mut out: Box<dyn Write + Send>) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.control(move |handle| {
            let serving = handle.serving()?;
            Ok(serving.back_up(&mut out)?.bytes)
        })
    }

    fn walk(&self) -> BoxFuture<'_, Result<Box<dyn Walk>, StoreError>> {
        self.control(move |handle| Ok(Box::new(handle.serving()?.walk()?) as Box<dyn Walk>))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.control(Handle::close)
    }
}
