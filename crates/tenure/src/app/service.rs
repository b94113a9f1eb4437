use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::global::BoxedTracer;
use tenure_gateway::{
    Admin, AdminConfig, Authorise, Calls, Cors, Credentials, Gateway, GatewayConfig, OpenApi, Page,
    Server, ServerLimits, SessionConfig, Steering, Tls, serve_admin, serve_calls,
};
use tenure_observe::NodeStatus;
use tenure_protocol::session::Rate;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;

use super::credentials::KeyFiles;
use crate::config::Settings;
use crate::{Error, Node, Result};

/// The servers of one node.
pub(super) struct Service {
    calls: Gateway,
    admin: Server,
    /// The admin server was told to drain the node.
    drain: Arc<Notify>,
    tls: Option<Arc<Tls>>,
    /// Looks at the files of keys; ends with this.
    _key_files: Option<AbortOnDropHandle>,
}

/// What a program has around its actors.
pub(super) struct Around {
    pub(super) authorise: Option<Arc<dyn Authorise>>,
    pub(super) tracer: Option<Arc<BoxedTracer>>,
    pub(super) pages: Vec<Page>,
}

impl Service {
    /// Starts to serve a node over HTTP.
    pub(super) fn start(
        node: &Node,
        settings: &Settings,
        around: Around,
        dev: bool,
    ) -> Result<Self> {
        let Around { authorise, tracer, pages } = around;
        let key_files = KeyFiles::read(&settings.auth, node.clock())?;
        let credentials = key_files.as_ref().map(|files| Arc::clone(files.credentials()));
        let openapi = described(credentials.as_deref());
        let tls = tls(settings)?;
        let config = gateway_config(settings, dev)?;
        let listener = bind(settings.gateway_listen, "--listen")?;
        let admin_listener = bind(settings.admin_listen, "--admin-listen")?;
        let calls = Calls {
            host: node.host(),
            types: node.types().to_vec(),
            metrics: node.shared_metrics(),
            node: node.name().to_owned(),
            publications: Some(node.publications()),
            authorise,
            credentials,
            tls: tls.clone(),
            openapi: settings.openapi.then(|| openapi.clone()),
            tracer,
            pages,
            feeds: Some(Arc::new(node.feeds())),
        };
        let failed = |error| Error::Start(Error::chain(&error));
        let gateway = serve_calls(listener, config, calls).map_err(failed)?;
        let (described, sessions) = (node.clone(), gateway.sessions());
        let drain = Arc::new(Notify::new());
        let admin = Admin {
            openapi,
            host: node.host(),
            types: node.types().to_vec(),
            metrics: node.shared_metrics(),
            health: node.shared_health(),
            status: Arc::new(move || NodeStatus { sessions: sessions.len(), ..described.status() }),
            actors: Arc::new(node.shown()),
            feeds: Arc::new(node.feeds()),
            sessions: gateway.sessions(),
            steering: Arc::new(Helm { node: node.clone(), drain: Arc::clone(&drain) }),
        };
        Ok(Self {
            tls,
            drain,
            _key_files: key_files.filter(KeyFiles::has_files).map(watch),
            calls: gateway,
            admin: serve_admin(admin_listener, AdminConfig::default(), admin).map_err(failed)?,
        })
    }

    /// Waits until the admin server is told to drain the node.
    pub(super) async fn drained(&self) {
        self.drain.notified().await;
    }

    /// Reads the certificate again. What is wrong with it is told to the log, and the old one serves on.
    pub(super) fn reload(&self) {
        match self.tls.as_ref().map(|tls| tls.reload()) {
            Some(Ok(())) => tracing::info!("the certificate was read again"),
            Some(Err(error)) => {
                let error = Error::chain(&error);
                tracing::error!(%error, "the certificate stays as it was");
            }
            None => {}
        }
    }

    /// How calls are addressed: `http`, or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    pub(super) fn calls_address(&self) -> SocketAddr {
        self.calls.address()
    }

    pub(super) fn admin_address(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Answers what is in flight, makes everything durable, and closes the store.
    pub(super) async fn stop(self, node: &Node, budget: Duration) -> Result<()> {
        let begun = Instant::now();
        node.health().report(tenure_observe::Condition::Draining, "the node is stopping");
        // At once: a request that takes long must not leave the moves no time.
        node.retreat();
        // Who waits for entries would keep its connection for up to a minute.
        node.end_feed_polls();
        let drained = self.calls.drain(budget).await;
        let left = budget.saturating_sub(begun.elapsed()).max(Duration::from_secs(1));
        let busy = node.stop(left).await?;
        if drained.cut > 0 || busy > 0 {
            tracing::warn!(connections = drained.cut, actors = busy, "cut off by the drain budget");
        }
        drop(self.admin);
        Ok(())
    }
}

