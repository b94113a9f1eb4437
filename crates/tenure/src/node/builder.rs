use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_actor::{Actor, ActorType};
use tenure_observe::{
    Health, MetricError, Metrics, memory_bytes_max, names, register_process, resident_bytes,
};
use tenure_runtime::{Parts, Runtime, RuntimeConfig, StartError};
use tenure_sentinel::{Sentinel, SentinelError};
use tenure_store::memory::{MemoryDisk, MemoryStore};
use tenure_store::{Store, StoreError};
use tenure_store_embedded::{EmbeddedConfig, EmbeddedStore};
use tenure_types::{Clock, Tasks};

use super::{Inner, Node, stores};
use crate::cluster::{Around, LocalSeat, Seated};
use crate::config::Settings;
use crate::seams::{NodeTasks, SystemClock, SystemEntropy, mark_worker};
use crate::{Error, Result};

static NODES: AtomicU64 = AtomicU64::new(1);
const BEAT_PERIOD: Duration = Duration::from_secs(1);

impl Node {
    /// Describes a node that is to start.
    ///
    /// # Examples
    /// ```
    /// use tenure::prelude::*;
    ///
    /// /// How often each thing was seen.
    /// #[derive(Default)]
    /// pub struct Seen {
    ///     times: u64,
    /// }
    ///
    /// #[actor(persist = volatile)]
    /// impl Seen {
    ///     /// Counts one more.
    ///     pub fn count(&mut self) -> u64 {
    ///         self.times += 1;
    ///         self.times
    ///     }
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let node = Node::builder().actor::<Seen>().store_in_memory().start().await?;
    /// assert_eq!(node.actor::<Seen>("fox").count().await?, 1);
    /// assert_eq!(node.actor::<Seen>("fox").count().await?, 2);
    /// node.stop(std::time::Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn builder() -> NodeBuilder {
        NodeBuilder::default()
    }
}

/// Describes a node that is to start.
#[derive(Default)]
pub struct NodeBuilder {
    types: Vec<std::result::Result<ActorType, String>>,
    settings: Settings,
    store: StoreChoice,
    threads: Option<usize>,
    seat: Option<LocalSeat>,
    with_sentinel: bool,
    about: Box<str>,
}

#[derive(Default)]
enum StoreChoice {
    /// The database or the folder that the settings name.
    #[default]
    Settings,
    Embedded(PathBuf),
    Memory,
    Other(Arc<dyn Store>),
}

impl NodeBuilder {
    /// Registers an actor type: the node runs actors of type `A`.
    #[must_use]
    pub fn actor<A: Actor>(mut self) -> Self {
        self.types.push(ActorType::of::<A>().map_err(|error| error.to_string()));
        self
    }

    /// Registers types that were described before.
    #[must_use]
    pub(crate) fn actor_types(mut self, types: &[std::result::Result<ActorType, String>]) -> Self {
        self.types.extend_from_slice(types);
        self
    }

