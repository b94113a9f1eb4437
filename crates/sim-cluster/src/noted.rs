//! When something was decided, however late its task ran.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use tenure_types::Instant;

use crate::stage;

/// Notes when it is first woken.
struct Note {
    waker: Waker,
    woken: Mutex<Option<Instant>>,
}

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        self.woken.lock().get_or_insert_with(stage::now);
        self.waker.wake_by_ref();
    }
}

/// Awaits a future, and also gives the true time at which it was woken for the last time: there, what it
/// waited for was decided. Its process may have been stopped between that and the answer.
///
/// # Cancel safety
/// That of the future.
pub(crate) async fn noted<F: Future>(future: F) -> (F::Output, Instant) {
    let mut future = pin!(future);
    let mut note: Option<Arc<Note>> = None;
    poll_fn(|cx| {
        let before = note.as_ref().and_then(|note| *note.woken.lock());
        let new = Arc::new(Note { waker: cx.waker().clone(), woken: Mutex::new(None) });
        let waker = Waker::from(Arc::clone(&new));
        note = Some(new);
        let result = future.as_mut().poll(&mut Context::from_waker(&waker));
        match result {
            Poll::Ready(output) => Poll::Ready((output, before.unwrap_or_else(stage::now))),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
