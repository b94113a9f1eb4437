//! Unit tests of an actor without a node.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use tenure_types::{CallError, Key};

use crate::host::{CallHead, HostHandle};
use crate::{
    Actor, ActorRef, ActorType, CODEC_NAMED, Context, DEADLINE_DEFAULT, Handler, IntoKey, Message,
    MethodInfo, decode_named, encode_named,
};

mod executor;
mod home;
mod instance;
mod world;

use instance::{Instance, Peek};
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
pub struct TestContext<A: Actor> {
    context: Context<A>,
    own: Arc<Instance>,
    world: Arc<World>,
}

const UNDER_TEST: MethodInfo = MethodInfo { name: "test", exclusive: true, may_suspend: true };

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

    /// The state of another actor, once everything that was sent has run.
    ///
    /// # Panics
    /// If `T` was not registered, `key` is no key, or a turn of the actor is not over.
    pub fn state<T: Actor>(&mut self, key: impl IntoKey) -> impl Deref<Target = T> {
        self.run_ready();
        Peek::new(&self.world.instance::<T>(valid(key)))
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
        let message = survive(message).map_err(CallError::widen)?;
        let reference = ActorRef::<A>::new(&self.world.handle(), self.key());
        self.own.lend(actor, || self.world.executor().drive(reference.call(message).into_future()))
    }

    /// Runs messages that the actor under test, or others, sent to it; tells how many there were.
    ///
    /// # Panics
    /// Where a handler does.
    pub fn deliver(&mut self, actor: &mut A) -> usize {
        let waiting = self.own.waiting();
        self.own.lend(actor, || self.world.executor().drive(async { self.own.go_on() }));
        waiting
    }

    /// Runs a part of the test that waits: `cx.run(async |cx| cart.checkout(cx).await)`.
    ///
    /// # Panics
    /// Where a handler does, and when nothing can ever wake what the test waits for.
    pub fn run<T>(&mut self, part: impl AsyncFnOnce(&mut Context<A>) -> T) -> T {
        self.world.executor().drive(part(&mut self.context))
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
        self.world.executor().run_ready();
    }

    /// Moves the clock, and runs what waited for it.
    ///
    /// # Panics
    /// Where a handler does.
    pub fn advance(&mut self, duration: Duration) {
        self.world.executor().advance(duration);
        self.run_ready();
    }

    /// Lets the caller of the turn under test wait for `budget` from now on; 30 s unless set.
    pub fn set_deadline(&mut self, budget: Duration) {
        self.context = context(&self.world, &self.own, budget);
    }

    /// Whether a handler has asked that the activation leaves memory.
    #[must_use]
    pub fn deactivation_requested(&self) -> bool {
        self.own.deactivation_requested()
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
    };
    Context::new(own.home(), &head, None)
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