    /// Sets bounds, times and addresses; the defaults otherwise.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Keeps durable actors in the embedded store in this folder.
    #[must_use]
    pub fn store_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.store = StoreChoice::Embedded(folder.into());
        self
    }

    /// Keeps durable actors in memory: for tests. Everything is lost with the node.
    #[must_use]
    pub fn store_in_memory(mut self) -> Self {
        self.store = StoreChoice::Memory;
        self
    }

    /// Keeps durable actors in this store.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = StoreChoice::Other(store);
        self
    }

    /// Joins a cluster on this machine, for development and tests: actors live on one of its nodes each, and calls from
    /// any node find them. The cluster's host has the store: what else was said of one counts for nothing, and the
    /// node is called as its seat is.
    #[must_use]
    pub fn seat(mut self, seat: LocalSeat) -> Self {
        self.settings.name = seat.node().to_owned();
        self.seat = Some(seat);
        self
    }

    /// Gives the node a sentinel where it has a seat: a small process that tells the other nodes at once when this one
    /// has died, so that its actors need not wait for the end of its lease. Linux alone; where it cannot be had the
    /// node says so and starts without.
    ///
    /// The sentinel is this program, started again: [`run_if_sentinel`](crate::run_if_sentinel) must be the first thing in
    /// its `main`. [`app`](crate::app) does all of that by itself.
    #[must_use]
    pub fn sentinel(mut self) -> Self {
        self.with_sentinel = true;
        self
    }

    /// What other members are told of the node, where it is one of several.
    #[must_use]
    pub(crate) fn about(mut self, about: &str) -> Self {
        self.about = about.into();
        self
    }

    /// How many threads run turns; as many as there are cores otherwise.
    #[must_use]
    pub fn worker_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// Whether it is one of several.
    fn place(&self) -> Result<Place> {
        match (&self.seat, self.settings.cluster.listen, &self.store) {
            (Some(seat), _, _) => Ok(Place::Local(seat.clone())),
            // Alone it would open the store for itself and fence the cluster that it should be in.
            (None, None, _) if self.settings.cluster.has_membership() => Err(Error::Start(
                "cluster.membership, cluster.table, cluster.nodes, cluster.seeds or cluster.split_brain is set, and the node does not \
                 listen for others: say where it does (cluster.listen = 10.0.0.1:7072), or leave them out for a node \
                 that is alone"
                    .into(),
            )),
            (None, None, _) => Ok(Place::Alone),
            (None, Some(listen), StoreChoice::Settings) => Ok(Place::Member(listen)),
            (None, Some(_), _) => Err(Error::Start(
                "cluster.listen is set, and the program names a store of its own for this node: name the \
                 database of the cluster in the settings (store.url), or leave cluster.listen out"
                    .into(),
            )),
        }
    }

    /// Starts the node. May be called from any thread, outside or inside of an async runtime.
    ///
    /// # Errors
    /// [`Error::Start`] says what is in the way; nothing is left running then.
    pub async fn start(self) -> Result<Node> {
        let place = self.place()?;
        let mut types = Vec::new();
        for described in self.types {
            types.push(described.map_err(|error| Error::Start(error.into()))?);
        }
        let number = NODES.fetch_add(1, Ordering::Relaxed);
        let is_guarded = self.with_sentinel && !matches!(place, Place::Alone);
        let sentinel = if is_guarded { guard()? } else { None };
        let threads = make_threads(number, self.threads, sentinel.clone())?;
        let system_clock = Arc::new(SystemClock::new());
        let clock: Arc<dyn Clock> = Arc::clone(&system_clock) as Arc<dyn Clock>;
        let tasks: Arc<dyn Tasks> = Arc::new(NodeTasks::new(
            threads.handle().clone(),
            Arc::clone(&clock),
            (number, sentinel.clone()),
        ));
        let (metrics, health) = (Arc::new(Metrics::new()), Arc::new(Health::new()));
        let registered = register_node(&metrics, &self.settings.name);
        let around = Around {
            types: types.clone(),
            runtime: runtime_config(&self.settings),
            clock: Arc::clone(&clock),
            tasks,
            entropy: Arc::new(SystemEntropy),
            metrics: Arc::clone(&metrics),
            health: Arc::clone(&health),
            about: self.about,
            sentinel,
        };
        let (store, settings) = (self.store, self.settings.clone());
        // Opening a store blocks: on the node's threads, not on the caller's.
        let starting = threads.spawn(async move { place.begin(store, &settings, around).await });
        let engine = match starting.await {
            Ok(started) => started,
            Err(error) => {
                Err(Error::Start(format!("it panicked while it started: {error}").into()))
            }
        };
        let engine = match (engine, registered) {
            (Ok(engine), Ok(())) => engine,
            (engine, registered) => {
                threads.shutdown_background();
                engine?;
                return Err(Error::Start(format!("{registered:?}").into()));
            }
        };
        health.beat(clock.now());
        threads.spawn(beat(system_clock, Arc::clone(&health)));
        let Begun { engine, store, seated } = engine;
        let handle = engine.handle();
        let inner = Inner {
            name: self.settings.name,
            engine,
            types,
            store,
            started: clock.now(),
            clock,
            health,
            metrics,
            threads: Mutex::new(Some(threads)),
            seated,
        };
        Ok(Node { inner: Arc::new(inner), handle })
    }
}

impl std::fmt::Debug for NodeBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeBuilder").field("types", &self.types.len()).finish_non_exhaustive()
    }
}

/// Whether a node is one of several.
enum Place {
    Alone,
    Local(LocalSeat),
    /// Of the cluster that the settings name; where it listens.
    Member(SocketAddr),
}

impl Place {
    async fn begin(self, store: StoreChoice, settings: &Settings, around: Around) -> Result<Begun> {
        Ok(match self {
            Place::Alone => start_alone(store, settings, around).await?,
            Place::Local(seat) => Begun::seated(Seated::local(seat, around).await?),
            Place::Member(listen) => Begun::seated(Seated::member(settings, listen, around).await?),
        })
    }
}

/// A node that has begun.
struct Begun {
    engine: Arc<Runtime>,
    store: Arc<dyn Store>,
    seated: Option<Arc<Seated>>,
}

impl Begun {
    fn seated((seated, engine): (Seated, Arc<Runtime>)) -> Self {
        let store = seated.store();
        Self { engine, store, seated: Some(Arc::new(seated)) }
    }
}

