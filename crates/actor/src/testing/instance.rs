use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tenure_types::{CallError, Key, Tasks};

use super::executor::{Begun, Executor};
use super::home::{TestHome, WayHome};
use crate::host::{Home, Host, PendingCall, QueuedCall, Started, TurnGuard};
use crate::{Actor, ActorType, CODEC_NAMED, State, StateRef, Ticket};

/// An actor in memory, one turn at a time.
pub(super) struct Instance {
    actor_type: ActorType,
    home: Arc<TestHome>,
    executor: Arc<Executor>,
    /// Whether the test has the state while it does not lend it.
    under_test: bool,
    inner: Mutex<Inner>,
}

struct Inner {
    /// Absent during a turn, and while the test has it.
    state: Option<Box<dyn State>>,
    mailbox: VecDeque<Arc<dyn QueuedCall>>,
}

impl Instance {
    pub(super) fn new(
        actor_type: &ActorType,
        key: Key,
        host: Weak<dyn Host>,
        executor: Arc<Executor>,
        under_test: bool,
    ) -> Arc<Self> {
        let state = (!under_test).then(|| (actor_type.create)());
        let home = TestHome {
            actor_type: actor_type.name,
            key,
            host,
            deactivation: AtomicBool::new(false),
        };
        Arc::new(Self {
            actor_type: actor_type.clone(),
            home: Arc::new(home),
            executor,
            under_test,
            inner: Mutex::new(Inner { state, mailbox: VecDeque::new() }),
        })
    }

    pub(super) fn home(&self) -> Arc<dyn Home> {
        Arc::clone(&self.home) as Arc<dyn Home>
    }

    pub(super) fn deactivation_requested(&self) -> bool {
        self.home.deactivation.load(Ordering::Relaxed)
    }

    /// How many messages wait.
    pub(super) fn waiting(&self) -> usize {
        let inner = self.inner.lock();
        inner.mailbox.iter().filter(|call| call.is_waiting()).count()
    }

    /// Replaces the state.
    pub(super) fn put(&self, state: Box<dyn State>) {
        self.inner.lock().state = Some(state);
    }

    /// Runs `during` with the test's state in place of the missing one, and gives it back.
    pub(super) fn lend<A: Actor, T>(&self, actor: &mut A, during: impl FnOnce() -> T) -> T {
        self.put(Box::new(std::mem::replace(actor, A::create())));
        let result = during();
        // A turn whose caller stopped waiting still runs to its end.
        self.executor.run_until(|| self.inner.lock().state.is_some());
        let state: Box<dyn Any> = self.inner.lock().state.take().expect("waited for");
        *actor = *state.downcast().expect("an instance keeps its type");
        result
    }

    /// Starts a call, or keeps it until its turn.
    pub(super) fn start(self: &Arc<Self>, call: &mut dyn PendingCall) -> Started {
        let held = if call.head().one_way { None } else { self.hold() };
        let Some(mut held) = held else {
            let one_way = call.head().one_way;
            self.inner.lock().mailbox.push_back(call.share());
            if one_way {
                let this = Arc::clone(self);
                self.executor.spawn("sent", Box::pin(async move { this.go_on() }));
            }
            return Started::Queued;
        };
        if call.head().method.may_suspend {
            self.begin(&call.share(), held);
            return Started::Queued;
        }
        let exclusive = call.head().method.exclusive;
        call.run(held.borrow(exclusive), &WayHome(Arc::clone(&self.home)));
        held.give_back(exclusive);
        self.go_on();
        Started::Ran(None)
    }

    /// Runs what waits, as long as no turn has to wait.
    pub(super) fn go_on(self: &Arc<Self>) {
        while let Some(held) = self.hold() {
            let Some(call) = self.next() else {
                held.give_back(false);
                return;
            };
            self.run_queued(&call, held);
        }
    }

    fn next(&self) -> Option<Arc<dyn QueuedCall>> {
        let mut inner = self.inner.lock();
        loop {
            let call = inner.mailbox.pop_front()?;
            if call.is_waiting() {
                return Some(call);
            }
        }
    }

    fn run_queued(self: &Arc<Self>, call: &Arc<dyn QueuedCall>, mut held: Held) {
        if call.head().method.may_suspend {
            self.begin(call, held);
            return;
        }
        let exclusive = call.head().method.exclusive;
        let ran = call.run(held.borrow(exclusive), &WayHome(Arc::clone(&self.home)));
        held.give_back(exclusive && ran);
        if ran {
            call.settle(Ok(None));
        }
    }

