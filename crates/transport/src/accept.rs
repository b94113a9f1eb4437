use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::select;
use tokio::sync::Notify;
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
        let stranger = Strangers::enter(&strangers, address);
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
    let admitted = async {
        let caller = hear(&node.local, stream).await?;
        let (peer, class) = (caller.introduction.dialler.clone(), caller.introduction.class);
        let Some(admission) = peers.admit(&peer, class) else {
            return Err(caller.refuse_as_stranger(&node.local).await);
        };
        Ok((caller, Admitted { peers, peer, class, admission }))
    };
    let (caller, admitted) = select! {
        biased;
        () = stranger.displaced.notified() => return Err(HandshakeError::Displaced),
        admitted = admitted => admitted?,
    };
    // It is a peer from here on, and no stranger takes its place.
    drop(stranger);
    admitted.serve(caller, node).await
}

/// An inbound lane's place among the peers', given back however the lane ends.
struct Admitted<'a> {
    peers: &'a Peers,
    peer: PeerIdentity,
    class: Class,
    admission: Admission,
}

impl Admitted<'_> {
    async fn serve(&self, caller: Caller, node: &Node) -> Result<(), HandshakeError> {
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

/// Connections that are not authenticated yet, by when they came. Where there are too many, a new one takes the
/// place of the oldest: whoever is in a hurry to show who it is gets in, however many stay silent.
#[derive(Default)]
struct Strangers(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    came: u64,
    all: usize,
    by_address: HashMap<Option<IpAddr>, BTreeMap<u64, Arc<Notify>>>,
}

/// One of them, until it is dropped.
struct Stranger {
    strangers: Arc<Strangers>,
    ip: Option<IpAddr>,
    came: u64,
    /// Another one took its place.
    displaced: Arc<Notify>,
}

impl Strangers {
    /// Lets one more in, in the place of another one if there are too many.
    fn enter(strangers: &Arc<Self>, address: Option<SocketAddr>) -> Stranger {
        let ip = address.map(|address| address.ip());
        let mut inside = strangers.0.lock();
        let from_there = inside.by_address.get(&ip).map_or(0, BTreeMap::len);
        if ip.is_some() && from_there >= STRANGERS_PER_ADDRESS_MAX {
            inside.displace(ip);
        } else if inside.all >= STRANGERS_MAX
            && let Some(crowded) = inside.crowded()
        {
            inside.displace(crowded);
        }
        inside.came += 1;
        inside.all += 1;
        let (came, displaced) = (inside.came, Arc::new(Notify::new()));
        inside.by_address.entry(ip).or_default().insert(came, Arc::clone(&displaced));
        Stranger { strangers: Arc::clone(strangers), ip, came, displaced }
    }
}

impl Inside {
    /// The address with the most of them, and of several the one with the oldest. As many as a node has lanes
    /// count as one: no address that has only those loses them to many that have fewer.
    fn crowded(&self) -> Option<Option<IpAddr>> {
        let crowd = |came: &BTreeMap<u64, _>| came.len().max(Class::ALL.len());
        let oldest = |came: &BTreeMap<u64, _>| came.keys().next().copied();
        let most =
            self.by_address.iter().max_by_key(|(_, came)| (crowd(came), Reverse(oldest(came))));
        most.map(|(ip, _)| *ip)
    }

    /// The oldest one from there goes.
    fn displace(&mut self, ip: Option<IpAddr>) {
        let oldest = self.by_address.get(&ip).and_then(|came| came.keys().next().copied());
        if let Some(displaced) = oldest.and_then(|came| self.leave(ip, came)) {
            displaced.notify_one();
        }
    }

    fn leave(&mut self, ip: Option<IpAddr>, came: u64) -> Option<Arc<Notify>> {
        let there = self.by_address.get_mut(&ip)?;
        let left = there.remove(&came)?;
        if there.is_empty() {
            self.by_address.remove(&ip);
        }
        self.all -= 1;
        Some(left)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _displaced_before = self.strangers.0.lock().leave(self.ip, self.came);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: u16) -> Option<SocketAddr> {
        let [high, low] = host.to_be_bytes();
        Some(SocketAddr::from(([10, 0, high, low], 1)))
    }

    fn is_inside(stranger: &Stranger) -> bool {
        let inside = stranger.strangers.0.lock();
        inside.by_address.get(&stranger.ip).is_some_and(|it| it.contains_key(&stranger.came))
    }

    #[test]
    fn of_an_address_with_its_share_the_oldest_goes() {
        let strangers = Arc::new(Strangers::default());
        let enter = || Strangers::enter(&strangers, address(1));
        let mut inside: Vec<_> = (0..STRANGERS_PER_ADDRESS_MAX).map(|_| enter()).collect();
        assert!(inside.iter().all(is_inside));
        inside.push(enter());
        let out: Vec<_> = inside.iter().map(is_inside).collect();
        assert!(!out[0] && out[1..].iter().all(|it| *it), "one for one, the oldest");
        assert_eq!(strangers.0.lock().all, STRANGERS_PER_ADDRESS_MAX);
        inside.clear();
        let left = strangers.0.lock();
        assert_eq!((left.all, left.by_address.len()), (0, 0), "all is forgotten");
    }

    #[test]
    fn where_there_is_no_room_the_most_crowded_address_loses_its_oldest() {
        let strangers = Arc::new(Strangers::default());
        let enter = |host| Strangers::enter(&strangers, address(host));
        // Three lanes of a peer, then a crowd, and then one from everywhere.
        let peer: Vec<_> = (0..3).map(|_| enter(1)).collect();
        let crowd: Vec<_> = (0..STRANGERS_PER_ADDRESS_MAX).map(|_| enter(2)).collect();
        let free = STRANGERS_MAX - peer.len() - crowd.len();
        let others: Vec<_> = (0..free as u16).map(|host| enter(100 + host)).collect();
        let more: Vec<_> = (0..crowd.len() as u16 - 3).map(|host| enter(1_000 + host)).collect();
        let out = crowd.iter().filter(|it| !is_inside(it)).count();
        assert_eq!(out, crowd.len() - 3, "the crowd alone");
        assert!(peer.iter().chain(&others).chain(&more).all(is_inside));
        assert_eq!(strangers.0.lock().all, STRANGERS_MAX);
        // From now on nobody has more than a peer may have: then the oldest goes.
        let _last = enter(2_000);
        assert_eq!(peer.iter().map(is_inside).collect::<Vec<_>>(), [false, true, true]);
    }
}
