use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tenure_store::{
    Due, Encoded, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, Store, StoreError, Stored,
    StoredHead, Trimmed, Unit, UnitOutcome, UnitSink, Walk,
};
use tenure_types::{ActorId, BoxFuture, FeedName, Incarnation, Key, NodeId};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::batch::Right;
use crate::engine::Engine;
use crate::failure::unavailable;
use crate::lane::Lane;
use crate::link::Link;
use crate::queue::Refusal;
use crate::serving::Serving;
use crate::walk::TableWalk;
use crate::{PostgresConfig, feeds, fence, loads, reads, sql, sweep};

/// How long a close, or an opening after it, waits for batches that are under way.
const LANDING_MAX: Duration = Duration::from_secs(15);

/// A store in a PostgreSQL database.
///
/// Nothing is connected before [`Store::open`]. What happens between a node and its database is on a
/// thread of the engine. Dropped without [`Store::close`] it stops as if the process had crashed.
pub struct PostgresStore {
    shared: Arc<Shared>,
    engine: Engine,
}

struct Shared {
    config: Arc<PostgresConfig>,
    /// Whose permit is held while the store is opened, fenced or closed.
    gate: Semaphore,
    control: Mutex<Control>,
    serving: RwLock<Option<Arc<Serving>>>,
    /// How the store's tables know this engine.
    holder: String,
    /// What the holders of all runs of its node begin with, where runs of a node fence those before.
    node: Option<String>,
    /// What it was given last, until it closes that.
    last: Mutex<Option<Incarnation>>,
}

#[derive(Default)]
struct Control {
    lanes: JoinSet<()>,
    others: JoinSet<()>,
}

impl PostgresStore {
    /// A store where `config` says.
    #[must_use]
    pub fn new(config: PostgresConfig) -> Self {
        Self::held(config, None)
    }

    /// The same for a run of this node of a cluster without a member table, where nobody else fences the runs before: by
    /// [`Store::join`] it fences them, as far as they joined as this node too.
    #[must_use]
    pub fn of_node(config: PostgresConfig, cluster: &str, node: &NodeId) -> Self {
        // As a name in a statement it has no quotes.
        let cluster = cluster.replace('\'', "");
        Self::held(config, Some(format!("node {cluster}/{node}, ")))
    }

    fn held(config: PostgresConfig, node: Option<String>) -> Self {
        let (gate, control) = (Semaphore::new(1), Mutex::default());
        let holder = format!("{}{}", node.as_deref().unwrap_or_default(), fence::new_holder());
        let (serving, last, config) = (RwLock::default(), Mutex::default(), Arc::new(config));
        let shared = Shared { config, gate, control, serving, holder, node, last };
        Self { shared: Arc::new(shared), engine: Engine::new() }
    }