async fn start_alone(store: StoreChoice, settings: &Settings, around: Around) -> Result<Begun> {
    let Around { types, runtime, clock, tasks, entropy, metrics, health, about: _, sentinel: _ } =
        around;
    let store = make_store(store, settings, &tasks);
    let parts = Parts {
        config: runtime,
        store: Arc::clone(&store),
        clock,
        entropy,
        tasks,
        resident: resident_bytes,
        metrics,
        health,
        seat: None,
    };
    let started = Runtime::start(parts, &types).await;
    let engine = started.map_err(|error| refused(&error, store.name()))?;
    Ok(Begun { engine, store, seated: None })
}

/// Why the engine did not start, with what to do where it does not say so itself.
fn refused(error: &StartError, engine: &str) -> Error {
    let chain = Error::chain(error);
    Error::Start(match error {
        StartError::Store(StoreError::Io { .. } | StoreError::Unavailable { .. })
            if engine == "embedded" =>
        {
            format!(
                "{chain}; look at the disk and at who may write there, or choose another folder \
                 (store.path, --data)"
            )
            .into()
        }
        _ => chain,
    })
}

fn register_node(metrics: &Metrics, name: &str) -> std::result::Result<(), MetricError> {
    let version = env!("CARGO_PKG_VERSION");
    let labels = [(names::LABEL_NODE, name), (names::LABEL_VERSION, version)];
    metrics.register_gauge_fn(names::NODE_INFO, &labels, || 1.0)?;
    register_process(metrics)
}

/// What a sentinel needs; without one the others wait for the lease. A process that was started as a sentinel is no
/// node: it would start a sentinel of its own, and that the next one.
fn guard() -> Result<Option<Arc<Sentinel>>> {
    match Sentinel::new() {
        Ok(made) => Ok(Some(Arc::new(made))),
        Err(error @ SentinelError::IsSentinel) => Err(Error::Start(error.to_string().into())),
        Err(error) => {
            tracing::warn!(error = %Error::chain(&error), "nobody will prove this node's death");
            Ok(None)
        }
    }
}

fn make_threads(
    node: u64,
    workers: Option<usize>,
    sentinel: Option<Arc<Sentinel>>,
) -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = workers {
        builder.worker_threads(workers);
    }
    builder
        .enable_all()
        .thread_name("tenure-worker")
        .on_thread_start(move || {
            mark_worker(node);
            if let Some(sentinel) = &sentinel {
                sentinel.hold();
            }
        })
        .build()
        .map_err(|error| {
            Error::Start(
                format!(
                    "the threads cannot be made: {error}; raise the limit of processes (ulimit -u)"
                )
                .into(),
            )
        })
}

fn make_store(choice: StoreChoice, settings: &Settings, tasks: &Arc<dyn Tasks>) -> Arc<dyn Store> {
    match choice {
        StoreChoice::Settings => stores::of(settings),
        StoreChoice::Embedded(path) => {
            Arc::new(EmbeddedStore::with_config(EmbeddedConfig::new(path)))
        }
        StoreChoice::Memory => Arc::new(MemoryStore::new(MemoryDisk::default(), Arc::clone(tasks))),
        StoreChoice::Other(store) => store,
    }
}

fn runtime_config(settings: &Settings) -> RuntimeConfig {
    RuntimeConfig {
        mailbox_len_max: settings.mailbox_len_max,
        uncommitted_turns_max: settings.uncommitted_turns_max,
        queue_time_max: settings.queue_time_max,
        calls_waiting_max: settings.calls_waiting_max,
        turns_in_flight_max: settings.turns_in_flight_max,
        uncommitted_bytes_max: usize::try_from(settings.uncommitted_bytes_max)
            .unwrap_or(usize::MAX),
        spawned_max: settings.spawned_max,
        loads_in_flight_max: settings.loads_in_flight_max,
        activations_max: settings.activations_max,
        memory_bytes_max: settings.memory.unwrap_or_else(half_of_memory),
        idle_after: settings.idle_after,
        volatile_idle_after: settings.volatile_idle_after,
        deadline: settings.deadline,
        feed_retention_age: settings.feed_retention_age,
        feed_retention_bytes: settings.feed_retention_bytes,
        feed_polls_max: settings.feed_polls_max,
        ..RuntimeConfig::default()
    }
}

fn half_of_memory() -> u64 {
    memory_bytes_max().map_or(u64::MAX, |bytes| bytes / 2)
}

/// Shows that the node's threads tick.
async fn beat(clock: Arc<SystemClock>, health: Arc<Health>) {
    loop {
        tokio::time::sleep(BEAT_PERIOD).await;
        clock.follow_suspend();
        health.beat(clock.now());
    }
}
