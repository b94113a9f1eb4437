use std::sync::Arc;

use tenure_actor::StateRef;
use tenure_actor::host::{AsHome, CallHead, PendingCall, QueuedCall};

/// A call that lies on the heap already, on its way to an actor.
pub(crate) struct Ready(pub(crate) Arc<dyn QueuedCall>);

impl PendingCall for Ready {
    fn head(&self) -> &CallHead {
        self.0.head()
    }

    fn run(&mut self, _: StateRef<'_>, _: &dyn AsHome) {
        unreachable!("it is queued first");
    }

    fn share(&mut self) -> Arc<dyn QueuedCall> {
        Arc::clone(&self.0)
    }
}