    /// Runs a read of the store that is open.
    fn read<T: Send + 'static, F>(
        &self,
        read: impl FnOnce(Arc<Serving>) -> F,
    ) -> BoxFuture<'static, Result<T, StoreError>>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        match self.shared.serving() {
            Ok(serving) => self.engine.run(read(serving)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

impl Store for PostgresStore {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn open(&self) -> BoxFuture<'_, Result<Incarnation, StoreError>> {
        let shared = Arc::clone(&self.shared);
        self.engine.run(async move { shared.open().await })
    }

    fn next_incarnation(&self) -> BoxFuture<'_, Result<Incarnation, StoreError>> {
        let shared = Arc::clone(&self.shared);
        self.engine.run(async move { fence::number(&shared.config).await })
    }

    fn join(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        let shared = Arc::clone(&self.shared);
        self.engine.run(async move { shared.join(incarnation).await })
    }

    fn open_to_read(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        let shared = Arc::clone(&self.shared);
        self.engine.run(async move { shared.open_to_read().await })
    }

    fn fence(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        let shared = Arc::clone(&self.shared);
        self.engine.run(async move { shared.fence(incarnation).await })
    }

    fn superseded(&self) -> Option<BoxFuture<'static, Box<str>>> {
        let serving = self.shared.serving().ok().filter(|it| !it.is_reading)?;
        Some(Box::pin(async move { serving.queue.fenced().await }))
    }

    fn load(&self, actor: &ActorId) -> BoxFuture<'static, Result<Option<Stored>, StoreError>> {
        let queued = self.shared.serving().and_then(|it| it.loads.push(actor.clone()));
        Box::pin(async move {
            queued?.await.unwrap_or_else(|_| Err(unavailable("the store was closed meanwhile")))
        })
    }

    fn events(
        &self,
        actor: &ActorId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(u64, Encoded)>, StoreError>> {
        let actor = actor.clone();
        self.read(|it| async move { reads::events(&it.reads, &actor, after, limit).await })
    }

    fn due(
        &self,
        until_ms: u64,
        after: Option<Due>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Due>, StoreError>> {
        self.read(move |it| async move { reads::due(&it.reads, until_ms, after, limit).await })
    }

    fn types(&self) -> BoxFuture<'static, Result<Vec<Box<str>>, StoreError>> {
        self.read(|it| async move { reads::types(&it.reads).await })
    }

    fn heads(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<StoredHead>, StoreError>> {
        let (name, after) = (type_name.to_owned(), after.cloned());
        self.read(
            move |it| async move { reads::heads(&it.reads, &name, after.as_ref(), limit).await },
        )
    }

    fn read_feed(
        &self,
        feed: &FeedName,
        from: FeedFrom,
        limit: usize,
    ) -> BoxFuture<'static, Result<FeedPage, FeedError>> {
        let feed = feed.clone();
        // What the feed answers and what went wrong in reading it are told apart outside.
        let page = self.read(move |it| async move {
            match feeds::read(&it, &feed, &from, limit).await {
                Err(FeedError::Store(error)) => Err(error),
                answer => Ok(answer),
            }
        });
        Box::pin(async move { page.await? })
    }

    fn feeds(&self) -> BoxFuture<'static, Result<Vec<FeedInfo>, StoreError>> {
        self.read(|it| async move { feeds::list(&it.reads).await })
    }

    fn feed_ends(&self, feeds: &[FeedName]) -> BoxFuture<'static, Result<Vec<u64>, StoreError>> {
        let feeds = feeds.to_vec();
        self.read(|it| async move { feeds::ends(&it.reads, &feeds).await })
    }

    fn trim_feed(
        &self,
        feed: &FeedName,
        keep: FeedKeep,
    ) -> BoxFuture<'static, Result<Trimmed, StoreError>> {
        let feed = feed.clone();
        self.read(move |it| async move { feeds::trim(&it.reads, &feed, keep).await })
    }

    fn submit(&self, unit: Arc<Unit>, sink: Arc<dyn UnitSink>) {
        let token = unit.token;
        if let Err((sink, outcome)) = self.shared.accept(unit, sink) {
            sink.settled(token, outcome);
        }
    }

    fn walk(&self) -> BoxFuture<'_, Result<Box<dyn Walk>, StoreError>> {
        let shared = Arc::clone(&self.shared);
        self.engine.run(async move {
            shared.serving()?;
            Ok(Box::new(TableWalk::begin(&shared.config).await?) as Box<dyn Walk>)
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let shared = Arc::clone(&self.shared);
        self.engine.run(async move {
            let _permit = shared.gate.acquire().await;
            shared.end(Refusal::Closing).await;
            *shared.last.lock() = None;
            shared.leave().await;
            Ok(())
        })
    }
}

impl Shared {
    async fn open(&self) -> Result<Incarnation, StoreError> {
        let _permit = self.gate.acquire().await;
        self.end(Refusal::Fenced("the store was opened again".into())).await;
        let last = *self.last.lock();
        let opened = fence::open(&self.config, &self.holder, last).await?;
        *self.last.lock() = Some(opened.incarnation);
        self.begin(&opened, false);
        Ok(opened.incarnation)
    }

    async fn join(&self, incarnation: Incarnation) -> Result<(), StoreError> {
        let _permit = self.gate.acquire().await;
        let serving = self.serving.read().clone();
        let is_it = |it: &Arc<Serving>| it.is_joined && it.incarnation == incarnation;
        if serving.filter(is_it).is_some_and(|it| it.check().is_ok()) {
            return Ok(());
        }
        self.end(Refusal::Fenced("the store was joined".into())).await;
        let opened = fence::join(&self.config, &self.holder, incarnation).await?;
        if let Some(node) = &self.node {
            fence::fence_former(&self.config, node, incarnation).await?;
        }
        *self.last.lock() = None;
        self.begin(&opened, true);
        Ok(())
    }

    /// Begins to commit and to read.
    fn begin(&self, opened: &fence::Opened, is_joined: bool) {
        let incarnation = opened.incarnation;
        let serving = self.serve((opened.store, incarnation), (false, is_joined));
        let commits = Arc::new(sql::commits());
        let mut control = Control::default();
        for lane in 0..self.config.lanes.max(1) {
            let name = fence::lane_name(opened.store, incarnation);
            let lane = Lane {
                serving: Arc::clone(&serving),
                link: Link::new(Arc::clone(&self.config), name),
                right: Right { incarnation, lane: lane as i32 },
                commits: Arc::clone(&commits),
            };
            control.lanes.spawn(lane.run());
        }
        self.begin_loads(&mut control, &serving);
        control.others.spawn(sweep::run(Arc::clone(&serving)));
        control.others.spawn(watch(Arc::clone(&serving)));
        *self.control.lock() = control;
        *self.serving.write() = Some(serving);
    }

