//! An actor in two versions of its program, and what stands around a call of it.

use std::fmt;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use parking_lot::Mutex;
use serde::{Deserialize, Deserializer, Serialize};
use tenure_types::{ActorTypeName, CallError, Instant, Key, StateTag, Tenure, Version};

use crate::cell::CallCell;
use crate::host::{AsHome, CallHead, Home, HostHandle, QueuedCall};
use crate::wire::{Answer, ReplyTo, Types, encode_call};
use crate::{
    Access, Actor, ActorRef, ActorType, AppError, Arguments, CODEC_NAMED, CodecError, Context,
    Effects, Exclusive, Handler, Message, Method, MethodInfo, MethodTypes, NoEvent, Persist, Shape,
    StateRef, Target, Ticket, TimerId, TypeSlot, WaitSlot, decode_named, deliver, encode_named,
    invoke,
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Shade {
    Red,
    Mixed(Vec<Shade>),
}

/// What a newer program has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum NewerShade {
    Red,
    Violet { of: u8 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dry {
    pub(super) left: u32,
}

impl fmt::Display for Dry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} drops are left", self.left)
    }
}

impl AppError for Dry {
    fn code(&self) -> &str {
        "dry"
    }

    fn to_json(&self) -> String {
        self.left.to_string()
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        encode_named(&self.left, out)
    }

    fn decode(body: &[u8]) -> Result<Self, CodecError> {
        Ok(Self { left: decode_named(CODEC_NAMED, body)? })
    }
}

macro_rules! pot {
    ($pot:ident, $paint:ident, $shade:ty, |$shades:ident, $drops:ident| $body:expr) => {
        #[derive(Debug, Default)]
        pub(super) struct $pot;

        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $paint {
            pub(super) shade: $shade,
            pub(super) drops: u32,
        }

        impl Message for $paint {
            const METHOD: &'static str = "paint";
        }

        impl Arguments for $paint {
            const SHAPE: Shape = Shape::Named(&["shade", "drops"]);

            fn from_single<'de, D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                Err(serde::de::Error::custom("it has two"))
            }
        }

        impl Actor for $pot {
            const TYPE: &'static str = "pot";
            const PERSIST: Persist = Persist::Volatile;
            type Event = NoEvent;
            type Ref = ActorRef<Self>;

            fn create() -> Self {
                Self
            }

            fn encode(&self, _: &mut Vec<u8>) -> Result<(), CodecError> {
                Ok(())
            }

            fn decode(_: u32, _: u8, _: &[u8]) -> Result<Self, CodecError> {
                Ok(Self)
            }

            fn methods() -> &'static [Method] {
                static METHODS: &[Method] = &[Method {
                    info: MethodInfo::of::<$pot, $paint>(),
                    shape: $paint::SHAPE,
                    internal: false,
                    types: &MethodTypes::NONE,
                    invoke: invoke::<$pot, $paint>,
                    deliver: deliver::<$pot, $paint>,
                }];
                METHODS
            }

            fn slot() -> &'static TypeSlot {
                static SLOT: TypeSlot = TypeSlot::new();
                &SLOT
            }
        }

        impl Handler<$paint> for $pot {
            type Reply = Vec<$shade>;
            type Error = Dry;
            type Access = Exclusive;
            const MAY_SUSPEND: bool = false;
            const NEEDS_CONTEXT: bool = false;

            async fn handle<'a>(
                _: <Exclusive as Access>::Borrow<'a, Self>,
                _: &'a mut Context<Self>,
                message: $paint,
            ) -> Result<Vec<$shade>, Dry> {
                let ($shades, $drops) = (vec![message.shade], message.drops);
                $body
            }
        }
    };
}

pot!(Pot, Paint, Shade, |shades, drops| match drops {
    0 => Err(Dry { left: 7 }),
    _ => Ok(shades),
});
pot!(NewerPot, NewerPaint, NewerShade, |_shades, _drops| Ok(vec![NewerShade::Violet { of: 1 }]));

pub(super) fn types<A: Actor>() -> Types {
    Types::new(&[ActorType::of::<A>().unwrap()])
}

pub(super) fn target(key: &str) -> Target {
    let key = Key::new(key).unwrap();
    let hash = tenure_types::actor_hash("pot", &key);
    Target { slot: Pot::slot().index(), hash, type_name: "pot", key }
}

pub(super) fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

/// A call that is waited for until the second 30.
pub(super) fn head() -> CallHead {
    let method = MethodInfo::of::<Pot, Paint>();
    CallHead { one_way: false, ..CallHead::to_self(method, at(30_000)) }
}

pub(super) fn cell(head: CallHead, drops: u32) -> Arc<CallCell<Pot, Paint>> {
    CallCell::new(head, Paint { shade: Shade::Mixed(vec![Shade::Red]), drops })
}

pub(super) type End = Result<Vec<Shade>, CallError<Dry>>;

pub(super) fn end(cell: &CallCell<Pot, Paint>) -> Option<End> {
    match cell.poll(&mut WaitSlot::default(), &TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(end) => Some(end),
        Poll::Pending => None,
    }
}

/// Bytes of a good call.
pub(super) fn frame(cell: &CallCell<Pot, Paint>) -> Vec<u8> {
    encode_call(&target("blue"), cell, at(10_000)).unwrap().expect("it waits")
}

/// Keeps the answers.
#[derive(Clone, Default)]
pub(super) struct Answers(Arc<Mutex<Vec<Answer>>>);

impl Answers {
    pub(super) fn take(&self, now: Instant) -> Vec<u8> {
        self.0.lock().remove(0).encode(now)
    }
}

impl ReplyTo for Answers {
    fn reply(&self, answer: Answer, _: Option<Ticket>) {
        self.0.lock().push(answer);
    }
}

/// Runs the turn of a call as a host does, from 500 ms to 520 ms of its clock, and settles it.
pub(super) fn run(call: &dyn QueuedCall, state: &mut dyn crate::State) {
    let tag = StateTag { stamp: 3, version: Version(4) };
    if let Some(receipt) = &call.head().receipt {
        receipt.begin(StateTag { stamp: 3, version: Version(3) }, at(500)).unwrap();
    }
    assert!(call.run(StateRef::Exclusive(state), &Here));
    if let Some(receipt) = &call.head().receipt {
        receipt.end(tag, at(520));
        receipt.stands_at(9, 11);
    }
    call.settle(Ok(None));
}

struct Here;

impl AsHome for Here {
    fn to_home(&self) -> Arc<dyn Home> {
        Arc::new(Here)
    }

    fn unsaved(&self) -> Option<Ticket> {
        None
    }

    fn keep(&self, _: Box<Effects>) {}
}

impl Home for Here {
    fn actor_type(&self) -> ActorTypeName {
        ActorTypeName::new("pot").unwrap()
    }

    fn key(&self) -> &Key {
        unreachable!("nobody asks")
    }

    fn host(&self) -> HostHandle {
        unreachable!("these handlers have no context")
    }

    fn deactivate(&self) {}

    fn timer_id(&self) -> TimerId {
        TimerId(0)
    }

    fn tenure(&self) -> Tenure {
        Tenure::default()
    }
}
