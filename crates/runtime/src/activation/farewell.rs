//! The turns at both ends of an activation: `#[activate]` and `#[deactivate]`.

use std::sync::Arc;

use tenure_actor::MethodInfo;
use tenure_actor::host::CallHead;

use super::Activation;
use crate::runtime::Runtime;
use crate::turn::word::{QUEUED, RESET};

impl Runtime {
    /// Puts the first turn of a new activation before all that wait.
    pub(crate) fn greet(&self, activation: &Arc<Activation>) {
        let Some(method) = activation.kind.actor_type.hooks.activate else { return };
        let Some(call) = self.hook(method) else { return };
        activation.with_cold(|cold| {
            cold.mailbox.push_front(call);
            self.count_waiting(0, 1);
            activation.word.set(QUEUED);
        });
    }

    /// Puts the last turn of an activation before all that wait; `false` if there is none, or it
    /// was put there before.
    pub(crate) fn say_farewell(&self, activation: &Activation) -> bool {
        let Some(method) = activation.kind.actor_type.hooks.deactivate else { return false };
        let Some(call) = self.hook(method) else { return false };
        activation.with_cold(|cold| {
            if std::mem::replace(&mut cold.farewell, true) {
                return false;
            }
            cold.mailbox.push_front(call);
            self.count_waiting(0, 1);
            activation.word.set(QUEUED);
            true
        })
    }

    /// A turn panicked: if it was the first one, who waits must not wait for another try.
    pub(crate) fn greeting_panicked(&self, activation: &Activation, method: &MethodInfo) {
        let first = activation.kind.actor_type.hooks.activate;
        if first.is_some_and(|first| std::ptr::eq(first.info, method)) {
            activation.with_cold(|cold| cold.greeting_failed = true);
        }
    }

    /// The last turn has run: the activation leaves. Said before what the turn leaves is taken, so
    /// that a state which is written behind is saved with it: nobody could enter to flush it later.
    pub(crate) fn said_farewell(&self, activation: &Activation, head: &CallHead) {
        let last = activation.kind.actor_type.hooks.deactivate;
        if last.is_some_and(|method| std::ptr::eq(method.info, head.method)) {
            activation.word.set(RESET);
        }
    }
}