/// What the admin server may do with the node.
struct Helm {
    node: Node,
    drain: Arc<Notify>,
}

impl Steering for Helm {
    fn cordon(&self, is_cordoned: bool) -> bool {
        self.node.cordon(is_cordoned)
    }

    fn drain(&self) {
        self.drain.notify_one();
    }
}

/// How often the files of keys are looked at.
const KEY_FILES_PERIOD: Duration = Duration::from_secs(2);

/// Ends a task when it is dropped.
struct AbortOnDropHandle(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDropHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Looks at the files of keys again and again.
fn watch(mut files: KeyFiles) -> AbortOnDropHandle {
    AbortOnDropHandle(tokio::spawn(async move {
        loop {
            tokio::time::sleep(KEY_FILES_PERIOD).await;
            let look = move || {
                files.look();
                files
            };
            match tokio::task::spawn_blocking(look).await {
                Ok(back) => files = back,
                // The node stops.
                Err(_) => return,
            }
        }
    }))
}

/// How many connections may wait to be accepted: a burst of clients who come back.
const BACKLOG: u32 = 4_096;

fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error: std::io::Error| {
        Error::Start(
            format!(
                "{address} cannot be listened on: {error}; stop what uses it, or choose another \
                 address with {flag}"
            )
            .into(),
        )
    })
}

/// The certificate, if one is set.
fn tls(settings: &Settings) -> Result<Option<Arc<Tls>>> {
    match (&settings.tls_cert, &settings.tls_key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => {
            let read = Tls::read(certificate, key);
            read.map(|tls| Some(Arc::new(tls))).map_err(|error| Error::Start(Error::chain(&error)))
        }
        _ => Err(Error::Start(
            "gateway.tls_cert and gateway.tls_key belong together; set both or none".into(),
        )),
    }
}

/// What the OpenAPI document says of itself.
pub(super) fn described(credentials: Option<&Credentials>) -> OpenApi {
    let security = credentials.map(Credentials::schemes).unwrap_or_default();
    OpenApi { security, ..OpenApi::default() }
}

fn session_config(settings: &Settings) -> SessionConfig {
    let sessions = &settings.sessions;
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    SessionConfig {
        clients_max: sessions.clients_max,
        clients_of_user_max: sessions.clients_of_user_max,
        message_bytes_max: bytes(sessions.message_bytes_max),
        topics_max: sessions.topics_max,
        commands: Rate { per_second: sessions.commands_per_second, burst: sessions.commands_burst },
        commands_of_user: Rate {
            per_second: sessions.user_commands_per_second,
            burst: sessions.user_commands_burst,
        },
        outbox_messages_max: sessions.outbox_messages_max,
        outbox_bytes_max: bytes(sessions.outbox_bytes_max),
        presence_max: sessions.presence_max,
        ping_period: sessions.ping_period,
        pong_timeout: sessions.pong_timeout,
        expiry_grace: sessions.expiry_grace,
        anonymous: sessions.anonymous,
        origins: sessions.origins.clone(),
        ..SessionConfig::default()
    }
}

fn gateway_config(settings: &Settings, dev: bool) -> Result<GatewayConfig> {
    let defaults = GatewayConfig::default();
    let cors = Cors::new(settings.cors_origins.clone(), settings.cors_credentials)
        .map_err(|error| Error::Start(format!("gateway.cors_origins: {error}").into()))?;
    Ok(GatewayConfig {
        server: ServerLimits {
            connections_max: settings.connections_max,
            ..defaults.server.clone()
        },
        body_bytes_max: usize::try_from(settings.body_bytes_max).unwrap_or(usize::MAX),
        body_timeout: settings.request_timeout,
        deadline_max: settings.deadline_max,
        server_timing: settings.server_timing,
        cors,
        access_log: settings.access_log,
        sessions: session_config(settings),
        show_panics: dev,
        ..defaults
    })
}
