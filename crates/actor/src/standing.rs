//! Messages that every actor understands, whatever its author wrote.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    Actor, Arguments, CODEC_NAMED, Commanding, Context, Delivery, Handler, Message, Method,
    MethodInfo, MethodTypes, Shape, Shared, deliver, invoke, shown,
};

/// Deletes the actor, as [`Context::delete`] does: what it was is gone, and the next call finds one
/// that never was.
///
/// From a typed reference: `node.actor::<Cart>("alice").as_ref().call(Delete {}).await?`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Delete {}

/// Shows the state as JSON, without changing anything.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Inspect {}

/// Begins to follow the events of an actor that has no `#[attach]`: everybody may.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Follow {}

/// Keeps a message for this actor as a reminder: it is delivered at least once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Defer {
    /// The reminder's name.
    pub(crate) name: Box<str>,
    pub(crate) after_ms: u64,
    pub(crate) method: Box<str>,
    pub(crate) body: Vec<u8>,
}

/// The methods that every actor type has.
#[derive(Clone, Copy, Debug)]
pub struct StandingMethods {
    /// [`Delete`].
    pub delete: &'static Method,
    /// [`Inspect`]: its reply is the state, or null of a volatile actor.
    pub inspect: &'static Method,
    /// [`Follow`].
    pub follow: &'static Method,
    /// Keeps a message as a reminder: `call.durable().send()`.
    pub defer: &'static Method,
}

impl StandingMethods {
    pub(crate) fn of<A: Actor>() -> Self {
        Self {
            delete: const { &method::<A, Delete>() },
            inspect: const { &method::<A, Inspect>() },
            follow: const { &method::<A, Follow>() },
            defer: const { &method::<A, Defer>() },
        }
    }
}

const fn method<A: Handler<M>, M: Arguments>() -> Method {
    Method {
        info: MethodInfo::of::<A, M>(),
        shape: M::SHAPE,
        types: &MethodTypes::NONE,
        internal: false,
        invoke: invoke::<A, M>,
        deliver: deliver::<A, M>,
    }
}

macro_rules! message {
    ($message:ty, $name:literal) => {
        impl Message for $message {
            const METHOD: &'static str = $name;
        }

        impl Arguments for $message {
            const SHAPE: Shape = Shape::None;

            fn from_single<'de, D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                Err(serde::de::Error::custom("this message has no argument"))
            }
        }
    };
}

// Names of methods do not begin with an underscore: no author's own is hidden.
message!(Delete, "_delete");
message!(Inspect, "_inspect");
message!(Follow, "_follow");

message!(Defer, "_defer");

macro_rules! handler {
    ($message:ty, |$cx:ident, $taken:pat_param| $body:expr) => {
        impl<A: Actor> Handler<$message> for A {
            type Reply = ();
            type Error = Infallible;
            // It changes nothing of the state itself: so it is one for event-sourced types too.
            type Access = Commanding;
            const MAY_SUSPEND: bool = false;

            fn handle<'a>(
                _: &'a A,
                $cx: &'a mut Context<A>,
                $taken: $message,
            ) -> impl Future<Output = Result<(), Infallible>> + Send + 'a {
                $body;
                ready(Ok(()))
            }
        }
    };
}

impl<A: Actor> Handler<Inspect> for A {
    type Reply = serde_json::Value;
    type Error = Infallible;
    type Access = Shared;
    const MAY_SUSPEND: bool = false;
    const NEEDS_CONTEXT: bool = false;

    fn handle<'a>(
        actor: &'a A,
        _: &'a mut Context<A>,
        _: Inspect,
    ) -> impl Future<Output = Result<serde_json::Value, Infallible>> + Send + 'a {
        // What is volatile has no stored form.
        let mut body = Vec::new();
        let encoded = A::PERSIST.is_stored().then(|| Actor::encode(actor, &mut body));
        ready(Ok(match encoded {
            None => serde_json::Value::Null,
            Some(encoded) => encoded
                .and_then(|()| shown(CODEC_NAMED, &body))
                .unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() })),
        }))
    }
}

impl<A: Actor> Handler<Follow> for A {
    type Reply = ();
    type Error = Infallible;
    type Access = Shared;
    const MAY_SUSPEND: bool = false;
    const NEEDS_CONTEXT: bool = false;

    fn handle<'a>(
        _: &'a A,
        _: &'a mut Context<A>,
        _: Follow,
    ) -> impl Future<Output = Result<(), Infallible>> + Send + 'a {
        ready(Ok(()))
    }
}

handler!(Delete, |cx, _| cx.delete());
handler!(Defer, |cx, message| {
    let delivery = Delivery { method: message.method, body: message.body.into() };
    cx.keep_message(message.name, Duration::from_millis(message.after_ms), delivery);
});
