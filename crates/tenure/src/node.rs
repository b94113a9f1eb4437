//! One node: its own runtime, its store and its actors.

mod builder;
mod feeds;
mod shown;
pub(crate) mod stores;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tenure_actor::host::HostHandle;
use tenure_actor::{Actor, ActorRef, ActorType, IntoKey, Publications};
use tenure_observe::{BusyActor, Health, Metrics, NodeStatus, TypeStatus, UnsavedStatus};
use tenure_runtime::Runtime;
use tenure_store::Store;
use tenure_types::{Clock, Incarnation, Instant};

use crate::Error;
use crate::cluster::Seated;

pub use builder::NodeBuilder;
pub(crate) use feeds::NodeFeeds;
pub(crate) use shown::NodeActors;

/// A running node. Clones are the same node.
///
/// A node runs on threads of its own; it may be used from any thread, with or without an async
/// runtime. Dropping the last clone without [`Node::stop`] ends it like a crash: what was
/// acknowledged is durable, what was in flight is lost.
pub struct Node {
    inner: Arc<Inner>,
    /// Each clone has its own, so that callers on several cores do not share a counter.
    handle: HostHandle,
}

struct Inner {
    name: String,
    engine: Arc<Runtime>,
    types: Vec<ActorType>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    started: Instant,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    /// Gone once the node has stopped.
    threads: Mutex<Option<tokio::runtime::Runtime>>,
    /// Its place in a cluster; `None` where it is alone.
    seated: Option<Arc<Seated>>,
}

impl Node {
    /// A reference to an actor, live or not; it costs nothing until it is called.
    ///
    /// A key is 1 to 512 bytes of UTF-8 without control characters, or a number; calls to any
    /// other answer `BadRequest`.
    #[inline]
    pub fn actor<A: Actor>(&self, key: impl IntoKey) -> A::Ref {
        ActorRef::<A>::new(&self.handle, key).into()
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The store's number for this run of the node.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.inner.engine.incarnation()
    }

    /// How many actors are in memory.
    #[must_use]
    pub fn activations(&self) -> usize {
        self.inner.engine.activations()
    }

