use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tenure_types::{BoxFuture, Instant};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::link::{Link, Phase};
use super::registry::{Registered, Registry, Stage};
use super::socket::Socket;
use super::stream::Stream;

/// The read buffer of a connection grows up to this.
const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Makes the stream of a connection ready for HTTP; `None` if the client does not speak TLS, or takes
/// longer for that than for a request's head, or the server stops.
async fn shake_hands(
    stream: TcpStream,
    registry: &Registry,
    link: &Link,
    tls: Option<TlsAcceptor>,
) -> Option<Stream> {
    let Some(tls) = tls else { return Some(Stream::Plain(stream)) };
    let until = registry.host.clock().now() + registry.limits.head_timeout;
    let mut timer = registry.host.tasks().sleep_until(until);
    let mut hands = pin!(tls.accept(stream));
    poll_fn(|cx| {
        link.waker.register(cx.waker());
        if registry.stage() >= Stage::Closing || timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        // What a client sends that is no TLS is no concern of the node.
        hands.as_mut().poll(cx).map(|shaken| Some(Stream::Tls(Box::new(shaken.ok()?))))
    })
    .await
}

/// Drives one connection to its end.
pub(super) async fn drive<Answer, Reply, Content>(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    registry: Arc<Registry>,
    link: Arc<Link>,
    registered: Registered,
    answer: Answer,
) where
    Answer: Fn(Request<Incoming>) -> Reply + Send + Sync,
    Reply: Future<Output = Result<Response<Content>, Infallible>> + Send,
    Content: Body + Send + 'static,
    Content::Data: Send,
    Content::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Some(stream) = shake_hands(stream, &registry, &link, tls).await else {
        return;
    };
    link.received(registry.host.clock().coarse());
    let socket = Socket::new(stream, Arc::clone(&link), Arc::clone(&registry));
    let service = service_fn(|request| {
        link.enter(Phase::Request, registry.host.clock().coarse());
        let reply = answer(request);
        let (link, registry) = (&link, &registry);
        async move {
            let mut response = reply.await?;
            link.enter(Phase::Idle, registry.host.clock().coarse());
            if registry.stage() >= Stage::Lingering {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = http1::Builder::new();
    // Time is kept by the watch below: hyper's own timer costs an allocation for each request.
    http.header_read_timeout(None)
        .max_header_size(registry.limits.head_bytes_max)
        .max_buf_size(READ_BUFFER_BYTES_MAX.max(registry.limits.head_bytes_max * 2));
    let mut connection = pin!(http.serve_connection(TokioIo::new(socket), service).with_upgrades());
    let mut watch = Watch::default();
    let mut is_closing = false;
    poll_fn(|cx| {
        link.waker.register(cx.waker());
        let stage = registry.stage();
        if stage == Stage::Cut {
            return Poll::Ready(());
        }
        if stage == Stage::Closing && !is_closing {
            is_closing = true;
            connection.as_mut().graceful_shutdown();
        }
        // What ends a connection with an error, a reset for example, is no concern of the node.
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        watch.poll_overdue(&link, &registry, cx)
    })
    .await;
    drop(registered);
}

/// Wakes a connection when it is due.
///
/// The timer is left alone while due times move into the future: it is looked at when it rings.
#[derive(Default)]
pub(super) struct Watch {
    timer: Option<(Instant, BoxFuture<'static, ()>)>,
}

impl Watch {
    /// Ready when `link` is overdue.
    pub(super) fn poll_overdue(
        &mut self,
        link: &Link,
        registry: &Registry,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let due = link.due(&registry.limits);
        if due == Instant::NEVER {
            return Poll::Pending;
        }
        if let Some((at, timer)) = &mut self.timer
            && *at <= due
            && timer.as_mut().poll(cx).is_pending()
        {
            return Poll::Pending;
        }
        if registry.host.clock().now() >= due {
            return Poll::Ready(());
        }
        let mut timer = registry.host.tasks().sleep_until(due);
        if timer.as_mut().poll(cx).is_ready() {
            // It became due just now.
            cx.waker().wake_by_ref();
        }
        self.timer = Some((due, timer));
        Poll::Pending
    }
}
