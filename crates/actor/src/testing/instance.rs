use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_types::{CallError, Instant, Key, StateTag, Tasks, Version};

use super::agenda::Agenda;
use super::executor::{Begun, Executor};
use super::home::{TestHome, WayHome};
use crate::host::{CallHead, Home, Host, PendingCall, QueuedCall, Started, TurnGuard};
use crate::{Actor, ActorType, Effects, State, StateRef, Ticket};

mod checks;
mod effects;
mod hooks;

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
    /// Whether the activation has begun.
    awake: bool,
    /// Counts exclusive turns.
    version: Version,
    agenda: Agenda,
}

impl Instance {
    pub(super) fn new(
        actor_type: &ActorType,
        key: Key,
        host: Weak<dyn Host>,
        executor: Arc<Executor>,
        under_test: bool,
    ) -> Arc<Self> {
        let inner = Inner {
            state: (!under_test).then(|| (actor_type.create)()),
            mailbox: VecDeque::new(),
            awake: false,
            version: Version::NONE,
            agenda: Agenda::default(),
        };
        let home = TestHome {
            actor_type: actor_type.name,
            key,
            host,
            deactivation: AtomicBool::new(false),
            timers: AtomicU64::new(0),
            left: Mutex::new(None),
        };
        Arc::new(Self {
            actor_type: actor_type.clone(),
            home: Arc::new(home),
            executor,
            under_test,
            inner: Mutex::new(inner),
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

    /// Takes the state, if neither a turn nor the test has it.
    pub(super) fn take_state(&self) -> Option<Box<dyn State>> {
        self.inner.lock().state.take()
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
        let (one_way, wakes) = (call.head().one_way, self.must_wake());
        let held = if one_way || wakes { None } else { self.hold() };
        let Some(mut held) = held else {
            self.inner.lock().mailbox.push_back(call.share());
            if one_way {
                let this = Arc::clone(self);
                self.executor.spawn("sent", Box::pin(async move { this.go_on() }));
            } else if wakes {
                self.go_on();
            }
            return Started::Queued;
        };
        if call.head().method.may_suspend {
            self.begin(&call.share(), held);
            return Started::Queued;
        }
        if let Err(error) = held.begin(call.head()) {
            held.give_back();
            return Started::Refused(error);
        }
        call.run(held.borrow(call.head().method.exclusive), &WayHome(Arc::clone(&self.home)));
        held.end(call.head());
        self.go_on();
        Started::Ran(None)
    }

    /// Takes a message that nobody waits for.
    pub(super) fn enqueue(self: &Arc<Self>, call: Arc<dyn QueuedCall>) {
        self.inner.lock().mailbox.push_back(call);
        self.go_on();
    }

    /// Runs what waits, as long as no turn has to wait.
    pub(super) fn go_on(self: &Arc<Self>) {
        while let Some(held) = self.hold() {
            let Some(call) = self.next() else {
                return held.give_back();
            };
            self.run_queued(&call, held);
        }
    }

    fn next(&self) -> Option<Arc<dyn QueuedCall>> {
        let call = {
            let mailbox = &mut self.inner.lock().mailbox;
            while mailbox.front().is_some_and(|call| !call.is_waiting()) {
                mailbox.pop_front();
            }
            mailbox.pop_front()?
        };
        let Some(first) = self.wake() else {
            return Some(call);
        };
        self.inner.lock().mailbox.push_front(call);
        Some(first)
    }

    fn run_queued(self: &Arc<Self>, call: &Arc<dyn QueuedCall>, mut held: Held) {
        if call.head().method.may_suspend {
            self.begin(call, held);
            return;
        }
        if let Err(error) = held.begin(call.head()) {
            held.give_back();
            return call.settle(Err(error));
        }
        let exclusive = call.head().method.exclusive;
        if call.run(held.borrow(exclusive), &WayHome(Arc::clone(&self.home))) {
            held.end(call.head());
            call.settle(Ok(None));
        } else {
            held.give_back();
        }
    }

    /// Begins a turn that may have to wait.
    fn begin(self: &Arc<Self>, call: &Arc<dyn QueuedCall>, mut held: Held) {
        if let Err(error) = held.begin(call.head()) {
            held.give_back();
            return call.settle(Err(error));
        }
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

    fn tag(&self) -> StateTag {
        StateTag { stamp: 0, version: self.inner.lock().version }
    }

    fn now(&self) -> Instant {
        self.executor.now_in(Duration::ZERO)
    }

    fn hold(self: &Arc<Self>) -> Option<Held> {
        let state = self.inner.lock().state.take()?;
        Some(Held { instance: Arc::clone(self), state: Some(state), before: None })
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
    /// The encoded state at the beginning of a turn that may record events.
    before: Option<Vec<u8>>,
}

impl Held {
    fn borrow(&mut self, exclusive: bool) -> StateRef<'_> {
        let state = self.state.as_mut().expect("held until it is given back");
        if exclusive { StateRef::Exclusive(&mut **state) } else { StateRef::Shared(&**state) }
    }

    /// Begins a turn, if the state is one that its caller wants.
    fn begin(&mut self, head: &CallHead) -> Result<(), CallError> {
        if let Some(receipt) = &head.receipt {
            receipt.begin(self.instance.tag(), self.instance.now())?;
        }
        if head.method.exclusive {
            let state = self.state.as_ref().expect("held until it is given back");
            self.before = self.instance.before(&**state);
        }
        Ok(())
    }

    /// Ends the turn of a call.
    fn end(mut self, head: &CallHead) {
        let instance = &self.instance;
        let mut state = self.state.take().expect("given back once");
        let left = instance.home.left.lock().take().unwrap_or_default();
        if head.method.exclusive {
            instance.check(&*state, self.before.as_deref(), &left);
            let mut inner = instance.inner.lock();
            inner.version = inner.version.next();
        }
        if let Some(receipt) = &head.receipt {
            receipt.end(instance.tag(), instance.now());
        }
        let deleted = left.delete;
        instance.handled(head);
        instance.take(*left);
        let leaves = instance.leaves(head);
        if deleted || (leaves && !instance.actor_type.persist.is_stored()) {
            state = (instance.actor_type.create)();
        }
        if deleted || leaves {
            instance.sleep();
        }
        instance.put(state);
    }

    /// Gives the state back after no turn.
    fn give_back(mut self) {
        let state = self.state.take().expect("given back once");
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

    fn keep(&mut self, effects: Box<Effects>) {
        *self.held.instance.home.left.lock() = Some(effects);
    }

    fn finish(self: Box<Self>, call: &dyn QueuedCall) {
        self.held.end(call.head());
        call.settle(Ok(None));
    }

    fn abandon(self: Box<Self>) {
        self.held.give_back();
    }
}