    /// Begins a turn that may have to wait.
    fn begin(self: &Arc<Self>, call: &Arc<dyn QueuedCall>, held: Held) {
        let exclusive = call.head().method.exclusive;
        let guard = Box::new(Turn { held, exclusive });
        let turn = match Arc::clone(call).begin(guard) {
            Ok(turn) => turn,
            Err(guard) => return guard.abandon(),
        };
        let (this, ended) = (Arc::clone(self), Arc::clone(call));
        let begun = self.executor.begin(Box::pin(async move {
            turn.await.finish(&*ended);
            this.go_on();
        }));
        if begun == Begun::Abandoned {
            call.settle(Err(CallError::Unavailable {
                detail: format!(
                    "a turn of {self} has to wait, and nothing would wake it: run this part of the \
                     test inside `cx.run(async |cx| ..)` or `cx.block_on(..)`"
                )
                .into(),
            }));
        }
    }

    fn hold(self: &Arc<Self>) -> Option<Held> {
        let state = self.inner.lock().state.take()?;
        Some(Held { instance: Arc::clone(self), state: Some(state) })
    }

    /// Asks of a durable state what a node would: that it can be stored and read back.
    fn check_stored(&self, state: &dyn State) {
        if !self.actor_type.persist.is_durable() {
            return;
        }
        let mut stored = Vec::new();
        let read = state
            .encode(&mut stored)
            .and_then(|()| (self.actor_type.decode)(self.actor_type.schema, CODEC_NAMED, &stored));
        if let Err(error) = read {
            panic!("the state of {self} cannot be stored and read back: {error}");
        }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.home.actor_type, self.home.key)
    }
}

/// The state during a turn. Dropped by a panic, it is discarded as a node would.
struct Held {
    instance: Arc<Instance>,
    state: Option<Box<dyn State>>,
}

impl Held {
    fn borrow(&mut self, exclusive: bool) -> StateRef<'_> {
        let state = self.state.as_mut().expect("held until it is given back");
        if exclusive { StateRef::Exclusive(&mut **state) } else { StateRef::Shared(&**state) }
    }

    /// Ends the turn.
    fn give_back(mut self, changed: bool) {
        let mut state = self.state.take().expect("given back once");
        let Instance { actor_type, home, under_test, .. } = &*self.instance;
        if changed {
            self.instance.check_stored(&*state);
        }
        // The test asks for the wish; an activation nobody looks at just leaves.
        if !under_test
            && home.deactivation.swap(false, Ordering::Relaxed)
            && !actor_type.persist.is_durable()
        {
            state = (actor_type.create)();
        }
        self.instance.put(state);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.state.take().is_some() {
            self.instance.put((self.instance.actor_type.create)());
        }
    }
}

/// A turn that may have to wait.
struct Turn {
    held: Held,
    exclusive: bool,
}

impl TurnGuard for Turn {
    fn state(&mut self) -> StateRef<'_> {
        self.held.borrow(self.exclusive)
    }

    fn home(&self) -> Arc<dyn Home> {
        self.held.instance.home()
    }

    fn unsaved(&self) -> Option<Ticket> {
        None
    }

    fn finish(self: Box<Self>, call: &dyn QueuedCall) {
        self.held.give_back(self.exclusive);
        call.settle(Ok(None));
    }

    fn abandon(self: Box<Self>) {
        self.held.give_back(false);
    }
}

/// A look at an instance's state.
pub(super) struct Peek<T> {
    instance: Arc<Instance>,
    state: Option<Box<dyn State>>,
    marker: PhantomData<fn() -> T>,
}

impl<T: Actor> Peek<T> {
    /// # Panics
    /// If a turn has the state.
    pub(super) fn new(instance: &Arc<Instance>) -> Self {
        let state = instance.inner.lock().state.take();
        assert!(
            state.is_some(),
            "the state of {instance} is not to be seen: a turn is not over, or it is the actor \
             under test"
        );
        Self { instance: Arc::clone(instance), state, marker: PhantomData }
    }
}

impl<T: Actor> Deref for Peek<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let state: &dyn Any = &**self.state.as_ref().expect("taken only when dropped");
        state.downcast_ref().expect("an instance keeps its type")
    }
}

impl<T> Drop for Peek<T> {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            self.instance.put(state);
        }
    }
}
