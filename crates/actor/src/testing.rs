//! Unit tests of an actor without a node.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tenure_types::{CallError, Key};

use crate::host::{CallHead, HostHandle};
use crate::shared::set as set_copy;
use crate::{
    Actor, ActorRef, ActorType, CODEC_NAMED, Context, DEADLINE_DEFAULT, Handler, IntoKey, Message,
    MethodInfo, Share, decode_named, encode_named,
};

mod agenda;
mod executor;
mod home;
mod instance;
mod peek;
mod world;

pub use agenda::TestReminder;
use instance::Instance;
use peek::Peek;
use world::World;

/// The [`Context`] of an actor under test, and the little world its calls go to.
///
/// # How a test runs
/// The test owns the actor's state: it calls the handlers as the plain methods they are, or sends
/// messages with [`TestContext::call`]. Calls to other actors run for real, against instances in
/// memory of the types that were registered with [`TestContext::with`]. Time stands still unless
/// [`TestContext::advance`] moves it, or everything waits for it inside [`TestContext::run`],
/// [`TestContext::block_on`] or [`TestContext::call`]; then it jumps to the next moment at which
/// something happens. Nothing is random, so a test that passes passes always.
///
/// One turn runs at a time on each instance, shared ones too. What is sent one way runs when the
/// call, run or block that sent it ends. Panics of handlers end the test.
///
/// # What a turn leaves
/// The test sees the events of the actor under test ([`TestContext::events`]), its reminders
/// ([`TestContext::reminders`]) and what it appended to feeds ([`TestContext::appended`]). Reminders, timers, delayed sends and spawned work run on the clock
/// of the test and deliver real messages. Those for the actor under test wait until the test lends
/// it: with [`TestContext::deliver`], [`TestContext::call`] or [`TestContext::advance_with`].
///
/// An event-sourced actor is checked after each turn: its events, encoded and decoded, lead from
/// the state before to the state after a second time. A handler that the test calls as a plain
/// method only records: [`TestContext::events`] then gives what it recorded, even if it answered
/// `Err`, and the test applies it or not.
///
/// Idempotency keys and `durable` change nothing here: every call is a turn, and nothing is lost.
pub struct TestContext<A: Actor> {
    context: Context<A>,
    own: Arc<Instance>,
    world: Arc<World>,
}

const UNDER_TEST: MethodInfo =
    MethodInfo { name: "test", exclusive: true, may_suspend: true, durable: false };

impl<A: Actor> TestContext<A> {
    /// The context of a turn of the actor with this key.
    ///
    /// # Panics
    /// If `key` is no key, or `A`'s name no name.
    #[must_use]
    pub fn new(key: impl IntoKey) -> Self {
        let world = World::new();
        let own = world.adopt(&describe::<A>(), valid(key));
        let context = context(&world, &own, DEADLINE_DEFAULT);
        Self { context, own, world }
    }

    /// Lets actors of type `T` be called; each starts from its `Default`.
    pub fn with<T: Actor>(&mut self) -> &mut Self {
        self.world.register(describe::<T>());
        self
    }

    /// Lets actors of type `T` be called; the one with this key starts from `state`.
    ///
    /// # Panics
    /// If `key` is no key, or the key of the actor under test.
    pub fn with_state<T: Actor>(&mut self, key: impl IntoKey, state: T) -> &mut Self {
        self.world.register(describe::<T>());
        let instance = self.world.instance::<T>(valid(key));
        assert!(
            !Arc::ptr_eq(&instance, &self.own),
            "{instance} is the actor under test: the test itself has its state"
        );
        instance.put(Box::new(state));
        self
    }

    /// Sets the copy that [`Context::shared`] reads of the actor with this key. Nothing refreshes it: it
    /// grows old with [`TestContext::advance`]. Where none is set, the actor itself is read, if its type was
    /// registered.
    ///
    /// # Panics
    /// If `key` is no key.
    pub fn set_shared<T: Share>(&mut self, key: impl IntoKey, copy: T::Copy) -> &mut Self {
        let now = self.now();
        set_copy::<T>(self.world.copies(), valid(key), copy, now);
        self
    }

