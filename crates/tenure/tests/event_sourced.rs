//! Actors whose state follows from events, and actors that publish some.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tenure::__private::{Access, Persist};
use tenure::prelude::*;
use tenure::{Handler, Message, TestContext};

/// What can happen to a cart.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
enum CartEvent {
    Added { item: String, count: u32 },
    Emptied,
}

/// Why a cart refuses.
#[tenure::error]
#[derive(PartialEq)]
enum CartError {
    #[problem(status = 409, "a cart holds {limit} things")]
    Full { limit: u32 },
}

/// What somebody is going to buy.
#[tenure::data]
#[derive(Debug, Default, PartialEq)]
struct Cart {
    items: std::collections::HashMap<String, u32>,
    count: u32,
}

#[actor(persist = event_sourced, events = CartEvent)]
impl Cart {
    fn apply(&mut self, event: &CartEvent) {
        match event {
            CartEvent::Added { item, count } => {
                *self.items.entry(item.clone()).or_default() += count;
                self.count += count;
            }
            CartEvent::Emptied => *self = Self::default(),
        }
    }

    /// Records before it refuses, as a careless handler would.
    pub fn add(&self, cx: &mut Context<Self>, item: String, count: u32) -> Result<u32, CartError> {
        cx.record(CartEvent::Added { item, count });
        let after = self.count + count;
        if after > 10 { Err(CartError::Full { limit: 10 }) } else { Ok(after) }
    }

    /// Every event of a turn is applied after it.
    pub async fn refill(&self, cx: &mut Context<Self>, item: String) -> u32 {
        cx.record(CartEvent::Emptied);
        cx.sleep(Duration::from_secs(1)).await;
        cx.record(CartEvent::Added { item, count: 3 });
        self.count
    }

    pub fn count(&self) -> u32 {
        self.count
    }

    pub async fn count_slowly(&self, cx: &Context<Self>) -> u32 {
        cx.sleep(Duration::from_secs(1)).await;
        self.count
    }
}

fn added(item: &str, count: u32) -> CartEvent {
    CartEvent::Added { item: item.to_owned(), count }
}

fn exclusive<A: Handler<M>, M: Message>(_: fn(M)) -> (bool, &'static str) {
    let access = std::any::type_name::<A::Access>();
    (<A::Access as Access>::EXCLUSIVE, access.rsplit("::").next().unwrap())
}

#[test]
fn a_command_is_alone_and_cannot_change_the_state() {
    assert_eq!(exclusive::<Cart, _>(|_: CartAdd| ()), (true, "Commanding"));
    assert_eq!(exclusive::<Cart, _>(|_: CartRefill| ()), (true, "Commanding"));
    assert_eq!(exclusive::<Cart, _>(|_: CartCount| ()), (false, "Shared"));
    assert_eq!(exclusive::<Cart, _>(|_: CartCountSlowly| ()), (false, "Shared"));
    let snapshot_every = NonZeroU32::new(100).unwrap();
    assert_eq!(Cart::PERSIST, Persist::EventSourced { snapshot_every });
    let names: Vec<_> = Cart::methods().iter().map(|method| method.info.name).collect();
    assert_eq!(names, ["add", "refill", "count", "count_slowly"]);
}

#[test]
fn what_a_command_records_is_applied_when_it_has_answered() {
    let mut cx = TestContext::<Cart>::new("alice");
    let mut cart = Cart::default();
    let tea = || CartAdd { item: "tea".to_owned(), count: 2 };
    assert_eq!(cx.call(&mut cart, tea()), Ok(2));
    assert_eq!(cx.call(&mut cart, tea()), Ok(4));
    assert_eq!((cart.count, cart.items["tea"]), (4, 4));
    assert_eq!(cx.events(), [added("tea", 2), added("tea", 2)]);
    assert_eq!(cx.call(&mut cart, CartRefill { item: "rum".to_owned() }), Ok(4));
    assert_eq!(cx.call(&mut cart, CartCountSlowly {}), Ok(3));
    assert_eq!(cx.events(), [CartEvent::Emptied, added("rum", 3)]);
    assert_eq!(cx.events(), []);
}

#[test]
fn a_command_that_fails_has_recorded_nothing() {
    let mut cx = TestContext::<Cart>::new("alice");
    let mut cart = Cart::default();
    let refused = cx.call(&mut cart, CartAdd { item: "tea".to_owned(), count: 11 });
    assert_eq!(refused, Err(CallError::App(CartError::Full { limit: 10 })));
    assert_eq!((cx.events(), cart), (vec![], Cart::default()));
}

