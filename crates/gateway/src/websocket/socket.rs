//! Drives one open socket: messages in, replies and events out, pings, and its end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{Sink, Stream};
use tenure_actor::host::TimerKey;
use tenure_types::{BoxFuture, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::speaker::Speaker;
use crate::session::Close;

/// The read buffer of a socket: messages that are longer get room of their own.
const READ_BUFFER_BYTES: usize = 2 * 1024;
/// So much is gathered before it is written, where more is there to write.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// How long a client may take to read what is before the end of its socket.
const LAST_WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to answer the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes that are read at once and thrown away, after something that is no message.
const DISCARDED_AT_ONCE: usize = 4 * 1024;
/// Messages that are read, or written, before other tasks run.
const MESSAGES_AT_ONCE: usize = 64;

const PROTOCOL_ERROR: Close = Close { code: 1002, reason: "protocol error" };
const NOT_UTF8: Close = Close { code: 1007, reason: "not UTF-8" };
const TOO_LARGE: Close = Close { code: 1009, reason: "message too large" };

struct Socket<S, Spoken> {
    stream: WebSocketStream<S>,
    connection: Arc<Spoken>,
    running: FuturesUnordered<BoxFuture<'static, ()>>,
    /// When the next ping is due.
    ping_at: Instant,
    /// When an answer to the last one is due.
    pong_by: Option<Instant>,
    timer: Option<(Instant, TimerKey)>,
    /// Until when the client may take the end, and answer it.
    closing_until: Option<Instant>,
    /// Whether the end was said.
    has_closed: bool,
    /// What the client sends can no longer be read as messages.
    is_broken: bool,
    needs_flush: bool,
}

/// Drives a socket to its end; `read` came with the upgrade.
pub(super) async fn drive<S, Spoken>(io: S, read: Vec<u8>, connection: Arc<Spoken>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    Spoken: Speaker,
{
    let limit = connection.config().message_bytes_max;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(usize::MAX)
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit));
    let stream = WebSocketStream::from_partially_read(io, read, Role::Server, Some(config)).await;
    let now = connection.host().clock().now();
    let ping_at = now + connection.config().ping_period;
    let mut socket = Socket {
        stream,
        connection,
        running: FuturesUnordered::new(),
        ping_at,
        pong_by: None,
        timer: None,
        closing_until: None,
        has_closed: false,
        is_broken: false,
        needs_flush: false,
    };
    poll_fn(|cx| socket.poll(cx)).await;
    if let Some((_, timer)) = socket.timer.take() {
        socket.connection.host().forget(timer);
    }
    socket.connection.ended();
}

