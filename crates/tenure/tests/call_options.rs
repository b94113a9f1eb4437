//! What a call says of itself to its host, and how its outcome is kept and given again.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use tenure::__private::host::{
    AsHome, CallHead, Home, Host, HostHandle, PendingCall, QueuedCall, Started, TimerKey, TurnGuard,
};
use tenure::__private::{
    CallKey, Cause, Effects, ReminderId, State, StateRef, Target, Ticket, TimerId,
};
use tenure::prelude::*;
use tenure::{ActorRef, CallErrorCode, TestContext};
use tenure_types::{ActorTypeName, Clock, Instant, Tasks, Tenure};

/// Money, and who gets it.
#[tenure::data]
#[derive(Default)]
struct Bank {
    cents: u64,
}

/// Why a bank does not pay.
#[tenure::error]
#[derive(Clone, PartialEq)]
enum BankError {
    #[problem(status = 409, "{0} cents are missing")]
    Missing(u64),
}

#[actor]
impl Bank {
    pub fn pay(&mut self, shares: HashMap<String, u64>) -> Result<u64, BankError> {
        let all = shares.values().sum();
        let left = self.cents.checked_sub(all);
        self.cents = left.ok_or_else(|| BankError::Missing(all - self.cents))?;
        Ok(self.cents)
    }

    pub fn note(&mut self, _text: String) {}

    pub async fn tell(&mut self, cx: &mut Context<Self>) -> String {
        let other = cx.actor::<Bank>("other");
        for text in ["a", "b"] {
            other.note(text.to_owned()).send().await.expect("it is kept");
        }
        let own = other.note("c".to_owned()).idempotency_key("own");
        own.send().await.expect("it is kept");
        let detached = cx.detached::<Bank>("other").note("d".to_owned());
        detached.send().await.expect("it is kept");
        cx.reminder().map_or_else(String::new, |id| id.name.to_string())
    }
}

/// Keeps every call, and runs none.
struct Keeper {
    world: HostHandle,
    kept: Mutex<Vec<Kept>>,
}

/// A call, and when it is to start if not at once.
type Kept = (Option<Instant>, Arc<dyn QueuedCall>);

impl Keeper {
    fn new() -> (Arc<Self>, HostHandle) {
        let world = TestContext::<Bank>::new("world").host();
        let keeper = Arc::new(Self { world, kept: Mutex::default() });
        let handle = HostHandle::new(Arc::clone(&keeper) as Arc<dyn Host>);
        (keeper, handle)
    }

    fn keep(&self, at: Option<Instant>, call: Arc<dyn QueuedCall>) {
        self.kept.lock().unwrap().push((at, call));
    }

    fn take(&self) -> Kept {
        self.kept.lock().unwrap().remove(0)
    }

    fn take_key(&self) -> Option<CallKey> {
        match self.take().1.head().cause.as_deref() {
            Some(Cause::Key(key)) => Some(key.clone()),
            _ => None,
        }
    }
}

impl Host for Keeper {
    fn start(&self, _: &Target, call: &mut dyn PendingCall) -> Started {
        self.keep(None, call.share());
        Started::Queued
    }

    fn start_at(&self, at: Instant, _: Target, call: Arc<dyn QueuedCall>) -> Result<(), CallError> {
        self.keep(Some(at), call);
        Ok(())
    }

    fn clock(&self) -> &dyn Clock {
        self.world.clock()
    }

    fn tasks(&self) -> &dyn Tasks {
        self.world.tasks()
    }

    fn call_id(&self) -> tenure::__private::CallId {
        self.world.call_id()
    }

    fn deadline_default(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn wake_at(&self, at: Instant, waker: Waker) -> TimerKey {
        self.world.wake_at(at, waker)
    }

    fn forget(&self, timer: TimerKey) {
        self.world.forget(timer);
    }
}

/// The activation of `bank/alice`, and a turn of it.
struct Alice {
    key: Key,
    host: HostHandle,
}

impl Home for Alice {
    fn actor_type(&self) -> ActorTypeName {
        ActorTypeName::new("bank").unwrap()
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn host(&self) -> HostHandle {
        self.host.clone()
    }

    fn deactivate(&self) {}

    fn timer_id(&self) -> TimerId {
        TimerId(0)
    }

    fn tenure(&self) -> Tenure {
        Tenure::default()
    }
}

impl AsHome for Alice {
    fn to_home(&self) -> Arc<dyn Home> {
        unreachable!("these handlers have no context")
    }

