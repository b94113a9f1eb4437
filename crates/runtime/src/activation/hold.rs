use std::ops::Deref;
use std::sync::Arc;

use tenure_actor::{State, StateRef};

use super::Activation;
use crate::turn::word::{Refusal, Word};

/// The right to an activation's state for one turn, taken from the turn word.
///
/// `P` is how the activation is reached: borrowed for a turn that ends before its caller goes on,
/// owned for one that may suspend.
pub(crate) struct Hold<P: Deref<Target = Arc<Activation>>> {
    activation: P,
    exclusive: bool,
    released: bool,
}

impl<P: Deref<Target = Arc<Activation>>> Hold<P> {
    /// Enters from outside the mailbox.
    pub(crate) fn enter(activation: P, exclusive: bool) -> Result<Self, Refusal> {
        activation.word.enter(exclusive)?;
        Ok(Self { activation, exclusive, released: false })
    }

    /// Enters for the head of the mailbox.
    pub(crate) fn enter_next(activation: P, exclusive: bool) -> Option<Self> {
        let entered = activation.word.enter_next(exclusive);
        // Made only when entered: its drop would leave what it never entered.
        entered.then(|| Self { activation, exclusive, released: false })
    }

    /// Enters to encode what was written behind: a shared hold.
    pub(crate) fn enter_flush(activation: P) -> Option<Self> {
        let entered = activation.word.enter_flush();
        entered.then(|| Self { activation, exclusive: false, released: false })
    }

    /// Takes over the exclusive hold that a new activation is made with, or that
    /// `TurnWord::enter_reset` took.
    pub(crate) fn adopt(activation: P) -> Self {
        debug_assert!(activation.word.read().is_held());
        Self { activation, exclusive: true, released: false }
    }

    /// The activation.
    pub(crate) fn activation(&self) -> &Arc<Activation> {
        &self.activation
    }

    /// Whether no other turn runs beside.
    pub(crate) fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    /// The state.
    ///
    /// # Panics
    /// If the activation has none: it is still loading, and no turn may have started.
    #[expect(unsafe_code, reason = "reaches into the cell, with the right that the word gave")]
    pub(crate) fn state(&mut self) -> StateRef<'_> {
        let cell = self.activation.state.get();
        if self.exclusive {
            // SAFETY: this hold is exclusive, so no other reference into the cell exists, and the
            // one made here ends with the borrow of `self`.
            let state = unsafe { &mut *cell };
            StateRef::Exclusive(&mut **state.as_mut().expect("a live activation has a state"))
        } else {
            // SAFETY: this hold is shared, so only shared references into the cell exist until it
            // is released, and the one made here ends with the borrow of `self`.
            let state = unsafe { &*cell };
            StateRef::Shared(&**state.as_ref().expect("a live activation has a state"))
        }
    }

    /// Puts another state in, or none; gives the old one.
    ///
    /// # Panics
    /// If the hold is shared.
    #[expect(unsafe_code, reason = "reaches into the cell, with the right that the word gave")]
    pub(crate) fn replace(&mut self, state: Option<Box<dyn State>>) -> Option<Box<dyn State>> {
        assert!(self.exclusive, "only an exclusive hold may replace the state");
        // SAFETY: as in `state`, for an exclusive hold.
        let cell = unsafe { &mut *self.activation.state.get() };
        std::mem::replace(cell, state)
    }

    /// Ends the hold; gives the word after it, for who must look what comes next.
    pub(crate) fn release(mut self) -> Word {
        self.released = true;
        self.activation.word.leave(self.exclusive)
    }
}

impl Hold<&Arc<Activation>> {
    /// The same hold, able to outlive its caller.
    pub(crate) fn own(mut self) -> Hold<Owned> {
        self.released = true;
        Hold {
            activation: Owned(Arc::clone(self.activation)),
            exclusive: self.exclusive,
            released: false,
        }
    }
}

impl<P: Deref<Target = Arc<Activation>>> Drop for Hold<P> {
    fn drop(&mut self) {
        // A lost hold would stop the actor for ever.
        if !self.released {
            self.activation.word.leave(self.exclusive);
        }
    }
}

/// An activation that its hold owns.
pub(crate) struct Owned(pub(crate) Arc<Activation>);

impl Deref for Owned {
    type Target = Arc<Activation>;

    fn deref(&self) -> &Arc<Activation> {
        &self.0
    }
}
