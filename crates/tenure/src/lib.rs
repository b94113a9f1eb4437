//! Stateful services made ordinary: write an *actor*, a struct with methods, and Tenure keeps
//! exactly one live copy of each in memory, routes every call to it, and saves its state before
//! the reply.

mod app;
pub mod cluster;
pub mod config;
mod error;
mod node;
mod schemas;
mod seams;

pub use app::{App, app};
pub use cluster::{LocalCluster, LocalSeat, LocalSeatError};
pub use error::{Error, Result};
pub use node::{Node, NodeBuilder};
pub use tenure_actor::{
    Actor, ActorRef, AppError, Call, Context, Delayed, Delete, Handler, IntoKey, Message,
    Precondition, Receipt, ReminderId, SHARED_COPIES_MAX, Share, SharedCopy as Shared, SharedError,
    TestReminder, TimerId,
};
/// Tests an actor without a node.
///
/// # Examples
/// ```
/// use tenure::prelude::*;
/// use tenure::TestContext;
///
/// #[tenure::data]
/// #[derive(Default)]
/// pub struct User {
///     spent: u32,
/// }
///
/// #[actor]
/// impl User {
///     pub fn spend(&mut self, amount: u32) -> u32 {
///         self.spent += amount;
///         self.spent
///     }
/// }
///
/// /// Why a cart was not paid.
/// #[tenure::error]
/// #[derive(PartialEq)]
/// pub enum PayError {
///     #[problem(status = 424, "the account of {owner} did not answer: {why}")]
///     NoAnswer { owner: String, why: String },
/// }
///
/// #[tenure::data]
/// #[derive(Default)]
/// pub struct Cart {
///     total: u32,
/// }
///
/// #[actor]
/// impl Cart {
///     pub async fn pay(&mut self, cx: &mut Context<Self>) -> Result<u32, PayError> {
///         let owner = cx.key().to_string();
///         let spent = cx.actor::<User>(&owner).spend(self.total).await;
///         spent.map_err(|error| PayError::NoAnswer { owner, why: error.to_string() })
///     }
/// }
///
/// let mut cx = TestContext::<Cart>::new("alice");
/// cx.with_state("alice", User { spent: 10 });
/// let mut cart = Cart { total: 5 };
/// assert_eq!(cx.run(async |cx| cart.pay(cx).await), Ok(15));
/// assert_eq!(cx.state::<User>("alice").spent, 15);
/// ```
pub use tenure_actor::{Peer, TestContext};
pub use tenure_gateway::{Access, Authorise, Identity, Refusal};
/// Makes an actor of a type: write it on the inherent `impl` block that has the handlers.
///
/// # Examples
/// ```
/// use tenure::TestContext;
/// use tenure::prelude::*;
///
/// /// How many times each thing happened.
/// #[tenure::data]
/// #[derive(Default)]
/// pub struct Counter {
///     value: i64,
/// }
///
/// #[actor]
/// impl Counter {
///     pub fn add(&mut self, by: i64) -> i64 {
///         self.value += by;
///         self.value
///     }
///
///     pub fn get(&self) -> i64 {
///         self.value
///     }
/// }
///
/// let mut cx = TestContext::<Counter>::new("42");
/// let mut counter = Counter::default();
/// assert_eq!(counter.add(2), 2);
/// assert_eq!(cx.call(&mut counter, CounterAdd { by: 3 }), Ok(5));
/// ```
/// Timers, spawned work and a state of an older schema:
/// ```
/// use std::time::Duration;
///
/// use tenure::prelude::*;
/// use tenure::{TestContext, TimerId};
///
/// /// What schema 1 stored.
/// #[tenure::data]
/// pub struct WeatherV1 {
///     celsius: i32,
/// }
///
/// /// The weather at one place.
/// #[tenure::data]
/// #[derive(Default)]
/// pub struct Weather {
///     kelvin: i32,
///     /// Stored as nothing: a timer ends with the activation.
///     timer: Option<TimerId>,
/// }
///
/// #[actor(persist = write_behind(max_delay = "50ms"), schema = 2)]
/// impl Weather {
///     #[upgrade(from = 1)]
///     fn upgrade_1(old: WeatherV1) -> Self {
///         Self { kelvin: old.celsius + 273, timer: None }
///     }
///
///     #[activate]
///     fn wake(&mut self, cx: &mut Context<Self>) {
///         self.timer = Some(cx.every(Duration::from_secs(60), WeatherLook {}));
///     }
///
///     /// Does not keep others waiting while it looks.
///     #[handler]
///     fn look(&mut self, cx: &mut Context<Self>) {
///         let answer = cx.sleep(Duration::from_secs(2));
///         let look = async move {
///             answer.await;
///             290
///         };
///         cx.spawn(look, |kelvin| WeatherSeen { kelvin });
///     }
///
///     #[handler]
///     fn seen(&mut self, kelvin: i32) {
///         self.kelvin = kelvin;
///     }
///
///     pub fn kelvin(&self) -> i32 {
///         self.kelvin
///     }
/// }
///
/// let mut cx = TestContext::<Weather>::new("Ulm");
/// let mut weather = Weather::default();
/// weather.wake(&mut cx);
/// cx.advance_with(&mut weather, Duration::from_secs(62));
/// assert_eq!(weather.kelvin, 290);
/// ```
pub use tenure_macros::actor;
/// Makes a struct or an enum data that actors keep, take and give.
///
/// # Examples
/// ```
/// #[tenure::data]
/// #[derive(Clone, Default)]
/// pub struct Line {
///     pub item: String,
///     /// Added later: records without it are read as ever.
///     #[serde(default)]
///     pub count: u32,
/// }
/// ```
pub use tenure_macros::data;
/// Makes an application's error of an enum or a struct.
///
/// # Examples
/// ```
/// use tenure::AppError;
///
/// #[tenure::error]
/// pub enum BookError {
///     #[problem(status = 409, "seat {seat} is taken by {by}")]
///     SeatTaken { seat: String, by: String },
///     Closed,
/// }
///
/// let error = BookError::SeatTaken { seat: "1A".into(), by: "bob".into() };
/// assert_eq!((error.status(), error.code()), (409, "seat_taken"));
/// assert_eq!(error.to_string(), "seat 1A is taken by bob");
/// assert_eq!(BookError::Closed.status(), 422);
/// ```
pub use tenure_macros::error;
pub use tenure_sentinel::run_if_asked as run_if_sentinel;
pub use tenure_types::{ActorId, CallError, CallErrorCode, Key, Outcome};

/// What most programs need: `use tenure::prelude::*;`.
pub mod prelude {
    pub use crate::Node;
    pub use tenure_actor::{Actor, Context, Peer};
    pub use tenure_macros::actor;
    pub use tenure_types::{CallError, Key};
}

/// What the macros' output names. Not for people: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use schemars;
    pub use serde;
    pub use serde_json;
    pub use tenure_actor::*;
    pub use tenure_types::{CallError, Key};
}

/// The programs of the page are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/first-actor.md")]
struct FirstActor;

/// As above.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/upgrades.md")]
struct Upgrades;

/// As above.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/retries.md")]
struct Retries;

/// As above.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/errors.md")]
struct Errors;

/// As above.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/modes.md")]
struct Modes;

/// As above.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/testing.md")]
struct Testing;

/// As above.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/outside-world.md")]
struct OutsideWorld;

/// As above.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/feeds.md")]
struct Feeds;

/// As above.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/near-caches.md")]
struct NearCaches;