#[test]
fn a_plain_call_only_records() {
    let mut cx = TestContext::<Cart>::new("alice");
    let mut cart = Cart::default();
    assert_eq!(cart.add(&mut cx, "tea".to_owned(), 2), Ok(2));
    assert_eq!(cart, Cart::default());
    for event in cx.events() {
        cart.apply(&event);
    }
    assert_eq!(cart.count, 2);
    assert_eq!(cx.run(async |cx| cart.refill(cx, "rum".to_owned()).await), 2);
    assert_eq!(cx.events(), [CartEvent::Emptied, added("rum", 3)]);
}

#[test]
fn other_actors_of_a_test_apply_their_events() {
    let mut cx = TestContext::<Till>::new("t");
    cx.with::<Cart>();
    let cart = cx.actor::<Cart>("bob");
    assert_eq!(cx.block_on(cart.add("tea".to_owned(), 1)), Ok(1));
    assert_eq!(cx.state::<Cart>("bob").count, 1);
    assert_eq!(cx.events_of::<Cart>("bob"), [added("tea", 1)]);
    assert_eq!(cx.events_of::<Cart>("bob"), []);
}

static APPLIED: AtomicU32 = AtomicU32::new(0);

#[tenure::data]
#[derive(Default)]
struct Moody {
    applied: u32,
}

#[actor(persist = event_sourced(snapshot_every = 7), events = CartEvent)]
impl Moody {
    /// Has an eye on something else than the event.
    pub fn apply(&mut self, _: &CartEvent) {
        self.applied = APPLIED.fetch_add(1, Ordering::Relaxed);
    }

    pub fn touch(&self, cx: &mut Context<Self>) {
        cx.record(CartEvent::Emptied);
    }
}

#[test]
#[should_panic(expected = "the state of moody/x does not follow from its events")]
fn a_state_that_would_not_come_back_ends_the_test() {
    let snapshot_every = NonZeroU32::new(7).unwrap();
    assert_eq!(Moody::PERSIST, Persist::EventSourced { snapshot_every });
    let mut cx = TestContext::<Moody>::new("x");
    let _ = cx.call(&mut Moody::default(), MoodyTouch {});
}

/// What a till tells.
#[tenure::data]
#[derive(Debug, PartialEq)]
struct Sold {
    cents: u32,
}

#[tenure::data]
#[derive(Default)]
struct Till {
    cents: u32,
}

#[actor(persist = write_behind, events = Sold)]
impl Till {
    pub fn sell(&mut self, cx: &mut Context<Self>, cents: u32) -> Result<(), CartError> {
        self.cents += cents;
        cx.emit(Sold { cents });
        if cents == 0 { Err(CartError::Full { limit: 0 }) } else { Ok(()) }
    }

    #[handler(persist = write_through)]
    pub fn close(&mut self) -> u32 {
        std::mem::take(&mut self.cents)
    }

    #[handler(internal, persist = write_through)]
    pub fn count(&self) -> u32 {
        self.cents
    }
}

#[test]
fn what_a_turn_emits_stays_even_if_it_answers_an_error() {
    let mut cx = TestContext::<Till>::new("t");
    let mut till = Till::default();
    assert_eq!(till.sell(&mut cx, 5), Ok(()));
    assert_eq!(cx.call(&mut till, TillSell { cents: 7 }), Ok(()));
    assert!(cx.call(&mut till, TillSell { cents: 0 }).is_err());
    assert_eq!(till.cents, 12);
    assert_eq!(cx.events(), [Sold { cents: 5 }, Sold { cents: 7 }, Sold { cents: 0 }]);
}

#[tenure::data]
#[derive(Default)]
struct Log;

#[actor(persist = write_behind(max_delay = "50ms",))]
impl Log {
    pub fn get(&self) {}
}

#[actor(persist = volatile, events = Vec<u8>)]
impl Radio {
    pub fn say(&self, cx: &mut Context<Self>) {
        cx.emit(vec![1]);
    }
}

/// Keeps nothing.
#[derive(Default)]
struct Radio;

#[test]
fn a_type_says_how_far_it_may_be_behind_and_a_handler_that_it_may_not() {
    let behind = |millis| Persist::WriteBehind { max_delay: Duration::from_millis(millis) };
    assert_eq!((Till::PERSIST, Log::PERSIST), (behind(200), behind(50)));
    let durable: Vec<_> = Till::methods().iter().map(|method| method.info.durable).collect();
    assert_eq!(durable, [false, true, true]);
    let internal: Vec<_> = Till::methods().iter().map(|method| method.internal).collect();
    assert_eq!(internal, [false, false, true]);
    let mut cx = TestContext::<Radio>::new("r");
    Radio.say(&mut cx);
    assert_eq!(cx.events(), [vec![1]]);
}
