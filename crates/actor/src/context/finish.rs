//! The end of a turn, as its context sees it.

use super::{Context, Left};
use crate::{Actor, Effects, StateRef};

impl<A: Actor> Context<A> {
    /// Applies what was recorded, and gives what the turn leaves. A command that failed has
    /// recorded nothing.
    #[inline]
    pub(crate) fn finish(self, state: &mut StateRef<'_>, succeeded: bool) -> Option<Box<Effects>> {
        self.left.map(|left| left.finish(state, succeeded))
    }

    /// Takes what was left so far, the recorded events among it, without applying them.
    pub(crate) fn take_effects(&mut self) -> Option<Box<Effects>> {
        let mut left = self.left.take()?;
        for event in std::mem::take(&mut left.recorded) {
            left.keep_event(&event);
        }
        Some(left.effects)
    }
}

impl<A: Actor> Left<A> {
    fn finish(mut self, state: &mut StateRef<'_>, succeeded: bool) -> Box<Effects> {
        let recorded = std::mem::take(&mut self.recorded);
        if succeeded && !recorded.is_empty() {
            let actor: &mut A = state.exclusive();
            for event in &recorded {
                self.keep_event(event);
                actor.apply(event);
            }
        }
        self.effects
    }

    /// Keeps the encoded form of an event.
    pub(super) fn keep_event(&mut self, event: &A::Event) {
        let mut bytes = Vec::new();
        match A::encode_event(event, &mut bytes) {
            Ok(()) => self.effects.events.push(bytes),
            Err(error) => {
                self.effects.failed.get_or_insert(error);
            }
        }
    }
}
