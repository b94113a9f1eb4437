use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use opentelemetry::global::BoxedTracer;
use tenure_actor::host::HostHandle;

use super::body::BodyShare;
use super::count::Counters;
use super::reply::Replies;
use super::routes::Routes;
use crate::auth::{Authorise, Credentials};
use crate::config::GatewayConfig;
use crate::feeds::Feeds;
use crate::pages::Pages;
use crate::session::Sessions;

/// What all connections of a gateway share.
pub(crate) struct Front {
    pub(crate) config: GatewayConfig,
    pub(crate) routes: Routes,
    pub(crate) authorise: Option<Arc<dyn Authorise>>,
    pub(crate) credentials: Option<Arc<Credentials>>,
    pub(crate) tracer: Option<Arc<BoxedTracer>>,
    pub(super) feeds: Option<Arc<dyn Feeds>>,
    pub(super) pages: Pages,
    pub(super) counters: Counters,
    pub(super) replies: Replies,
    pub(super) bodies: BodyShare,
    /// Who follows actors' events; `None` where nothing tells of them.
    pub(crate) sessions: Option<Arc<Sessions>>,
    /// The OpenAPI document, where it is shown to everybody.
    pub(crate) document: Option<Bytes>,
}

/// One connection's view of the gateway.
pub(crate) struct Caller {
    /// A handle of its own, so that callers on several cores share no counter.
    pub(crate) host: HostHandle,
    pub(crate) front: Arc<Front>,
    pub(crate) peer: SocketAddr,
}
