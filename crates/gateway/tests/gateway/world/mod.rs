//! A gateway, the host behind it, and a client that writes bytes.

mod client;
mod counter;
mod host;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tenure_actor::ActorType;
use tenure_actor::host::HostHandle;
use tenure_gateway::{
    Authorise, Calls, Credentials, Drained, Feeds, Gateway, GatewayConfig, OpenApi, Tls,
    serve_calls,
};
use tenure_observe::Metrics;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub(crate) use client::{Client, Response, get, post};
use counter::{Counter, Gauge, Tally};
pub(crate) use host::MapHost;

/// Longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What most gateways have not.
#[derive(Default)]
struct More {
    credentials: Option<Arc<Credentials>>,
    tls: Option<Arc<Tls>>,
    openapi: Option<OpenApi>,
    feeds: Option<Arc<dyn Feeds>>,
}

/// A running gateway.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) host: Arc<MapHost>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) server: Option<Gateway>,
    pub(crate) address: SocketAddr,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(GatewayConfig::default())
    }

    pub(crate) fn with(config: GatewayConfig) -> Self {
        Self::guarded(config, None)
    }

    pub(crate) fn guarded(config: GatewayConfig, authorise: Option<Arc<dyn Authorise>>) -> Self {
        Self::start(config, authorise, More::default())
    }

    /// With a page that says what can be called.
    pub(crate) fn described() -> Self {
        let openapi = Some(OpenApi::default());
        Self::start(GatewayConfig::default(), None, More { openapi, ..More::default() })
    }

    /// Lets in only who has one of these.
    pub(crate) fn closed(
        credentials: Arc<Credentials>,
        authorise: Option<Arc<dyn Authorise>>,
    ) -> Self {
        let more = More { credentials: Some(credentials), ..More::default() };
        Self::start(GatewayConfig::default(), authorise, more)
    }

    /// With feeds, for whom `authorise` lets in.
    pub(crate) fn with_feeds(feeds: Arc<dyn Feeds>, authorise: Option<Arc<dyn Authorise>>) -> Self {
        let more = More { feeds: Some(feeds), ..More::default() };
        Self::start(GatewayConfig::default(), authorise, more)
    }

    /// Over TLS.
    pub(crate) fn encrypted(config: GatewayConfig, tls: Arc<Tls>) -> Self {
        Self::start(config, None, More { tls: Some(tls), ..More::default() })
    }

    fn start(config: GatewayConfig, authorise: Option<Arc<dyn Authorise>>, more: More) -> Self {
        let runtime = Runtime::new().unwrap();
        let host = Arc::new(MapHost::new(runtime.handle().clone()));
        let metrics = Arc::new(Metrics::new());
        let calls = Calls {
            host: HostHandle::new(Arc::clone(&host) as _),
            types: types(),
            metrics: Arc::clone(&metrics),
            node: "n1".into(),
            publications: None,
            authorise,
            credentials: more.credentials,
            tls: more.tls,
            openapi: more.openapi,
            tracer: None,
            pages: Vec::new(),
            feeds: more.feeds,
        };
        let server = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            serve_calls(listener, config, calls).unwrap()
        });
        let address = server.address();
        Self { runtime, host, metrics, server: Some(server), address }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request over a connection of its own.
    pub(crate) fn ask(&self, request: &str) -> Response {
        self.client().ask(request)
    }

    /// Open connections.
    pub(crate) fn connections(&self) -> usize {
        self.server.as_ref().unwrap().connections()
    }

    /// Starts to drain; the answer is awaited by the receiver.
    pub(crate) fn drain(&mut self, budget: Duration) -> std::sync::mpsc::Receiver<Drained> {
        let server = self.server.take().unwrap();
        let (send, receive) = std::sync::mpsc::channel();
        self.runtime.spawn(async move {
            let _ = send.send(server.drain(budget).await);
        });
        receive
    }
}

pub(crate) fn types() -> Vec<ActorType> {
    let counter = ActorType::of::<Counter>().unwrap();
    vec![counter, ActorType::of::<Tally>().unwrap(), ActorType::of::<Gauge>().unwrap()]
}

/// Waits for a condition.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "still waiting: {what}");
        std::thread::yield_now();
    }
}
