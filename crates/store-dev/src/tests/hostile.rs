//! Clients that are authenticated and break every rule, and those that are not heard at all.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tenure_store::conformance::submit;
use tenure_store::{Store, StoreError, UnitOutcome};
use tenure_transport::{
    Class, ClusterKey, Config, Credit, Event, Frame, Inbound, Network, PeerIdentity, Security,
    Transport,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::support::{PATIENCE, Served, cluster, identity, wait_until};
use crate::codec::{decode, encode};
use crate::message::{Reply, Request, kind, numbered, read_number};
use crate::{AdmitError, DevClient};

/// Hands every frame on.
struct Told(mpsc::UnboundedSender<Frame>);

impl Inbound for Told {
    fn received(&self, _from: &PeerIdentity, frame: Frame, _credit: Credit<'_>) {
        self.0.send(frame).ok();
    }

    fn happened(&self, _event: Event) {}
}

/// A client that sends whatever it likes.
struct Liar {
    transport: Transport,
    server: PeerIdentity,
    heard: mpsc::UnboundedReceiver<Frame>,
}

impl Liar {
    async fn start(served: &Served) -> Self {
        let identity = identity("liar", 1);
        served.server.admit(identity.clone()).await.expect("there is room");
        let config = Config {
            cluster: cluster(),
            identity,
            listen: "127.0.0.1:0".to_owned(),
            network: Network::tcp(),
            security: Security::Key(served.key.clone()),
            hello: Bytes::new(),
        };
        let (tell, heard) = mpsc::unbounded_channel();
        let transport = Transport::start(config, Arc::new(Told(tell))).await.expect("it listens");
        transport.set_peers([served.peer()]).expect("one peer");
        let liar = Self { transport, server: served.peer().identity, heard };
        let address = Bytes::copy_from_slice(liar.transport.address().as_bytes());
        liar.send(Class::Control, kind::HERE, address).await;
        liar
    }

    async fn send(&self, class: Class, kind: u8, body: impl Into<Bytes>) {
        let frame = Frame { class, kind, body: body.into() };
        wait_until("a lane leads to the server", async || {
            self.transport.send(&self.server, frame.clone()).is_ok()
        })
        .await;
    }

    /// Sends a request and gives what it came to.
    async fn ask(&mut self, class: Class, number: u64, request: &[u8]) -> Reply {
        self.send(class, kind::REQUEST, numbered(number, request)).await;
        let frame = timeout(PATIENCE, self.heard.recv()).await.expect("an answer");
        let frame = frame.expect("the transport is there");
        assert_eq!((frame.class, frame.kind), (class, kind::END));
        let (answered, reply) = read_number(&frame.body).expect("it has a number");
        assert_eq!(answered, number);
        decode(reply).expect("a reply")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_refused_and_harms_nobody() {
    let served = Served::start().await;
    let good = served.joined(2).await;
    let mut liar = Liar::start(&served).await;
    let unit = encode(&Request::Submit(Arc::new(good.unit("a", 0))));
    let mut lies: Vec<Vec<u8>> = (0..unit.len()).map(|len| unit[..len].to_vec()).collect();
    lies.push([&unit[..], &[0]].concat());
    // A name that none is, a list of 2^62 things, a kind that there is none of.
    lies.push([&[6, 4][..], b"Cart", &[1], b"a"].concat());
    lies.push([&unit[..unit.len() - 1], &[0xff; 8], &[0x3f]].concat());
    lies.push(vec![99]);
    for (number, lie) in (1..).zip(&lies) {
        let reply = liar.ask(Class::Bulk, number, lie).await;
        assert!(matches!(reply, Reply::Refused(_)), "{lie:?}: {reply:?}");
        let reply = liar.ask(Class::Control, number, lie).await;
        assert!(matches!(reply, Reply::Refused(_)), "{lie:?}: {reply:?}");
    }
    // What has no number, is no request, or no address, has no answer.
    for (class, kind, body) in [
        (Class::Bulk, kind::REQUEST, b"short".to_vec()),
        (Class::Bulk, kind::END, vec![0; 64]),
        (Class::Control, 77, Vec::new()),
        (Class::Control, kind::HERE, b"\xff\xff".to_vec()),
        (Class::Control, kind::HERE, Vec::new()),
        (Class::Control, kind::HERE, vec![b'a'; 4_000]),
    ] {
        liar.send(class, kind, body).await;
    }
    let outcome = submit(&*good.store, Arc::new(good.unit("a", 0))).await;
    assert_eq!(outcome, UnitOutcome::Committed, "others go on");
    let reply = liar.ask(Class::Bulk, 9_000, &encode(&Request::Types)).await;
    let Reply::Done(answer) = reply else { panic!("{reply:?}") };
    let types = decode::<Result<Vec<Box<str>>, StoreError>>(&answer).expect("an answer");
    assert!(matches!(types, Err(StoreError::Unavailable { .. })), "it has not joined: {types:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_not_admitted_or_has_another_key_is_not_heard() {
    let served = Served::start().await;
    let good = served.joined(2).await;
    let stranger = served.config(identity("stranger", 1));
    let known = identity("known", 1);
    served.server.admit(known.clone()).await.expect("there is room");
    let mut other_key = served.config(known.clone());
    other_key.key = ClusterKey::new(&[7; 32]);
    let former = served.config(identity("known", 0));
    for mut config in [stranger, other_key, former] {
        config.patience = Duration::from_millis(300);
        let who = config.identity.clone();
        let client = DevClient::start(config).await.expect("it listens");
        let joined = client.store().join(tenure_types::Incarnation(8)).await;
        assert!(matches!(joined, Err(StoreError::Unavailable { .. })), "{who}: {joined:?}");
    }
    assert_eq!(good.store.types().await, Ok(Vec::new()), "others are served");
    let parent = served.server.identity().clone();
    let refused = served.server.admit(parent.clone()).await;
    assert_eq!(refused, Err(AdmitError::OwnName(parent.node)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_run_of_a_process_takes_the_place_of_the_one_before() {
    let served = Served::start().await;
    served.server.admit(identity("child", 1)).await.expect("there is room");
    let first = DevClient::start(served.config(identity("child", 1))).await.expect("it listens");
    let first = first.store();
    assert_eq!(first.join(tenure_types::Incarnation(5)).await, Ok(()));
    served.server.admit(identity("child", 2)).await.expect("it is the same child");
    let second = DevClient::start(served.config(identity("child", 2))).await.expect("it listens");
    let second = second.store();
    let again = second.join(tenure_types::Incarnation(5)).await;
    assert!(matches!(again, Err(StoreError::Unavailable { .. })), "a number is one run's");
    assert_eq!(second.join(tenure_types::Incarnation(6)).await, Ok(()));
    assert_eq!(served.base.host().await, Ok(tenure_types::Incarnation(6)));
}
