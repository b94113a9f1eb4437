use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tenure_types::CallError;

/// What replies wait for: the commit of one batch of turns of one actor.
///
/// Clones are the same ticket. It is settled once, for all who wait.
#[derive(Clone, Debug, Default)]
pub struct Ticket(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    result: Option<Result<(), CallError>>,
    wakers: Vec<Waker>,
}

/// Where one waiter's waker is kept in a ticket.
#[derive(Debug, Default)]
pub struct WaitSlot(Option<usize>);

impl Ticket {
    /// A ticket that is not settled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Settles the ticket and wakes who waits. A second settlement changes nothing.
    pub fn settle(&self, result: Result<(), CallError>) {
        let wakers = {
            let mut waiting = self.0.lock();
            if waiting.result.is_some() {
                return;
            }
            waiting.result = Some(result);
            std::mem::take(&mut waiting.wakers)
        };
        for waker in wakers {
            waker.wake();
        }
    }

    /// Whether it is settled well.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(self.0.lock().result, Some(Ok(())))
    }

    /// Whether two handles are the same ticket.
    #[must_use]
    pub fn is(&self, other: &Ticket) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The result, or a wish to be woken for it, kept under `slot`.
    pub fn poll(&self, slot: &mut WaitSlot, cx: &Context<'_>) -> Poll<Result<(), CallError>> {
        let mut waiting = self.0.lock();
        if let Some(result) = &waiting.result {
            return Poll::Ready(result.clone());
        }
        match slot.0 {
            Some(index) => waiting.wakers[index].clone_from(cx.waker()),
            None => {
                slot.0 = Some(waiting.wakers.len());
                waiting.wakers.push(cx.waker().clone());
            }
        }
        Poll::Pending
    }

    /// The result if there is one, else a place for `waker` under `slot`.
    pub(crate) fn wake_later(&self, slot: &mut WaitSlot, waker: Waker) -> Result<(), Waker> {
        let mut waiting = self.0.lock();
        if waiting.result.is_some() {
            return Err(waker);
        }
        slot.0 = Some(waiting.wakers.len());
        waiting.wakers.push(waker);
        Ok(())
    }

    /// Waits for the result.
    ///
    /// # Errors
    /// What the commit failed with.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn wait(&self) -> Result<(), CallError> {
        let mut slot = WaitSlot::default();
        std::future::poll_fn(|cx| self.poll(&mut slot, cx)).await
    }
}
