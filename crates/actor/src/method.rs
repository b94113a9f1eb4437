use std::sync::Arc;
use std::time::Duration;

use tenure_types::{BoxFuture, CallError, Key};

use crate::host::{CallHead, HostHandle, QueuedCall};
use crate::{AppProblem, CodecError, MethodInfo, MethodTypes, Receipt, Shape};

/// One method of an actor type as the outside sees it.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Its name and how its turns run.
    pub info: &'static MethodInfo,
    /// Its arguments.
    pub shape: Shape,
    /// Whether it is kept off HTTP: `#[handler(internal)]`.
    pub internal: bool,
    /// What its arguments, its reply and its error look like.
    pub types: &'static MethodTypes,
    /// Parses the arguments and makes the call; see [`invoke`](crate::invoke).
    pub invoke: for<'a> fn(Invocation<'a>) -> Invoked,
    /// Makes a call of an encoded message: of the actor to itself, or one that came from another node.
    /// See [`deliver`](crate::deliver).
    pub deliver: fn(CallHead, u8, &[u8]) -> Delivered,
}

/// What an encoded message becomes.
pub type Delivered = Result<Arc<dyn QueuedCall>, CodecError>;

/// A call from outside, its arguments still text.
#[derive(Debug)]
pub struct Invocation<'a> {
    /// Who runs it.
    pub host: &'a HostHandle,
    /// The actor's key.
    pub key: Key,
    /// The arguments as JSON, unless there is a query.
    pub body: &'a [u8],
    /// The arguments as the query of a URL.
    pub query: Option<&'a str>,
    /// How long the caller waits; `None`: the node's default.
    pub deadline: Option<Duration>,
    /// Answer as soon as the message is in the mailbox.
    pub one_way: bool,
    /// Makes calls that are made again one effect.
    pub idempotency_key: Option<&'a str>,
    /// Answer only when what the turn did is durable.
    pub durable: bool,
    /// Answer at once, and send the message after this time.
    pub after: Option<Duration>,
    /// What is asked of the state, and what is to be known of the turn.
    pub receipt: Option<Arc<Receipt>>,
}

/// What a call over text has answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// The reply as JSON; empty where nobody waits for one.
    pub json: Vec<u8>,
    /// The turn had run before; this is the reply it gave then.
    pub replayed: bool,
}

/// What an [`Invocation`] becomes: an answer, or an error before or after the call was made.
pub type Invoked = Result<BoxFuture<'static, Result<Answered, CallError<AppProblem>>>, CallError>;