    async fn open_to_read(&self) -> Result<bool, StoreError> {
        let _permit = self.gate.acquire().await;
        self.end(Refusal::Fenced("the store was opened to be read".into())).await;
        let Some(opened) = fence::open_to_read(&self.config).await? else { return Ok(false) };
        if opened.incarnation == Incarnation(0) {
            return Ok(false);
        }
        let serving = self.serve((opened.store, opened.incarnation), (true, false));
        let mut control = Control::default();
        self.begin_loads(&mut control, &serving);
        *self.control.lock() = control;
        *self.serving.write() = Some(serving);
        Ok(true)
    }

    fn serve(&self, opened: (u64, Incarnation), how: (bool, bool)) -> Arc<Serving> {
        let reads = Link::new(Arc::clone(&self.config), "tenure reads".to_owned());
        Arc::new(Serving::new(opened, how, reads))
    }

    fn begin_loads(&self, control: &mut Control, serving: &Arc<Serving>) {
        for _ in 0..self.config.loaders.max(1) {
            let link = Link::new(Arc::clone(&self.config), "tenure loads".to_owned());
            control.others.spawn(loads::run(
                Arc::clone(&serving.loads),
                link,
                self.config.load_actors_max,
            ));
        }
    }

    async fn fence(&self, incarnation: Incarnation) -> Result<(), StoreError> {
        let _permit = self.gate.acquire().await;
        let serving = self.serving.read().clone();
        let serving = serving.filter(|it| !it.is_reading);
        let is_joined = serving.as_ref().is_some_and(|it| it.is_joined);
        match serving.map(|it| it.incarnation) {
            None => Err(unavailable("it is not open")),
            Some(current) if is_joined && incarnation != current => {
                fence::fence(&self.config, incarnation).await
            }
            Some(current) if incarnation < current => Ok(()),
            Some(current) if incarnation > current => {
                Err(unavailable(&format!("incarnation {incarnation} was not handed out yet")))
            }
            Some(_) => {
                fence::fence(&self.config, incarnation).await?;
                let reason = format!("incarnation {incarnation} was fenced").into();
                self.end(Refusal::Fenced(reason)).await;
                Ok(())
            }
        }
    }

    /// Ends what is open: takes nothing more, and waits for batches that are under way.
    async fn end(&self, refusal: Refusal) {
        let Some(serving) = self.serving.read().clone() else { return };
        serving.refuse(refusal);
        let mut control = std::mem::take(&mut *self.control.lock());
        let landed = async { while control.lanes.join_next().await.is_some() {} };
        if tokio::time::timeout(LANDING_MAX, landed).await.is_err() {
            tracing::warn!("a batch that is under way was left to the fence");
        }
        // A lane that is still at it is cut off: what became of its units is not known.
        control.lanes.shutdown().await;
        control.others.shutdown().await;
        serving.queue.abandon();
    }

    /// Fences an incarnation that is closed and had joined: so its stripes are closed too, and readers
    /// of feeds need not wait for more of them. Where that fails they only stay in cursors.
    async fn leave(&self) {
        let left = self.serving.read().clone().filter(|it| it.is_joined);
        let Some(incarnation) = left.map(|it| it.incarnation) else { return };
        if let Err(error) = fence::fence(&self.config, incarnation).await {
            tracing::warn!(%incarnation, %error, "who has left was not fenced");
        }
    }

    fn serving(&self) -> Result<Arc<Serving>, StoreError> {
        let serving = self.serving.read().clone().ok_or_else(|| unavailable("it is not open"))?;
        serving.check()?;
        Ok(serving)
    }

    fn accept(
        &self,
        unit: Arc<Unit>,
        sink: Arc<dyn UnitSink>,
    ) -> Result<(), (Arc<dyn UnitSink>, UnitOutcome)> {
        if let Err(refusal) = unit.check() {
            return Err((sink, refusal));
        }
        let fenced = |reason: String| UnitOutcome::Fenced { reason: reason.into() };
        let serving = self.serving.read();
        let Some(serving) = serving.as_ref() else {
            return Err((sink, fenced("the store is not open".to_owned())));
        };
        if serving.is_reading {
            return Err((sink, fenced("the store is open to be read".to_owned())));
        }
        let (own, current) = (unit.token.incarnation, serving.incarnation);
        if own != current {
            return Err((sink, fenced(format!("incarnation {own} was superseded by {current}"))));
        }
        serving.queue.push(unit, sink)
    }
}

/// Ends what is served once somebody else has fenced it.
async fn watch(serving: Arc<Serving>) {
    let reason = fence::fallen(&serving.reads, serving.incarnation).await;
    serving.refuse(Refusal::Fenced(reason));
}
