//! What somebody may send who means harm: on the way, from outside, or as a peer.

use bytes::Bytes;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::harness::{Kind, Subject, TestNode, frame, identity};
use super::relay::{Harm, Relay};
use crate::bounds::CALL_WINDOW_BYTES;
use crate::frame::{Origin, own};
use crate::handshake::{Link, dial};
use crate::{Class, Direction, Event, FrameError, HEADER_BYTES, HandshakeError, LaneEnd, Peer};

/// How many connections of a kind are tried on each subject.
const TIMES: usize = 1_000;

pub(super) async fn altered_bytes_end_the_lane(subject: &Subject) {
    let (a, b) = (subject.node("a").await, subject.node("b").await);
    let relay = Relay::start(&subject.network, &subject.address(), b.transport.address()).await;
    b.transport.set_peers([a.peer()]).unwrap();
    a.transport.set_peers([b.peer_at(&relay.address)]).unwrap();
    let harms = match subject.kind {
        // Without a key only the end of the connection is seen.
        Kind::Open => &[Harm::Cut][..],
        Kind::Key | Kind::Tls => &[Harm::Flip, Harm::Repeat, Harm::Leave, Harm::Cut][..],
    };
    // What is harmed is to be a frame of the call lane, not the handshake of another one.
    for class in Class::ALL {
        a.log.up(&b.identity, class, Direction::Outbound, 1).await;
    }
    for (round, &harm) in harms.iter().enumerate() {
        a.log.up(&b.identity, Class::Call, Direction::Outbound, round + 1).await;
        b.log.up(&a.identity, Class::Call, Direction::Inbound, round + 1).await;
        relay.harm(harm);
        let body = Bytes::from(vec![round as u8; 4 * Relay::SHORT]);
        a.transport.send(&b.identity, frame(Class::Call, 1, body.clone())).unwrap();
        if harm == Harm::Leave {
            // What is missing is noticed when something follows, or at the end.
            a.transport.send(&b.identity, frame(Class::Call, 2, body.clone())).unwrap();
        }
        let (end, _) = b.log.lost(Class::Call, Direction::Inbound).await;
        match (subject.kind, harm) {
            (Kind::Key, Harm::Flip | Harm::Repeat | Harm::Leave) => {
                assert!(matches!(end, LaneEnd::Altered), "{harm:?}: {end:?}");
            }
            _ => assert!(matches!(end, LaneEnd::Reset(_)), "{harm:?}: {end:?}"),
        }
        let (end, _) = a.log.lost(Class::Call, Direction::Outbound).await;
        assert!(matches!(end, LaneEnd::Reset(_)), "{harm:?}: {end:?}");
        let arrived = b.log.tell(|told| std::mem::take(&mut told.frames));
        // Two frames may go in one write, of which the last byte is that of the second.
        let most = if matches!(harm, Harm::Repeat | Harm::Leave) { 1 } else { 0 };
        assert!(arrived.len() <= most, "{harm:?}: {} frames arrived", arrived.len());
        assert!(arrived.iter().all(|(_, frame)| frame.body == body), "{harm:?}: another body");
    }
}

pub(super) async fn replayed_connections_are_refused(subject: &Subject) {
    if subject.kind == Kind::Open {
        return;
    }
    let (a, b) = (subject.node("a").await, subject.node("b").await);
    let relay = Relay::start(&subject.network, &subject.address(), b.transport.address()).await;
    b.transport.set_peers([a.peer()]).unwrap();
    a.transport.set_peers([b.peer_at(&relay.address)]).unwrap();
    for class in Class::ALL {
        a.transport.send(&b.identity, frame(class, 1, &b"once"[..])).unwrap();
    }
    b.log.frames(3).await;
    for heard in relay.heard() {
        let (mut stream, _) = subject.network.dial(b.transport.address()).await.unwrap();
        // The other end may have hung up before all is written.
        let _hung_up = stream.write_all(&heard).await;
        let _hung_up = stream.shutdown().await;
        let refused = b.log.wait("the replay is refused", |told| {
            let is_refusal = |event: &Event| matches!(event, Event::CallerRefused { .. });
            let index = told.events.iter().position(is_refusal)?;
            match told.events.remove(index) {
                Event::CallerRefused { error, .. } => Some(error),
                _ => None,
            }
        });
        let error = refused.await;
        if subject.kind == Kind::Key {
            assert!(matches!(error, HandshakeError::WrongKey), "{error:?}");
        }
    }
    assert_eq!(b.log.count(), 0, "a frame was heard twice");
}

/// A peer of `b` that says what it likes.
async fn liar(subject: &Subject, b: &TestNode) -> Link {
    let local = subject.local("a", 1);
    dial(&local, &subject.network, &b.peer(), Class::Call).await.expect("it is a peer")
}

fn header(length: u32, rest: [u8; 4]) -> Vec<u8> {
    [&length.to_le_bytes()[..], &rest].concat()
}