    fn unsaved(&self) -> Option<Ticket> {
        None
    }

    fn keep(&self, _: Box<Effects>) {
        unreachable!("these handlers have no context")
    }
}

struct Turn {
    home: Arc<Alice>,
    bank: Bank,
}

impl TurnGuard for Turn {
    fn state(&mut self) -> StateRef<'_> {
        StateRef::Exclusive(&mut self.bank)
    }

    fn home(&self) -> Arc<dyn Home> {
        Arc::clone(&self.home) as Arc<dyn Home>
    }

    fn unsaved(&self) -> Option<Ticket> {
        None
    }

    fn keep(&mut self, _: Box<Effects>) {}

    fn finish(self: Box<Self>, call: &dyn QueuedCall) {
        call.settle(Ok(None));
    }

    fn abandon(self: Box<Self>) {}
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut TaskContext::from_waker(Waker::noop()))
}

fn bank(host: &HostHandle) -> BankRef {
    BankRef::from(ActorRef::new(host, "alice"))
}

fn shares() -> HashMap<String, u64> {
    (0..16).map(|name| (format!("n{name}"), name)).collect()
}

#[test]
fn a_plain_call_says_nothing_of_itself() {
    let (keeper, host) = Keeper::new();
    assert!(poll(pin!(bank(&host).pay(shares()).into_future())).is_pending());
    let (_, call) = keeper.take();
    assert_eq!((call.head().cause.is_none(), call.head().durable), (true, false));
    assert!(poll(pin!(bank(&host).pay(shares()).durable().into_future())).is_pending());
    let (_, call) = keeper.take();
    assert_eq!((call.head().cause.is_none(), call.head().durable), (true, true));
}

#[test]
fn a_key_goes_with_a_hash_of_method_and_arguments() {
    let (keeper, host) = Keeper::new();
    let keyed = |shares: HashMap<String, u64>| {
        let call = bank(&host).pay(shares).idempotency_key("k");
        assert!(poll(pin!(call.into_future())).is_pending());
        keeper.take_key().unwrap()
    };
    let first = keyed(shares());
    assert_eq!(&*first.key, "k");
    // Each hash map has an order of its own.
    assert!((0..8).all(|_| keyed(shares()) == first));
    assert_ne!(keyed(HashMap::new()).arguments, first.arguments);
    for text in ["a", "a", "b"] {
        let call = bank(&host).note(text.to_owned()).idempotency_key("k".to_owned());
        assert!(poll(pin!(call.send())).is_ready());
    }
    let notes = [keeper.take_key(), keeper.take_key(), keeper.take_key()];
    assert_eq!(notes[0], notes[1]);
    assert_ne!(notes[1], notes[2]);
}

#[test]
fn a_key_that_is_none_stops_the_call() {
    let (keeper, host) = Keeper::new();
    for key in ["", "a\nb", &"x".repeat(257)] {
        let call = bank(&host).pay(shares()).idempotency_key(key);
        let Poll::Ready(Err(error)) = poll(pin!(call.into_future())) else {
            panic!("{key:?} is a key");
        };
        assert_eq!(error.code(), CallErrorCode::BadRequest);
        assert!(error.to_string().contains("an idempotency key has 1 to 256 bytes"), "{error}");
    }
    assert!(keeper.kept.lock().unwrap().is_empty());
}

#[test]
fn a_delayed_send_has_its_deadline_from_the_moment_at_which_it_starts() {
    let (keeper, host) = Keeper::new();
    let (second, now) = (Duration::from_secs(1), host.clock().now());
    let note = || bank(&host).note(String::new());
    let delayed = note().idempotency_key("k").after(60 * second);
    assert_eq!(format!("{delayed:?}").split_once(' ').unwrap().0, "Delayed");
    assert!(poll(pin!(delayed.send())).is_ready());
    assert!(poll(pin!(note().deadline(second).after(60 * second).send())).is_ready());
    for budget in [30, 1] {
        let (at, call) = keeper.take();
        assert_eq!(at, Some(now + 60 * second));
        assert_eq!(call.head().deadline, now + (60 + budget) * second);
        assert!(call.head().one_way && call.head().chain.is_none());
        assert_eq!(call.head().cause.is_some(), budget == 30);
    }
    let bad = ActorRef::<Bank>::new(&host, "").call(BankNote { _text: String::new() });
    let Poll::Ready(Err(error)) = poll(pin!(bad.after(second).send())) else {
        panic!("there is no such key");
    };
    assert_eq!(error.code(), CallErrorCode::BadRequest);
}

