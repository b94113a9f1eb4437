//! What happens when nothing happens, on a clock of the test's own.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::harness::{Kind, Subject, frame};
use super::relay::Relay;
use crate::bounds::{CLOSE_MAX, HANDSHAKE_MAX, PING_EVERY, REDIAL_MAX, SILENCE_MAX, STRANGERS_MAX};
use crate::{Class, Direction, Event, HandshakeError, LaneEnd, Network, SendError};

fn subject() -> Subject {
    Subject::new(Network::memory(), Kind::Key)
}

/// Lets time pass, and all that follows from it happen: the clock moves only when everybody waits.
async fn pass(time: Duration) {
    let never = std::future::pending::<()>();
    let _passed = tokio::time::timeout(time, never).await;
}

#[tokio::test(start_paused = true)]
async fn connections_that_go_silent_end_on_both_ends() {
    let subject = subject();
    let (a, b) = (subject.node("a").await, subject.node("b").await);
    let relay = Relay::start(&subject.network, &subject.address(), b.transport.address()).await;
    b.transport.set_peers([a.peer()]).unwrap();
    a.transport.set_peers([b.peer_at(&relay.address)]).unwrap();
    for class in Class::ALL {
        a.log.up(&b.identity, class, Direction::Outbound, 1).await;
    }
    // Idle lanes stay: pings are answered.
    for _ in 0..3 * SILENCE_MAX.as_secs() {
        pass(Duration::from_secs(1)).await;
    }
    let began = Instant::now();
    relay.swallow();
    for class in Class::ALL {
        let (end, _) = a.log.lost(class, Direction::Outbound).await;
        assert!(matches!(end, LaneEnd::Silent), "{end:?}");
        let (end, _) = b.log.lost(class, Direction::Inbound).await;
        // The dialler may have been first to hang up.
        assert!(matches!(end, LaneEnd::Silent | LaneEnd::Reset(_)), "{end:?}");
    }
    let took = began.elapsed();
    assert!(took <= SILENCE_MAX + 2 * PING_EVERY, "it took {took:?}");
    assert!(took >= SILENCE_MAX - PING_EVERY, "it took only {took:?}");
}

#[tokio::test(start_paused = true)]
async fn peers_that_hold_everything_are_not_silent() {
    for class in Class::ALL {
        let subject = subject();
        let (a, b) = subject.pair().await;
        b.log.tell(|told| told.holds = Some(class));
        while a.transport.send(&b.identity, frame(class, 1, vec![0; 100_000])).is_ok() {
            tokio::task::yield_now().await;
        }
        for _ in 0..10 {
            pass(PING_EVERY).await;
        }
        let is_lost = |event: &Event| matches!(event, Event::LaneLost { .. });
        assert!(!a.log.tell(|told| told.events.iter().any(is_lost)), "its {class} lane was lost");
    }
}

#[tokio::test(start_paused = true)]
async fn strangers_that_say_nothing_are_bounded_and_keep_nobody_out() {
    let subject = subject();
    let (a, b) = (subject.node("a").await, subject.node("b").await);
    let began = Instant::now();
    let mut strangers = Vec::new();
    while strangers.len() < STRANGERS_MAX {
        match subject.network.dial(b.transport.address()).await {
            Ok((stream, _)) => strangers.push(stream),
            // The in-memory backlog is full: let the node accept.
            Err(_) => tokio::task::yield_now().await,
        }
    }
    pass(Duration::from_millis(1)).await;
    b.transport.set_peers([a.peer()]).unwrap();
    a.transport.set_peers([b.peer()]).unwrap();
    for class in Class::ALL {
        a.log.up(&b.identity, class, Direction::Outbound, 1).await;
    }
    assert!(began.elapsed() < HANDSHAKE_MAX, "only after {:?}", began.elapsed());
    let mut silent = strangers.into_iter();
    for mut oldest in silent.by_ref().take(Class::ALL.len()) {
        assert_eq!(oldest.read(&mut [0; 8]).await.unwrap(), 0, "a lane has its place");
    }
    assert!(began.elapsed() < HANDSHAKE_MAX, "only after {:?}", began.elapsed());
    for mut stranger in silent {
        assert_eq!(stranger.read(&mut [0; 8]).await.unwrap(), 0, "nothing is said to it");
    }
    assert!(began.elapsed() >= HANDSHAKE_MAX);
    let refused = |is_it: fn(&HandshakeError) -> bool| {
        let is_it =
            |event: &&Event| matches!(event, Event::CallerRefused { error, .. } if is_it(error));
        b.log.tell(|told| told.events.iter().filter(is_it).count())
    };
    assert_eq!(refused(|it| matches!(it, HandshakeError::Displaced)), Class::ALL.len());
    let late = refused(|it| matches!(it, HandshakeError::TimedOut));
    assert_eq!(late, STRANGERS_MAX - Class::ALL.len());
}

#[tokio::test(start_paused = true)]
async fn strangers_that_say_nothing_do_not_hold_up_closing() {
    let subject = subject();
    let b = subject.node("b").await;
    let _silent = subject.network.dial(b.transport.address()).await.unwrap();
    pass(Duration::from_millis(1)).await;
    let began = Instant::now();
    b.transport.close().await;
    assert!(began.elapsed() < HANDSHAKE_MAX / 2, "it took {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn attempts_become_rare_and_never_stop() {
    let subject = subject();
    let a = subject.node("a").await;
    let gone = crate::Peer {
        identity: super::harness::identity("b", 1),
        address: "nobody listens there".to_owned(),
    };
    a.transport.set_peers([gone]).unwrap();
    let attempts = |log: &super::harness::Log| {
        let is_call =
            |event: &&Event| matches!(event, Event::DialFailed { class: Class::Call, .. });
        log.tell(|told| told.events.iter().filter(is_call).count())
    };
    let minute = Duration::from_secs(60);
    pass(minute).await;
    let first = attempts(&a.log);
    let least = (minute.as_millis() / REDIAL_MAX.as_millis()) as usize;
    assert!(first >= least, "{first} attempts in a minute");
    assert!(first <= 6 * least, "{first} attempts in a minute");
}

#[tokio::test(start_paused = true)]
async fn lanes_of_peers_given_anew_end() {
    let subject = subject();
    let (a, b) = subject.pair().await;
    // The same run at another address, then another run of it.
    let moved = b.peer_at("nobody listens there");
    let next = crate::Peer { identity: super::harness::identity("b", 2), ..moved.clone() };
    let former = a.transport.lane(&b.identity, Class::Call).expect("it is a peer");
    a.transport.set_peers([moved]).unwrap();
    for class in Class::ALL {
        let (end, _) = a.log.lost(class, Direction::Outbound).await;
        assert!(matches!(end, LaneEnd::Removed), "{end:?}");
    }
    assert_eq!(former.send(1, Bytes::new()), Err(SendError::NotAPeer));
    pass(PING_EVERY).await;
    a.transport.set_peers([next.clone()]).unwrap();
    let began = a.log.tell(|told| told.events.len());
    pass(10 * REDIAL_MAX).await;
    a.log.tell(|told| {
        let dials = |identity| {
            let is_dial = |event: &&Event| matches!(event, Event::DialFailed { peer, .. } if peer == identity);
            told.events[began..].iter().filter(is_dial).count()
        };
        assert_eq!(dials(&b.identity), 0, "a former lane is dialled");
        assert!(dials(&next.identity) > 0, "the new one is not");
    });
    let began = Instant::now();
    a.transport.close().await;
    assert!(began.elapsed() < CLOSE_MAX, "a task of a former lane is left");
}