pub(super) async fn frames_that_are_none_end_the_lane(subject: &Subject) {
    let b = subject.node("b").await;
    let nobody = Peer { identity: identity("a", 1), address: "127.0.0.1:1".to_owned() };
    b.transport.set_peers([nobody]).unwrap();
    b.log.tell(|told| told.holds = Some(Class::Call));
    let max = Class::Call.frame_bytes_max();
    for (bytes, expected) in [
        (header(u32::MAX, [1, 0, 1, 0]), FrameError::TooLarge { claimed: u32::MAX, max }),
        (header(1 << 31, [1, 1, 1, 0]), FrameError::TooLarge { claimed: 1 << 31, max: 8 }),
        (header(1, [9, 0, 1, 0]), FrameError::Header),
        (header(1, [1, 9, 1, 0]), FrameError::Header),
        (header(1, [1, 0, 1, 9]), FrameError::Header),
        (header(0, [1, Origin::Transport as u8, own::GRANT, 0]), FrameError::Unexpected(3)),
        (header(0, [1, Origin::Transport as u8, 77, 0]), FrameError::Unexpected(77)),
    ] {
        let mut link = liar(subject, &b).await;
        link.sending.raw(&bytes);
        link.sending.seal();
        link.sending.flush().await.unwrap();
        let (end, _) = b.log.lost(Class::Call, Direction::Inbound).await;
        match end {
            LaneEnd::Malformed(error) => assert_eq!(error, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    who_does_not_wait_for_credit_is_cut_off(subject, &b).await;
    random_frames_are_survived(subject, &b).await;
}

async fn who_does_not_wait_for_credit_is_cut_off(subject: &Subject, b: &TestNode) {
    let mut link = liar(subject, b).await;
    let body = vec![0; (1 << 20) - HEADER_BYTES];
    for _ in 0..=CALL_WINDOW_BYTES >> 20 {
        link.sending.frame(Origin::Upper, 1, &body);
        link.sending.seal();
        // It may have been cut off already.
        let _cut_off = link.sending.flush().await;
    }
    let (end, _) = b.log.lost(Class::Call, Direction::Inbound).await;
    let expected = FrameError::OverCredit { weight: 1 << 20, credit: 0 };
    assert!(matches!(end, LaneEnd::Malformed(error) if error == expected), "{end:?}");
    assert_eq!(b.log.count(), CALL_WINDOW_BYTES >> 20);
    b.log.tell(|told| {
        told.permits.clear();
        told.frames.clear();
        told.holds = None;
    });
}

pub(super) async fn redialling_brings_no_new_window(subject: &Subject) {
    const HELD: usize = 5 << 20;
    let b = subject.node("b").await;
    let nobody = Peer { identity: identity("a", 1), address: "127.0.0.1:1".to_owned() };
    b.transport.set_peers([nobody]).unwrap();
    b.log.tell(|told| told.holds = Some(Class::Call));
    for round in 0..3 {
        let mut link = liar(subject, &b).await;
        assert_eq!(link.credit as usize, CALL_WINDOW_BYTES - round * HELD, "round {round}");
        link.sending.frame(Origin::Upper, 1, &vec![0; HELD - HEADER_BYTES]);
        link.sending.seal();
        link.sending.flush().await.unwrap();
        b.log.frames(1).await;
        drop(link);
        b.log.lost(Class::Call, Direction::Inbound).await;
    }
    // The list is given again, and what is held still counts; given back, it is there again.
    let nobody = Peer { identity: identity("a", 1), address: "127.0.0.1:2".to_owned() };
    b.transport.set_peers([nobody]).unwrap();
    b.log.tell(|told| told.permits.truncate(1));
    let mut link = liar(subject, &b).await;
    assert_eq!(link.credit as usize, CALL_WINDOW_BYTES - HELD);
    b.log.tell(|told| told.permits.clear());
    let granted = link.receiving.exact::<{ HEADER_BYTES + 8 }>().await.unwrap();
    let grant = granted.last_chunk().copied().map(u64::from_le_bytes);
    assert_eq!(grant, Some(HELD as u64));
}

async fn random_frames_are_survived(subject: &Subject, b: &TestNode) {
    for _ in 0..TIMES {
        let mut bytes = [0; 64];
        SystemRandom::new().fill(&mut bytes).unwrap();
        let mut link = liar(subject, b).await;
        link.sending.raw(&bytes);
        link.sending.seal();
        let _cut_off = link.sending.flush().await;
        link.sending.finish().await;
        let (end, _) = b.log.lost(Class::Call, Direction::Inbound).await;
        let is_seen = matches!(end, LaneEnd::Malformed(_) | LaneEnd::Reset(_));
        assert!(is_seen, "{bytes:?}: {end:?}");
    }
}

pub(super) async fn strangers_without_end_leave_nothing(subject: &Subject) {
    let (a, b) = subject.pair().await;
    for round in 0..TIMES {
        let mut bytes = [0; 200];
        SystemRandom::new().fill(&mut bytes).unwrap();
        let length = round % bytes.len();
        // What TLS begins with gets further.
        bytes[0] = if round % 2 == 0 { 0x16 } else { bytes[0] };
        if let Ok((mut stream, _)) = subject.network.dial(b.transport.address()).await {
            let _hung_up = stream.write_all(&bytes[..length]).await;
            let _hung_up = stream.shutdown().await;
            let mut said = Vec::new();
            let _reset = stream.read_to_end(&mut said).await;
            assert!(said.len() <= 128, "{} bytes are said to a stranger", said.len());
        }
        if round % 100 == 0 {
            a.transport.send(&b.identity, frame(Class::Call, 1, &b"heard"[..])).unwrap();
            b.log.frames(1).await;
        }
    }
    let is_lost = |event: &Event| matches!(event, Event::LaneLost { .. });
    assert!(!b.log.tell(|told| told.events.iter().any(is_lost)), "a peer's lane was lost");
}
