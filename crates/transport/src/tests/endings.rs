//! How lanes end, on a clock of the test's own.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::harness::{Kind, PATIENCE, Subject, frame, identity};
use crate::bounds::{CLOSE_MAX, REFUSAL_MAX};
use crate::frame::{Origin, own};
use crate::handshake::{Link, dial, hear};
use crate::network::Listener;
use crate::outbound::{Outbound, drive};
use crate::wire::halves;
use crate::{
    Class, Credit, Direction, Event, Frame, HEADER_BYTES, Inbound, LaneEnd, Network, Peer,
    PeerIdentity, Transport,
};

fn subject(kind: Kind) -> Subject {
    Subject::new(Network::memory(), kind)
}

/// Lets time pass, and all that follows from it happen.
async fn pass(time: Duration) {
    let never = std::future::pending::<()>();
    let _passed = tokio::time::timeout(time, never).await;
}

/// A node `b` that is the test itself.
async fn listen(subject: &Subject) -> (Listener, Peer) {
    let listener = subject.network.listen(&subject.address()).await.unwrap();
    let address = listener.address().unwrap();
    (listener, Peer { identity: identity("b", 1), address })
}

/// Accepts as `b` until a lane of `class` comes, and welcomes it. The others are let go.
async fn accept(subject: &Subject, listener: &mut Listener, class: Class) -> Link {
    let local = subject.local("b", 1);
    loop {
        let accepted = tokio::time::timeout(PATIENCE, listener.accept()).await;
        let (stream, _) = accepted.expect("it is dialled").unwrap();
        let Ok(caller) = hear(&local, stream).await else { continue };
        if caller.introduction.class == class {
            let credit = class.window_bytes() as u64;
            return caller.welcome(&local.hello, credit).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn closing_waits_until_what_left_is_read() {
    let subject = subject(Kind::Key);
    let a = subject.node("a").await;
    let (mut listener, b) = listen(&subject).await;
    a.transport.set_peers([b.clone()]).unwrap();
    a.transport.send(&b.identity, frame(Class::Bulk, 1, Bytes::from(vec![1; 10_000]))).unwrap();
    let mut link = accept(&subject, &mut listener, Class::Bulk).await;
    link.receiving.fill(0).await.expect("the lane is up");
    drop(listener);
    let began = Instant::now();
    let closing = tokio::spawn(async move { a.transport.close().await });
    pass(2 * REFUSAL_MAX).await;
    // Had it hung up, this would make a machine take back what it has not delivered yet.
    link.sending.frame(Origin::Transport, own::PONG, &[]);
    link.sending.seal();
    link.sending.flush().await.expect("the end that closes still reads");
    while link.receiving.fill(0).await.is_ok() {}
    assert_eq!(link.receiving.plain.len(), 10_000 + 2 * HEADER_BYTES, "all of it, and a goodbye");
    drop(link);
    closing.await.unwrap();
    assert!(began.elapsed() < CLOSE_MAX, "it went on waiting");
}

/// The header of a goodbye.
const GOODBYE: [u8; HEADER_BYTES] = [0, 0, 0, 0, 1, Origin::Transport as u8, own::GOODBYE, 0];

#[tokio::test(start_paused = true)]
async fn who_is_removed_can_send_on_until_it_has_read_so() {
    let subject = subject(Kind::Open);
    let b = subject.node("b").await;
    let nobody = Peer { identity: identity("a", 1), address: "nobody listens there".to_owned() };
    b.transport.set_peers([nobody]).unwrap();
    let local = subject.local("a", 1);
    let mut link = dial(&local, &subject.network, &b.peer(), Class::Call).await.unwrap();
    b.log.up(&local.identity, Class::Call, Direction::Inbound, 1).await;
    b.transport.set_peers([]).unwrap();
    let (end, _) = b.log.lost(Class::Call, Direction::Inbound).await;
    assert!(matches!(end, LaneEnd::Removed), "{end:?}");
    link.sending.frame(Origin::Upper, 1, &vec![0; 1 << 20]);
    link.sending.seal();
    link.sending.flush().await.expect("it is read, and thrown away");
    assert_eq!(link.receiving.exact().await.unwrap(), GOODBYE);
    assert_eq!(b.log.count(), 0, "what came after the end was handed on");
}

/// A connection that breaks at the first write, with `said` unread.
struct Breaking {
    said: &'static [u8],
    is_broken: bool,
    reader: Option<Waker>,
}

impl AsyncRead for Breaking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_broken {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        buffer.put_slice(std::mem::take(&mut self.said));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Breaking {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_broken = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_heard_when_writing_fails() {
    for (said, is_goodbye) in [(&GOODBYE[..], true), (&GOODBYE[..4], false), (&[], false)] {
        let (receiving, sending) =
            halves(Box::new(Breaking { said, is_broken: false, reader: None }));
        let mut link = Link { receiving, sending, hello: Bytes::new(), credit: 0 };
        let peer = Peer { identity: identity("b", 1), address: "there".to_owned() };
        let lane = Outbound::new(peer, Class::Control);
        lane.queue.push(frame(Class::Control, 1, Bytes::new())).unwrap();
        let end = drive(&lane, &mut link).await;
        match is_goodbye {
            true => assert!(matches!(end, LaneEnd::Closed), "{end:?}"),
            false => assert!(matches!(end, LaneEnd::Reset(Some(_))), "{end:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn closing_still_makes_a_lane_that_frames_wait_for() {
    let subject = subject(Kind::Key);
    let a = subject.node("a").await;
    let (mut listener, b) = listen(&subject).await;
    a.transport.set_peers([b.clone()]).unwrap();
    a.transport.send(&b.identity, frame(Class::Bulk, 1, &b"waits"[..])).unwrap();
    let closing = tokio::spawn(async move { a.transport.close().await });
    tokio::task::yield_now().await;
    let mut link = accept(&subject, &mut listener, Class::Bulk).await;
    while link.receiving.fill(0).await.is_ok() {}
    assert!(link.receiving.plain[HEADER_BYTES..].starts_with(b"waits"), "it was not sent");
    assert!(link.receiving.plain.ends_with(&GOODBYE));
    drop(link);
    closing.await.unwrap();
}

/// A level above that sends one frame more and forgets the peer as soon as it hears of a loss.
#[derive(Default)]
struct Hasty {
    transport: OnceLock<Weak<Transport>>,
    lost: Mutex<Vec<Vec<Frame>>>,
}

impl Inbound for Hasty {
    fn received(&self, _: &PeerIdentity, _: Frame, _: Credit<'_>) {}

    fn happened(&self, event: Event) {
        let Event::LaneLost { peer, class: Class::Bulk, unsent, .. } = event else { return };
        self.lost.lock().push(unsent);
        let Some(transport) = self.transport.get().and_then(Weak::upgrade) else { return };
        if transport.send(&peer, frame(Class::Bulk, 1, &b"accepted"[..])).is_ok() {
            transport.set_peers([]).unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn frames_taken_after_a_loss_come_back_when_the_peer_leaves() {
    let subject = subject(Kind::Open);
    let hasty = Arc::new(Hasty::default());
    let (local, inbound) = (subject.local("a", 1), Arc::clone(&hasty));
    let (address, network) = (subject.address(), subject.network.clone());
    let a = Transport::start_as(local, address, network, inbound).await.unwrap();
    let a = Arc::new(a);
    hasty.transport.set(Arc::downgrade(&a)).unwrap();
    let (mut listener, b) = listen(&subject).await;
    a.set_peers([b.clone()]).unwrap();
    drop(accept(&subject, &mut listener, Class::Bulk).await);
    pass(REFUSAL_MAX).await;
    a.close().await;
    let lost = hasty.lost.lock();
    let expected = [vec![], vec![frame(Class::Bulk, 1, &b"accepted"[..])]];
    assert_eq!(*lost, expected, "a frame that was accepted vanished");
}

/// A connection that takes everything, and whose end never comes.
struct Endless;

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Endless {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_told_the_end_is_left() {
    let (receiving, sending) = halves(Box::new(Endless));
    let mut link = Link { receiving, sending, hello: Bytes::new(), credit: 0 };
    let peer = Peer { identity: identity("b", 1), address: "there".to_owned() };
    let lane = Outbound::new(peer, Class::Control);
    lane.queue.close(false);
    let end = tokio::time::timeout(2 * REFUSAL_MAX, drive(&lane, &mut link)).await;
    assert!(matches!(end, Ok(LaneEnd::Removed)), "{end:?}");
}
