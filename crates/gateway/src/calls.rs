//! Calls on actors over HTTP: a request in, a reply or a problem out.

mod answer;
mod body;
mod count;
mod deadline;
mod durability;
mod entrance;
mod feed;
mod front;
mod head;
mod idempotency;
mod path;
mod prefer;
mod reply;
mod routes;
mod sending;
pub(crate) mod suggest;
mod tags;
mod timing;
mod trace;
mod who;

use std::sync::Arc;

use opentelemetry::global::BoxedTracer;
use tenure_actor::host::HostHandle;
use tenure_actor::{ActorType, Publications};
use tenure_observe::{Metrics, names};
use tokio::net::TcpListener;

use crate::auth::{Authorise, Credentials};
use crate::config::GatewayConfig;
use crate::feeds::Feeds;
use crate::gateway::Gateway;
use crate::openapi::OpenApi;
use crate::pages::{Page, Pages};
use crate::serve::{ServeError, Tls, start};
use crate::session::Sessions;
use answer::answer;
use body::BodyShare;
use count::Counters;
pub(crate) use front::{Caller, Front};
use reply::Replies;
use routes::Routes;

pub(crate) use path::{decode, decode_key};
pub(crate) use routes::{Matched, Route};
pub(crate) use who::{Refused, identify};

/// What the gateway serves.
#[derive(Clone)]
pub struct Calls {
    /// Who runs the calls.
    pub host: HostHandle,
    /// What can be called.
    pub types: Vec<ActorType>,
    /// Where requests are counted. One gateway to a registry.
    pub metrics: Arc<Metrics>,
    /// The node's name, for replies and problems.
    pub node: String,
    /// What actors publish, for WebSockets and event streams; `None` where there are none.
    pub publications: Option<Arc<dyn Publications>>,
    /// Who may call what; `None` lets everybody call everything.
    pub authorise: Option<Arc<dyn Authorise>>,
    /// Who is let in at all; `None` lets everybody come as far as `authorise`.
    pub credentials: Option<Arc<Credentials>>,
    /// The certificate, where clients speak TLS.
    pub tls: Option<Arc<Tls>>,
    /// What `GET /v1/_openapi.json` says of itself; `None` where there is no such page. Whoever
    /// reaches the port may read it.
    pub openapi: Option<OpenApi>,
    /// Who makes the spans of requests; `None` makes none, and costs nothing. It reads the clock of
    /// the machine and draws ids by itself: a simulation has none.
    pub tracer: Option<Arc<BoxedTracer>>,
    /// Pages that are served beside the calls, for browsers.
    pub pages: Vec<Page>,
    /// What `GET /v1/_feeds/..` reads; `None` where there are none.
    pub feeds: Option<Arc<dyn Feeds>>,
}

/// Serves calls on `listener` until the answer is drained or dropped.
///
/// Accepting and answering run as tasks of the host.
///
/// # Examples
/// ```
/// # use tenure_actor::{ActorType, host::HostHandle};
/// # use tenure_gateway::{Calls, GatewayConfig, serve_calls};
/// # async fn example(
/// #     host: HostHandle,
/// #     types: Vec<ActorType>,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:7070").await?;
/// let metrics = Default::default();
/// let calls = Calls {
///     host,
///     types,
///     metrics,
///     node: "n1".into(),
///     publications: None,
///     authorise: None,
///     credentials: None,
///     tls: None,
///     openapi: None,
///     tracer: None,
///     pages: Vec::new(),
///     feeds: None,
/// };
/// let server = serve_calls(listener, GatewayConfig::default(), calls)?;
/// // Later, when the node stops:
/// let drained = server.drain(std::time::Duration::from_secs(20)).await;
/// assert_eq!(drained.cut, 0);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ServeError`] when two types have one name, or the gateway's metrics are registered already.
pub fn serve_calls(
    listener: TcpListener,
    config: GatewayConfig,
    calls: Calls,
) -> Result<Gateway, ServeError> {
    if let Some(name) = first_duplicate(&calls.types) {
        return Err(ServeError::DuplicateType { name });
    }
    let counters = Counters::register(&calls.metrics)?;
    let refused = Some(Arc::clone(&counters.connections_refused));
    let (limits, host) = (config.server.clone(), calls.host.clone());
    let metrics = Arc::clone(&calls.metrics);
    let bodies = BodyShare::new(config.body_bytes_in_flight_max);
    metrics.register_gauge_fn(names::HTTP_BODY_BYTES, &[], bodies.bytes())?;
    let document = calls.openapi.map(|about| about.document(&calls.types).to_string().into());
    let sessions = match calls.publications {
        None => None,
        Some(publications) => {
            let (config, host) = (config.sessions.clone(), host.clone());
            let sessions = Sessions::new(config, host, &calls.types, publications, &metrics)?;
            Some(Arc::new(sessions))
        }
    };
    let open = sessions.clone();
    let front = Arc::new(Front {
        sessions,
        document,
        routes: Routes::new(&calls.types),
        authorise: calls.authorise,
        feeds: calls.feeds,
        pages: Pages::new(calls.pages)?,
        credentials: calls.credentials,
        tracer: calls.tracer,
        counters,
        replies: Replies::new(&calls.node),
        bodies,
        config,
    });
    let forker = host.clone();
    let connect = move |peer| {
        let caller = Arc::new(Caller {
            // A handle of its own: callers on several cores share no counter.
            host: forker.fork(),
            front: Arc::clone(&front),
            peer,
        });
        move |request| answer(Arc::clone(&caller), request)
    };
    let server = start(listener, limits, host.clone(), refused, calls.tls, connect)?;
    metrics.register_gauge_fn(names::HTTP_CONNECTIONS, &[], server.connection_count())?;
    Ok(Gateway::new(server, host, open))
}

fn first_duplicate(types: &[ActorType]) -> Option<&'static str> {
    let mut names: Vec<_> = types.iter().map(|t| t.name.as_str()).collect();
    names.sort_unstable();
    let pair = names.windows(2).find(|pair| pair[0] == pair[1])?;
    Some(pair[0])
}
