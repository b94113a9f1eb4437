use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::link::{Link, Phase};
use super::registry::{Registry, Stage};
use super::stream::Stream;

/// The most bytes that are read and thrown away after a connection's last reply.
const DISCARDED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A stream that tells its [`Link`] what comes and goes, and closes without a reset.
pub(super) struct Socket {
    stream: Stream,
    link: Arc<Link>,
    registry: Arc<Registry>,
    lingers: Option<bool>,
    discarded_bytes: usize,
}

impl Socket {
    pub(super) fn new(stream: Stream, link: Arc<Link>, registry: Arc<Registry>) -> Self {
        Self { stream, link, registry, lingers: None, discarded_bytes: 0 }
    }

    fn sent(&self, result: &Poll<io::Result<usize>>) {
        if matches!(result, Poll::Ready(Ok(_))) {
            self.link.sent(self.registry.host.clock().coarse());
        }
    }

    /// Whether to wait for the client's end: not where an idle connection is closed on purpose.
    fn close(&self) -> bool {
        let was_idle = self.link.phase() == Phase::Idle;
        let now = self.registry.host.clock().coarse();
        self.link.enter(Phase::Closing, now);
        !(was_idle && self.registry.stage() >= Stage::Closing)
    }

    /// Reads and throws away until the client closes. The driver ends it after a while.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [MaybeUninit::uninit(); 4096];
        while self.discarded_bytes < DISCARDED_BYTES_MAX {
            let mut buffer = ReadBuf::uninit(&mut scratch);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            let length = buffer.filled().len();
            if read.is_err() || length == 0 {
                break;
            }
            self.discarded_bytes += length;
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.link.received(self.registry.host.clock().coarse());
        }
        result
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.sent(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.sent(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let lingers = match this.lingers {
            Some(lingers) => lingers,
            None => {
                ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                *this.lingers.insert(this.close())
            }
        };
        if lingers {
            ready!(this.poll_discard(cx));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
