//! The ticks of timers: delivered to their activation, and wound up again.

use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

use tenure_actor::host::TimerKey;
use tenure_actor::{Delivery, TimerChange, TimerId};
use tenure_types::Instant;

use crate::activation::Activation;
use crate::activation::timers::{PERIOD_MIN, TIMERS_MAX, Timer};
use crate::runtime::Runtime;

/// Wakes the node for one timer of an activation that may be gone by then.
struct Tick {
    activation: Weak<Activation>,
    id: TimerId,
}

impl Wake for Tick {
    fn wake(self: Arc<Self>) {
        let Some(activation) = self.activation.upgrade() else { return };
        if let Some(owner) = activation.kind.owner.upgrade() {
            owner.tick(&activation, self.id);
        }
    }
}

impl Runtime {
    pub(crate) fn change_timer(&self, activation: &Arc<Activation>, change: TimerChange) {
        match change {
            TimerChange::Start { id, period, once, delivery } => {
                let period = period.max(PERIOD_MIN);
                self.run_timer(activation, id, (period, once), delivery, period);
            }
            TimerChange::Stop(id) => {
                let timer = activation.with_cold(|cold| cold.timers.remove(id));
                if let Some(timer) = timer {
                    self.timers.forget(timer.wish);
                }
            }
        }
    }

    /// Runs a timer whose first tick is so long from now.
    pub(crate) fn run_timer(
        &self,
        activation: &Arc<Activation>,
        id: TimerId,
        (period, once): (Duration, bool),
        delivery: Delivery,
        left: Duration,
    ) {
        let started = activation.with_cold(|cold| {
            let timers = cold.timers.all();
            let has_room = timers.len() < TIMERS_MAX;
            if has_room {
                // Under the lock: the wish may come true at once, and looks for the timer.
                let due = self.clock.now() + left;
                let wish = self.wish(activation, id, due);
                timers.insert(id, Timer { period, once, delivery, due, wish, last: None });
            }
            has_room
        });
        if !started {
            tracing::error!(actor = %activation.id(), "it has {TIMERS_MAX} timers already");
        }
    }

    fn wish(&self, activation: &Arc<Activation>, id: TimerId, at: Instant) -> TimerKey {
        let tick = Tick { activation: Arc::downgrade(activation), id };
        self.timers.wake_at(at, Waker::from(Arc::new(tick)))
    }

    /// Delivers a timer's message, and winds the timer up again.
    pub(crate) fn tick(self: &Arc<Self>, activation: &Arc<Activation>, id: TimerId) {
        let due = activation.with_cold(|cold| {
            let timer = cold.timers.get(id)?;
            // A period after it was due, so that delays do not add up; what was missed is left out.
            timer.due = (timer.due + timer.period).max(self.clock.now());
            let last = timer.last.take().and_then(|last| last.upgrade());
            if last.as_ref().is_some_and(|last| last.is_waiting()) {
                // The tick before still waits: this one is left out.
                timer.last = last.as_ref().map(Arc::downgrade);
                timer.wish = self.wish(activation, id, timer.due);
                return None;
            }
            let call = self.to_self(activation, &timer.delivery, None)?;
            timer.last = Some(Arc::downgrade(&call));
            if timer.once {
                cold.timers.remove(id);
            } else {
                timer.wish = self.wish(activation, id, timer.due);
            }
            Some(call)
        });
        if let Some(call) = due {
            self.deliver_here(activation, call);
        }
    }
}
