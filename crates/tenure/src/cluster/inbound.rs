use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use tenure_cluster::{Config, Frame, Heard};
use tenure_sentinel::{Commitment, Notice};
use tenure_transport::{
    Class, Credit, Direction, Event, Frame as Carried, HandshakeError, Inbound, LaneEnd,
    PeerIdentity, Permit,
};
use tokio::sync::mpsc;

/// The most that waits for a node's driver. Past it what comes on a lane without credit is dropped: whoever
/// wrote it asks again.
const ARRIVALS_MAX: usize = 65_536;

/// What came, with the credit that its lane is given back when it is looked at.
type Arrival = (Heard, Option<Permit>);

/// Who handles calls and answers on the thread that brings them.
pub(super) trait Calls: Send + Sync {
    /// Handles it, or gives it back.
    fn take_now(self: Arc<Self>, frame: Frame) -> Option<Frame>;

    /// A lane for calls leads to this peer.
    fn reached(self: Arc<Self>, peer: &PeerIdentity);
}

/// What lanes bring to a node.
pub(super) struct FromPeers {
    config: Arc<Config>,
    calls: OnceLock<Weak<dyn Calls>>,
    tell: mpsc::Sender<Arrival>,
    told: Mutex<mpsc::Receiver<Arrival>>,
    /// The rows' addresses of those that lanes lead to.
    rows: Mutex<BTreeMap<PeerIdentity, Arc<str>>>,
    /// What would prove their deaths, as they said themselves.
    commitments: Mutex<BTreeMap<Commitment, PeerIdentity>>,
}

impl FromPeers {
    pub(super) fn new(config: Arc<Config>) -> Self {
        let (tell, told) = mpsc::channel(ARRIVALS_MAX);
        let (told, rows, commitments) = (Mutex::new(told), Mutex::default(), Mutex::default());
        Self { config, calls: OnceLock::new(), tell, told, rows, commitments }
    }

    /// From now on calls and answers go to this one past its queue.
    pub(super) fn serve(&self, calls: Weak<dyn Calls>) {
        self.calls.get_or_init(|| calls);
    }

    pub(super) fn know(&self, rows: BTreeMap<PeerIdentity, Arc<str>>) {
        self.commitments.lock().retain(|_, peer| rows.contains_key(peer));
        *self.rows.lock() = rows;
    }

    /// A datagram came, from anybody.
    pub(super) fn noticed(&self, datagram: &[u8]) {
        let Some(notice) = Notice::from_bytes(datagram) else { return };
        let commitment = notice.commitment();
        let mut commitments = self.commitments.lock();
        let Some(peer) = commitments.get(&commitment) else { return };
        let Some(address) = self.rows.lock().get(peer).cloned() else { return };
        // Where there is no room it is sent again.
        if self.tell.try_send((Heard::Dead { address }, None)).is_ok() {
            tracing::info!(%peer, "its sentinel says that the node's process is dead");
            commitments.remove(&commitment);
        }
    }

    /// A datagram of gossip came, from somebody with the key. Where there is no room it is lost, as any may be.
    pub(super) fn gossiped(&self, plain: Vec<u8>) {
        self.tell.try_send((Heard::Datagram(plain), None)).ok();
    }

    /// What comes next.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(super) async fn next(&self) -> Heard {
        let next = poll_fn(|cx| self.told.lock().poll_recv(cx)).await;
        next.map_or(Heard::Else, |(heard, _)| heard)
    }

    /// Frames that were taken and never left come back to the driver.
    fn unsent(&self, frames: Vec<Carried>) {
        for carried in frames {
            if let Ok(frame) = Frame::decode(carried.kind, carried.body, self.config.wire()) {
                // Where there is no room calls end at their deadlines, and machines ask again.
                self.tell.try_send((Heard::Unsent(frame), None)).ok();
            }
        }
    }

    fn broke(&self, peer: &PeerIdentity, refused: bool) {
        let address = self.rows.lock().get(peer).cloned();
        if let Some(address) = address {
            // Where there is no room the lease says it later.
            self.tell.try_send((Heard::Broken { address, refused }, None)).ok();
        }
    }
}

impl Inbound for FromPeers {
    fn received(&self, from: &PeerIdentity, carried: Carried, credit: Credit<'_>) {
        let frame = match Frame::decode(carried.kind, carried.body, self.config.wire()) {
            Ok(frame) => frame,
            Err(error) => {
                return tracing::warn!(%from, %error, "a node wrote what cannot be read");
            }
        };
        let Some(calls) = self.calls.get().and_then(Weak::upgrade) else { return };
        if let Some(frame) = calls.take_now(frame) {
            let permit = credit.hold();
            self.tell.try_send((Heard::Frame(frame), Some(permit))).ok();
        }
    }

    fn happened(&self, event: Event) {
        match event {
            Event::LaneUp { peer, hello, class, direction } => {
                if (class, direction) == (Class::Call, Direction::Outbound)
                    && let Some(calls) = self.calls.get().and_then(Weak::upgrade)
                {
                    calls.reached(&peer);
                }
                if let Some(commitment) = Commitment::from_bytes(&hello) {
                    let mut commitments = self.commitments.lock();
                    // One for each peer, whatever it says each time.
                    commitments.retain(|_, known| *known != peer);
                    commitments.insert(commitment, peer);
                }
            }
            Event::LaneLost { peer, direction: Direction::Outbound, end, unsent, .. } => {
                tracing::debug!(%peer, %end, "a lane was lost");
                self.unsent(unsent);
                if matches!(end, LaneEnd::Reset(_) | LaneEnd::Silent) {
                    self.broke(&peer, false);
                }
            }
            Event::DialFailed { peer, error, unsent, .. } => {
                tracing::debug!(%peer, %error, "a node was not reached");
                self.unsent(unsent);
                self.broke(&peer, matches!(error, HandshakeError::Refused));
            }
            Event::CallerRefused { address, error } => {
                tracing::debug!(?address, %error, "somebody was refused");
                if matches!(error, HandshakeError::NotAPeer { .. }) {
                    // Where there is no room the view is read when it is time.
                    self.tell.try_send((Heard::Stranger, None)).ok();
                }
            }
            _ => {}
        }
    }
}