impl<S: AsyncRead + AsyncWrite + Unpin, Spoken: Speaker> Socket<S, Spoken> {
    /// Ready when the socket has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let client = Arc::clone(self.connection.client());
        client.wake_for(cx);
        while let Poll::Ready(Some(())) = Pin::new(&mut self.running).poll_next(cx) {}
        if self.poll_read(cx).is_ready() {
            return Poll::Ready(());
        }
        // After what has come: an answer to a ping may be among it.
        self.poll_timer(cx);
        self.poll_write(cx)
    }

    /// Acts on what is due, and wakes the task for what is due next.
    fn poll_timer(&mut self, cx: &Context<'_>) {
        let host = self.connection.host();
        // Precise: what rings is due by this reading, and would not ring again.
        let now = host.clock().now();
        if let Some(until) = self.closing_until {
            self.wake_at(until, cx);
            return;
        }
        let (client, config) = (self.connection.client(), self.connection.config());
        let mut due = self.ping_at;
        if !self.connection.is_connected() {
            let by = client.began + config.pong_timeout;
            if now >= by {
                client.close(Close::STALE);
            }
            due = by;
        } else if now >= self.ping_at {
            // The first ping that is not answered counts.
            self.pong_by.get_or_insert(now + config.pong_timeout);
            self.ping_at = now + config.ping_period;
            self.connection.ping();
            due = self.ping_at;
        }
        if let Some(by) = &mut self.pong_by {
            if self.running.len() >= config.commands_in_flight_max {
                // Its answer may lie there: it is not read before a command has ended.
                *by = now + config.pong_timeout;
            } else if now >= *by {
                client.close(Close::NO_PONG);
            }
            due = due.min(*by);
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
        if self.timer.as_ref().is_some_and(|(at, _)| *at <= due && *at > host.clock().now()) {
            return;
        }
        if let Some((_, timer)) = self.timer.take() {
            host.forget(timer);
        }
        self.timer = Some((due, host.wake_at(due, cx.waker().clone())));
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_broken {
            return self.poll_discard(cx);
        }
        for _ in 0..MESSAGES_AT_ONCE {
            if self.running.len() >= self.connection.config().commands_in_flight_max {
                return Poll::Pending;
            }
            let message = match Pin::new(&mut self.stream).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => {
                    let Some(close) = told(&error) else { return Poll::Ready(()) };
                    self.connection.client().close(close);
                    self.is_broken = true;
                    return self.poll_discard(cx);
                }
            };
            // Answers to pings, and to the end, are written with what else there is.
            self.needs_flush = true;
            if self.closing_until.is_some() {
                continue;
            }
            self.pong_by = None;
            if matches!(message, Message::Text(_) | Message::Binary(_)) {
                self.receive(&message, cx);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads on, so that what the client has on its way does not reset the connection before it was told
    /// why it ends. Ready when the client has closed.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; DISCARDED_AT_ONCE];
        for _ in 0..MESSAGES_AT_ONCE {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(self.stream.get_mut()).poll_read(cx, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn receive(&mut self, message: &Message, cx: &mut Context<'_>) {
        match self.connection.receive(message) {
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
        let closing = client.closing();
        let now = self.connection.host().clock().now();
        if closing.is_some() && self.closing_until.is_none() {
            // A client that reads nothing does not keep its socket.
            self.closing_until = Some(now + LAST_WRITE_TIMEOUT);
            // So that its timer is set.
            cx.waker().wake_by_ref();
        }
        // Who is told to come back gets first what was there for it.
        let ends_now = closing.is_some_and(|close| !close.comes_last());
        for written in 0.. {
            match stream.as_mut().poll_ready(cx) {
                Poll::Pending => break,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {}
            }
            let item = if ends_now || self.has_closed { None } else { client.pop() };
            if let Some(item) = item {
                if stream.as_mut().start_send(Spoken::write(&item)).is_err() {
                    return Poll::Ready(());
                }
                self.needs_flush = true;
                if written >= MESSAGES_AT_ONCE {
                    cx.waker().wake_by_ref();
                    break;
                }
                continue;
            }
            if let (Some(Close { code, reason }), false) = (closing, self.has_closed) {
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                if stream.as_mut().start_send(Message::Close(Some(frame))).is_err() {
                    return Poll::Ready(());
                }
                self.has_closed = true;
                self.needs_flush = true;
            }
            break;
        }
        if self.needs_flush {
            match stream.poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => {
                    self.needs_flush = false;
                    if let (Some(until), true) = (&mut self.closing_until, self.has_closed) {
                        *until = (*until).min(now + CLOSE_TIMEOUT);
                        cx.waker().wake_by_ref();
                    }
                }
                Poll::Ready(Err(_)) => return Poll::Ready(()),
            }
        }
        match self.closing_until {
            Some(until) if now >= until => Poll::Ready(()),
            // Nothing more is said, and no answer could be read.
            _ if self.is_broken && self.has_closed && !self.needs_flush => {
                Pin::new(self.stream.get_mut()).poll_shutdown(cx).map(drop)
            }
            _ => Poll::Pending,
        }
    }
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

#[cfg(test)]
mod tests;
