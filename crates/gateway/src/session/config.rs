use std::time::Duration;

use tenure_protocol::session::{OutboxBounds, Rate, TailBounds};

/// How sessions are bounded: WebSockets and event streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// Open sessions of a node. Past it an upgrade or a stream is answered 503.
    pub clients_max: usize,
    /// Sessions of one user on a node; past it 3504 or 429.
    pub clients_of_user_max: usize,
    /// Bytes of one message from a client; past it the socket is closed.
    pub message_bytes_max: usize,
    /// Topics that one socket follows; past it error 106.
    pub topics_max: usize,
    /// Commands of one socket that have not ended; past it nothing more is read from it.
    pub commands_in_flight_max: usize,
    /// How often one socket may send a command; past it error 111, and in the end 3013.
    pub commands: Rate,
    /// How often all sockets of one user together may.
    pub commands_of_user: Rate,
    /// Messages that wait to be written to one client; past it the client is told to come back to
    /// where it was (3008).
    pub outbox_messages_max: usize,
    /// Bytes of them.
    pub outbox_bytes_max: usize,
    /// How many of an actor's last events are kept for who comes back, besides its event window.
    pub tail_events_max: usize,
    /// Bytes of them.
    pub tail_bytes_max: usize,
    /// How many clients an answer to a question for presence names.
    pub presence_max: usize,
    /// How often a client is pinged.
    pub ping_period: Duration,
    /// How long it may take to answer a ping, and a new socket to send its first command.
    pub pong_timeout: Duration,
    /// How long a session goes on after its token has expired, for it to be refreshed.
    pub expiry_grace: Duration,
    /// Whether clients without a token or key are let in where the node has credentials to ask for.
    pub anonymous: bool,
    /// Where web pages may come from, as in `https://example.org`; from its own host a page may
    /// always come.
    pub origins: Vec<String>,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            clients_max: 65_536,
            clients_of_user_max: 64,
            message_bytes_max: 64 * 1024,
            topics_max: 100,
            commands_in_flight_max: 32,
            commands: Rate { per_second: 200, burst: 400 },
            commands_of_user: Rate { per_second: 500, burst: 1_000 },
            outbox_messages_max: 1_000,
            outbox_bytes_max: 1024 * 1024,
            tail_events_max: 256,
            tail_bytes_max: 64 * 1024,
            presence_max: 1_000,
            ping_period: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            expiry_grace: Duration::from_secs(25),
            anonymous: false,
            origins: Vec::new(),
        }
    }
}

impl SessionConfig {
    pub(crate) fn outbox(&self) -> OutboxBounds {
        OutboxBounds { messages_max: self.outbox_messages_max, bytes_max: self.outbox_bytes_max }
    }

    pub(super) fn tail(&self) -> TailBounds {
        TailBounds { events_max: self.tail_events_max, bytes_max: self.tail_bytes_max }
    }
}
