use std::any::Any;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::instance::Instance;
use crate::{Actor, State};

/// A look at an instance's state.
pub(super) struct Peek<T> {
    instance: Arc<Instance>,
    state: Option<Box<dyn State>>,
    marker: PhantomData<fn() -> T>,
}

impl<T: Actor> Peek<T> {
    /// # Panics
    /// If a turn has the state.
    pub(super) fn new(instance: &Arc<Instance>) -> Self {
        let state = instance.take_state();
        assert!(
            state.is_some(),
            "the state of {instance} is not to be seen: a turn is not over, or it is the actor \
             under test"
        );
        Self { instance: Arc::clone(instance), state, marker: PhantomData }
    }
}

impl<T: Actor> Deref for Peek<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let state: &dyn Any = &**self.state.as_ref().expect("taken only when dropped");
        state.downcast_ref().expect("an instance keeps its type")
    }
}

impl<T> Drop for Peek<T> {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            self.instance.put(state);
        }
    }
}
