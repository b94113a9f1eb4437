use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use siphasher::sip::SipHasher13;
use tenure_actor::host::{Host, HostHandle, PendingCall, QueuedCall, Started, TimerKey};
use tenure_actor::{ActorType, CallId, SharedCopies, Target, Ticket, TimerId};
use tenure_observe::{Condition, Health, MetricError, Metrics, names};
use tenure_store::{Store, StoreError, UnitOutcome};
use tenure_types::{CallError, Clock, Entropy, Incarnation, Instant, Tasks, Tenure, Token};

use crate::activation::gate::LoadGate;
use crate::activation::{Activation, Kind, Owner};
use crate::busy::Busiest;
use crate::catalog::Catalog;
use crate::cluster::{Cluster, Seat};
use crate::commit::behind::{Behind, Unsaved};
use crate::config::RuntimeConfig;
use crate::feed::{FeedMeters, Polls};
use crate::memory::{Memory, ResidentBytes};
use crate::meters::{Meters, TypeMeters};
use crate::reminder::Reminders;
use crate::sync::AtomicBool;
use crate::timer::Timers;
use crate::watch::Watches;

/// What a runtime is made of: everything that is not deterministic comes in here.
pub struct Parts {
    /// Bounds and times.
    pub config: RuntimeConfig,
    /// Where durable actors are kept.
    pub store: Arc<dyn Store>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Where tasks run.
    pub tasks: Arc<dyn Tasks>,
    /// What the process takes, to correct the account of activations.
    pub resident: ResidentBytes,
    /// Where metrics are registered.
    pub metrics: Arc<Metrics>,
    /// Where the runtime says whether it can serve.
    pub health: Arc<Health>,
    /// Its place in a cluster; `None` where it is alone.
    pub seat: Option<Arc<dyn Seat>>,
}

/// What was counted of one actor type since the runtime started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeCounts {
    /// Activations in memory.
    pub activations: u64,
    /// Activations made.
    pub activations_started: u64,
    /// Calls.
    pub calls: u64,
    /// Calls that ended in an error other than the application's.
    pub call_errors: u64,
}

/// Why a runtime did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store could not be opened. Nothing was changed.
    #[error("the store cannot be opened")]
    Store(#[from] StoreError),
    /// Two actor types have one name.
    #[error(
        "two actor types are called `{name}`: {first} and {second}; rename one with \
         #[actor(name = \"..\")]"
    )]
    SameName {
        /// The name.
        name: &'static str,
        /// One Rust type.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// One actor type was registered twice.
    #[error(
        "the actor type `{name}` ({rust_name}) is registered twice; leave one `.actor::<..>()` out"
    )]
    Twice {
        /// The name.
        name: &'static str,
        /// The Rust type.
        rust_name: &'static str,
    },
    /// The metrics were registered before.
    #[error("metrics cannot be registered")]
    Metrics(#[from] MetricError),
}

/// Runs the actors of one node.
pub struct Runtime {
    /// By the process-wide number of the type.
    pub(crate) kinds: Vec<Option<Arc<Kind>>>,
    pub(crate) catalog: Catalog,
    pub(crate) config: RuntimeConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) tasks: Arc<dyn Tasks>,
    pub(crate) health: Arc<Health>,
    pub(crate) meters: Meters,
    pub(crate) timers: Arc<Timers>,
    pub(crate) loads: LoadGate,
    pub(crate) memory: Arc<Memory>,
    pub(crate) memory_hand: AtomicUsize,
    pub(crate) resident: ResidentBytes,
    pub(crate) behind: Behind,
    pub(crate) busiest: Busiest,
    pub(crate) reminders: Reminders,
    pub(crate) polls: Polls,
    pub(crate) feed_meters: FeedMeters,
    pub(crate) delayed: AtomicUsize,
    pub(crate) watches: Watches,
    pub(crate) incarnation: AtomicU64,
    unit_sequence: AtomicU64,
    tenure_sequence: AtomicU64,
    timer_sequence: AtomicU64,
    state_hash: SipHasher13,
    pub(crate) store_available: AtomicBool,
    pub(crate) draining: AtomicBool,
    pub(crate) stopped: AtomicBool,
    /// The store is being opened again: a stop waits for the end of that.
    pub(crate) opening: AtomicBool,
    /// Settled when the runtime has stopped: ends its background tasks.
    pub(crate) ended: Ticket,
    pub(crate) shared: SharedCopies,
    /// What a runtime has that is not alone.
    pub(crate) cluster: Option<Box<Cluster>>,
    me: Weak<Runtime>,
}

