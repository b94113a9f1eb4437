//! What a node would find out only later.

use super::Instance;
use crate::digest::digest_unordered;
use crate::{CODEC_NAMED, CodecError, Effects, Persist, State};

impl Instance {
    /// The state as its events will have to change it.
    pub(super) fn before(&self, state: &dyn State) -> Option<Vec<u8>> {
        let Persist::EventSourced { .. } = self.actor_type.persist else {
            return None;
        };
        let mut before = Vec::new();
        match state.encode(&mut before) {
            Ok(()) => Some(before),
            Err(error) => panic!("the state of {self} cannot be stored: {error}"),
        }
    }

    /// Asks of a stored state what a node would: that it can be stored and read back and, where it
    /// follows from events, that they lead to it a second time.
    ///
    /// # Panics
    /// If it is not so.
    pub(super) fn check(&self, state: &dyn State, before: Option<&[u8]>, effects: &Effects) {
        if !self.actor_type.persist.is_stored() {
            return;
        }
        let mut stored = Vec::new();
        if let Err(error) = state.encode(&mut stored).and_then(|()| self.decode(&stored)) {
            panic!("the state of {self} cannot be stored and read back: {error}");
        }
        let Some(before) = before.filter(|_| effects.failed.is_none()) else {
            return;
        };
        match self.follows(before, effects, &stored) {
            Ok(true) => {}
            Ok(false) => panic!(
                "the state of {self} does not follow from its events: applied to the state before \
                 the turn, they give another one than the turn has left; `apply` may use nothing \
                 but the state and the event"
            ),
            Err(error) => panic!("an event of {self} cannot be stored and read back: {error}"),
        }
    }

    fn follows(&self, before: &[u8], effects: &Effects, stored: &[u8]) -> Result<bool, CodecError> {
        let mut again = self.decode(before)?;
        for event in &effects.events {
            (self.actor_type.apply)(&mut *again, self.actor_type.schema, CODEC_NAMED, event)?;
        }
        let mut rebuilt = Vec::new();
        again.encode(&mut rebuilt)?;
        Ok(digest_unordered(&rebuilt)? == digest_unordered(stored)?)
    }

    fn decode(&self, stored: &[u8]) -> Result<Box<dyn State>, CodecError> {
        (self.actor_type.decode)(self.actor_type.schema, CODEC_NAMED, stored)
    }
}
