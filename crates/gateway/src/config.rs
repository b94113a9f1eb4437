use std::time::Duration;

use crate::cors::Cors;
use crate::session::SessionConfig;

/// The bounds of one server. Past each of them the client is told at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Open connections. The next one is answered 503 and closed.
    pub connections_max: usize,
    /// Bytes of a request's line and headers together; past them 431. There can be 100
    /// headers.
    pub head_bytes_max: usize,
    /// How long a client may take for a request's head, from its first byte, or from the
    /// connection's beginning. The connection is then closed.
    pub head_timeout: Duration,
    /// How long a connection may lie idle between requests, or a client may take no byte of a
    /// reply. The connection is then closed.
    pub idle_timeout: Duration,
    /// How long a draining server still serves open connections, telling each to close, before it
    /// closes idle ones itself: clients that are about to send then meet no closed socket.
    pub drain_linger: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_240,
            head_bytes_max: 16 * 1024,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            drain_linger: Duration::from_millis(500),
        }
    }
}

/// How calls over HTTP are bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayConfig {
    /// Connections and heads of requests.
    pub server: ServerLimits,
    /// Requests that are being answered; past it 503.
    pub requests_in_flight_max: usize,
    /// Bytes of one request's body; past it 413.
    pub body_bytes_max: usize,
    /// Bytes of all bodies that are being read; past it 503. Bodies of up to 8 KiB are not
    /// counted: they lie in their connection's read buffer.
    pub body_bytes_in_flight_max: usize,
    /// How long a client may take to send a body; then 408.
    pub body_timeout: Duration,
    /// The longest deadline that a client may ask for; longer ones are cut to it.
    pub deadline_max: Duration,
    /// The longest time by which a message may be delayed; past it 400.
    pub delay_max: Duration,
    /// Whether replies say where the time of their calls went (`Server-Timing`).
    pub server_timing: bool,
    /// The web pages of other sites that may call actors; none by default.
    pub cors: Cors,
    /// Whether every request is told to the log, as `info` of the target `access`.
    pub access_log: bool,
    /// WebSockets and event streams.
    pub sessions: SessionConfig,
    /// Whether a problem shows the message of a handler's panic, which may hold anything. Meant
    /// for development.
    pub show_panics: bool,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            server: ServerLimits::default(),
            requests_in_flight_max: 8_192,
            body_bytes_max: 1024 * 1024,
            body_bytes_in_flight_max: 256 * 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            deadline_max: Duration::from_secs(600),
            delay_max: Duration::from_secs(24 * 3_600),
            server_timing: true,
            cors: Cors::default(),
            access_log: false,
            sessions: SessionConfig::default(),
            show_panics: false,
        }
    }
}

/// How the admin server is bounded and reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// Connections and heads of requests.
    pub server: ServerLimits,
    /// The host names under which it may be addressed, besides `localhost` and IP addresses. A
    /// page of another site that points its own name here is refused by this.
    pub host_names: Vec<String>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        let server = ServerLimits { connections_max: 256, ..ServerLimits::default() };
        Self { server, host_names: Vec::new() }
    }
}