    /// Whether the node can serve, and why not.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.inner.health
    }

    /// The node's metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// What the node says of itself. Its sessions are its program's, which has the gateway.
    #[must_use]
    pub fn status(&self) -> NodeStatus {
        let inner = &*self.inner;
        let types = inner.types.iter().map(|it| {
            let counts = inner.engine.type_counts(it.slot).unwrap_or_default();
            TypeStatus {
                name: it.name.to_string(),
                persist: it.persist.as_str().to_owned(),
                schema: it.schema,
                activations: counts.activations,
                activations_started: counts.activations_started,
                calls: counts.calls,
                call_errors: counts.call_errors,
            }
        });
        let busiest = inner.engine.busiest().into_iter().map(|busy| BusyActor {
            type_name: busy.actor.actor_type.to_string(),
            key: busy.actor.key.to_string(),
            calls_per_second: busy.calls_per_second,
        });
        let unsaved = inner.engine.unsaved();
        NodeStatus {
            node: inner.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            incarnation: inner.engine.incarnation().0,
            uptime_seconds: (inner.clock.now() - inner.started).as_secs_f64(),
            store: inner.store.name().to_owned(),
            ready: inner.health.is_ready(),
            reasons: inner.health.reasons(),
            types: types.collect(),
            busiest: busiest.collect(),
            unsaved: UnsavedStatus {
                actors: unsaved.actors,
                bytes: unsaved.bytes,
                age_seconds: unsaved.age.as_secs_f64(),
            },
            memory_bytes: inner.engine.memory_bytes(),
            memory_bytes_max: inner.engine.memory_bytes_max(),
            sessions: 0,
            cluster: inner.seated.as_ref().map(|seated| seated.status()),
        }
    }

    /// Stops in good order: refuses new calls, lets what has begun end, makes everything durable,
    /// and closes the store. Gives how many actors were still busy when `budget` had passed. In a cluster its
    /// actors move to other nodes first, with their memory and the calls that wait, those of volatile types apart:
    /// they end, and begin anew elsewhere.
    ///
    /// # Errors
    /// [`Error::Stop`] when the store could not mark the orderly stop.
    ///
    /// # Cancel safety
    /// May be called again.
    pub async fn stop(&self, budget: Duration) -> Result<usize, Error> {
        let threads = self.inner.threads.lock().as_ref().map(|threads| threads.handle().clone());
        let Some(threads) = threads else { return Ok(0) };
        let (engine, seated) = (Arc::clone(&self.inner.engine), self.inner.seated.clone());
        // On the node's own threads: the caller may have none with timers.
        let stopping = async move {
            let Some(seated) = seated else { return engine.stop(budget).await };
            let began = tokio::time::Instant::now();
            seated.drain(budget).await;
            let stopped = engine.stop(budget.saturating_sub(began.elapsed())).await;
            seated.leave(stopped == Ok(0)).await;
            stopped
        };
        let stopped = threads.spawn(stopping).await;
        if let Some(threads) = self.inner.threads.lock().take() {
            threads.shutdown_background();
        }
        match stopped {
            Ok(stopped) => stopped.map_err(|error| Error::Stop(Error::chain(&error))),
            Err(error) => Err(Error::Stop(error.to_string().into())),
        }
    }

    /// Lets its actors move to other nodes while its servers still take calls, which find them there. Nothing happens
    /// where it is alone.
    pub(crate) fn retreat(&self) {
        if let Some(seated) = &self.inner.seated {
            seated.retreat();
        }
    }

    /// Ends when the node has lost its place in its cluster, or has left it; never where it is alone. Then nothing runs
    /// on it any more: start another one.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn ended(&self) {
        match &self.inner.seated {
            Some(seated) => seated.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Lets the node take no new activations and no moves, or take them again; what lives there stays. `false`, and
    /// nothing changes, where it is alone.
    pub fn cordon(&self, is_cordoned: bool) -> bool {
        self.inner.seated.as_ref().inspect(|seated| seated.cordon(is_cordoned)).is_some()
    }

    /// What the admin server shows of the actors.
    pub(crate) fn shown(&self) -> NodeActors {
        let threads = self.inner.threads.lock();
        let tasks = threads.as_ref().expect("a node is served before it stops").handle().clone();
        NodeActors {
            engine: Arc::clone(&self.inner.engine),
            store: Arc::clone(&self.inner.store),
            tasks,
        }
    }

    /// What the servers read of the feeds.
    pub(crate) fn feeds(&self) -> NodeFeeds {
        NodeFeeds(Arc::clone(&self.inner.engine))
    }

    /// Lets nobody wait for entries of feeds any more.
    pub(crate) fn end_feed_polls(&self) {
        self.inner.engine.end_feed_polls();
    }

    /// Its place in a cluster; `None` where it is alone.
    pub(crate) fn seated(&self) -> Option<&Arc<Seated>> {
        self.inner.seated.as_ref()
    }

    /// A handle for the gateway.
    pub(crate) fn host(&self) -> HostHandle {
        self.handle.fork()
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner.clock)
    }

    pub(crate) fn types(&self) -> &[ActorType] {
        &self.inner.types
    }

    pub(crate) fn publications(&self) -> Arc<dyn Publications> {
        let of_cluster = self.inner.seated.as_ref().and_then(|seated| seated.publications());
        of_cluster.unwrap_or_else(|| Arc::clone(&self.inner.engine) as _)
    }

    pub(crate) fn shared_health(&self) -> Arc<Health> {
        Arc::clone(&self.inner.health)
    }

    pub(crate) fn shared_metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.inner.metrics)
    }

    /// Runs `future` on the node's threads and waits for it on this one.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> Result<T, Error> {
        let threads = self.inner.threads.lock().as_ref().map(|threads| threads.handle().clone());
        match threads {
            Some(threads) => Ok(threads.block_on(future)),
            None => Err(Error::Stop("the node has stopped already; start another".into())),
        }
    }
}

impl Clone for Node {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), handle: self.handle.fork() }
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A runtime must not be dropped where it may block, and the last clone may be anywhere.
        if let Some(threads) = self.threads.get_mut().take() {
            threads.shutdown_background();
        }
    }
}
