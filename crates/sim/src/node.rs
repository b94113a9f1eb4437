use std::future::{Future, IntoFuture};
use std::sync::Arc;
use std::time::Duration;

use tenure_actor::host::HostHandle;
use tenure_actor::{Actor, ActorRef, ActorType, IntoKey};
use tenure_observe::{Health, Metrics};
use tenure_runtime::{Parts, Runtime, RuntimeConfig, Seat, StartError};
use tenure_store::{MemoryDisk, MemoryStore, StoreError};
use tenure_types::Tasks;

use crate::background::Background;
use crate::simulation::Simulation;
use crate::store::{StoreWatch, Watched};
use crate::tasks::SimTasks;

/// What a node runs and within which bounds.
#[derive(Clone, Debug, Default)]
pub struct NodeSpec {
    types: Vec<ActorType>,
    /// The runtime's bounds and times.
    pub config: RuntimeConfig,
}

impl NodeSpec {
    /// A node that runs nothing yet, with the default configuration.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same node, which also runs actors of type `A`.
    ///
    /// # Panics
    /// If the type's name cannot be used in addresses.
    #[must_use]
    pub fn with<A: Actor>(mut self) -> Self {
        self.types.push(ActorType::of::<A>().expect("the type has a good name"));
        self
    }

    /// The same node with another configuration.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut RuntimeConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Starts the node over `disk`.
    ///
    /// # Errors
    /// As [`Runtime::start`].
    ///
    /// # Cancel safety
    /// Cancel safe: nothing runs then.
    pub async fn try_start(
        &self,
        simulation: &Simulation,
        disk: &MemoryDisk,
    ) -> Result<Node, StartError> {
        self.try_start_at(simulation, disk, None).await
    }

    /// As [`NodeSpec::try_start`], beside other nodes over the same disk where there is a seat.
    ///
    /// # Errors
    /// As [`Runtime::start`].
    ///
    /// # Cancel safety
    /// Cancel safe: nothing runs then.
    pub async fn try_start_at(
        &self,
        simulation: &Simulation,
        disk: &MemoryDisk,
        seat: Option<Arc<dyn Seat>>,
    ) -> Result<Node, StartError> {
        let tasks = simulation.tasks();
        let store = MemoryStore::with_clock(
            disk.clone(),
            Arc::clone(&tasks) as Arc<dyn Tasks>,
            simulation.clock(),
        );
        let engine = store.clone();
        let store = Arc::new(Watched::new(Arc::new(store), simulation.world()));
        let (metrics, health) = (Arc::new(Metrics::new()), Arc::new(Health::new()));
        let parts = Parts {
            config: self.config.clone(),
            store: Arc::clone(&store) as Arc<dyn tenure_store::Store>,
            clock: simulation.clock(),
            entropy: simulation.entropy(),
            tasks: Arc::clone(&tasks) as Arc<dyn Tasks>,
            resident: || None,
            metrics: Arc::clone(&metrics),
            health: Arc::clone(&health),
            seat,
        };
        let runtime = Runtime::start(parts, &self.types).await?;
        Ok(Node { runtime, engine, store, tasks, metrics, health })
    }

    /// Starts the node over `disk`, and runs the simulation until it serves.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(&self, simulation: &Simulation, disk: &MemoryDisk) -> Node {
        simulation.run_until(self.try_start(simulation, disk)).expect("the node starts")
    }
}

/// A running node: the real runtime on simulated time and tasks.
pub struct Node {
    runtime: Arc<Runtime>,
    engine: MemoryStore,
    store: Arc<Watched>,
    tasks: Arc<SimTasks>,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
}

impl Node {
    /// A reference to an actor of this node.
    pub fn actor<A: Actor>(&self, key: impl IntoKey) -> A::Ref {
        ActorRef::<A>::new(&self.handle(), key).into()
    }

    /// A handle through which calls are made.
    #[must_use]
    pub fn handle(&self) -> HostHandle {
        self.runtime.handle()
    }

    /// The runtime.
    #[must_use]
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// Whether the node is ready, and why not.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The node's tasks.
    #[must_use]
    pub fn tasks(&self) -> &Arc<SimTasks> {
        &self.tasks
    }

    /// The node's engine itself, for a test that plays another writer.
    #[must_use]
    pub fn engine(&self) -> &MemoryStore {
        &self.engine
    }

    /// What the store was asked.
    #[must_use]
    pub fn store(&self) -> StoreWatch {
        self.store.seen()
    }

    /// The value of one line of the metrics page, for instance `tenure_mailbox_calls`.
    ///
    /// # Panics
    /// If there is no such line.
    #[must_use]
    pub fn metric(&self, line: &str) -> f64 {
        let page = self.metrics.render();
        let value = page.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no line `{line}` in\n{page}"));
        value.parse().expect("the value of a metric is a number")
    }

    /// Runs a task in this node's process: it ends with the node.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(name, Box::pin(task));
    }

    /// Runs a future in this node's process, for a test to look at, wait for or drop.
    pub fn begin<F>(&self, future: F) -> Background<F::Output>
    where
        F: IntoFuture,
        F::Output: Send + 'static,
        F::IntoFuture: Send + 'static,
    {
        Background::begin(&self.tasks, "caller", future.into_future())
    }

    /// Stops the node in order; gives how many actors were still busy after `budget`.
    ///
    /// # Errors
    /// As [`Runtime::stop`].
    ///
    /// # Cancel safety
    /// May be called again.
    pub async fn stop(&self, budget: Duration) -> Result<usize, StoreError> {
        self.runtime.stop(budget).await
    }

    /// Ends the node's process at this very point: nothing of it runs any more, callers included.
    pub fn crash(self) {
        self.tasks.kill();
    }
}
