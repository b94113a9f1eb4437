use std::future::poll_fn;
use std::sync::Arc;

use super::inbox::Inbox;
use super::message::{Heard, Message};
use super::state::Step;
use super::wire::Wire;

/// The network as one process sees it. Clones are the same one.
pub struct Port<M> {
    pub(super) wire: Arc<Wire<M>>,
    pub(super) inbox: Arc<Inbox<M>>,
    pub(super) place: u32,
}

impl<M> Clone for Port<M> {
    fn clone(&self) -> Self {
        let (wire, inbox) = (Arc::clone(&self.wire), Arc::clone(&self.inbox));
        Self { wire, inbox, place: self.place }
    }
}

impl<M: Message> Port<M> {
    /// The machine it is on.
    #[must_use]
    pub fn place(&self) -> u32 {
        self.place
    }

    /// Sends a message, a moment later: a pause of the process may come between, and when it ends
    /// meanwhile the dice say whether the kernel still takes it. In the order of these calls.
    pub fn send(&self, to: u32, message: M) {
        let hold = self.wire.with(|state, _| {
            let (config, dice) = (&state.config, &mut state.dice);
            config.draw_hold(dice)
        });
        let at = self.inbox.order_send(self.wire.world.clock.true_now() + hold);
        let step = Step::Take { from: Arc::clone(&self.inbox), place: self.place, to, message };
        self.wire.plan(at, self.inbox.group(), step);
    }

    /// Waits for what is heard next.
    ///
    /// # Cancel safety
    /// Cancel safe: what was not given stays in the queue.
    pub async fn heard(&self) -> Heard<M> {
        poll_fn(|cx| self.inbox.poll_pop(cx)).await
    }

    /// What was heard and not read, if anything.
    #[must_use]
    pub fn try_heard(&self) -> Option<Heard<M>> {
        self.inbox.pop()
    }

    /// How much was heard and not read.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.inbox.len()
    }
}
