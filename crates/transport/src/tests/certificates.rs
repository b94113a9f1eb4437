//! Certificates that are not accepted, and those that are.

use super::harness::{Kind, Subject, cluster, identity, tls};
use super::refusals::refusals;
use crate::{
    Authority, Class, Direction, HandshakeError, Network, Security, TlsError, TlsIdentity,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_of_other_authorities_and_nodes_are_refused() {
    let subject = Subject::new(Network::tcp(), Kind::Tls);
    let other = Authority::make(cluster("test")).unwrap();
    // The same key, for another cluster.
    let elsewhere = Authority::with_key(cluster("other"), &subject.authority.key()).unwrap();
    for at_dialler in [true, false] {
        for fault in 0..3 {
            let (mut a, mut b) = (subject.local("a", 1), subject.local("b", 1));
            let wrong = if at_dialler { &mut a } else { &mut b };
            wrong.security = match fault {
                0 => Security::Tls(tls(&other, &wrong.identity.node)),
                1 => Security::Tls(tls(&elsewhere, &wrong.identity.node)),
                _ => subject.security(&identity("c", 1).node),
            };
            let (a, b) = (subject.start(a).await, subject.start(b).await);
            b.transport.set_peers([a.peer()]).unwrap();
            for error in refusals(&a, &b).await {
                let is_named = matches!(error, HandshakeError::WrongCertificate { .. });
                assert!(is_named, "{at_dialler} {fault}: {error:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authorities_are_taken_up_again_by_their_key() {
    let subject = Subject::new(Network::tcp(), Kind::Tls);
    let first = Authority::make(cluster("test")).unwrap();
    let again = Authority::with_key(cluster("test"), &first.key()).unwrap();
    let (mut a, mut b) = (subject.local("a", 1), subject.local("b", 1));
    a.security = Security::Tls(tls(&first, &a.identity.node));
    let issued = again.issue(&b.identity.node).unwrap();
    // Nodes know the first authority's certificate alone.
    let b_tls = TlsIdentity::from_pem(first.certificate(), &issued.certificate, &issued.key);
    b.security = Security::Tls(b_tls.unwrap());
    let (a, b) = (subject.start(a).await, subject.start(b).await);
    a.transport.set_peers([b.peer()]).unwrap();
    b.transport.set_peers([a.peer()]).unwrap();
    a.log.up(&b.identity, Class::Call, Direction::Outbound, 1).await;
    a.log.up(&b.identity, Class::Call, Direction::Inbound, 1).await;
}

#[test]
fn texts_that_are_no_certificates_are_named() {
    let authority = Authority::make(cluster("test")).unwrap();
    let issued = authority.issue(&identity("a", 1).node).unwrap();
    let (root, own, key) = (authority.certificate(), &issued.certificate, &issued.key);
    let other = authority.issue(&identity("b", 1).node).unwrap();
    for (root, own, key, what) in [
        ("", &own[..], &key[..], "no authority's certificate in PEM form"),
        (root, "", key, "no node's certificate in PEM form"),
        (root, own, "", "no node's key in PEM form"),
        (root, own, &own[..], "no node's key in PEM form"),
        (root, &own.replace("M", "!"), key, "the node's certificate cannot be read"),
        (root, own, &other.key, "check that they belong together"),
    ] {
        let error = TlsIdentity::from_pem(root, own, key).unwrap_err();
        assert!(error.to_string().contains(what), "{what:?} is not in: {error}");
    }
    assert!(Authority::with_key(cluster("test"), "no key").is_err());
    let unusable = TlsIdentity::from_pem(root, own, &other.key);
    assert!(matches!(unusable, Err(TlsError::Unusable(_))));
}
