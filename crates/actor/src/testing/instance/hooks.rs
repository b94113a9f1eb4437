//! The beginning and the end of an activation. The actor under test has none: the test itself
//! holds its state.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Instance;
use crate::host::{CallHead, QueuedCall};
use crate::{Method, NO_ARGUMENTS};

impl Instance {
    /// The first message of an activation that is about to begin, if its type has one.
    pub(super) fn wake(&self) -> Option<Arc<dyn QueuedCall>> {
        let began = std::mem::replace(&mut self.inner.lock().awake, true);
        let hook = self.actor_type.hooks.activate.filter(|_| !began && !self.under_test)?;
        Some(self.message(hook, NO_ARGUMENTS, None))
    }

    /// Whether the activation's first message has not run yet.
    pub(super) fn must_wake(&self) -> bool {
        !self.under_test && self.actor_type.hooks.activate.is_some() && !self.inner.lock().awake
    }

    /// After a turn: whether the activation now leaves memory. If it wants to and its type has a
    /// last message, that comes next.
    pub(super) fn leaves(&self, head: &CallHead) -> bool {
        if self.under_test {
            return false;
        }
        let wish = self.home.deactivation.swap(false, Ordering::Relaxed);
        let hook: Option<&Method> = self.actor_type.hooks.deactivate;
        match hook {
            None => wish,
            Some(hook) if hook.info.name == head.method.name => true,
            Some(hook) => {
                if wish {
                    let last = self.message(hook, NO_ARGUMENTS, None);
                    self.inner.lock().mailbox.push_front(last);
                }
                false
            }
        }
    }

    /// The activation has left memory.
    pub(super) fn sleep(&self) {
        let mut inner = self.inner.lock();
        inner.awake = false;
        inner.agenda.drop_timers();
    }
}
