use std::time::Duration;

use tenure_types::{BoxFuture, CallError, Key};

use crate::host::HostHandle;
use crate::{AppProblem, MethodInfo, Shape};

/// One method of an actor type as the outside sees it.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Its name and how its turns run.
    pub info: &'static MethodInfo,
    /// Its arguments.
    pub shape: Shape,
    /// Whether it is kept off HTTP: `#[handler(internal)]`.
    pub internal: bool,
    /// Parses the arguments and makes the call; see [`invoke`](crate::invoke).
    pub invoke: for<'a> fn(Invocation<'a>) -> Invoked,
}

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
}

/// What an [`Invocation`] becomes: the reply as JSON, or an error before or after the call was
/// made.
pub type Invoked = Result<BoxFuture<'static, Result<Vec<u8>, CallError<AppProblem>>>, CallError>;
