use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use tenure_observe::Counter;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::connection::{Watch, drive};
use super::link::{Link, Phase};
use super::registry::{Registry, Stage};
use super::socket::Socket;
use super::stream::Stream;
use super::tls::Tls;

/// How long to wait after the system refused to hand out a connection: too many open files, most
/// likely, and asking again at once would keep a core busy.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The most connections that a server takes which waited when it was told to stop.
const WAITING_MAX: usize = 65_536;

/// Connections over the bound that are told so; further ones are closed without a word.
const REFUSALS_MAX: usize = 256;

const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\
    content-length: 191\r\n\
    \r\n\
    {\"type\":\"urn:tenure:problem:overloaded\",\"title\":\"Overloaded\",\"status\":503,\
    \"detail\":\"too many connections are open on this node\",\"code\":\"overloaded\",\
    \"outcome\":\"not-executed\",\"retryable\":true}\n";

/// Accepts connections until the server's stage says otherwise, then closes the listener.
pub(super) async fn accept_all<Connect, Answer, Reply, Content>(
    listener: TcpListener,
    registry: Arc<Registry>,
    refused: Option<Arc<Counter>>,
    tls: Option<Arc<Tls>>,
    connect: Connect,
) where
    Connect: Fn(SocketAddr) -> Answer + Send + Sync + 'static,
    Answer: Fn(Request<Incoming>) -> Reply + Send + Sync + 'static,
    Reply: Future<Output = Result<Response<Content>, Infallible>> + Send + 'static,
    Content: Body + Send + 'static,
    Content::Data: Send,
    Content::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let refusals = Arc::new(AtomicUsize::new(0));
    let admit = |stream: TcpStream, peer| {
        // Replies are written whole: Nagle's algorithm could only delay them.
        let _ = stream.set_nodelay(true);
        let link = Arc::new(Link::new(registry.host.clock().coarse()));
        let Some(registered) = registry.register(&link) else {
            if let Some(refused) = &refused {
                refused.increment();
            }
            // Whoever expects TLS could not read a refusal.
            if tls.is_none() {
                refuse(stream, &registry, &refusals);
            }
            return;
        };
        let answer = connect(peer);
        let tls = tls.as_ref().map(|tls| tls.acceptor());
        let task = drive(stream, tls, Arc::clone(&registry), link, registered, answer);
        registry.host.tasks().spawn("http-connection", Box::pin(task));
    };
    while let Some(accepted) = accept(&listener, &registry).await {
        match accepted {
            Ok((stream, peer)) => admit(stream, peer),
            Err(error) => {
                tracing::warn!(%error, "an HTTP connection could not be accepted");
                pause(&registry).await;
            }
        }
    }
    // To those who wait closing the listener would be a reset, after which they do not know what became of their calls. So
    // nobody may come between the last of them and that. It is not waited for those whose handshake is on its way: a
    // millisecond of silence was a second's pause for many others.
    // Where the system refuses the filter, who connects in this moment is reset.
    deafen(&listener).ok();
    if let Ok(listener) = listener.into_std() {
        let waiting = std::iter::from_fn(|| accepted_at_once(&listener));
        waiting.take(WAITING_MAX).for_each(|(stream, peer)| admit(stream, peer));
    }
    registry.note_deaf();
}

/// Lets nobody begin to connect any more: who tries hears nothing, and tries again after a second, when nobody
/// listens. Those who have begun get in.
#[cfg(target_os = "linux")]
fn deafen(listener: &impl std::os::fd::AsFd) -> io::Result<()> {
    use socket2::{SockFilter, SockRef};

    // In the language of BSD packet filters, from the TCP header on: where SYN (RFC 9293, section 3.1) is among the
    // flags the packet is dropped, else it is taken whole.
    const FLAGS_AT: u32 = 13;
    const SYN: u32 = 2;
    const DROPS_SYN: [SockFilter; 4] = [
        SockFilter::new(0x30, 0, 0, FLAGS_AT),
        SockFilter::new(0x45, 0, 1, SYN),
        SockFilter::new(0x06, 0, 0, 0),
        SockFilter::new(0x06, 0, 0, u32::MAX),
    ];
    SockRef::from(listener).attach_filter(&DROPS_SYN)
}

/// Elsewhere who connects in the moment of the stop may be reset.
#[cfg(not(target_os = "linux"))]
fn deafen<T>(_: &T) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A connection that waits; `None` if there is none.
fn accepted_at_once(listener: &std::net::TcpListener) -> Option<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept().ok()?;
    stream.set_nonblocking(true).ok()?;
    Some((TcpStream::from_std(stream).ok()?, peer))
}

/// The next connection; `None` once the server stops.
async fn accept(
    listener: &TcpListener,
    registry: &Registry,
) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    poll_fn(|cx| {
        if registry.poll_stopped(cx).is_ready() {
            return Poll::Ready(None);
        }
        listener.poll_accept(cx).map(Some)
    })
    .await
}

async fn pause(registry: &Registry) {
    let mut timer = registry.host.tasks().sleep_until(registry.host.clock().now() + ACCEPT_PAUSE);
    poll_fn(|cx| match registry.poll_stopped(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => timer.as_mut().poll(cx),
    })
    .await;
}

/// Answers 503 whatever is asked, and closes.
fn refuse(stream: TcpStream, registry: &Arc<Registry>, refusals: &Arc<AtomicUsize>) {
    if refusals.fetch_add(1, Ordering::Relaxed) >= REFUSALS_MAX {
        refusals.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    let (registry, refusals) = (Arc::clone(registry), Arc::clone(refusals));
    let tasks = registry.host.clone();
    let task = async move {
        let link = Arc::new(Link::new(registry.host.clock().coarse()));
        let mut socket =
            Socket::new(Stream::Plain(stream), Arc::clone(&link), Arc::clone(&registry));
        // So short a reply fits into the socket's buffer: there is nothing to wait for.
        let written = socket.write_all(TOO_MANY_CONNECTIONS).await;
        if written.is_ok() {
            link.enter(Phase::Head, registry.host.clock().coarse());
            let mut watch = Watch::default();
            poll_fn(|cx| {
                let is_cut = registry.stage() == Stage::Cut;
                if is_cut || Pin::new(&mut socket).poll_shutdown(cx).is_ready() {
                    return Poll::Ready(());
                }
                watch.poll_overdue(&link, &registry, cx)
            })
            .await;
        }
        refusals.fetch_sub(1, Ordering::Relaxed);
    };
    tasks.tasks().spawn("http-refusal", Box::pin(task));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn who_has_begun_to_connect_gets_in_and_nobody_begins_any_more() {
        use std::io::{Read, Write};
        use std::net::{TcpListener, TcpStream};

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let mut before = TcpStream::connect(address).unwrap();
        deafen(&listener).unwrap();
        // It would be connected at once, by the system, if it was heard.
        let after = TcpStream::connect_timeout(&address, Duration::from_millis(100));
        assert_eq!(after.unwrap_err().kind(), io::ErrorKind::TimedOut);
        before.write_all(b"x").unwrap();
        let (mut stream, _) = listener.accept().expect("it waits");
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(listener);
        stream.set_nonblocking(false).unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x", "what it said is heard after that, too");
    }

    #[test]
    fn the_refusal_is_a_whole_response() {
        let text = std::str::from_utf8(TOO_MANY_CONNECTIONS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let length = format!("content-length: {}", body.len());
        assert!(head.lines().any(|line| line == length), "{length}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["status"], 503);
    }
}
