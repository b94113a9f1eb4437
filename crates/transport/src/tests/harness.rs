//! Nodes for tests: transports that write down what they are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tenure_types::{Incarnation, NodeId};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::handshake::Local;
use crate::handshake::opening::VERSIONS;
use crate::{
    Authority, Class, ClusterKey, ClusterName, Credit, Direction, Event, Frame, Inbound, LaneEnd,
    Network, Peer, PeerIdentity, Permit, Security, TlsIdentity, Transport,
};

/// How long a test waits for what must happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What the suite runs on.
pub(super) struct Subject {
    pub(super) network: Network,
    pub(super) kind: Kind,
    pub(super) authority: Authority,
    key: ClusterKey,
    addresses: AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Open,
    Key,
    Tls,
}

impl Subject {
    pub(super) fn new(network: Network, kind: Kind) -> Self {
        let authority = Authority::make(cluster("test")).unwrap();
        let key = ClusterKey::from_text(&ClusterKey::generate().unwrap()).unwrap();
        Self { network, kind, authority, key, addresses: AtomicU64::new(0) }
    }

    /// Where a new node may listen.
    pub(super) fn address(&self) -> String {
        match self.is_memory() {
            true => format!("memory:{}", self.addresses.fetch_add(1, Ordering::Relaxed)),
            false => "127.0.0.1:0".to_owned(),
        }
    }

    fn is_memory(&self) -> bool {
        format!("{:?}", self.network).contains("Memory")
    }

    pub(super) fn security(&self, node: &NodeId) -> Security {
        match self.kind {
            Kind::Open => Security::Open,
            Kind::Key => Security::Key(self.key.clone()),
            Kind::Tls => Security::Tls(tls(&self.authority, node)),
        }
    }

    pub(super) fn local(&self, name: &str, incarnation: u64) -> Local {
        let identity = identity(name, incarnation);
        let security = self.security(&identity.node);
        let hello = Bytes::from(format!("hello of {name}"));
        Local { cluster: cluster("test"), identity, hello, security, versions: VERSIONS }
    }

    pub(super) async fn node(&self, name: &str) -> TestNode {
        self.start(self.local(name, 1)).await
    }

    pub(super) async fn start(&self, local: Local) -> TestNode {
        let (identity, log) = (local.identity.clone(), Arc::new(Log::default()));
        let inbound = Arc::clone(&log);
        let started =
            Transport::start_as(local, self.address(), self.network.clone(), inbound).await;
        TestNode { identity, transport: started.expect("it starts"), log }
    }

    /// Two nodes that know each other, with all lanes up.
    pub(super) async fn pair(&self) -> (TestNode, TestNode) {
        let (a, b) = (self.node("a").await, self.node("b").await);
        a.transport.set_peers([b.peer()]).unwrap();
        b.transport.set_peers([a.peer()]).unwrap();
        for (node, other) in [(&a, &b), (&b, &a)] {
            for class in Class::ALL {
                node.log.up(&other.identity, class, Direction::Outbound, 1).await;
                node.log.up(&other.identity, class, Direction::Inbound, 1).await;
            }
        }
        (a, b)
    }
}

pub(super) fn tls(authority: &Authority, node: &NodeId) -> TlsIdentity {
    let issued = authority.issue(node).unwrap();
    let made = TlsIdentity::from_pem(authority.certificate(), &issued.certificate, &issued.key);
    made.unwrap()
}

pub(super) fn cluster(name: &str) -> ClusterName {
    ClusterName::new(name).unwrap()
}

pub(super) fn identity(name: &str, incarnation: u64) -> PeerIdentity {
    PeerIdentity { node: NodeId::new(name).unwrap(), incarnation: Incarnation(incarnation) }
}

pub(super) fn frame(class: Class, kind: u8, body: impl Into<Bytes>) -> Frame {
    Frame { class, kind, body: body.into() }
}

pub(super) struct TestNode {
    pub(super) identity: PeerIdentity,
    pub(super) transport: Transport,
    pub(super) log: Arc<Log>,
}

