//! Turns: on the caller's thread when the actor is idle, from the mailbox when it is busy, on a
//! task of their own when they suspend.

mod answer;
mod behind;
mod depth;
mod detach;
mod effects;
mod end;
pub(crate) mod inline;
mod known;
mod left;
mod queue;
pub(crate) mod ready;
mod tick;
mod to_self;
mod waits;
pub(crate) mod word;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the user's code; a panic becomes its message.
#[inline]
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Box<str>> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| message_of(payload.as_ref()))
}

fn message_of(payload: &(dyn Any + Send)) -> Box<str> {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).into()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.as_str().into()
    } else {
        "a panic without a text".into()
    }
}
