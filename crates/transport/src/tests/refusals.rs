//! Who is refused, and what each end is told.

use std::mem::discriminant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::harness::{Kind, Subject, TestNode, cluster, frame, identity};
use crate::bounds::{ADDRESS_BYTES_MAX, PEERS_MAX};
use crate::handshake::Local;
use crate::handshake::opening::OPENING_BYTES;
use crate::{
    Class, ClusterKey, Direction, Event, HandshakeError, Peer, PeersError, Security, SecurityName,
};

/// The first refusal of the end that dials, and of the one that accepts.
pub(super) async fn refusals(dialler: &TestNode, acceptor: &TestNode) -> [HandshakeError; 2] {
    dialler.transport.set_peers([acceptor.peer()]).unwrap();
    let dialled = dialler.log.wait("the dialler is told", |told| {
        let index =
            told.events.iter().position(|event| matches!(event, Event::DialFailed { .. }))?;
        match told.events.remove(index) {
            Event::DialFailed { error, .. } => Some(error),
            _ => None,
        }
    });
    let dialled = dialled.await;
    let accepted = acceptor.log.wait("the acceptor is told", |told| {
        let index =
            told.events.iter().position(|event| matches!(event, Event::CallerRefused { .. }))?;
        match told.events.remove(index) {
            Event::CallerRefused { error, .. } => Some(error),
            _ => None,
        }
    });
    [dialled, accepted.await]
}

/// Starts a node of each, lets one dial the other, and compares what both are told.
async fn both_are_told(
    subject: &Subject,
    [dialler, acceptor]: [Local; 2],
    expected: &HandshakeError,
) {
    let (dialler, acceptor) = (subject.start(dialler).await, subject.start(acceptor).await);
    acceptor.transport.set_peers([dialler.peer()]).unwrap();
    for error in refusals(&dialler, &acceptor).await {
        assert_eq!(discriminant(&error), discriminant(expected), "{error}, and not {expected}");
    }
    for node in [dialler, acceptor] {
        let is_up = |event: &Event| matches!(event, Event::LaneUp { .. });
        assert!(!node.log.tell(|told| told.events.iter().any(is_up)), "a lane came up");
    }
}

pub(super) async fn strangers_to_the_list_are_heard_once_they_are_in_it(subject: &Subject) {
    let (a, b) = (subject.node("a").await, subject.node("b").await);
    for error in refusals(&a, &b).await {
        assert!(matches!(error, HandshakeError::NotAPeer { .. }), "{error}");
    }
    // It waits until the other end has the list as well.
    let early = frame(Class::Call, 7, &b"early"[..]);
    assert_eq!(a.transport.send(&b.identity, early.clone()), Ok(()));
    b.transport.set_peers([a.peer()]).unwrap();
    assert_eq!(b.log.frames(1).await, [(a.identity.clone(), early)]);
    a.log.up(&b.identity, Class::Call, Direction::Outbound, 1).await;
    b.log.up(&a.identity, Class::Call, Direction::Outbound, 1).await;
}

pub(super) async fn other_clusters_are_refused(subject: &Subject) {
    let (ours, mut other) = (subject.local("a", 1), subject.local("b", 1));
    other.cluster = cluster("other");
    let expected = HandshakeError::WrongCluster { ours: cluster("test"), theirs: None };
    both_are_told(subject, [ours, other], &expected).await;
}

pub(super) async fn other_versions_are_refused(subject: &Subject) {
    let (ours, mut newer) = (subject.local("a", 1), subject.local("b", 1));
    newer.versions = (2, 3);
    let expected = HandshakeError::WrongVersion { ours: (1, 1), theirs: (2, 3) };
    both_are_told(subject, [ours, newer], &expected).await;
}

pub(super) async fn other_securities_are_refused(subject: &Subject) {
    let key = ClusterKey::from_text(&ClusterKey::generate().unwrap()).unwrap();
    let (ours, theirs) = (SecurityName::Open, SecurityName::Key);
    let other = HandshakeError::OtherSecurity { ours, theirs };
    let with = |name: &str, kind: Kind| {
        let like = Subject::new(subject.network.clone(), kind);
        let mut local = subject.local(name, 1);
        local.security = like.security(&local.identity.node);
        local
    };
    for kind in [Kind::Open, Kind::Key, Kind::Tls] {
        if kind == subject.kind {
            continue;
        }
        both_are_told(subject, [subject.local("a", 1), with("b", kind)], &other).await;
        both_are_told(subject, [with("a", kind), subject.local("b", 1)], &other).await;
    }
    if subject.kind == Kind::Key {
        for is_dialler in [true, false] {
            let (mut a, mut b) = (subject.local("a", 1), subject.local("b", 1));
            let other = if is_dialler { &mut a } else { &mut b };
            other.security = Security::Key(key.clone());
            both_are_told(subject, [a, b], &HandshakeError::WrongKey).await;
        }
    }
}

/// Somebody who listens where a node should, and has another key or none.
pub(super) async fn acceptors_without_the_key_are_not_believed(subject: &Subject) {
    if subject.kind != Kind::Key {
        return;
    }
    let mut listener = subject.network.listen(&subject.address()).await.unwrap();
    let address = listener.address().unwrap();
    let a = subject.node("a").await;
    a.transport.set_peers([Peer { identity: identity("b", 1), address }]).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut opening = [0; OPENING_BYTES];
    stream.read_exact(&mut opening).await.unwrap();
    // It says the same back, and that all is well.
    stream.write_all(&opening).await.unwrap();
    let mut proof = [0; 32];
    stream.read_exact(&mut proof).await.unwrap();
    stream.write_all(&[&[0], &proof[..]].concat()).await.unwrap();
    let mut more = Vec::new();
    stream.read_to_end(&mut more).await.unwrap();
    assert_eq!(more, b"", "names were said to a stranger");
    let what = "the dialler is told";
    let error = a.log.wait(what, |told| match told.events.pop() {
        Some(Event::DialFailed { error, .. }) => Some(error),
        _ => None,
    });
    let error = error.await;
    assert!(matches!(error, HandshakeError::WrongKey), "{error}");
}

pub(super) async fn lists_of_peers_are_checked(subject: &Subject) {
    let (a, b) = subject.pair().await;
    let at = |name: &str, address: &str| Peer {
        identity: identity(name, 1),
        address: address.to_owned(),
    };
    let many = (0..=PEERS_MAX).map(|number| at(&format!("n{number}"), "127.0.0.1:1"));
    let set = |peers: Vec<Peer>| a.transport.set_peers(peers);
    assert_eq!(set(many.collect()), Err(PeersError::TooMany { count: PEERS_MAX + 1 }));
    let twice = vec![at("n1", "127.0.0.1:1"), at("n1", "127.0.0.1:2")];
    assert_eq!(set(twice), Err(PeersError::Twice(identity("n1", 1).node)));
    for address in ["", &"a".repeat(ADDRESS_BYTES_MAX + 1)] {
        assert_eq!(set(vec![at("n1", address)]), Err(PeersError::Address(identity("n1", 1).node)));
    }
    let sent = a.transport.send(&b.identity, super::harness::frame(Class::Call, 1, &b"kept"[..]));
    assert_eq!(sent, Ok(()), "the former list counts");
    b.log.frames(1).await;
}
