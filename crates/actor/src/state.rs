use std::any::Any;

use crate::CodecError;

/// The state of one activation, its type erased.
pub trait State: Any + Send + Sync {
    /// Appends the stored form to `out`; see [`Actor::encode`](crate::Actor::encode).
    ///
    /// # Errors
    /// [`CodecError`] when serde refuses a value.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), CodecError>;
}

/// A turn's hold on its activation's state.
pub enum StateRef<'a> {
    /// Nobody else sees the state during the turn.
    Exclusive(&'a mut dyn State),
    /// Other shared turns run beside this one.
    Shared(&'a dyn State),
}

impl StateRef<'_> {
    /// The state, to change it.
    ///
    /// # Panics
    /// If the turn is shared or the state is not an `A`: the runtime mixed up two calls.
    pub(crate) fn exclusive<A: Any>(&mut self) -> &mut A {
        let StateRef::Exclusive(state) = self else {
            panic!("an exclusive handler was given a shared turn")
        };
        let state: &mut dyn Any = &mut **state;
        state.downcast_mut().expect("a call reached an actor of another type")
    }

    /// The state, to read it.
    ///
    /// # Panics
    /// If the state is not an `A`: the runtime mixed up two calls.
    pub(crate) fn shared<A: Any>(&self) -> &A {
        let state: &dyn Any = match self {
            StateRef::Exclusive(state) => &**state,
            StateRef::Shared(state) => &**state,
        };
        state.downcast_ref().expect("a call reached an actor of another type")
    }
}
