use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame};
use tenure_actor::host::{HostHandle, TimerKey};
use tenure_types::Instant;

use super::form::event;
use crate::session::{Close, Following, Form, Item, Registered};

/// So much is gathered into one frame, where more is there.
const FRAME_BYTES: usize = 16 * 1024;

/// The body of an answer that goes on as long as its client listens.
pub(crate) struct EventStream<Follows = Following> {
    registered: Registered,
    /// Dropped with the stream.
    _following: Follows,
    host: HostHandle,
    ping_period: Duration,
    ping_at: Instant,
    expires: Option<Instant>,
    timer: Option<(Instant, TimerKey)>,
}

impl<Follows> EventStream<Follows> {
    pub(super) fn new(
        registered: Registered,
        following: Follows,
        host: HostHandle,
        ping_period: Duration,
        expires: Option<Instant>,
    ) -> Self {
        let ping_at = host.clock().now() + ping_period;
        let timer = None;
        Self { registered, _following: following, host, ping_period, ping_at, expires, timer }
    }

    fn wake_at(&mut self, due: Instant, cx: &Context<'_>) {
        let now = self.host.clock().now();
        if self.timer.as_ref().is_some_and(|(at, _)| *at <= due && *at > now) {
            return;
        }
        if let Some((_, timer)) = self.timer.take() {
            self.host.forget(timer);
        }
        self.timer = Some((due, self.host.wake_at(due, cx.waker().clone())));
    }
}

impl<Follows: Unpin> Body for EventStream<Follows> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let client = &this.registered.client;
        client.wake_for(cx);
        let mut out = BytesMut::new();
        // Whoever is to come back first gets what was there for it.
        if client.closing().is_none_or(Close::comes_last) {
            while out.len() < FRAME_BYTES
                && let Some(item) = client.pop()
            {
                match &item {
                    Item::Text(text) => out.extend_from_slice(text),
                    Item::Event(it) => out.extend_from_slice(it.form(Form::EventStream, event)),
                }
            }
        }
        // Precise: what rings is due by this reading, and would not ring again.
        let now = this.host.clock().now();
        if out.is_empty() {
            if client.closing().is_some() || this.expires.is_some_and(|at| now >= at) {
                return Poll::Ready(None);
            }
            if now < this.ping_at {
                let due = this.expires.map_or(this.ping_at, |at| at.min(this.ping_at));
                this.wake_at(due, cx);
                return Poll::Pending;
            }
            out.extend_from_slice(b":\n\n");
        }
        this.ping_at = now + this.ping_period;
        Poll::Ready(Some(Ok(Frame::data(out.freeze()))))
    }
}

impl<Follows> Drop for EventStream<Follows> {
    fn drop(&mut self) {
        if let Some((_, timer)) = self.timer.take() {
            self.host.forget(timer);
        }
    }
}

#[cfg(test)]
mod tests;
