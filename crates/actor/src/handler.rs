use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Actor, AppError, Context, Message, MethodInfo, StateRef};

/// How a turn holds the state: [`Exclusive`], [`Shared`] or [`Commanding`].
pub trait Access: 'static {
    /// `&mut A` or `&A`.
    type Borrow<'a, A: Actor>: Send;
    /// Whether no other turn runs beside.
    const EXCLUSIVE: bool;

    /// Takes the state out of its erased form.
    #[doc(hidden)]
    fn borrow<'a, A: Actor>(state: &'a mut StateRef<'_>) -> Self::Borrow<'a, A>;
}

/// The turn may change the state; no other turn runs beside it.
#[derive(Debug)]
pub struct Exclusive;

/// The turn only reads; other shared turns may run beside it.
#[derive(Debug)]
pub struct Shared;

impl Access for Exclusive {
    type Borrow<'a, A: Actor> = &'a mut A;
    const EXCLUSIVE: bool = true;

    fn borrow<'a, A: Actor>(state: &'a mut StateRef<'_>) -> &'a mut A {
        state.exclusive()
    }
}

impl Access for Shared {
    type Borrow<'a, A: Actor> = &'a A;
    const EXCLUSIVE: bool = false;

    fn borrow<'a, A: Actor>(state: &'a mut StateRef<'_>) -> &'a A {
        state.shared()
    }
}

/// A command of an event-sourced actor: it reads the state and records events, which are applied
/// when it has answered `Ok`; no other turn runs beside it.
#[derive(Debug)]
pub struct Commanding;

impl Access for Commanding {
    type Borrow<'a, A: Actor> = &'a A;
    const EXCLUSIVE: bool = true;

    fn borrow<'a, A: Actor>(state: &'a mut StateRef<'_>) -> &'a A {
        state.shared()
    }
}

/// How an actor answers one message. `#[actor]` writes one for each handler method.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handler for `{M}`",
    label = "not one of its messages"
)]
pub trait Handler<M: Message>: Actor {
    // Not of `Message`: there a private type beside a `pub` message would not compile (E0446).
    /// What the handler answers.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
    /// How it may fail; [`std::convert::Infallible`] if it cannot.
    type Error: AppError;
    /// Whether the turn is exclusive.
    type Access: Access;
    /// Whether the future may be pending. `false` saves a box, and the future must then be ready
    /// at its first poll.
    const MAY_SUSPEND: bool;
    /// Whether the handler uses its context. `false` saves making one; the context it is given
    /// then panics when used.
    const NEEDS_CONTEXT: bool = true;

    /// Whether the reply waits until what the turn saw is durable, in a type that is written behind:
    /// `#[handler(persist = write_through)]`.
    const DURABLE: bool = false;

    /// Runs one turn.
    fn handle<'a>(
        actor: <Self::Access as Access>::Borrow<'a, Self>,
        cx: &'a mut Context<Self>,
        message: M,
    ) -> impl Future<Output = Result<Self::Reply, Self::Error>> + Send + 'a;
}

impl MethodInfo {
    /// What there is to know of `A`'s handler for `M`.
    #[must_use]
    pub const fn of<A: Handler<M>, M: Message>() -> &'static Self {
        const {
            &Self {
                name: M::METHOD,
                exclusive: <A::Access as Access>::EXCLUSIVE,
                may_suspend: A::MAY_SUSPEND,
                durable: A::DURABLE,
            }
        }
    }
}
