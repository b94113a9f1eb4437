use crate::Actor;

/// An actor type that publishes events beside its state: `#[actor(events = ..)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` publishes no events",
    label = "no events to emit",
    note = "name their type: #[actor(events = ..)]; an event_sourced actor records its events instead"
)]
pub trait Emits: Actor {}

/// An actor type whose state follows from its events: `#[actor(persist = event_sourced, ..)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not event-sourced",
    label = "records no events",
    note = "write #[actor(persist = event_sourced, events = ..)], or emit the event"
)]
pub trait Records: Actor {}

/// An actor type that the store keeps, and may append to feeds: every one but a volatile one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is volatile: the store keeps nothing of it",
    label = "not stored",
    note = "use a timer (`cx.every`) in place of a reminder, or persist the actor"
)]
pub trait IsStored: Actor {}
