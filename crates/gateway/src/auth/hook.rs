use std::borrow::Cow;
use std::net::SocketAddr;

use hyper::{HeaderMap, Method};
use tenure_types::BoxFuture;

use super::identity::Identity;

/// A call that asks to be let through; or who reads a feed: then the type is `_feeds`, the key the
/// feed's name and the method `read`.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// The HTTP method.
    pub http_method: &'a Method,
    /// The actor type's name.
    pub actor_type: &'a str,
    /// The actor's key.
    pub key: &'a str,
    /// The method's name.
    pub method: &'a str,
    /// Whether the turn would be exclusive: it may change the actor.
    pub exclusive: bool,
    /// Who calls, where the node has [`Credentials`](crate::Credentials) to tell.
    pub identity: Option<&'a Identity>,
    /// The request's headers. Of `Authorization` and `Cookie` there is at most one.
    pub headers: &'a HeaderMap,
    /// Who is at the other end of the socket; behind a proxy, the proxy.
    pub peer: SocketAddr,
}

/// Decides who may call what. It is asked after path and headers have been checked, before the
/// body is read. What does not exist is answered 404 without asking.
///
/// # Examples
/// ```
/// use tenure_gateway::{Access, Authorise, Refusal};
/// use tenure_types::BoxFuture;
///
/// /// Lets everybody read, and change only what is on this machine.
/// struct LocalWrites;
///
/// impl Authorise for LocalWrites {
///     fn authorise<'a>(&'a self, access: Access<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
///         let allowed = !access.exclusive || access.peer.ip().is_loopback();
///         let refusal = Refusal::Forbidden { detail: "read only from here".into() };
///         Box::pin(async move { if allowed { Ok(()) } else { Err(refusal) } })
///     }
/// }
/// ```
pub trait Authorise: Send + Sync + 'static {
    /// Lets a call through, or says why not.
    ///
    /// # Errors
    /// [`Refusal`]; the call is then not executed.
    ///
    /// # Cancel safety
    /// The future is dropped when the client goes away.
    fn authorise<'a>(&'a self, access: Access<'a>) -> BoxFuture<'a, Result<(), Refusal>>;
}

/// Why a call is not let through.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// 401: it is not known who asks.
    Unauthenticated {
        /// What the client is told.
        detail: Cow<'static, str>,
        /// The value of `WWW-Authenticate`, as in `Bearer`.
        challenge: &'static str,
    },
    /// 403: who asks may not do this.
    Forbidden {
        /// What the client is told.
        detail: Cow<'static, str>,
    },
}
