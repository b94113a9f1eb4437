use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::auth::{self, AuthSettings};
use super::cluster::{self, ClusterSettings};
use super::membership;
use tenure_store_postgres::PostgresConfig;

use super::value::{address, bytes, count, database, duration, list, optional_path, truth};

/// Every setting of a node, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// `node.name`: how the node calls itself in replies, logs and metrics.
    pub name: String,
    /// `store.url`: the database that actors are kept in; the embedded store where there is none.
    pub store_url: Option<PostgresConfig>,
    /// `store.path`: the folder of the embedded store.
    pub store_path: PathBuf,
    /// `gateway.listen`: where calls come in. Port 0 picks a free one.
    pub gateway_listen: SocketAddr,
    /// `gateway.connections_max`: how many client connections may be open.
    pub connections_max: usize,
    /// `gateway.body_bytes_max`: the largest request body.
    pub body_bytes_max: u64,
    /// `gateway.request_timeout`: how long a client may take to send a request.
    pub request_timeout: Duration,
    /// `gateway.server_timing`: whether replies say where the time of their calls went.
    pub server_timing: bool,
    /// `gateway.openapi`: whether `GET /v1/_openapi.json` shows everybody what can be called.
    pub openapi: bool,
    /// `gateway.cors_origins`: the web pages of other sites that may call actors.
    pub cors_origins: Vec<String>,
    /// `gateway.cors_credentials`: whether these pages may send cookies.
    pub cors_credentials: bool,
    /// `gateway.tls_cert`: the PEM file with the certificate; clients then must speak TLS.
    pub tls_cert: Option<PathBuf>,
    /// `gateway.tls_key`: the PEM file with its key.
    pub tls_key: Option<PathBuf>,
    /// `gateway.access_log`: whether every request is told to the log.
    pub access_log: bool,
    /// `log.format`: how the log is written.
    pub log_format: LogFormat,
    /// `cluster.*`: the other nodes.
    pub cluster: ClusterSettings,
    /// Who is let in.
    pub auth: AuthSettings,
    /// `admin.listen`: where health, metrics and administration listen.
    pub admin_listen: SocketAddr,
    /// `calls.deadline`: how long a call may take that says nothing about it.
    pub deadline: Duration,
    /// `calls.deadline_max`: the longest deadline a client may ask for.
    pub deadline_max: Duration,
    /// `actors.mailbox_len_max`: how many calls may wait for one actor.
    pub mailbox_len_max: usize,
    /// `actors.uncommitted_turns_max`: how many replies of one actor may wait for the store.
    pub uncommitted_turns_max: usize,
    /// `actors.queue_time_max`: how long a call may have to wait for its turn.
    pub queue_time_max: Duration,
    /// `node.calls_waiting_max`: how many calls may wait for their turns on the node.
    pub calls_waiting_max: usize,
    /// `node.turns_in_flight_max`: how many turns may have begun and wait for something.
    pub turns_in_flight_max: usize,
    /// `node.uncommitted_bytes_max`: how many bytes may be on their way to the store.
    pub uncommitted_bytes_max: u64,
    /// `node.spawned_max`: how many futures of `cx.spawn` may run.
    pub spawned_max: usize,
    /// `actors.activations_max`: how many actors may be in memory.
    pub activations_max: usize,
    /// `actors.loads_in_flight_max`: how many loads may be in flight.
    pub loads_in_flight_max: usize,
    /// `actors.memory`: how many bytes actors may take; `None` for half of the machine's memory.
    pub memory: Option<u64>,
    /// `actors.idle_after`: when an idle durable actor leaves memory.
    pub idle_after: Duration,
    /// `actors.volatile_idle_after`: when an idle volatile actor leaves memory, with its state.
    pub volatile_idle_after: Duration,
    /// `sessions.*`: WebSockets and event streams.
    pub sessions: SessionSettings,
    /// `feeds.retention_age`: how long entries of feeds are kept.
    pub feed_retention_age: Duration,
    /// `feeds.retention_bytes`: how many bytes of each feed are kept.
    pub feed_retention_bytes: u64,
    /// `feeds.polls_max`: how many readers of feeds are served at a time.
    pub feed_polls_max: usize,
    /// `node.drain_budget`: how long a stop waits for what is in flight.
    pub drain_budget: Duration,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self {
            name: String::new(),
            store_url: None,
            store_path: PathBuf::new(),
            gateway_listen: ([127, 0, 0, 1], 0).into(),
            connections_max: 0,
            body_bytes_max: 0,
            request_timeout: Duration::ZERO,
            server_timing: false,
            openapi: false,
            cors_origins: Vec::new(),
            cors_credentials: false,
            tls_cert: None,
            tls_key: None,
            access_log: false,
            log_format: LogFormat::Text,
            cluster: ClusterSettings::default(),
            auth: AuthSettings::default(),
            admin_listen: ([127, 0, 0, 1], 0).into(),
            deadline: Duration::ZERO,
            deadline_max: Duration::ZERO,
            mailbox_len_max: 0,
            uncommitted_turns_max: 0,
            queue_time_max: Duration::ZERO,
            calls_waiting_max: 0,
            turns_in_flight_max: 0,
            uncommitted_bytes_max: 0,
            spawned_max: 0,
            activations_max: 0,
            memory: None,
            loads_in_flight_max: 0,
            idle_after: Duration::ZERO,
            volatile_idle_after: Duration::ZERO,
            sessions: SessionSettings::default(),
            feed_retention_age: Duration::ZERO,
            feed_retention_bytes: 0,
            feed_polls_max: 0,
            drain_budget: Duration::ZERO,
        };
        // One table holds all defaults, as they are written and printed.
        for setting in SETTINGS {
            (setting.apply)(&mut settings, setting.default).expect("defaults are well written");
        }
        settings
    }
}

