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

/// What all connections of a gateway share.
pub(super) struct Front {
    pub(super) config: GatewayConfig,
    pub(super) routes: Routes,
    pub(super) authorise: Option<Arc<dyn Authorise>>,
    pub(super) credentials: Option<Arc<Credentials>>,
    pub(super) tracer: Option<Arc<BoxedTracer>>,
    pub(super) counters: Counters,
    pub(super) replies: Replies,
    pub(super) bodies: BodyShare,
    /// The OpenAPI document, where it is shown to everybody.
    pub(super) document: Option<Bytes>,
}

/// One connection's view of the gateway.
pub(super) struct Caller {
    /// A handle of its own, so that callers on several cores share no counter.
    pub(super) host: HostHandle,
    pub(super) front: Arc<Front>,
    pub(super) peer: SocketAddr,
}