#[test]
fn the_calls_of_a_turn_with_a_cause_have_keys_of_their_own() {
    let (keeper, host) = Keeper::new();
    let home = Arc::new(Alice { key: Key::new("alice").unwrap(), host: host.clone() });
    let reminder = ReminderId { name: "pay day".into(), due_ms: 7 };
    let tell = Bank::methods().iter().find(|method| method.info.name == "tell").unwrap();
    for (cause, expected) in [
        (None, [None, None, Some("own"), None]),
        (
            Some(Cause::Reminder(reminder)),
            [Some("bank/alice@7:pay day>0"), Some("bank/alice@7:pay day>1"), Some("own"), None],
        ),
        (
            Some(Cause::Key(CallKey { key: "k".into(), arguments: 0 })),
            [Some("bank/alice:k>0"), Some("bank/alice:k>1"), Some("own"), None],
        ),
    ] {
        let mut head = CallHead::to_self(tell.info, host.clock().now() + Duration::from_secs(1));
        head.cause = cause.map(Arc::new);
        let call = (tell.deliver)(head, tenure_actor::CODEC_NAMED, tenure::__private::NO_ARGUMENTS);
        let call = call.unwrap();
        let turn = Turn { home: Arc::clone(&home), bank: Bank::default() };
        let Ok(mut turn) = Arc::clone(&call).begin(Box::new(turn)) else {
            panic!("nobody took it back");
        };
        let Poll::Ready(turn) = poll(turn.as_mut()) else { panic!("sends do not wait") };
        turn.finish(&*call);
        let keys = [(); 4].map(|()| keeper.take_key().map(|key| key.key));
        assert_eq!(keys.each_ref().map(Option::as_deref), expected);
    }
}

/// Polls `call` until it waits, lets `during` have what was kept, and gives the end.
fn end_of(
    keeper: &Keeper,
    host: &HostHandle,
    during: impl FnOnce(&dyn QueuedCall),
) -> (Result<u64, CallError<BankError>>, bool) {
    let mut future = pin!(bank(host).pay(shares()).idempotency_key("k").into_future());
    assert!(poll(future.as_mut()).is_pending());
    during(&*keeper.take().1);
    let Poll::Ready(reply) = poll(future.as_mut()) else { panic!("it was settled") };
    (reply, future.was_replayed())
}

#[test]
fn an_outcome_is_given_again() {
    let (keeper, host) = Keeper::new();
    let home = Alice { key: Key::new("alice").unwrap(), host: host.clone() };
    for (cents, expected) in [(500, Ok(380)), (100, Err(CallError::App(BankError::Missing(20))))] {
        let mut outcome = Vec::new();
        let mut state: Box<dyn State> = Box::new(Bank { cents });
        let ran = end_of(&keeper, &host, |call| {
            assert!(call.run(StateRef::Exclusive(&mut *state), &home));
            outcome = call.outcome().unwrap().expect("it is kept");
            call.settle(Ok(None));
        });
        assert_eq!(ran, (expected.clone(), false));
        let replayed = end_of(&keeper, &host, |call| {
            assert_eq!(call.replay(&outcome), Ok(true));
            assert_eq!(call.outcome().unwrap(), Some(outcome.clone()));
            call.settle(Ok(None));
        });
        assert_eq!(replayed, (expected, true));
    }
}

#[test]
fn what_is_no_outcome_is_refused_and_a_call_that_was_taken_back_needs_none() {
    let (keeper, host) = Keeper::new();
    for wrong in [&[][..], &[0], &[1, 0xc0], &[2, 0xc0]] {
        let (reply, replayed) = end_of(&keeper, &host, |call| {
            assert!(call.replay(wrong).is_err(), "{wrong:?}");
            assert!(call.is_waiting());
            call.settle(Err(CallError::Unavailable { detail: "gone".into() }));
        });
        assert_eq!((reply.unwrap_err().code(), replayed), (CallErrorCode::Unavailable, false));
    }
    let mut call = Box::pin(bank(&host).pay(shares()).into_future());
    assert!(poll(call.as_mut()).is_pending());
    drop(call);
    assert_eq!(keeper.take().1.replay(&[0, 1]), Ok(false));
}
