//! Reading a request's body within its bounds.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Incoming};
use tenure_actor::host::Host;
use tenure_types::{BoxFuture, Instant};

use crate::problem::Problem;

/// Bodies up to this size are not accounted for: they lie in their connection's read buffer.
const UNCOUNTED_BYTES_MAX: usize = 8 * 1024;

/// The bounds of one body.
pub(crate) struct BodyLimits<'a> {
    pub(crate) host: &'a dyn Host,
    pub(crate) bytes_max: usize,
    /// When the client must have sent all of it.
    pub(crate) until: Instant,
    pub(crate) share: &'a BodyShare,
}

/// The bytes of all bodies of a gateway together.
#[derive(Debug)]
pub(crate) struct BodyShare {
    taken: Arc<AtomicUsize>,
    bytes_max: usize,
}

/// One body's part of a [`BodyShare`], given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    share: &'a BodyShare,
    bytes: usize,
}

impl BodyShare {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { taken: Arc::default(), bytes_max }
    }

    /// Reads how many bytes there are, for a gauge.
    pub(crate) fn bytes(&self) -> impl Fn() -> f64 + Send + Sync + 'static {
        let taken = Arc::clone(&self.taken);
        move || taken.load(Ordering::Relaxed) as f64
    }
}

impl Part<'_> {
    /// Makes this part cover `bytes`; `false` when there is no room.
    fn cover(&mut self, bytes: usize) -> bool {
        if bytes <= UNCOUNTED_BYTES_MAX || bytes <= self.bytes {
            return true;
        }
        let more = bytes - self.bytes;
        let before = self.share.taken.fetch_add(more, Ordering::Relaxed);
        self.bytes = bytes;
        before + more <= self.share.bytes_max
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.share.taken.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

/// Reads the whole body, whose announced length has been checked already.
///
/// A body that came together with its head is not copied.
///
/// # Errors
/// 413, 408, 503, or 400 when the connection broke or the framing was wrong.
pub(crate) async fn read<'a>(
    mut body: Incoming,
    limits: BodyLimits<'a>,
) -> Result<(Bytes, Part<'a>), Box<Problem>> {
    let mut part = Part { share: limits.share, bytes: 0 };
    let mut whole = Bytes::new();
    let mut joined = BytesMut::new();
    let mut timer = None;
    while !body.is_end_stream() {
        let Some(frame) = frame(&mut body, &limits, &mut timer).await? else {
            break;
        };
        let length = whole.len() + joined.len() + frame.len();
        if length > limits.bytes_max {
            return Err(too_large(limits.bytes_max, None));
        }
        if !part.cover(length) {
            return Err(Problem::overloaded("too many bytes of bodies wait on this node")
                .closing()
                .into());
        }
        if whole.is_empty() && joined.is_empty() {
            whole = frame;
            continue;
        }
        if joined.is_empty() {
            joined.extend_from_slice(&std::mem::take(&mut whole));
        }
        joined.extend_from_slice(&frame);
    }
    let bytes = if joined.is_empty() { whole } else { joined.freeze() };
    Ok((bytes, part))
}

/// A body that is larger than the node accepts. The rest of it is not read.
pub(crate) fn too_large(bytes_max: usize, announced: Option<u64>) -> Box<Problem> {
    let detail = match announced {
        Some(bytes) => format!("the body has {bytes} bytes, and at most {bytes_max} are accepted"),
        None => format!("the body has more than the {bytes_max} bytes that are accepted"),
    };
    Problem::too_large(detail).closing().into()
}

/// The next piece of data; `None` at the end.
async fn frame(
    body: &mut Incoming,
    limits: &BodyLimits<'_>,
    timer: &mut Option<BoxFuture<'static, ()>>,
) -> Result<Option<Bytes>, Box<Problem>> {
    poll_fn(|cx| {
        while let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
            return Poll::Ready(match frame {
                None => Ok(None),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => Ok(Some(data)),
                    // Trailers mean nothing here.
                    Err(_) => continue,
                },
                Some(Err(error)) => {
                    let detail = format!("the body could not be read: {error}");
                    Err(Problem::bad_request(detail).closing().into())
                }
            });
        }
        let timer = timer.get_or_insert_with(|| limits.host.tasks().sleep_until(limits.until));
        timer.as_mut().poll(cx).map(|()| {
            let detail = "the body did not arrive in time";
            Err(Problem::request_timeout(detail).closing().into())
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_a_bound_and_give_their_part_back() {
        let share = BodyShare::new(20_000);
        let part = || Part { share: &share, bytes: 0 };
        let (mut a, mut b, mut small) = (part(), part(), part());
        assert!(a.cover(9_000) && a.cover(10_000));
        assert!(b.cover(10_000));
        assert!(!b.cover(10_001));
        assert!(small.cover(UNCOUNTED_BYTES_MAX));
        drop(b);
        assert!(a.cover(20_000));
        drop((a, small));
        assert_eq!(share.taken.load(Ordering::Relaxed), 0);
    }
}
