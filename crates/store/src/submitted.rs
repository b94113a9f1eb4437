use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tenure_types::Token;

use crate::{Store, Unit, UnitOutcome, UnitSink};

/// Submits `unit` and gives its outcome when it is awaited.
pub fn submit(store: &dyn Store, unit: Arc<Unit>) -> Submitted {
    let token = unit.token;
    let shared = Arc::new(Shared { token, state: Mutex::default() });
    store.submit(unit, Arc::clone(&shared) as Arc<dyn UnitSink>);
    Submitted { shared }
}

/// A unit on its way.
pub struct Submitted {
    shared: Arc<Shared>,
}

struct Shared {
    token: Token,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    outcome: Option<UnitOutcome>,
    was_settled: bool,
    waker: Option<Waker>,
}

impl UnitSink for Shared {
    fn settled(self: Arc<Self>, token: Token, outcome: UnitOutcome) {
        assert_eq!(token, self.token, "an outcome names the unit it belongs to");
        let mut state = self.state.lock();
        let again = std::mem::replace(&mut state.was_settled, true);
        assert!(!again, "a sink hears the outcome exactly once");
        state.outcome = Some(outcome);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Submitted {
    type Output = UnitOutcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<UnitOutcome> {
        let mut state = self.shared.state.lock();
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