impl Runtime {
    /// Opens the store, in a cluster joins it, and starts to run actors of these types.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(parts: Parts, types: &[ActorType]) -> Result<Arc<Self>, StartError> {
        check_names(types)?;
        let incarnation = match &parts.seat {
            None => parts.store.open().await?,
            Some(seat) => {
                let incarnation = seat.incarnation();
                parts.store.join(incarnation).await?;
                incarnation
            }
        };
        let runtime = Self::assemble(parts, types, incarnation)?;
        runtime.watch_fence(incarnation);
        runtime.tasks.spawn("sweep", Box::pin(Arc::clone(&runtime).sweep()));
        runtime.tasks.spawn("memory", Box::pin(Arc::clone(&runtime).mind_memory()));
        let weak = Arc::downgrade(&runtime);
        runtime.tasks.spawn("write-behind", Box::pin(Self::write_behind(weak.clone())));
        runtime.tasks.spawn("reminders", Box::pin(Self::remind(weak.clone())));
        runtime.tasks.spawn("feeds", Box::pin(Self::mind_feeds(weak)));
        runtime.meters.store_available.set(1);
        runtime.health.resolve(Condition::Starting);
        Ok(runtime)
    }

    fn assemble(
        parts: Parts,
        types: &[ActorType],
        incarnation: Incarnation,
    ) -> Result<Arc<Self>, StartError> {
        let Parts { config, store, clock, entropy, tasks, resident, metrics, health, seat } = parts;
        let memory = Arc::new(Memory::default());
        let meters = Meters::register(&metrics)?;
        let mut type_meters = Vec::new();
        for actor_type in types {
            type_meters.push(TypeMeters::register(&metrics, actor_type.name)?);
        }
        let feed_meters = FeedMeters::register(Arc::clone(&metrics))?;
        let timers = Timers::start(Arc::clone(&clock), &tasks);
        let runtime = Arc::new_cyclic(|me: &Weak<Runtime>| Self {
            kinds: make_kinds(me, &config, types, type_meters, &memory),
            catalog: Catalog::new(config.activations_max),
            loads: LoadGate::new(config.loads_in_flight_max, config.loads_waiting_max),
            polls: Polls::new(config.feed_polls_max),
            feed_meters,
            config,
            store,
            clock,
            state_hash: SipHasher13::new_with_keys(entropy.next_u64(), entropy.next_u64()),
            entropy,
            tasks,
            health,
            meters,
            timers,
            incarnation: AtomicU64::new(incarnation.0),
            unit_sequence: AtomicU64::new(0),
            tenure_sequence: AtomicU64::new(0),
            timer_sequence: AtomicU64::new(0),
            shared: SharedCopies::new(),
            cluster: seat.map(|seat| Box::new(Cluster::new(seat))),
            memory,
            memory_hand: AtomicUsize::new(0),
            resident,
            behind: Behind::default(),
            busiest: Busiest::default(),
            reminders: Reminders::default(),
            delayed: AtomicUsize::new(0),
            watches: Watches::default(),
            store_available: AtomicBool::new(true),
            draining: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            opening: AtomicBool::new(false),
            ended: Ticket::new(),
            me: me.clone(),
        });
        runtime.register_gauges(&metrics)?;
        Ok(runtime)
    }

    fn register_gauges(self: &Arc<Self>, metrics: &Metrics) -> Result<(), MetricError> {
        let weak = self.me.clone();
        metrics.register_gauge_fn(names::UNSAVED_AGE_SECONDS, &[], move || {
            weak.upgrade().map_or(f64::NAN, |runtime| runtime.unsaved().age.as_secs_f64())
        })?;
        let weak = self.me.clone();
        metrics.register_gauge_fn(names::UNSAVED_BYTES, &[], move || {
            weak.upgrade().map_or(f64::NAN, |runtime| runtime.unsaved().bytes as f64)
        })?;
        let weak = self.me.clone();
        metrics.register_gauge_fn(names::ACTIVATION_BYTES, &[], move || {
            weak.upgrade().map_or(f64::NAN, |runtime| runtime.memory.used() as f64)
        })?;
        let weak = self.me.clone();
        metrics.register_gauge_fn(names::REMINDERS, &[], move || {
            weak.upgrade().map_or(f64::NAN, |runtime| runtime.reminders.len() as f64)
        })?;
        let polls = self.polls.clone();
        metrics.register_gauge_fn(names::FEED_POLLS, &[], move || polls.len() as f64)?;
        let weak = self.me.clone();
        metrics.register_gauge_fn(names::LOADS_IN_FLIGHT, &[], move || {
            weak.upgrade().map_or(f64::NAN, |runtime| runtime.loads.in_flight() as f64)
        })
    }

    /// A handle through which calls are made.
    #[must_use]
    pub fn handle(self: &Arc<Self>) -> HostHandle {
        HostHandle::new(Arc::new(Handle(Arc::clone(self))))
    }

    /// Another handle on this runtime.
    pub(crate) fn share(&self) -> Arc<Self> {
        self.me.upgrade().expect("who asks has a handle")
    }

    /// The store's number for this run of the node.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        Incarnation(self.incarnation.load(Ordering::Acquire))
    }

    /// How many activations are in memory.
    #[must_use]
    pub fn activations(&self) -> usize {
        self.catalog.len()
    }

    /// What was acknowledged and is not durable: turns that are written behind.
    #[must_use]
    pub fn unsaved(&self) -> Unsaved {
        self.behind.unsaved(self.clock.now())
    }

    /// What was counted of the actor type with this number; `None` if it is not registered.
    #[must_use]
    pub fn type_counts(&self, slot: u32) -> Option<TypeCounts> {
        let kind = self.kinds.get(slot as usize)?.as_ref()?;
        Some(TypeCounts {
            activations: u64::try_from(kind.meters.active.value()).unwrap_or(0),
            activations_started: kind.meters.activated.value(),
            calls: kind.meters.calls.value(),
            call_errors: kind.meters.errors(),
        })
    }

    pub(crate) fn next_token(&self) -> Token {
        let sequence = self.unit_sequence.fetch_add(1, Ordering::Relaxed) + 1;
        Token { incarnation: self.incarnation(), sequence }
    }

    /// Numbers a new log of events. Random, as no two logs of an actor may share one; 53 bits, as
    /// clients keep it in a number of JavaScript.
    pub(crate) fn new_epoch(&self) -> u64 {
        (self.entropy.next_u64() >> 11).max(1)
    }

    pub(crate) fn next_tenure_sequence(&self) -> u64 {
        self.tenure_sequence.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// No timer that is made from now on has this number, or a lower one.
    pub(crate) fn timer_ids_from(&self, last: TimerId) {
        self.timer_sequence.fetch_max(last.0, Ordering::Relaxed);
    }

    /// A hash of an encoded state that tells a turn which changed nothing. States are often made of
    /// what clients send, and two of one hash would be a write that is acknowledged and not made:
    /// so it is SipHash-1-3 (Aumasson and Bernstein 2012) with a secret of this process.
    pub(crate) fn hash_state(&self, body: &[u8]) -> u64 {
        self.state_hash.hash(body)
    }
}

