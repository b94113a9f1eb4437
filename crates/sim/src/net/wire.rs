use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;
use tenure_types::Instant;

use super::message::Message;
use super::state::{Effects, State, Step};
use crate::schedule::Owner;
use crate::world::World;

/// The network's state, and the world in which its steps happen.
pub(crate) struct Wire<M> {
    pub(crate) world: Arc<World>,
    pub(crate) state: Mutex<State<M>>,
}

impl<M: Message> Wire<M> {
    /// Changes the state, and does what follows.
    pub(crate) fn with<T>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut State<M>, &mut Effects<M>) -> T,
    ) -> T {
        let mut fx = Effects::default();
        let value = change(&mut self.state.lock(), &mut fx);
        for (what, of, numbers) in fx.marks {
            self.world.mark(what, of, numbers);
        }
        for (at, owner, step) in fx.steps {
            self.plan(at, owner, step);
        }
        fx.wakers.into_iter().for_each(Waker::wake);
        // A message may be anybody's: it is dropped where no lock is held.
        drop(fx.lost);
        value
    }

    pub(crate) fn plan(self: &Arc<Self>, at: Instant, owner: u32, step: Step<M>) {
        let wire = Arc::clone(self);
        self.world.plan(at, owner, move |owner| wire.happen(step, owner));
    }

    fn happen(self: &Arc<Self>, step: Step<M>, owner: Owner) {
        let now = self.world.clock.true_now();
        self.with(|state, fx| state.happen(now, step, owner, fx));
    }
}