    /// The state of another actor, once everything that was sent has run.
    ///
    /// # Panics
    /// If `T` was not registered, `key` is no key, or a turn of the actor is not over.
    pub fn state<T: Actor>(&mut self, key: impl IntoKey) -> impl Deref<Target = T> {
        self.run_ready();
        Peek::new(&self.world.instance::<T>(valid(key)))
    }

    /// The events that the actor under test emitted or recorded since the last look.
    ///
    /// # Panics
    /// If one does not survive encoding.
    pub fn events(&mut self) -> Vec<A::Event> {
        self.absorb();
        events::<A>(&self.own)
    }

    /// The events that another actor emitted or recorded since the last look.
    ///
    /// # Panics
    /// If `T` was not registered, `key` is no key, or an event does not survive encoding.
    pub fn events_of<T: Actor>(&mut self, key: impl IntoKey) -> Vec<T::Event> {
        self.run_ready();
        events::<T>(&self.world.instance::<T>(valid(key)))
    }

    /// The entries that the actor under test appended to this feed since the last look.
    ///
    /// # Panics
    /// If one cannot be read as a `T` from its JSON.
    pub fn appended<T: DeserializeOwned>(&mut self, feed: &str) -> Vec<T> {
        self.absorb();
        appended(&self.own, feed)
    }

    /// As [`TestContext::appended`], of another actor.
    ///
    /// # Panics
    /// If `A2` was not registered, `key` is no key, or an entry cannot be read as a `T`.
    pub fn appended_of<A2: Actor, T: DeserializeOwned>(
        &mut self,
        key: impl IntoKey,
        feed: &str,
    ) -> Vec<T> {
        self.run_ready();
        appended(&self.world.instance::<A2>(valid(key)), feed)
    }

    /// The reminders of the actor under test, the next one first.
    pub fn reminders(&mut self) -> Vec<TestReminder> {
        self.absorb();
        let now_ms = self.unix_ms();
        self.own.agenda(|agenda| agenda.reminders(now_ms))
    }

    /// The names of the reminders that the actor under test cancelled since the last look, whether
    /// there were such reminders or not.
    pub fn cancelled_reminders(&mut self) -> Vec<String> {
        self.absorb();
        self.own.agenda(|agenda| std::mem::take(&mut agenda.cancelled))
    }

    /// Sends `message` to `actor` as a node would: the message is encoded and decoded, the handler
    /// has a context of its own with the whole deadline, and what it sends one way has run when
    /// the reply is there.
    ///
    /// # Errors
    /// `App` with the handler's error, `BadRequest` when the message does not survive encoding,
    /// `Deadline` when the handler waits too long.
    ///
    /// # Panics
    /// Where the handler does, and when the state could not be stored and read back.
    pub fn call<M: Message>(
        &mut self,
        actor: &mut A,
        message: M,
    ) -> Result<A::Reply, CallError<A::Error>>
    where
        A: Handler<M>,
    {
        self.absorb();
        let message = survive(message).map_err(CallError::widen)?;
        let reference = ActorRef::<A>::new(&self.world.handle(), self.key());
        self.own.lend(actor, || self.world.executor().drive(reference.call(message).into_future()))
    }

    /// Runs messages that the actor under test, or others, sent to it; tells how many there were.
    ///
    /// # Panics
    /// Where a handler does.
    pub fn deliver(&mut self, actor: &mut A) -> usize {
        self.run_ready();
        let waiting = self.own.waiting();
        self.own.lend(actor, || self.world.executor().drive(async { self.own.go_on() }));
        waiting
    }

    /// Runs a part of the test that waits: `cx.run(async |cx| cart.checkout(cx).await)`.
    ///
    /// # Panics
    /// Where a handler does, and when nothing can ever wake what the test waits for.
    pub fn run<T>(&mut self, part: impl AsyncFnOnce(&mut Context<A>) -> T) -> T {
        let output = self.world.executor().drive(part(&mut self.context));
        self.run_ready();
        output
    }

    /// Waits for a call or another future: `cx.block_on(cx.actor::<User>("bob").name())`.
    ///
    /// # Panics
    /// Where a handler does, and when nothing can ever wake the future.
    pub fn block_on<F: IntoFuture>(&self, future: F) -> F::Output {
        self.world.executor().drive(future.into_future())
    }

