//! Leaving memory: after being idle, when asked to, and to start over.

use std::sync::Arc;
use std::time::Duration;

use tenure_types::CallError;

use super::{Activation, Hold, Owned};
use crate::runtime::Runtime;
use crate::turn::word::{SEALED, Word};

/// How often the sweep looks at one part of the catalog.
const SWEEP_PERIOD: Duration = Duration::from_millis(250);

impl Runtime {
    /// Ends an activation that was asked to leave or lost its state, if it is quiet and saved; who
    /// waits is served by a fresh state. Otherwise the turn or commit that is in the way does this
    /// when it ends.
    pub(crate) fn try_reset(self: &Arc<Self>, activation: &Arc<Activation>) {
        if self.is_suspended() || !activation.word.enter_reset() {
            return;
        }
        let mut hold = Hold::adopt(Owned(Arc::clone(activation)));
        if let Some(cluster) = &self.cluster {
            // It never starts over in place: no two states share a tag, and the tag names a tenure.
            let failed = activation.with_cold(|cold| cold.greeting_failed);
            let refusal = failed.then(|| greeting_failed(activation));
            return self.depart(cluster, hold, refusal.as_ref());
        }
        let old = hold.replace(None);
        // Not live until it was loaded again.
        activation.set_right(0);
        // A destructor is the user's code.
        if let Err(panic) = crate::turn::contain(move || drop(old)) {
            tracing::error!(actor = %activation.id(), %panic, "dropping the state panicked");
        }
        let (empty, failed, timers) = activation.with_cold(|cold| {
            // What belongs to this activation ends with it; what is stored is loaded again.
            cold.kept = None;
            cold.farewell = false;
            let timers = cold.timers.take_all();
            let waiting = cold.mailbox.len();
            let empty = cold.mailbox.head().is_none();
            self.count_waiting(waiting, cold.mailbox.len());
            if empty {
                activation.word.set(SEALED);
            }
            (empty, std::mem::take(&mut cold.greeting_failed), timers)
        });
        timers.into_iter().for_each(|timer| self.timers.forget(timer));
        if empty {
            self.catalog.remove(activation);
            hold.release();
        } else if failed {
            self.load_failed(hold, &greeting_failed(activation));
        } else {
            self.restart(hold);
        }
    }

    /// Takes one activation out of memory if it has been idle for its type's time.
    pub(crate) fn leave_if_idle(self: &Arc<Self>, activation: &Arc<Activation>) -> bool {
        if self.say_farewell(activation) {
            // It leaves after its last turn.
            self.hand_over(activation);
            return false;
        }
        if activation.word.read() == Word::IDLE && self.close_log(activation) {
            // It leaves at a later look, when that is durable.
            return false;
        }
        if let Some(cluster) = &self.cluster {
            return self.depart_if_idle(cluster, activation);
        }
        let left = activation.seal();
        if left {
            self.catalog.remove(activation);
            let timers = activation.with_cold(|cold| {
                cold.kept = None;
                cold.timers.take_all()
            });
            timers.into_iter().for_each(|timer| self.timers.forget(timer));
        }
        left
    }

    fn is_overdue(&self, activation: &Activation) -> bool {
        let idle = activation.idle_seconds(self.clock.coarse());
        Duration::from_secs(idle.into()) > activation.kind.idle_after
            && activation.word.read() == Word::IDLE
    }

    /// Looks at the parts of the catalog in turn, and takes out who has been idle too long.
    pub(crate) async fn sweep(self: Arc<Self>) {
        let weak = Arc::downgrade(&self);
        let (tasks, clock) = (Arc::clone(&self.tasks), Arc::clone(&self.clock));
        let parts = self.catalog.parts();
        drop(self);
        for part in (0..parts).cycle() {
            tasks.sleep_until(clock.now() + SWEEP_PERIOD).await;
            let Some(runtime) = weak.upgrade().filter(|runtime| !runtime.is_stopped()) else {
                return;
            };
            let overdue = runtime.catalog.select(part, |it| runtime.is_overdue(it));
            let left = overdue.iter().filter(|it| runtime.leave_if_idle(it)).count();
            if left > 0 {
                tracing::debug!(left, "idle actors left memory");
            }
        }
    }
}

fn greeting_failed(activation: &Activation) -> CallError {
    let detail = format!("the first turn of {} panicked", activation.id()).into();
    CallError::Panicked { detail }
}
