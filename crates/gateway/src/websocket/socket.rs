//! Drives one open socket: commands in, replies and events out, pings, and its end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{Sink, Stream};
use tenure_actor::host::TimerKey;
use tenure_types::Instant;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::centrifuge::{Connection, Running, publication};
use crate::session::{Close, Form, Item};

/// The read buffer of a socket: messages that are longer get room of their own.
const READ_BUFFER_BYTES: usize = 2 * 1024;
/// So much is gathered before it is written, where more is there to write.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// How long a client may take to answer the end of its socket.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Messages that are read, or written, before other tasks run.
const MESSAGES_AT_ONCE: usize = 64;

const PROTOCOL_ERROR: Close = Close { code: 1002, reason: "protocol error" };
const NOT_UTF8: Close = Close { code: 1007, reason: "not UTF-8" };
const TOO_LARGE: Close = Close { code: 1009, reason: "message too large" };

struct Socket<S> {
    stream: WebSocketStream<S>,
    connection: Arc<Connection>,
    running: FuturesUnordered<Running>,
    /// When the next ping is due.
    ping_at: Instant,
    /// When an answer to the last one is due.
    pong_by: Option<Instant>,
    timer: Option<(Instant, TimerKey)>,
    /// Until when the client may answer the end.
    closing_until: Option<Instant>,
    needs_flush: bool,
}

/// Drives a socket to its end; `read` came with the upgrade.
pub(super) async fn drive<S>(io: S, read: Bytes, connection: Arc<Connection>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let limit = connection.message_bytes_max();
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(usize::MAX)
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit));
    let stream =
        WebSocketStream::from_partially_read(io, read.to_vec(), Role::Server, Some(config)).await;
    let now = connection.host().clock().now();
    let ping_at = now + connection.ping_period();
    let mut socket = Socket {
        stream,
        connection,
        running: FuturesUnordered::new(),
        ping_at,
        pong_by: None,
        timer: None,
        closing_until: None,
        needs_flush: false,
    };
    poll_fn(|cx| socket.poll(cx)).await;
    if let Some((_, timer)) = socket.timer.take() {
        socket.connection.host().forget(timer);
    }
    socket.connection.ended();
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Ready when the socket has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let client = Arc::clone(self.connection.client());
        client.wake_for(cx);
        self.poll_timer(cx);
        while let Poll::Ready(Some(())) = Pin::new(&mut self.running).poll_next(cx) {}
        if self.poll_read(cx).is_ready() || self.poll_write(cx).is_ready() {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Acts on what is due, and wakes the task for what is due next.
    fn poll_timer(&mut self, cx: &Context<'_>) {
        let host = self.connection.host();
        let now = host.clock().coarse();
        if let Some(until) = self.closing_until {
            self.wake_at(until, cx);
            return;
        }
        let client = self.connection.client();
        let mut due = self.ping_at;
        if !self.connection.is_connected() {
            let by = client.began + self.connection.pong_timeout();
            if now >= by {
                client.close(Close::STALE);
            }
            due = due.min(by);
        } else if now >= self.ping_at {
            self.pong_by = Some(now + self.connection.pong_timeout());
            self.ping_at = now + self.connection.ping_period();
            client.push(Item::Text(Bytes::from_static(b"{}")));
            due = self.ping_at;
        }
        if let Some(by) = self.pong_by {
            if now >= by {
                client.close(Close::NO_PONG);
            }
            due = due.min(by);
        }
        if let Some(expires) = self.connection.expires_at() {
            if now >= expires {
                client.close(Close::EXPIRED);
            }
            due = due.min(expires);
        }
        self.wake_at(due, cx);
    }

    fn wake_at(&mut self, due: Instant, cx: &Context<'_>) {
        let host = self.connection.host();
        // A timer that rings too early does no harm.
        if self.timer.as_ref().is_some_and(|(at, _)| *at <= due && *at > host.clock().coarse()) {
            return;
        }
        if let Some((_, timer)) = self.timer.take() {
            host.forget(timer);
        }
        self.timer = Some((due, host.wake_at(due, cx.waker().clone())));
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..MESSAGES_AT_ONCE {
            if self.running.len() >= self.connection.commands_in_flight_max() {
                return Poll::Pending;
            }
            let message = match Pin::new(&mut self.stream).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => {
                    let Some(close) = told(&error) else { return Poll::Ready(()) };
                    self.connection.client().close(close);
                    // What follows such a message cannot be read.
                    return Poll::Pending;
                }
            };
            // Answers to pings, and to the end, are written with what else there is.
            self.needs_flush = true;
            if self.closing_until.is_some() {
                continue;
            }
            self.pong_by = None;
            match message {
                Message::Text(text) => self.receive(&text, cx),
                Message::Binary(_) => self.connection.client().close(Close::BAD_REQUEST),
                _ => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn receive(&mut self, text: &Utf8Bytes, cx: &mut Context<'_>) {
        match self.connection.receive(text) {
            Ok(mut running) => {
                // Most calls end at once.
                running.retain_mut(|it| it.as_mut().poll(cx).is_pending());
                self.running.extend(running);
                while let Poll::Ready(Some(())) = Pin::new(&mut self.running).poll_next(cx) {}
            }
            Err(close) => self.connection.client().close(close),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let client = Arc::clone(self.connection.client());
        let mut stream = Pin::new(&mut self.stream);
        for written in 0.. {
            let closing = client.closing();
            // Who is told to come back gets first what was there for it.
            let ends_now = closing.is_some_and(|close| close != Close::SHUTDOWN);
            match stream.as_mut().poll_ready(cx) {
                Poll::Pending => break,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {}
            }
            let item = if ends_now || self.closing_until.is_some() { None } else { client.pop() };
            if let Some(item) = item {
                if stream.as_mut().start_send(Message::Text(text_of(&item))).is_err() {
                    return Poll::Ready(());
                }
                self.needs_flush = true;
                if written >= MESSAGES_AT_ONCE {
                    cx.waker().wake_by_ref();
                    break;
                }
                continue;
            }
            if let (Some(Close { code, reason }), None) = (closing, self.closing_until) {
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                if stream.as_mut().start_send(Message::Close(Some(frame))).is_err() {
                    return Poll::Ready(());
                }
                let now = self.connection.host().clock().now();
                self.closing_until = Some(now + CLOSE_TIMEOUT);
                self.needs_flush = true;
                // So that its timer is set.
                cx.waker().wake_by_ref();
            }
            break;
        }
        if self.needs_flush {
            match stream.poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.needs_flush = false,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
            }
        }
        let now = self.connection.host().clock().now();
        match self.closing_until {
            Some(until) if now >= until => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}

/// What is written of an item: shared by all sockets, where it is an event.
fn text_of(item: &Item) -> Utf8Bytes {
    let bytes = match item {
        Item::Text(text) => text,
        Item::Event(event) => event.form(Form::Centrifuge, publication),
    };
    // It was made of texts.
    Utf8Bytes::try_from(bytes.clone()).unwrap_or_default()
}

/// What a client is told whose bytes are no messages; `None` where it is gone.
fn told(error: &Error) -> Option<Close> {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(TOO_LARGE),
        Error::Utf8(_) => Some(NOT_UTF8),
        Error::Protocol(_) => Some(PROTOCOL_ERROR),
        _ => None,
    }
}