/// `sessions.*`, by their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSettings {
    /// Open sessions of the node.
    pub clients_max: usize,
    /// Open sessions of one user.
    pub clients_of_user_max: usize,
    /// Topics that one socket follows.
    pub topics_max: usize,
    /// Bytes of one message from a socket.
    pub message_bytes_max: u64,
    /// Commands of one socket in the long run.
    pub commands_per_second: u32,
    /// Commands of one socket at once.
    pub commands_burst: u32,
    /// Commands of all sockets of one user in the long run.
    pub user_commands_per_second: u32,
    /// Commands of all sockets of one user at once.
    pub user_commands_burst: u32,
    /// Messages that wait to be written to one client.
    pub outbox_messages_max: usize,
    /// Bytes of them.
    pub outbox_bytes_max: u64,
    /// Clients that an answer for presence names.
    pub presence_max: usize,
    /// Between two pings.
    pub ping_period: Duration,
    /// How long a client may take to answer one.
    pub pong_timeout: Duration,
    /// How long a socket outlives its token, for it to be refreshed.
    pub expiry_grace: Duration,
    /// Whether clients who do not say who they are are let in.
    pub anonymous: bool,
    /// Web pages of other sites that may open sockets.
    pub origins: Vec<String>,
}

/// One setting: its key, its default as it would be written, and how it is read.
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) default: &'static str,
    pub(crate) help: &'static str,
    pub(crate) apply: fn(&mut Settings, &str) -> Result<(), String>,
}

macro_rules! settings {
    ($($key:literal = $default:literal, $help:literal, $($field:ident).+: $read:expr;)*) => {
        /// Every setting there is, in the order in which they are printed.
        pub(crate) const SETTINGS: &[Setting] = &[$(Setting {
            key: $key,
            default: $default,
            help: $help,
            apply: |settings, text| {
                settings.$($field).+ = $read(text)?;
                Ok(())
            },
        }),*];
    };
}

