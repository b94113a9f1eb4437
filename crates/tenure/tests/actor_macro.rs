//! What `#[actor]` makes of a block of handlers.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure::__private::{Access, Arguments, Method, Persist, Shape};
use tenure::prelude::*;
use tenure::{Handler, Message, TestContext};

/// A line of a cart.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// What.
    pub item: String,
    /// How many.
    pub count: u32,
}

/// Why a cart refuses.
#[tenure::error]
#[derive(PartialEq)]
pub enum CartError {
    /// Nothing to take out.
    Empty,
}

type Fallible<T> = std::result::Result<T, CartError>;
mod alias {
    pub(crate) type Result<T> = std::result::Result<T, super::CartError>;
}

/// What somebody is going to buy.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cart {
    lines: Vec<Line>,
}

#[actor]
impl Cart {
    /// Not a handler: it borrows nothing.
    pub fn empty() -> Self {
        Self::default()
    }

    fn plain<T: Into<u32>>(&self, by: T) -> u32 {
        by.into()
    }

    pub(crate) fn plain_too(&self, text: &str) -> usize {
        text.len() + self.plain(1_u16) as usize
    }

    /// Puts a line in; see [`Self::count`].
    pub fn add_line(&mut self, line: Line) -> usize {
        self.lines.push(line);
        self.lines.len()
    }

    /// How many lines there are.
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    /// Takes the last line out.
    pub fn pop(&mut self) -> Result<Line, CartError> {
        self.lines.pop().ok_or(CartError::Empty)
    }

    /// Reads through an alias that is called `Result`.
    pub fn last(&self) -> alias::Result<Line> {
        self.lines.last().cloned().ok_or(CartError::Empty)
    }

    /// Unit in words.
    #[expect(clippy::unused_unit, reason = "it may be written")]
    pub fn clear(&mut self) -> () {
        self.lines.clear();
    }

    /// A pure `async fn` is as good as a `fn`.
    pub async fn describe(&self, prefix: String, verbose: Option<bool>) -> String {
        let verbose = verbose.unwrap_or(false);
        if !(verbose) {
            return prefix;
        }
        format!("{prefix}: {:?}", self.lines)
    }

    /// Waits.
    pub async fn wait(&self, cx: &Context<Self>, millis: u64) {
        cx.sleep(Duration::from_millis(millis)).await;
    }

    /// Exclusive by its context.
    pub fn leave(&self, cx: &mut Context<Cart>) -> String {
        cx.deactivate();
        cx.key().to_string()
    }

    /// `Self` means the cart in the items beside the block, too.
    pub fn merge(&mut self, mut other: Self, times: BTreeMap<String, Vec<Self>>) -> Option<Self> {
        self.lines.append(&mut other.lines);
        times.is_empty().then(|| self.clone())
    }

    /// A word of Rust as a name.
    pub fn r#move(&mut self, r#type: String) -> String {
        r#type
    }

    /// Only here where it is asked for.
    #[cfg(any())]
    pub fn gone(&self, never: ThereIsNoSuchType) {}

    /// One of two.
    #[cfg(not(any()))]
    pub fn either(&self) -> u8 {
        1
    }

    /// The other of two.
    #[cfg(any())]
    pub fn either(&self) -> u8 {
        2
    }

    #[handler]
    fn secret(&mut self, _unused: u8) {}

    #[handler(internal)]
    #[deprecated = "use `count`"]
    #[expect(missing_docs, reason = "the attribute stays on the method")]
    pub fn upkeep(&mut self) {}
}

fn exclusive<A: Handler<M>, M: Message>(_: fn(M)) -> bool {
    <A::Access as Access>::EXCLUSIVE
}

#[test]
fn the_borrow_decides_the_access() {
    assert!(exclusive::<Cart, _>(|_: CartAddLine| ()));
    assert!(!exclusive::<Cart, _>(|_: CartCount| ()));
    assert!(!exclusive::<Cart, _>(|_: CartWait| ()));
    assert!(exclusive::<Cart, _>(|_: CartLeave| ()));
    assert!(exclusive::<Cart, _>(|_: CartPop| ()));
}

fn info<A: Handler<M>, M: Message>(_: fn(M)) -> (bool, bool) {
    (A::MAY_SUSPEND, A::NEEDS_CONTEXT)
}

#[test]
fn only_a_body_that_waits_may_suspend_and_only_who_asks_gets_a_context() {
    assert_eq!(info::<Cart, _>(|_: CartAddLine| ()), (false, false));
    assert_eq!(info::<Cart, _>(|_: CartDescribe| ()), (false, false));
    assert_eq!(info::<Cart, _>(|_: CartWait| ()), (true, true));
    assert_eq!(info::<Cart, _>(|_: CartLeave| ()), (false, true));
}

#[test]
fn the_table_has_every_handler_in_order() {
    let table: Vec<_> = Cart::methods()
        .iter()
        .map(|Method { info, internal, .. }| (info.name, info.exclusive, *internal))
        .collect();
    assert_eq!(
        table,
        [
            ("add_line", true, false),
            ("count", false, false),
            ("pop", true, false),
            ("last", false, false),
            ("clear", true, false),
            ("describe", false, false),
            ("wait", false, false),
            ("leave", true, false),
            ("merge", true, false),
            ("move", true, false),
            ("either", false, false),
            ("secret", true, true),
            ("upkeep", true, true),
        ]
    );
}