impl TestNode {
    pub(super) fn peer(&self) -> Peer {
        self.peer_at(self.transport.address())
    }

    pub(super) fn peer_at(&self, address: &str) -> Peer {
        Peer { identity: self.identity.clone(), address: address.to_owned() }
    }
}

/// What a node was told.
#[derive(Default)]
pub(super) struct Log {
    /// Whoever hands a frame on is held up as long as this is set.
    pub(super) is_blocked: AtomicBool,
    /// Somebody is.
    pub(super) is_held_up: AtomicBool,
    told: Mutex<Told>,
    changed: Notify,
}

#[derive(Default)]
pub(super) struct Told {
    pub(super) frames: Vec<(PeerIdentity, Frame)>,
    pub(super) events: Vec<Event>,
    pub(super) permits: Vec<Permit>,
    /// The class whose frames are held and not consumed.
    pub(super) holds: Option<Class>,
}

impl Inbound for Log {
    fn received(&self, from: &PeerIdentity, frame: Frame, credit: Credit<'_>) {
        if self.is_blocked.load(Ordering::Acquire) {
            self.is_held_up.store(true, Ordering::Release);
            self.changed.notify_waiters();
            // The thread is given up, or nobody might be left to look after clocks and sockets.
            tokio::task::block_in_place(|| {
                while self.is_blocked.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
            });
        }
        self.tell(|told| {
            if told.holds == Some(frame.class) {
                told.permits.push(credit.hold());
            }
            told.frames.push((from.clone(), frame));
        });
    }

    fn happened(&self, event: Event) {
        self.tell(|told| told.events.push(event));
    }
}

impl Log {
    pub(super) fn tell<T>(&self, change: impl FnOnce(&mut Told) -> T) -> T {
        let result = change(&mut self.told.lock());
        self.changed.notify_waiters();
        result
    }

    /// Waits until `found` finds something in what was told.
    pub(super) async fn wait<T>(
        &self,
        what: &str,
        mut found: impl FnMut(&mut Told) -> Option<T>,
    ) -> T {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(result) = found(&mut self.told.lock()) {
                    return result;
                }
                changed.await;
            }
        };
        let result = timeout(PATIENCE, waiting).await;
        result.unwrap_or_else(|_| {
            let Told { frames, events, permits, .. } = &*self.told.lock();
            panic!("{what}: not so; {} frames, {} held; {events:?}", frames.len(), permits.len())
        })
    }

    /// Waits until a lane came up for the `times`th time.
    pub(super) async fn up(
        &self,
        from: &PeerIdentity,
        of: Class,
        way: Direction,
        times: usize,
    ) -> Bytes {
        let what = format!("the {of} lane, {way:?}, of {from} is up {times} times");
        self.wait(&what, |told| {
            let ups = told.events.iter().filter_map(|event| match event {
                Event::LaneUp { peer, class, direction, hello }
                    if (peer, *class, *direction) == (from, of, way) =>
                {
                    Some(hello.clone())
                }
                _ => None,
            });
            ups.collect::<Vec<_>>().get(times - 1).cloned()
        })
        .await
    }

    /// Waits for the next loss of a lane and takes it out of the log.
    pub(super) async fn lost(&self, of: Class, way: Direction) -> (LaneEnd, Vec<Frame>) {
        let what = format!("the {of} lane, {way:?}, is lost");
        self.wait(&what, |told| {
            let index = told.events.iter().position(|event| {
                matches!(event, Event::LaneLost { class, direction, .. }
                    if (*class, *direction) == (of, way))
            });
            match told.events.remove(index?) {
                Event::LaneLost { end, unsent, .. } => Some((end, unsent)),
                _ => None,
            }
        })
        .await
    }

    /// Waits for so many frames, and takes them out of the log.
    pub(super) async fn frames(&self, count: usize) -> Vec<(PeerIdentity, Frame)> {
        let what = format!("{count} frames arrive");
        self.wait(&what, |told| {
            (told.frames.len() >= count).then(|| told.frames.drain(..count).collect())
        })
        .await
    }

    pub(super) fn count(&self) -> usize {
        self.told.lock().frames.len()
    }
}
