use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;
use tenure_types::{ActorTypeName, CallError, Clock, Instant, Key, Tasks};

use super::executor::Executor;
use super::instance::Instance;
use crate::host::{Host, HostHandle, PendingCall, QueuedCall, Started, TimerKey};
use crate::{Actor, ActorType, CallId, DEADLINE_DEFAULT, SharedCopies, Target};

/// The actors that a test can reach.
pub(super) struct World {
    this: Weak<World>,
    executor: Arc<Executor>,
    actors: Mutex<Actors>,
    calls: AtomicU64,
    shared: SharedCopies,
}

#[derive(Default)]
struct Actors {
    /// By slot.
    types: BTreeMap<u32, ActorType>,
    instances: BTreeMap<(u32, Key), Arc<Instance>>,
}

impl World {
    pub(super) fn new() -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            executor: Executor::new(),
            actors: Mutex::default(),
            calls: AtomicU64::new(0),
            shared: SharedCopies::new(),
        })
    }

    pub(super) fn executor(&self) -> &Executor {
        &self.executor
    }

    pub(super) fn copies(&self) -> &SharedCopies {
        &self.shared
    }

    pub(super) fn handle(&self) -> HostHandle {
        HostHandle::new(self.this.upgrade().expect("called through an Arc"))
    }

    /// Lets actors of this type be called.
    pub(super) fn register(&self, actor_type: ActorType) {
        let mut actors = self.actors.lock();
        actors.types.entry(actor_type.slot).or_insert(actor_type);
    }

    /// Makes the actor under test known: its calls are answered while the test lends its state.
    pub(super) fn adopt(&self, actor_type: &ActorType, key: Key) -> Arc<Instance> {
        let instance = self.make(actor_type, &key, true);
        let mut actors = self.actors.lock();
        let at = (actor_type.slot, key);
        actors.instances.insert(at, Arc::clone(&instance));
        instance
    }

    /// The instance of the actor, made now if need be.
    ///
    /// # Panics
    /// If the type was not registered.
    pub(super) fn instance<T: Actor>(&self, key: Key) -> Arc<Instance> {
        match self.find(T::slot().index(), T::TYPE, key) {
            Ok(instance) => instance,
            Err(error) => panic!("{error}"),
        }
    }

    fn find(&self, slot: u32, type_name: &str, key: Key) -> Result<Arc<Instance>, CallError> {
        let mut actors = self.actors.lock();
        let at = (slot, key);
        if let Some(instance) = actors.instances.get(&at) {
            return Ok(Arc::clone(instance));
        }
        let Some(actor_type) = actors.types.get(&slot) else {
            return Err(CallError::NotFound {
                detail: format!(
                    "no actor of type {type_name} in this test; register the type with \
                     `cx.with::<..>()` or one actor with `cx.with_state(\"{}\", ..)`",
                    at.1
                )
                .into(),
            });
        };
        let instance = self.make(actor_type, &at.1, false);
        actors.instances.insert(at, Arc::clone(&instance));
        Ok(instance)
    }

    fn make(&self, actor_type: &ActorType, key: &Key, under_test: bool) -> Arc<Instance> {
        let host: Weak<World> = Weak::clone(&self.this);
        let executor = Arc::clone(&self.executor);
        Instance::new(actor_type, key.clone(), host, executor, under_test)
    }
}

impl Host for World {
    fn start(&self, target: &Target, call: &mut dyn PendingCall) -> Started {
        let checked = ActorTypeName::new(target.type_name)
            .map_err(|error| CallError::NotFound { detail: error.to_string().into() })
            .and_then(|name| match &call.head().chain {
                Some(chain) => chain.check(name, &target.key),
                None => Ok(()),
            })
            .and_then(|()| self.find(target.slot, target.type_name, target.key.clone()));
        match checked {
            Ok(instance) => instance.start(call),
            Err(error) => Started::Refused(error),
        }
    }

    fn start_at(
        &self,
        at: Instant,
        target: Target,
        call: Arc<dyn QueuedCall>,
    ) -> Result<(), CallError> {
        let instance = self.find(target.slot, target.type_name, target.key)?;
        let (instance, due) = (Arc::downgrade(&instance), self.executor.sleep_until(at));
        let sent = async move {
            due.await;
            if let Some(instance) = instance.upgrade() {
                instance.enqueue(call);
            }
        };
        self.executor.spawn("delayed send", Box::pin(sent));
        Ok(())
    }

    fn clock(&self) -> &dyn Clock {
        &*self.executor
    }

    fn tasks(&self) -> &dyn Tasks {
        &*self.executor
    }

    fn call_id(&self) -> CallId {
        CallId(self.calls.fetch_add(1, Ordering::Relaxed))
    }

    fn deadline_default(&self) -> Duration {
        DEADLINE_DEFAULT
    }

    fn shared(&self) -> Option<&SharedCopies> {
        Some(&self.shared)
    }

    fn wake_at(&self, at: Instant, waker: Waker) -> TimerKey {
        self.executor.wake_at(at, waker)
    }

    fn forget(&self, timer: TimerKey) {
        self.executor.forget(timer);
    }
}
