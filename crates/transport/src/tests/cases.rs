//! What lanes do when nobody means harm.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::harness::{PATIENCE, Subject, TestNode, frame, identity};
use super::relay::Relay;
use crate::bounds::{
    CALL_QUEUE_BYTES_MAX, CALL_QUEUE_FRAMES_MAX, CALL_WINDOW_BYTES, CONTROL_HELD_BYTES_MAX,
    GRANT_PARTS, READ_BYTES_MAX,
};
use crate::frame::Origin;
use crate::handshake::dial;
use crate::{
    Class, Direction, Event, HEADER_BYTES, HandshakeError, LaneEnd, LaneStatus, Peer, PeerIdentity,
    SendError,
};

/// A body that says its place and has a size of its own.
fn numbered(number: u32) -> Bytes {
    let mut body = number.to_le_bytes().to_vec();
    body.resize(4 + (number as usize * 7919) % 9_000, number as u8);
    body.into()
}

/// Sends as long as the queue takes frames; when it is full, waits for the receiver.
async fn send_all(from: &TestNode, to: &TestNode, class: Class, count: u32) {
    for number in 0..count {
        loop {
            let sent = from.transport.send(&to.identity, frame(class, 7, numbered(number)));
            match sent {
                Ok(()) => break,
                Err(SendError::Full) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

pub(super) async fn frames_arrive_in_order(subject: &Subject) {
    const COUNT: u32 = 3_000;
    let (a, b) = subject.pair().await;
    let both = |class| {
        let (a, b) = (&a, &b);
        async move { tokio::join!(send_all(a, b, class, COUNT), send_all(b, a, class, COUNT)) }
    };
    tokio::join!(both(Class::Control), both(Class::Call), both(Class::Bulk));
    for (node, other) in [(&a, &b), (&b, &a)] {
        let frames = node.log.frames(3 * COUNT as usize).await;
        for class in Class::ALL {
            let of_class = frames.iter().filter(|(_, frame)| frame.class == class);
            let mut number = 0;
            for (from, frame) in of_class {
                assert_eq!((from, frame.kind), (&other.identity, 7));
                assert!(frame.body == numbered(number), "{class} frame {number} is another one");
                number += 1;
            }
            assert_eq!(number, COUNT, "{class}");
        }
    }
}

pub(super) async fn frames_of_the_largest_size_arrive(subject: &Subject) {
    let (a, b) = subject.pair().await;
    for class in Class::ALL {
        let max = class.frame_bytes_max();
        let body = Bytes::from(vec![class as u8 + 1; max + 1]);
        let sent = a.transport.send(&b.identity, frame(class, 0, body.clone()));
        assert_eq!(sent, Err(SendError::TooLarge { len: max + 1, max }));
        // Twice, with small ones around: the credit comes back to the last byte.
        for _ in 0..2 {
            for body in [Bytes::from_static(b"small"), body.slice(1..), Bytes::new()] {
                a.transport.send(&b.identity, frame(class, 0, body)).unwrap();
            }
            let frames = b.log.frames(3).await;
            assert!(frames[1].1.body == body.slice(1..), "{class}");
            assert_eq!(frames[2].1.body, Bytes::new());
        }
    }
}

pub(super) async fn hellos_are_exchanged(subject: &Subject) {
    let (a, b) = subject.pair().await;
    for (node, other) in [(&a, &b), (&b, &a)] {
        for direction in [Direction::Inbound, Direction::Outbound] {
            let hello = node.log.up(&other.identity, Class::Call, direction, 1).await;
            assert_eq!(hello, format!("hello of {}", other.identity.node), "{direction:?}");
        }
    }
}

/// Sends frames of `len` bytes until one is refused. Returns how many were taken.
fn send_until_full(a: &TestNode, b: &TestNode, class: Class, len: usize) -> usize {
    let (body, mut taken) = (Bytes::from(vec![1; len]), 0);
    loop {
        match a.transport.send(&b.identity, frame(class, 1, body.clone())) {
            Ok(()) => taken += 1,
            Err(SendError::Full) => return taken,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends frames of `len` bytes until `b`, which consumes none, has `held` of them and the queue is full.
async fn fill(a: &TestNode, b: &TestNode, class: Class, len: usize, held: usize) -> usize {
    let mut taken = 0;
    let what = format!("{held} frames are held");
    let full = async {
        loop {
            taken += send_until_full(a, b, class, len);
            if b.log.tell(|told| told.permits.len() >= held) {
                return taken + send_until_full(a, b, class, len);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, full).await.unwrap_or_else(|_| panic!("{what}: not so"))
}

pub(super) async fn full_lanes_refuse_and_others_flow(subject: &Subject) {
    let (a, b) = subject.pair().await;
    b.log.tell(|told| told.holds = Some(Class::Call));
    let held = CALL_WINDOW_BYTES / (100 + HEADER_BYTES);
    let taken = fill(&a, &b, Class::Call, 100, held).await;
    assert_eq!(taken, CALL_QUEUE_FRAMES_MAX + held, "more, or fewer, than the bounds allow");
    let lanes = a.transport.lanes();
    let waiting: Vec<_> = lanes.iter().map(|it| (it.is_up, it.waiting_frames)).collect();
    assert_eq!(waiting, [(true, 0), (true, CALL_QUEUE_FRAMES_MAX), (true, 0)], "{lanes:?}");
    // Other classes do not wait behind it, and nor does the way back.
    for class in [Class::Control, Class::Bulk] {
        a.transport.send(&b.identity, frame(class, 2, &b"past"[..])).unwrap();
    }
    b.transport.send(&a.identity, frame(Class::Call, 2, &b"back"[..])).unwrap();
    a.log.frames(1).await;
    b.log
        .wait("both pass", |told| {
            let past = told.frames.iter().filter(|(_, frame)| frame.kind == 2);
            (past.count() == 2).then_some(())
        })
        .await;
    // Consumed, all of it arrives.
    b.log.tell(|told| {
        told.holds = None;
        told.permits.clear();
    });
    b.log.frames(taken + 2).await;
}

pub(super) async fn held_frames_stop_their_lane_alone(subject: &Subject) {
    const LEN: usize = 10_000;
    let (a, b) = subject.pair().await;
    b.log.tell(|told| told.holds = Some(Class::Call));
    let window = CALL_WINDOW_BYTES / (LEN + HEADER_BYTES);
    let taken = fill(&a, &b, Class::Call, LEN, window).await;
    assert_eq!(b.log.count(), window, "more than the window arrived");
    assert_eq!(taken, window + CALL_QUEUE_BYTES_MAX / (LEN + HEADER_BYTES));
    // What is consumed lets as much follow, and no more.
    let half = window / 2;
    b.log.tell(|told| drop(told.permits.drain(..half).collect::<Vec<_>>()));
    // Two parts of it at most are not given back yet.
    let parts = 2 * CALL_WINDOW_BYTES / GRANT_PARTS / LEN;
    let what = "half a window follows";
    b.log.wait(what, |told| (told.frames.len() + parts >= window + half).then_some(())).await;
    assert!(b.log.count() <= window + half, "more than was consumed arrived");
}

pub(super) async fn control_frames_are_bounded_without_credit(subject: &Subject) {
    const LEN: usize = 10_000;
    let (a, b) = subject.pair().await;
    b.log.tell(|told| told.holds = Some(Class::Control));
    let least = CONTROL_HELD_BYTES_MAX / (LEN + HEADER_BYTES);
    let taken = fill(&a, &b, Class::Control, LEN, least).await;
    let most = (CONTROL_HELD_BYTES_MAX + 2 * READ_BYTES_MAX) / LEN;
    assert!(b.log.count() <= most, "{} frames were handed on", b.log.count());
    b.log.tell(|told| {
        told.holds = None;
        told.permits.clear();
    });
    b.log.frames(taken).await;
}

pub(super) async fn peers_that_do_not_read_fill_the_queue(subject: &Subject) {
    let (a, b) = (subject.node("a").await, subject.node("b").await);
    let relay = Relay::start(&subject.network, &subject.address(), b.transport.address()).await;
    b.transport.set_peers([a.peer()]).unwrap();
    a.transport.set_peers([b.peer_at(&relay.address)]).unwrap();
    a.log.up(&b.identity, Class::Call, Direction::Outbound, 1).await;
    relay.stall();
    let mut taken = 0;
    // What the way there takes up comes in addition to the queue; the window bounds it.
    for _ in 0..100 {
        taken += send_until_full(&a, &b, Class::Call, 50_000);
        tokio::task::yield_now().await;
    }
    let most = (CALL_QUEUE_BYTES_MAX + CALL_WINDOW_BYTES) / 50_000;
    assert!(taken <= most, "{taken} were taken");
    relay.pass();
    b.log.frames(taken).await;
}

pub(super) async fn what_never_left_comes_back(subject: &Subject) {
    let (a, b) = (subject.node("a").await, subject.node("b").await);
    let relay = Relay::start(&subject.network, &subject.address(), b.transport.address()).await;
    b.transport.set_peers([a.peer()]).unwrap();
    a.transport.set_peers([b.peer_at(&relay.address)]).unwrap();
    a.log.up(&b.identity, Class::Bulk, Direction::Outbound, 1).await;
    relay.stall();
    // More than the way there takes up, each with its number.
    let mut sent = 0_u32;
    let full = loop {
        let mut body = sent.to_le_bytes().to_vec();
        body.resize(1 << 20, 0);
        match a.transport.send(&b.identity, frame(Class::Bulk, 1, body)) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full, SendError::Full);
    relay.cut();
    let (_, unsent) = a.log.lost(Class::Bulk, Direction::Outbound).await;
    let number = |body: &Bytes| u32::from_le_bytes(*body.first_chunk().unwrap());
    let back: Vec<u32> = unsent.iter().map(|frame| number(&frame.body)).collect();
    let first = *back.first().expect("not all of it left");
    assert_eq!(back, (first..sent).collect::<Vec<_>>(), "the last ones come back, in order");
    relay.pass();
    a.log.up(&b.identity, Class::Bulk, Direction::Outbound, 2).await;
    for frame in unsent {
        a.transport.send(&b.identity, frame).unwrap();
    }
    let what = "what came back was sent again";
    let arrived = b.log.wait(what, |told| {
        let all: Vec<u32> = told.frames.iter().map(|(_, frame)| number(&frame.body)).collect();
        (all.last() == Some(&(sent - 1))).then_some(all)
    });
    let arrived = arrived.await;
    assert!(arrived.is_sorted_by(|a, b| a < b), "one arrived twice: {arrived:?}");
}

pub(super) async fn what_waits_for_nobody_comes_back(subject: &Subject) {
    let a = subject.node("a").await;
    let nobody = Peer { identity: identity("b", 1), address: "127.0.0.1:1".to_owned() };
    a.transport.set_peers([nobody.clone()]).unwrap();
    // The first attempt may have failed already.
    let sent = a.transport.send(&nobody.identity, frame(Class::Bulk, 7, &b"waits"[..]));
    let what = "the attempt fails";
    let unsent = a.log.wait(what, |told| {
        told.events.iter().find_map(|event| match event {
            Event::DialFailed { class: Class::Bulk, unsent, .. } => Some(unsent.clone()),
            _ => None,
        })
    });
    match sent {
        Ok(()) => assert_eq!(unsent.await, [frame(Class::Bulk, 7, &b"waits"[..])]),
        Err(error) => assert_eq!(error, SendError::Down),
    }
}

pub(super) async fn broken_lanes_are_made_again(subject: &Subject) {
    let (a, b) = (subject.node("a").await, subject.node("b").await);
    let relay = Relay::start(&subject.network, &subject.address(), b.transport.address()).await;
    b.transport.set_peers([a.peer()]).unwrap();
    a.transport.set_peers([b.peer_at(&relay.address)]).unwrap();
    for round in 1..=5 {
        for class in Class::ALL {
            a.log.up(&b.identity, class, Direction::Outbound, round).await;
            a.transport.send(&b.identity, frame(class, round as u8, &b"again"[..])).unwrap();
        }
        for (_, frame) in b.log.frames(3).await {
            assert_eq!(frame.kind, round as u8);
        }
        relay.cut();
        for class in Class::ALL {
            let (end, _) = a.log.lost(class, Direction::Outbound).await;
            assert!(matches!(end, LaneEnd::Reset(_)), "{end:?}");
            let (end, _) = b.log.lost(class, Direction::Inbound).await;
            assert!(matches!(end, LaneEnd::Reset(_) | LaneEnd::Replaced), "{end:?}");
        }
    }
}

pub(super) async fn gone_nodes_are_told_apart(subject: &Subject) {
    let (a, b) = (subject.node("a").await, subject.node("b").await);
    let relay = Relay::start(&subject.network, &subject.address(), b.transport.address()).await;
    b.transport.set_peers([a.peer()]).unwrap();
    a.transport.set_peers([b.peer_at(&relay.address)]).unwrap();
    a.log.up(&b.identity, Class::Call, Direction::Outbound, 1).await;
    relay.die().await;
    let (end, _) = a.log.lost(Class::Call, Direction::Outbound).await;
    assert!(matches!(end, LaneEnd::Reset(_)), "{end:?}");
    a.log
        .wait("the next attempt is refused", |told| {
            told.events.iter().find_map(|event| match event {
                Event::DialFailed { error: HandshakeError::Refused, peer, class, .. } => {
                    (*peer == b.identity && *class == Class::Call).then_some(())
                }
                _ => None,
            })
        })
        .await;
    let sent = a.transport.send(&b.identity, frame(Class::Call, 1, Bytes::new()));
    assert_eq!(sent, Err(SendError::Down));
    let is_up = |lane: &LaneStatus| lane.class == Class::Call && lane.is_up;
    assert!(!a.transport.lanes().iter().any(is_up));
}

pub(super) async fn closing_lets_what_waits_leave(subject: &Subject) {
    let (a, b) = subject.pair().await;
    for number in 0..1_000 {
        a.transport.send(&b.identity, frame(Class::Bulk, 1, numbered(number))).unwrap();
    }
    a.transport.close().await;
    let sent = a.transport.send(&b.identity, frame(Class::Bulk, 1, Bytes::new()));
    assert_eq!(sent, Err(SendError::NotAPeer), "it is closed");
    assert_eq!(b.log.frames(1_000).await.len(), 1_000);
    for direction in [Direction::Inbound, Direction::Outbound] {
        let (end, _) = b.log.lost(Class::Bulk, direction).await;
        assert!(matches!(end, LaneEnd::Closed), "{direction:?}: {end:?}");
    }
}

pub(super) async fn lanes_follow_the_list_of_peers(subject: &Subject) {
    let (a, b) = subject.pair().await;
    a.transport.set_peers([b.peer(), a.peer()]).unwrap();
    a.transport.send(&b.identity, frame(Class::Call, 1, &b"still there"[..])).unwrap();
    b.log.frames(1).await;
    a.transport.set_peers([]).unwrap();
    let sent = a.transport.send(&b.identity, frame(Class::Call, 1, Bytes::new()));
    assert_eq!(sent, Err(SendError::NotAPeer));
    for direction in [Direction::Inbound, Direction::Outbound] {
        let (end, _) = a.log.lost(Class::Call, direction).await;
        assert!(matches!(end, LaneEnd::Removed), "{direction:?}: {end:?}");
        let (end, _) = b.log.lost(Class::Call, direction).await;
        assert!(matches!(end, LaneEnd::Closed), "{direction:?}: {end:?}");
    }
    a.transport.set_peers([b.peer()]).unwrap();
    a.log.up(&b.identity, Class::Call, Direction::Outbound, 2).await;
    b.log.up(&a.identity, Class::Call, Direction::Outbound, 2).await;
}

pub(super) async fn later_lanes_replace_earlier_ones(subject: &Subject) {
    let b = subject.node("b").await;
    let (first, second) = (subject.local("a", 1), subject.local("a", 1));
    let nobody = Peer { identity: identity("a", 1), address: "127.0.0.1:1".to_owned() };
    b.transport.set_peers([nobody]).unwrap();
    let dialled = |local| {
        let (peer, network) = (b.peer(), &subject.network);
        async move { dial(local, network, &peer, Class::Call).await.unwrap() }
    };
    let mut link = dialled(&first).await;
    b.log.up(&first.identity, Class::Call, Direction::Inbound, 1).await;
    // The first lane is in the middle of a frame when the second one comes.
    b.log.is_blocked.store(true, Ordering::Release);
    link.sending.frame(Origin::Upper, 1, b"first");
    link.sending.seal();
    link.sending.flush().await.unwrap();
    let what = "the first lane is held up";
    b.log.wait(what, |_| b.log.is_held_up.load(Ordering::Acquire).then_some(())).await;
    let second = dialled(&second);
    tokio::pin!(second);
    let early = tokio::time::timeout(Duration::from_millis(200), second.as_mut()).await;
    b.log.is_blocked.store(false, Ordering::Release);
    assert!(early.is_err(), "the second lane did not wait for the end of the first");
    let _second = second.await;
    b.log.up(&first.identity, Class::Call, Direction::Inbound, 2).await;
    b.log.tell(|told| {
        assert_eq!(told.frames.len(), 1, "what the first lane was given is handed on");
        let is_replaced =
            |event: &Event| matches!(event, Event::LaneLost { end: LaneEnd::Replaced, .. });
        let lost = told.events.iter().position(is_replaced).expect("the first one is lost");
        let is_up = |event: &Event| matches!(event, Event::LaneUp { .. });
        let second_up = told.events.iter().rposition(is_up).expect("the second one is up");
        assert!(lost < second_up, "{:?}", told.events);
    });
}

pub(super) async fn former_incarnations_are_not_heard(subject: &Subject) {
    let b = subject.node("b").await;
    let (former, next) = (subject.local("a", 1), subject.local("a", 2));
    let at = |identity: &PeerIdentity| Peer {
        identity: identity.clone(),
        address: "127.0.0.1:1".to_owned(),
    };
    b.transport.set_peers([at(&former.identity)]).unwrap();
    let dialled = |local| {
        let (peer, network) = (b.peer(), &subject.network);
        async move { dial(local, network, &peer, Class::Call).await }
    };
    let refused = dialled(&next).await.map(drop);
    assert!(matches!(refused, Err(HandshakeError::NotAPeer { .. })), "{refused:?}");
    let _link = dialled(&former).await.unwrap();
    b.log.up(&former.identity, Class::Call, Direction::Inbound, 1).await;
    b.transport.set_peers([at(&next.identity)]).unwrap();
    let (end, _) = b.log.lost(Class::Call, Direction::Inbound).await;
    assert!(matches!(end, LaneEnd::Removed), "{end:?}");
    let refused = dialled(&former).await.map(drop);
    assert!(matches!(refused, Err(HandshakeError::NotAPeer { .. })), "{refused:?}");
}

pub(super) async fn new_incarnations_are_others(subject: &Subject) {
    let (a, b) = subject.pair().await;
    let old = b.identity.clone();
    b.transport.close().await;
    let next = subject.start(subject.local("b", 2)).await;
    next.transport.set_peers([a.peer()]).unwrap();
    // The list still has the former one, at the address of the next.
    let former = Peer { identity: old.clone(), ..next.peer() };
    a.transport.set_peers([former]).unwrap();
    a.log
        .wait("somebody else is there", |told| {
            told.events.iter().find_map(|event| match event {
                Event::DialFailed {
                    error: HandshakeError::AnotherNode { wanted, found }, ..
                } => (*wanted == old && *found == next.identity).then_some(()),
                _ => None,
            })
        })
        .await;
    a.transport.set_peers([next.peer()]).unwrap();
    a.log.up(&next.identity, Class::Call, Direction::Outbound, 1).await;
    a.log.up(&next.identity, Class::Call, Direction::Inbound, 1).await;
    let sent = a.transport.send(&old, frame(Class::Call, 1, Bytes::new()));
    assert_eq!(sent, Err(SendError::NotAPeer));
}
