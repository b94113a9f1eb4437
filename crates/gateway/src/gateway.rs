//! A running gateway: its server and its sessions.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use serde::Serialize;
use tenure_actor::host::HostHandle;

use crate::serve::{Drained, Server};
use crate::session::{Client, Sessions};

/// A gateway that serves calls. Dropping it closes the listener and every connection at once.
pub struct Gateway {
    server: Server,
    open: OpenSessions,
}

/// The open sessions of a gateway: WebSockets and event streams.
#[derive(Clone)]
pub struct OpenSessions {
    host: HostHandle,
    sessions: Option<Arc<Sessions>>,
}

/// One open session.
#[derive(Clone, Debug, Serialize)]
pub struct SessionShown {
    /// Names it while it lasts.
    pub id: String,
    /// Who it is; absent where nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What it speaks: `centrifuge` or `sse`.
    pub protocol: &'static str,
    /// The other end of its connection.
    pub peer: SocketAddr,
    /// How long it has been open, in seconds.
    pub age_seconds: u64,
}

impl Gateway {
    pub(crate) fn new(server: Server, host: HostHandle, sessions: Option<Arc<Sessions>>) -> Self {
        Self { server, open: OpenSessions { host, sessions } }
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Open HTTP connections; WebSockets are not among them.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    /// Its sessions.
    #[must_use]
    pub fn sessions(&self) -> OpenSessions {
        self.open.clone()
    }

    /// Stops accepting, lets requests that are being answered end, and closes every connection.
    ///
    /// New sessions are refused with 503; open ones are told to come back elsewhere, in batches
    /// over a part of `budget` that grows with their number. For the rest see
    /// [`ServerLimits::drain_linger`](crate::ServerLimits::drain_linger). What is not done when
    /// `budget` ends is cut off.
    ///
    /// # Cancel safety
    /// Dropping the future closes every connection at once.
    pub async fn drain(self, budget: Duration) -> Drained {
        let sessions = async {
            match &self.open.sessions {
                None => 0,
                Some(sessions) => sessions.clients.drain(&self.open.host, budget).await,
            }
        };
        let (left, drained) = join(sessions, self.server.drain(budget)).await;
        Drained { cut: drained.cut + left }
    }
}

impl OpenSessions {
    /// Where no client can follow anything: a list that stays empty.
    #[must_use]
    pub fn none(host: HostHandle) -> Self {
        Self { host, sessions: None }
    }

    /// Open sessions by id, at most `max` after `after`; of one user, if one is named.
    #[must_use]
    pub fn list(&self, user: Option<&str>, after: &str, max: usize) -> Vec<SessionShown> {
        let Some(sessions) = &self.sessions else { return Vec::new() };
        let now = self.host.clock().coarse();
        let shown = |client: Arc<Client>| SessionShown {
            id: client.id.clone(),
            user: client.user().map(str::to_owned),
            protocol: client.protocol,
            peer: client.remote,
            age_seconds: now.saturating_since(client.began).as_secs(),
        };
        sessions.clients.list(user, after, max).into_iter().map(shown).collect()
    }

    /// How many are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.as_ref().map_or(0, |sessions| sessions.clients.len())
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends all sessions of a user, who is told not to come back by itself (3503); says how many.
    pub fn kick_user(&self, user: &str) -> usize {
        self.sessions.as_ref().map_or(0, |sessions| sessions.clients.kick_user(user))
    }

    /// Ends one session in the same way; `false` if there is none with this id.
    pub fn kick(&self, id: &str) -> bool {
        self.sessions.as_ref().is_some_and(|sessions| sessions.clients.kick(id))
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("server", &self.server).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for OpenSessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenSessions")
    }
}
