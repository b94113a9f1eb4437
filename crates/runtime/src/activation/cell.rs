use std::cell::UnsafeCell;

use tenure_actor::State;

use crate::turn::contain;

/// Where an activation's state lies. Only a `Hold` reaches in.
pub(crate) struct StateCell(UnsafeCell<Option<Box<dyn State>>>);

// SAFETY: the cell is only reached through a `Hold`. The turn word gives out either one exclusive
// hold or any number of shared ones at a time, so a `&mut` never lives beside another reference;
// its acquire and release orderings pass the state from one holder to the next. `dyn State` is
// `Send + Sync`, so holders may be on any thread.
#[expect(unsafe_code, reason = "the one place where turns share a state between threads")]
unsafe impl Sync for StateCell {}

impl Drop for StateCell {
    /// The state's destructor is the user's code: a panic in it must not end what drops it.
    fn drop(&mut self) {
        let state = self.0.get_mut().take();
        if let Err(panic) = contain(move || drop(state)) {
            tracing::error!(%panic, "dropping a state panicked");
        }
    }
}

impl StateCell {
    pub(super) fn new(state: Option<Box<dyn State>>) -> Self {
        Self(UnsafeCell::new(state))
    }

    /// Where the state lies, for a hold to make a reference that its right allows.
    pub(super) fn get(&self) -> *mut Option<Box<dyn State>> {
        self.0.get()
    }
}
