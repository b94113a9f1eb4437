//! What an actor's author sees, and the seam behind it.
//!
//! Authors use [`Actor`], [`Context`], [`ActorRef`], [`Call`] and [`AppError`]; the `#[actor]`
//! macro writes the [`Message`] and [`Handler`] implementations. The runtime, the gateway and
//! [`TestContext`] stand behind [`host::Host`], an object-safe trait: nothing here knows which of
//! them runs a turn.
//!
//! **Invariant:** the types of an actor and its messages are known only on this side of `Host`.
//! A runtime sees [`host::PendingCall`], [`host::QueuedCall`] and [`State`].

mod actor;
mod actor_schemas;
mod actor_type;
mod app_error;
mod arguments;
mod call;
mod cause;
mod cell;
mod chain;
mod codec;
mod context;
mod delivery;
mod digest;
mod event;
mod follow;
mod handler;
pub mod host;
mod idents;
mod invoke;
mod marker;
mod message;
mod method;
mod method_info;
mod persist;
mod receipt;
mod reference;
mod require;
mod schema;
mod shared;
mod shown;
mod standing;
mod state;
mod target;
mod testing;
mod ticket;
mod type_slot;
pub mod wire;

pub use actor::{Actor, Hooks};
pub use actor_schemas::{ActorSchemas, ArgumentSchema, MethodSchemas, OldState};
pub use actor_type::ActorType;
pub use app_error::{AppError, AppProblem, Probe, ProbeNotResult, Projected};
pub use arguments::{Arguments, JSON_DEPTH_MAX, Shape, decode_json, decode_query};
pub use call::{Call, CallFuture, DEADLINE_DEFAULT, Delayed};
pub use cause::{CAUSE_NAME_BYTES_MAX, CallKey, Cause, NestedKeys, ReminderId};
pub use chain::{CHAIN_LEN_MAX, Link};
pub use codec::{CODEC_NAMED, CodecError, NO_ARGUMENTS, decode_named, encode_as, encode_named};
pub use context::Context;
pub use delivery::{Delivery, ReminderChange, TimerChange, TimerId};
pub use event::{Event, NoEvent};
pub use follow::{EventBytes, EventPage, Peer, Publications, WatchId, Watcher};
pub use handler::{Access, Commanding, Exclusive, Handler, Shared};
pub use host::{Appended, Effects, Spawned};
pub use idents::{CallId, IntoKey};
pub use invoke::{deliver, invoke};
pub use marker::{Emits, IsStored, Records};
pub use message::Message;
pub use method::{Answered, Delivered, Invocation, Invoked, Method};
pub use method_info::MethodInfo;
pub use persist::Persist;
pub use receipt::{Precondition, Receipt};
pub use reference::{ActorRef, Origin};
pub use require::{Require, Unmet, check_schema, error_json};
pub use schema::{
    ALIASES_KEYWORD, ArgumentType, DataTypes, Describe, Field, FieldSchemas, MethodTypes,
    OTHER_KEYWORD, TypeSchema, UNKNOWN_KEYWORD, Undescribed,
};
pub use shared::{SHARED_COPIES_MAX, Share, SharedCopies, SharedCopy, SharedError};
pub use shown::shown;
pub use standing::{Delete, Follow, Inspect, StandingMethods};
pub use state::{State, StateRef};
pub use target::Target;
pub use testing::{TestContext, TestReminder};
pub use ticket::{Ticket, WaitSlot};
pub use type_slot::TypeSlot;
