use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::select;
use tokio::time::{sleep, timeout};

use crate::bounds::{PARTING_BYTES_MAX, REFUSAL_MAX, STRANGERS_MAX, STRANGERS_PER_ADDRESS_MAX};
use crate::event::{Direction, Event};
use crate::frame::Class;
use crate::handshake::error::HandshakeError;
use crate::handshake::{Caller, hear};
use crate::identity::PeerIdentity;
use crate::inbound::drive;
use crate::network::{BoxStream, Listener};
use crate::node::Node;
use crate::peers::{Admission, Peers};

/// How long accepting pauses when the machine has no more file descriptors or memory for it.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until it is aborted.
pub(crate) async fn run(mut listener: Listener, node: Arc<Node>, peers: Arc<Peers>) {
    let strangers = Arc::new(Strangers::default());
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_exhausted) => {
                sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
        };
        // Past the bound nothing is read and nothing is said.
        let Some(stranger) = Strangers::enter(&strangers, address) else { continue };
        let (node, peers) = (Arc::clone(&node), Arc::clone(&peers));
        tokio::spawn(async move {
            if let Err(error) = serve(stream, stranger, &node, &peers).await {
                node.inbound.happened(Event::CallerRefused { address, error });
            }
        });
    }
}

/// Makes a connection a lane, and drives it to its end.
async fn serve(
    stream: BoxStream,
    stranger: Stranger,
    node: &Node,
    peers: &Peers,
) -> Result<(), HandshakeError> {
    let caller = hear(&node.local, stream).await?;
    let (peer, class) = (caller.introduction.dialler.clone(), caller.introduction.class);
    let Some(admission) = peers.admit(&peer, class) else {
        return Err(caller.refuse_as_stranger(&node.local).await);
    };
    let admitted = Admitted { peers, peer, class, admission };
    admitted.serve(caller, stranger, node).await
}

/// An inbound lane's place among the peers', given back however the lane ends.
struct Admitted<'a> {
    peers: &'a Peers,
    peer: PeerIdentity,
    class: Class,
    admission: Admission,
}

impl Admitted<'_> {
    async fn serve(
        &self,
        caller: Caller,
        stranger: Stranger,
        node: &Node,
    ) -> Result<(), HandshakeError> {
        let Admission { stop, place, .. } = &self.admission;
        let class = self.class;
        // A lane in whose place this one comes ends first, so that frames stay in order.
        let baton = select! {
            biased;
            _end = stop.stopped() => return Ok(()),
            baton = place.baton.acquire() => baton,
        };
        let Ok(baton) = baton else { return Ok(()) };
        let credit = if class.has_credit() { place.account.begin(class) as u64 } else { 0 };
        let mut link = caller.welcome(&node.local.hello, credit).await?;
        drop(stranger);
        let (direction, hello) = (Direction::Inbound, std::mem::take(&mut link.hello));
        let peer = self.peer.clone();
        node.inbound.happened(Event::LaneUp { peer, class, direction, hello });
        let end = drive(&self.peer, class, &mut link, &*node.inbound, &place.account, stop).await;
        let (peer, unsent) = (self.peer.clone(), Vec::new());
        node.inbound.happened(Event::LaneLost { peer, class, direction, end, unsent });
        drop(baton);
        if link.sending.has_parted() {
            // The other end is to read the goodbye, also when it is in the middle of sending.
            let _late = timeout(REFUSAL_MAX, link.receiving.discard(PARTING_BYTES_MAX)).await;
        }
        Ok(())
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.peers.forget(&self.peer, self.class, &self.admission);
    }
}

/// Connections that are not authenticated yet, counted.
#[derive(Default)]
struct Strangers(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One of them, until it is dropped.
struct Stranger {
    strangers: Arc<Strangers>,
    ip: Option<IpAddr>,
}

impl Strangers {
    /// Counts one more; none when there are too many.
    fn enter(strangers: &Arc<Self>, address: Option<SocketAddr>) -> Option<Stranger> {
        let ip = address.map(|address| address.ip());
        let mut counts = strangers.0.lock();
        let from_there = ip.and_then(|ip| counts.by_address.get(&ip).copied()).unwrap_or(0);
        if counts.all >= STRANGERS_MAX || from_there >= STRANGERS_PER_ADDRESS_MAX {
            return None;
        }
        counts.all += 1;
        if let Some(ip) = ip {
            counts.by_address.insert(ip, from_there + 1);
        }
        Some(Stranger { strangers: Arc::clone(strangers), ip })
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut counts = self.strangers.0.lock();
        counts.all -= 1;
        let Some(ip) = self.ip else { return };
        if let Some(count) = counts.by_address.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_bounded_in_all_and_from_each_address() {
        let strangers = Arc::new(Strangers::default());
        let address = |host: u8| Some(SocketAddr::from(([10, 0, 0, host], 1)));
        let mut inside = Vec::new();
        for _ in 0..STRANGERS_PER_ADDRESS_MAX {
            inside.push(Strangers::enter(&strangers, address(1)).expect("there is room"));
        }
        assert!(Strangers::enter(&strangers, address(1)).is_none(), "one address has its share");
        let others = (2..=255).cycle();
        for host in others.take(STRANGERS_MAX - STRANGERS_PER_ADDRESS_MAX) {
            inside.push(Strangers::enter(&strangers, address(host)).expect("there is room"));
        }
        assert!(Strangers::enter(&strangers, None).is_none(), "there is no room");
        inside.clear();
        let counts = strangers.0.lock();
        assert_eq!((counts.all, counts.by_address.len()), (0, 0), "all is forgotten");
    }
}