fn check_names(types: &[ActorType]) -> Result<(), StartError> {
    for (at, second) in types.iter().enumerate() {
        if let Some(first) = types[..at].iter().find(|first| first.name == second.name) {
            if first.type_id == second.type_id {
                let (name, rust_name) = (first.name.as_str(), first.rust_name);
                return Err(StartError::Twice { name, rust_name });
            }
            return Err(StartError::SameName {
                name: first.name.as_str(),
                first: first.rust_name,
                second: second.rust_name,
            });
        }
    }
    Ok(())
}

fn make_kinds(
    me: &Weak<Runtime>,
    config: &RuntimeConfig,
    types: &[ActorType],
    meters: Vec<TypeMeters>,
    memory: &Arc<Memory>,
) -> Vec<Option<Arc<Kind>>> {
    let slots = types.iter().map(|it| it.slot as usize + 1).max().unwrap_or(0);
    let mut kinds: Vec<Option<Arc<Kind>>> = (0..slots).map(|_| None).collect();
    for (actor_type, meters) in types.iter().zip(meters) {
        let durable = actor_type.persist.is_durable();
        let stored = actor_type.persist.is_stored();
        let idle_after = if stored { config.idle_after } else { config.volatile_idle_after };
        let owner: Weak<dyn Owner> = me.clone();
        kinds[actor_type.slot as usize] = Some(Arc::new(Kind {
            owner,
            idle_after: actor_type.idle_after.unwrap_or(idle_after),
            mailbox_len_max: actor_type.mailbox_len_max.unwrap_or(config.mailbox_len_max),
            durable,
            stored,
            meters,
            memory: Arc::clone(memory),
            actor_type: actor_type.clone(),
        }));
    }
    kinds
}

/// A runtime behind a handle. It owns the runtime, so that starting a call counts no reference.
struct Handle(Arc<Runtime>);

impl Host for Handle {
    fn start(&self, target: &Target, call: &mut dyn PendingCall) -> Started {
        self.0.start_call(target, call)
    }

    fn start_at(
        &self,
        at: Instant,
        target: Target,
        call: Arc<dyn QueuedCall>,
    ) -> Result<(), CallError> {
        self.0.start_at(at, target, call)
    }

    fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    fn tasks(&self) -> &dyn Tasks {
        &*self.0.tasks
    }

    fn call_id(&self) -> CallId {
        CallId(self.0.entropy.next_u64())
    }

    fn deadline_default(&self) -> Duration {
        self.0.config.deadline
    }

    fn wake_at(&self, at: Instant, waker: Waker) -> TimerKey {
        self.0.timers.wake_at(at, waker)
    }

    fn forget(&self, timer: TimerKey) {
        self.0.timers.forget(timer);
    }

    fn shared(&self) -> Option<&SharedCopies> {
        Some(&self.0.shared)
    }
}

impl Owner for Runtime {
    fn handle(self: Arc<Self>) -> HostHandle {
        HostHandle::new(Arc::new(Handle(self)))
    }

    fn tick(self: Arc<Self>, activation: &Arc<Activation>, timer: TimerId) {
        Self::tick(&self, activation, timer);
    }

    fn farewell(self: Arc<Self>, activation: &Activation) -> bool {
        self.say_farewell(activation)
    }

    fn timer_id(&self) -> TimerId {
        TimerId(self.timer_sequence.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn tenure(&self, activation: &Activation) -> Tenure {
        self.tenure_of(activation, self.incarnation())
    }

    fn settled(self: Arc<Self>, activation: Arc<Activation>, token: Token, outcome: UnitOutcome) {
        self.take_outcome(&activation, token, outcome);
    }
}
