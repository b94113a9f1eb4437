use std::sync::{Arc, OnceLock, Weak};

use tenure_transport::{Frame, Peer, PeerIdentity, SendError, Transport};
use tokio::runtime::Handle;

/// The way out of a server.
pub(super) struct Outlet {
    /// Set once, before there is a peer. The transport leads to the hub, which has this.
    transport: OnceLock<Weak<Transport>>,
    /// What has to wait runs here, also where an engine's thread brings it.
    pub(super) tasks: Handle,
}

impl Outlet {
    /// On the current runtime.
    pub(super) fn new() -> Self {
        Self { transport: OnceLock::new(), tasks: Handle::current() }
    }

    pub(super) fn begin(&self, transport: &Arc<Transport>) {
        self.transport.get_or_init(|| Arc::downgrade(transport));
    }

    pub(super) fn send(&self, to: &PeerIdentity, frame: Frame) -> Result<(), SendError> {
        self.transport().ok_or(SendError::NotAPeer)?.send(to, frame)
    }

    pub(super) fn set_peers(&self, peers: impl Iterator<Item = Peer>) {
        let set = self.transport().map_or(Ok(()), |transport| transport.set_peers(peers));
        if let Err(error) = set {
            tracing::error!(%error, "the clients of the store are not set");
        }
    }

    fn transport(&self) -> Option<Arc<Transport>> {
        self.transport.get()?.upgrade()
    }
}