    /// Runs what was sent one way, and everything else that need not wait for time to pass.
    ///
    /// # Panics
    /// Where a handler does.
    pub fn run_ready(&mut self) {
        self.absorb();
        self.world.executor().run_ready();
    }

    /// Lets time pass, and runs what waited for it. Messages for the actor under test wait.
    ///
    /// # Panics
    /// Where a handler does.
    pub fn advance(&mut self, duration: Duration) {
        self.run_ready();
        self.world.executor().advance(duration);
        self.run_ready();
    }

    /// Lets time pass for the actor under test as well: its timers tick and its reminders come, one
    /// after the other.
    ///
    /// # Panics
    /// Where a handler does.
    pub fn advance_with(&mut self, actor: &mut A, duration: Duration) {
        self.deliver(actor);
        self.own.lend(actor, || self.world.executor().advance(duration));
        self.deliver(actor);
    }

    /// Lets the caller of the turn under test wait for `budget` from now on; 30 s unless set.
    pub fn set_deadline(&mut self, budget: Duration) {
        self.absorb();
        self.context = context(&self.world, &self.own, budget);
    }

    /// Whether a handler has asked that the activation leaves memory.
    #[must_use]
    pub fn deactivation_requested(&self) -> bool {
        self.own.deactivation_requested()
    }

    /// Whether a handler has deleted the actor.
    pub fn deletion_requested(&mut self) -> bool {
        self.absorb();
        self.own.agenda(|agenda| agenda.deleted)
    }

    /// Takes what handlers have left that the test called as plain methods.
    fn absorb(&mut self) {
        if let Some(effects) = self.context.take_effects() {
            self.own.take(*effects);
        }
    }

    /// The host of this little world, to make references that belong to no turn.
    #[must_use]
    pub fn host(&self) -> HostHandle {
        self.world.handle()
    }
}

impl<A: Actor> Deref for TestContext<A> {
    type Target = Context<A>;

    fn deref(&self) -> &Context<A> {
        &self.context
    }
}

impl<A: Actor> DerefMut for TestContext<A> {
    fn deref_mut(&mut self) -> &mut Context<A> {
        &mut self.context
    }
}

impl<A: Actor> fmt::Debug for TestContext<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestContext({})", self.own)
    }
}

fn context<A: Actor>(world: &World, own: &Instance, budget: Duration) -> Context<A> {
    let head = CallHead {
        method: &UNDER_TEST,
        deadline: world.executor().now_in(budget),
        chain: None,
        one_way: false,
        durable: false,
        cause: None,
        receipt: None,
    };
    Context::new(own.home(), &head, None)
}

fn events<A: Actor>(instance: &Instance) -> Vec<A::Event> {
    let events = instance.agenda(|agenda| std::mem::take(&mut agenda.events));
    let events = events.iter().map(|event| A::decode_event(CODEC_NAMED, event));
    events
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("an event of {instance} does not survive encoding: {error}"))
}

fn appended<T: DeserializeOwned>(instance: &Instance, feed: &str) -> Vec<T> {
    let entries = instance.agenda(|agenda| {
        let (of, others) = std::mem::take(&mut agenda.entries)
            .into_iter()
            .partition::<Vec<_>, _>(|entry| entry.feed.as_str() == feed);
        agenda.entries = others;
        of
    });
    let read = entries.iter().map(|entry| serde_json::from_slice(&entry.data));
    read.collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("an entry of the feed {feed:?} cannot be read so: {error}"))
}

fn describe<A: Actor>() -> ActorType {
    match ActorType::of::<A>() {
        Ok(described) => described,
        Err(error) => panic!("{error}"),
    }
}

fn valid(key: impl IntoKey) -> Key {
    match key.into_key() {
        Ok(key) => key,
        Err(error) => panic!("{error}"),
    }
}

/// The message as it arrives at another node.
fn survive<M: Message>(message: M) -> Result<M, CallError> {
    let mut encoded = Vec::new();
    let sent = encode_named(&message, &mut encoded);
    drop(message);
    sent.and_then(|()| decode_named(CODEC_NAMED, &encoded)).map_err(|error| {
        let detail = format!("the message of `{}` does not survive encoding: {error}", M::METHOD);
        CallError::BadRequest { detail: detail.into() }
    })
}
