//! The attributes `#[actor]`, `#[tenure::data]` and `#[tenure::error]`.
//!
//! Users reach them through the `tenure` crate, which documents them with examples that compile.
//!
//! **Invariant:** everything the output names goes through `::tenure::__private`, so that `tenure`
//! is the only dependency its users need; and every item is emitted flat beside the input, so that
//! it works inside function bodies.

use proc_macro::TokenStream;

mod actor;
mod case;
mod data;
mod duration;
mod error;
mod report;
mod root;
mod schema;

/// # What it makes
/// The block stays as it is. Beside it appear, for a type `Counter` with a handler `add`: the
/// message `CounterAdd`, the typed reference `CounterRef`, and the implementations of `Actor`,
/// `Message`, `Arguments` and `Handler` that a node needs.
///
/// # Handlers
/// Every `pub` method that borrows `self` is a handler, and an end point of the node:
///
/// - `&mut self`, or `cx: &mut Context<Self>` after it, makes its turns exclusive; `&self` alone
///   or with `cx: &Context<Self>` makes them shared.
/// - It may be `fn` or `async fn`. Arguments and reply are owned data; a `Result` makes its error
///   the application's.
/// - `#[handler]` makes a message of a private method, which only this module can send: what
///   reminders, timers and spawned work deliver.
/// - `#[handler(internal)]` keeps a `pub` method off HTTP.
/// - `#[handler(persist = write_through)]` lets the reply of one handler of a `write_behind` type
///   wait until what its turn saw is durable.
///
/// Every other function of the block is left alone. Messages and references are as public as
/// their methods, so types of arguments, replies and errors are `pub` too.
///
/// # Activation
/// `#[activate]` marks the method that runs first in every activation, `#[deactivate]` the one that
/// runs before an activation leaves memory in order; a crash skips it. They take `&mut self`, a
/// context if they want one, and nothing else, and return nothing. Nobody else calls them.
///
/// # Clients
/// `#[attach]` marks the method that is asked when a client wants to follow the actor's events: it
/// has one argument, `peer: Peer`, may answer `Err` to refuse it, and otherwise answers what the
/// client begins with. `#[detach]` marks the one that is told, with the same `Peer`, when a client
/// follows no more; a crash of the node skips it. Without them everybody who may call the type may
/// follow it. Nobody else calls them.
///
/// # Events
/// With `events = CartEvent` the handlers of a type may `cx.emit(..)` what subscribers then see.
/// An `event_sourced` type has events instead of a stored state: a handler that changes something
/// takes `&self` and `cx: &mut Context<Self>`, decides, and `cx.record(..)`s what happens; when it
/// has answered `Ok`, the events are stored and `fn apply(&mut self, event: &CartEvent)`, which the
/// block must have, changes the state by each.
///
/// # Upgrades
/// A field that is new has `#[serde(default)]`, and nothing else is to be done. For more, the type
/// has `schema = 2`, and `#[upgrade(from = 1)] fn upgrade_1(old: CounterV1) -> Self` makes its state
/// of a record of schema 1. Such steps form a chain: each gives `Self`, or what the next one takes.
/// Records of an older schema without a step, and those of a newer one, are not loaded, and stay.
/// Events have no steps: add variants, and fields with `#[serde(default)]`.
///
/// # Options
/// | option | default | meaning |
/// |---|---|---|
/// | `name = "cart"` | the type's name in `snake_case` | how users, stores and peers call the type |
/// | `persist = write_through` | yes | saved before the reply |
/// | `persist = write_behind(max_delay = "200ms")` | `"200ms"` | saved after the reply: a crash loses at most this much |
/// | `persist = event_sourced(snapshot_every = 100)` | `100` | as events, before the reply, and after so many of them a snapshot |
/// | `persist = volatile` | | never saved |
/// | `events = CartEvent` | none | what the type publishes, or what its state follows from: data |
/// | `idle_after = "10m"` | the node's | how long an activation may be idle (`ms`, `s`, `m`, `h`) |
/// | `mailbox = 2048` | the node's | how many calls may wait for their turn |
/// | `schema = 1` | 1 | the version of the stored form |
/// | `crate = "path"` | `::tenure` | where `tenure` is, if not at its own name |
#[proc_macro_attribute]
pub fn actor(options: TokenStream, item: TokenStream) -> TokenStream {
    actor::expand(options.into(), &item.into()).into()
}

/// # What it makes
/// It derives serde's `Serialize` and `Deserialize`, without a dependency on serde. Attributes
/// such as `#[serde(default)]` work as ever, and other derives are left alone.
///
/// It also derives `JsonSchema` of `schemars`, from which `check` and descriptions of the end points
/// are made. A field whose type has no schema is one that is not checked, and a field that is
/// converted (`#[serde(with = ..)]`) is as well; `#[schemars(with = "..")]` on the field says what it
/// looks like. `#[tenure::data(no_schema)]` leaves it out, for a type that implements `JsonSchema`
/// itself.
#[proc_macro_attribute]
pub fn data(options: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(options.into(), &item.into()).into()
}

/// # What it makes
/// What a handler's `Result` may carry: it implements `AppError`, `Display`, `std::error::Error`
/// and serde's traits, and `Debug` unless that is derived below it. On a variant, or on the struct,
/// `#[problem(status = 409, code = "seat_taken", "seat {seat} is taken")]` says how it is told to
/// clients; each part may be left out:
///
/// | part | default |
/// |---|---|
/// | `status` | 422; 400 to 499, and 503 with `retry_after` |
/// | `code` | the variant's name in `snake_case` |
/// | `retry_after = "1s"` | the answer is final; with status 429 or 503, the same call may be made again after this |
/// | message | the code with spaces; `{field}` and `{0}` stand for fields |
#[proc_macro_attribute]
pub fn error(options: TokenStream, item: TokenStream) -> TokenStream {
    error::expand(options.into(), &item.into()).into()
}
