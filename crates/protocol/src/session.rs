//! Clients that follow an actor's events, whatever protocol they speak.
//!
//! [`Topic`] is one actor's events on one node and everybody there who follows them; [`Outbox`] is what
//! waits to be written to one client; [`Allowance`] is how often a client may ask.

mod allowance;
mod outbox;
mod position;
mod topic;

pub use allowance::{Allowance, Rate};
pub use outbox::{Outbox, OutboxBounds, Slow};
pub use position::{Position, PositionError};
pub use topic::{Effect, Page, TailBounds, Topic, Weigh};
