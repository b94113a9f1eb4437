use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use tenure_actor::{
    Access, Actor, ActorRef, AppError, Arguments, CODEC_NAMED, CodecError, Context, Exclusive,
    Handler, Message, Method, MethodInfo, MethodTypes, NoEvent, Persist, Shape, Shared, State,
    TypeSlot, decode_named, deliver, encode_named, invoke,
};

/// A durable actor with a method of every shape.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    value: i64,
}

/// A volatile actor.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    value: i64,
}

/// An actor that is written behind.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    value: i64,
}

pub(super) fn create(type_name: &str) -> Box<dyn State> {
    match type_name {
        Tally::TYPE => Box::new(Tally::default()),
        Gauge::TYPE => Box::new(Gauge::default()),
        _ => Box::new(Counter::default()),
    }
}

/// An application's error.
#[derive(Debug)]
pub(crate) struct NotEnough {
    left: i64,
}

impl fmt::Display for NotEnough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {} are left", self.left)
    }
}

impl AppError for NotEnough {
    fn code(&self) -> &str {
        "not_enough"
    }

    fn status(&self) -> u16 {
        409
    }

    fn to_json(&self) -> String {
        format!("{{\"left\":{}}}", self.left)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        encode_named(&self.left, out)
    }

    fn decode(body: &[u8]) -> Result<Self, CodecError> {
        Ok(Self { left: decode_named(CODEC_NAMED, body)? })
    }
}

macro_rules! actor {
    ($actor:ident $name:literal $persist:expr; $($method:ident internal $internal:literal),*) => {
        impl Actor for $actor {
            const TYPE: &'static str = $name;
            const PERSIST: Persist = $persist;
            type Event = NoEvent;
            type Ref = ActorRef<Self>;

            fn create() -> Self {
                Self::default()
            }

            fn encode(&self, _: &mut Vec<u8>) -> Result<(), CodecError> {
                Ok(())
            }

            fn decode(_: u32, _: u8, _: &[u8]) -> Result<Self, CodecError> {
                Ok(Self::default())
            }

            fn methods() -> &'static [Method] {
                static METHODS: &[Method] = &[$(Method {
                    info: MethodInfo::of::<$actor, $method>(),
                    shape: $method::SHAPE,
                    internal: $internal,
                    types: &MethodTypes::NONE,
                    invoke: invoke::<$actor, $method>,
                    deliver: deliver::<$actor, $method>,
                }),*];
                METHODS
            }

            fn slot() -> &'static TypeSlot {
                static SLOT: TypeSlot = TypeSlot::new();
                &SLOT
            }
        }
    };
}

macro_rules! message {
    (
        $message:ident $name:literal { $($field:ident: $field_type:ty),* };
        shape $shape:expr, single $single:ty = $from:expr
    ) => {
        #[derive(Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $message { $($field: $field_type),* }

        impl Message for $message {
            const METHOD: &'static str = $name;
        }

        impl Arguments for $message {
            const SHAPE: Shape = $shape;

            fn from_single<'de, D: Deserializer<'de>>(single: D) -> Result<Self, D::Error> {
                #[allow(clippy::redundant_closure_call, reason = "a macro's argument")]
                <$single>::deserialize(single).map($from)
            }
        }
    };
}

macro_rules! handler {
    ($actor:ident, $message:ident -> $reply:ty, $error:ty, $access:ident, |$state:ident, $arguments:ident| $body:expr) => {
        impl Handler<$message> for $actor {
            type Reply = $reply;
            type Error = $error;
            type Access = $access;
            const MAY_SUSPEND: bool = false;
            const NEEDS_CONTEXT: bool = false;

            async fn handle<'a>(
                $state: <$access as Access>::Borrow<'a, Self>,
                _: &'a mut Context<Self>,
                $arguments: $message,
            ) -> Result<$reply, $error> {
                $body
            }
        }
    };
}

use std::convert::Infallible;

message!(Add "add" { by: i64 };
    shape Shape::One { name: "by", scalar: true }, single i64 = |by| Add { by });
message!(Get "get" {};
    shape Shape::None, single () = |()| Get {});
message!(Range "range" { from: i64, to: i64 };
    shape Shape::Named(&["from", "to"]), single () = |()| unreachable!());
message!(Sum "sum" { items: serde_json::Value };
    shape Shape::One { name: "items", scalar: false }, single serde_json::Value = |items| Sum { items });
message!(Take "take" { n: i64 };
    shape Shape::One { name: "n", scalar: true }, single i64 = |n| Take { n });
message!(Explode "explode" {};
    shape Shape::None, single () = |()| Explode {});
message!(Compact "compact" {};
    shape Shape::None, single () = |()| Compact {});

actor!(Counter "counter" Persist::WriteThrough; Add internal false, Get internal false,
    Range internal false, Sum internal false, Take internal false, Explode internal false,
    Compact internal true);
actor!(Tally "tally" Persist::Volatile; Add internal false);
actor!(Gauge "gauge" Persist::WriteBehind { max_delay: Duration::from_secs(1) };
    Add internal false, Get internal false);

handler!(Counter, Add -> i64, Infallible, Exclusive, |state, message| {
    state.value += message.by;
    Ok(state.value)
});
handler!(Tally, Add -> i64, Infallible, Exclusive, |state, message| {
    state.value += message.by;
    Ok(state.value)
});
handler!(Gauge, Add -> i64, Infallible, Exclusive, |state, message| {
    state.value += message.by;
    Ok(state.value)
});
handler!(Gauge, Get -> i64, Infallible, Shared, |state, _message| Ok(state.value));
handler!(Counter, Get -> i64, Infallible, Shared, |state, _message| Ok(state.value));
handler!(Counter, Range -> bool, Infallible, Shared, |state, message| {
    Ok((message.from..message.to).contains(&state.value))
});
handler!(Counter, Sum -> String, Infallible, Exclusive, |_state, message| Ok(message.items.to_string()));
handler!(Counter, Take -> i64, NotEnough, Exclusive, |state, message| {
    if message.n > state.value {
        return Err(NotEnough { left: state.value });
    }
    state.value -= message.n;
    Ok(state.value)
});
handler!(Counter, Explode -> (), Infallible, Exclusive, |_state, _message| panic!("the secret"));
handler!(Counter, Compact -> (), Infallible, Exclusive, |_state, _message| Ok(()));