#[test]
fn arguments_have_the_shape_of_their_number() {
    assert_eq!(CartCount::SHAPE, Shape::None);
    assert_eq!(CartAddLine::SHAPE, Shape::One { name: "line", scalar: false });
    assert_eq!(CartWait::SHAPE, Shape::One { name: "millis", scalar: true });
    assert_eq!(CartMove::SHAPE, Shape::One { name: "type", scalar: true });
    assert_eq!(CartDescribe::SHAPE, Shape::Named(&["prefix", "verbose"]));
    assert_eq!(CartMove::METHOD, "move");
}

#[test]
fn a_result_is_taken_apart() {
    fn same<M: Message, R, E>()
    where
        Cart: Handler<M, Reply = R, Error = E>,
    {
    }
    same::<CartPop, Line, CartError>();
    same::<CartLast, Line, CartError>();
    same::<CartCount, usize, std::convert::Infallible>();
    same::<CartClear, (), std::convert::Infallible>();
    same::<CartMerge, Option<Cart>, std::convert::Infallible>();
    let _: Fallible<()> = Ok(());
}

#[test]
fn handlers_stay_plain_methods() {
    let mut cx = TestContext::<Cart>::new("alice");
    let mut cart = Cart::empty();
    assert_eq!(cart.plain_too("ab"), 3);
    assert_eq!(cart.add_line(Line::default()), 1);
    assert_eq!(cart.leave(&mut cx), "alice");
    assert_eq!(cart.last(), Ok(Line::default()));
    assert_eq!(cart.either(), 1);
}

#[test]
fn messages_reach_their_handlers() -> Result<(), CallError<CartError>> {
    let mut cx = TestContext::<Cart>::new("alice");
    let mut cart = Cart::empty();
    let line = Line { item: "tea".to_owned(), count: 2 };
    assert_eq!(cx.call(&mut cart, CartAddLine { line: line.clone() }), Ok(1));
    assert_eq!(cx.call(&mut cart, CartPop {})?, line);
    assert_eq!(cx.call(&mut cart, CartPop {}), Err(CallError::App(CartError::Empty)));
    assert_eq!(cx.call(&mut cart, CartMove { r#type: "x".to_owned() }), Ok("x".to_owned()));
    let described = cx.call(&mut cart, CartDescribe { prefix: "a".to_owned(), verbose: None });
    assert_eq!(described, Ok("a".to_owned()));
    assert_eq!(cx.call(&mut cart, CartSecret { _unused: 1 }), Ok(()));
    Ok(())
}

#[test]
fn a_message_does_not_show_its_arguments() {
    assert_eq!(format!("{:?}", CartMove { r#type: "secret".to_owned() }), "CartMove");
}

#[test]
fn a_reference_has_a_method_for_each_handler() {
    let cx = TestContext::<Other>::new("o");
    let cart = CartRef::from(tenure::ActorRef::new(&cx.host(), "alice"));
    assert_eq!(cart.key().map(|key| key.as_str()), Some("alice"));
    assert_eq!(format!("{cart:?}"), "CartRef(cart/alice)");
    let copy = cart.clone();
    let call: tenure::Call<Cart, CartAddLine> = copy.add_line(Line::default());
    drop(call);
    let call: tenure::Call<Cart, CartMove> = cart.r#move("x".to_owned());
    drop(call);
    drop(cart.as_ref().call(CartSecret { _unused: 0 }));
}

/// Keeps nothing, so it needs no serde.
#[derive(Default)]
struct Other(std::sync::atomic::AtomicU32);

#[actor(
    persist = volatile,
    name = "another",
    idle_after = "10m",
    mailbox = 2_048,
    schema = 3,
    crate = "tenure"
)]
impl Other {
    pub fn touch(&self) -> u32 {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }
}

#[test]
fn options_become_the_types_rules() {
    assert_eq!(Other::TYPE, "another");
    assert_eq!(Other::PERSIST, Persist::Volatile);
    assert_eq!(Other::IDLE_AFTER, Some(Duration::from_secs(600)));
    assert_eq!(Other::MAILBOX_LEN_MAX, Some(2_048));
    assert_eq!(Other::SCHEMA, 3);
    assert!(Actor::encode(&Other::default(), &mut Vec::new()).is_err());
    assert_eq!(Cart::TYPE, "cart");
    assert_eq!(Cart::PERSIST, Persist::WriteThrough);
    assert_eq!(Cart::IDLE_AFTER, None);
    assert_eq!(Cart::MAILBOX_LEN_MAX, None);
    assert_eq!(Cart::SCHEMA, 1);
    assert_ne!(Cart::slot().index(), Other::slot().index());
    assert_eq!(Cart::slot().index(), Cart::slot().index());
}

#[test]
fn a_record_of_another_schema_is_refused() {
    let mut stored = Vec::new();
    Actor::encode(&Cart::empty(), &mut stored).unwrap();
    assert_eq!(Cart::decode(1, 1, &stored).unwrap(), Cart::empty());
    let error = Cart::decode(2, 1, &stored).unwrap_err();
    assert_eq!(error.to_string(), "the record of cart has schema 2, this program knows schema 1");
}

/// Everything the macro makes of a private type is private or told to be so without a warning.
#[test]
fn actors_live_in_function_bodies() {
    #[tenure::data]
    #[derive(Default)]
    struct HTTPCounter {
        value: i64,
    }

    #[actor]
    impl HTTPCounter {
        pub fn add(&mut self, by: i64) -> i64 {
            self.value += by;
            self.value
        }
    }

    let mut cx = TestContext::<HTTPCounter>::new(7);
    let mut counter = HTTPCounter::default();
    assert_eq!(cx.call(&mut counter, HTTPCounterAdd { by: 2 }), Ok(2));
    assert_eq!(HTTPCounter::TYPE, "http_counter");
}