settings! {
    "node.name" = "n1", "how the node calls itself in replies, logs and metrics", name: node_name;
    "node.drain_budget" = "30s", "how long a stop waits for what is in flight", drain_budget: duration;
    "node.calls_waiting_max" = "131072", "how many calls may wait for their turns on the node", calls_waiting_max: count;
    "node.turns_in_flight_max" = "65536", "how many turns may have begun and wait for something", turns_in_flight_max: count;
    "node.uncommitted_bytes_max" = "256MiB", "how many bytes may be on their way to the store", uncommitted_bytes_max: bytes;
    "node.spawned_max" = "65536", "how many futures of cx.spawn may run on the node", spawned_max: count;
    "log.format" = "text", "how the log is written: text for people, or json with an object a line", log_format: log_format;
    "store.url" = "", "the database to keep actors in, as postgres://user:password@host/database; the embedded store where there is none", store_url: database;
    "store.path" = ".tenure", "the folder of the embedded store", store_path: path;
    "cluster.listen" = "", "where other nodes reach this one, as 10.0.0.5:7072; without it the node is alone", cluster.listen: cluster::optional_address;
    "cluster.advertise" = "", "what they are told where that is another address, as node-1.example:7072", cluster.advertise: cluster::host_and_port;
    "cluster.name" = "tenure", "the name of the cluster: a node of another one is refused", cluster.name: cluster::name;
    "cluster.key" = "", "the key that every node of it has: 64 hexadecimal digits, as `openssl rand -hex 32` makes them", cluster.key: auth::secret;
    "cluster.key_file" = "", "a file with that key", cluster.key_file: optional_path;
    "cluster.tls_authority" = "", "in place of a key: the PEM file with the authority whose certificates its nodes have", cluster.tls_authority: optional_path;
    "cluster.tls_cert" = "", "the PEM file with this node's certificate, for <node.name>.<cluster.name>.tenure", cluster.tls_cert: optional_path;
    "cluster.tls_key" = "", "the PEM file with the key of that certificate", cluster.tls_key: optional_path;
    "cluster.lease" = "10s", "how long a node may answer after it last renewed its right to; how soon one that is silent is replaced", cluster.lease: cluster::lease;
    "cluster.fast_path" = "proven", "what may be taken for a death before that: what is proven, what is presumed, or nothing (off)", cluster.fast_path: cluster::fast_path;
    "cluster.level" = "true", "whether actors that are called go to nodes that are called less", cluster.level: truth;
    "cluster.membership" = "consensus", "how nodes know who is a member: consensus (by a table in the database), gossip (by what they tell each other) or static (by a list)", cluster.membership: membership::membership;
    "cluster.table" = "", "with consensus: the etcd that has the member table, as etcd://user:password@host:2379/prefix; the store's own table where there is none", cluster.table: cluster::table;
    "cluster.nodes" = "", "with static: the name and the address of each node, as n1=10.0.0.1:7072, n2=10.0.0.2:7072; the same at all of them", cluster.nodes: membership::nodes;
    "cluster.seeds" = "", "with gossip: where other nodes may be, as node-1.example:7072, a name with several addresses, or file:PATH with one on each line", cluster.seeds: membership::seeds;
    "cluster.split_brain" = "none", "with gossip: which part goes on when the cluster falls apart: none (each), static_quorum(N) or keep_majority", cluster.split_brain: membership::split_brain;
    "gateway.listen" = "127.0.0.1:7070", "where calls come in", gateway_listen: address;
    "gateway.connections_max" = "10240", "how many client connections may be open", connections_max: count;
    "gateway.body_bytes_max" = "1MiB", "the largest request body", body_bytes_max: bytes;
    "gateway.request_timeout" = "30s", "how long a client may take to send a request", request_timeout: duration;
    "gateway.server_timing" = "true", "whether replies say where the time of their calls went", server_timing: truth;
    "gateway.openapi" = "false", "whether GET /v1/_openapi.json shows everybody what can be called", openapi: truth;
    "gateway.cors_origins" = "", "the web pages of other sites that may call actors, as https://app.example", cors_origins: list;
    "gateway.cors_credentials" = "false", "whether these pages may send cookies", cors_credentials: truth;
    "gateway.tls_cert" = "", "the PEM file with the certificate; clients then must speak TLS", tls_cert: optional_path;
    "gateway.tls_key" = "", "the PEM file with the key of the certificate", tls_key: optional_path;
    "gateway.access_log" = "false", "whether every request is told to the log", access_log: truth;
    "auth.api_keys" = "", "who is let in: each a name and a key, as `alice 0f3a.. read-only`", auth.api_keys: auth::secret_lines;
    "auth.api_keys_file" = "", "a file of such lines", auth.api_keys_file: optional_path;
    "auth.jwt_secret" = "", "the secret with which tokens are signed", auth.jwt_secret: auth::secret;
    "auth.jwt_secret_file" = "", "a file with that secret", auth.jwt_secret_file: optional_path;
    "auth.jwt_algorithm" = "HS256", "the algorithm of that secret: HS256 or HS512", auth.jwt_algorithm: auth::algorithm;
    "auth.jwt_public_key_file" = "", "a PEM file with the public key of tokens: RSA, P-256 or Ed25519", auth.jwt_public_key_file: optional_path;
    "auth.jwt_jwks_file" = "", "a file with a set of such keys", auth.jwt_jwks_file: optional_path;
    "auth.jwt_audience" = "", "the `aud` that a token must have", auth.jwt_audience: auth::optional;
    "auth.jwt_issuer" = "", "the `iss` that a token must have", auth.jwt_issuer: auth::optional;
    "auth.jwt_leeway" = "10s", "how far the clock of who makes tokens may be off", auth.jwt_leeway: duration;
    "sessions.clients_max" = "65536", "how many WebSockets and event streams may be open", sessions.clients_max: count;
    "sessions.clients_of_user_max" = "64", "how many of them one user may have open", sessions.clients_of_user_max: count;
    "sessions.topics_max" = "100", "how many topics one socket may follow", sessions.topics_max: count;
    "sessions.message_bytes_max" = "64KiB", "the largest message from a socket", sessions.message_bytes_max: bytes;
    "sessions.commands_per_second" = "200", "how often one socket may send a command, in the long run", sessions.commands_per_second: rate;
    "sessions.commands_burst" = "400", "how many it may send at once", sessions.commands_burst: rate;
    "sessions.user_commands_per_second" = "500", "how often all sockets of one user may send one", sessions.user_commands_per_second: rate;
    "sessions.user_commands_burst" = "1000", "how many they may send at once", sessions.user_commands_burst: rate;
    "sessions.outbox_messages_max" = "1000", "how many messages may wait to be written to one client", sessions.outbox_messages_max: count;
    "sessions.outbox_bytes_max" = "1MiB", "how many bytes of them", sessions.outbox_bytes_max: bytes;
    "sessions.presence_max" = "1000", "how many clients an answer for presence names", sessions.presence_max: count;
    "sessions.ping_period" = "25s", "how often a client is pinged", sessions.ping_period: duration;
    "sessions.pong_timeout" = "10s", "how long it may take to answer, and a new socket to say who it is", sessions.pong_timeout: duration;
    "sessions.expiry_grace" = "25s", "how long a socket goes on after its token has expired, for it to be refreshed", sessions.expiry_grace: duration;
    "sessions.anonymous" = "false", "whether sockets without a token are let in where there are keys or tokens", sessions.anonymous: truth;
    "sessions.origins" = "", "the web pages of other sites that may open sockets, as https://app.example", sessions.origins: list;
    "admin.listen" = "127.0.0.1:7071", "where health, metrics and administration listen", admin_listen: address;
    "calls.deadline" = "30s", "how long a call may take that says nothing about it", deadline: duration;
    "calls.deadline_max" = "10m", "the longest deadline a client may ask for", deadline_max: duration;
    "actors.mailbox_len_max" = "2048", "how many calls may wait for one actor", mailbox_len_max: count;
    "actors.uncommitted_turns_max" = "4096", "how many replies of one actor may wait for the store", uncommitted_turns_max: count;
    "actors.queue_time_max" = "5s", "how long a call may have to wait for its turn, as far as that is foreseen", queue_time_max: duration;
    "actors.activations_max" = "16777216", "how many actors may be in memory", activations_max: count;
    "actors.memory" = "auto", "how much memory actors may take: auto is half of the machine's", memory: memory;
    "actors.loads_in_flight_max" = "256", "how many loads may be in flight", loads_in_flight_max: count;
    "actors.idle_after" = "10m", "when an idle durable actor leaves memory", idle_after: duration;
    "actors.volatile_idle_after" = "1h", "when an idle volatile actor leaves memory, with its state", volatile_idle_after: duration;
    "feeds.retention_age" = "168h", "how long entries of feeds are kept", feed_retention_age: duration;
    "feeds.retention_bytes" = "1GiB", "how many bytes of each feed are kept; past it the oldest entries go", feed_retention_bytes: bytes;
    "feeds.polls_max" = "1024", "how many readers of feeds are served at a time, those that wait among them", feed_polls_max: count;
}

fn rate(text: &str) -> Result<u32, String> {
    let many = count(text)?;
    u32::try_from(many).ok().filter(|it| *it > 0).ok_or_else(|| "write a number from 1".to_owned())
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("write text or json".to_owned()),
    }
}

fn memory(text: &str) -> Result<Option<u64>, String> {
    if text == "auto" {
        return Ok(None);
    }
    bytes(text).map(Some).map_err(|_| "write auto, or a size as 64KiB, 512MiB or 2GiB".to_owned())
}

fn node_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        return Err("write 1 to 64 letters, digits, '-', '_' or '.'".to_owned());
    }
    Ok(text.to_owned())
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("write a folder".to_owned());
    }
    Ok(PathBuf::from(text))
}
