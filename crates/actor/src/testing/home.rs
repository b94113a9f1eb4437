use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tenure_types::{ActorTypeName, Key, Tenure};

use crate::host::{AsHome, Home, Host, HostHandle};
use crate::{Effects, Ticket, TimerId};

/// An instance, as its own handlers see it.
pub(super) struct TestHome {
    pub(super) actor_type: ActorTypeName,
    pub(super) key: Key,
    pub(super) host: Weak<dyn Host>,
    pub(super) deactivation: AtomicBool,
    /// How many timers there were.
    pub(super) timers: AtomicU64,
    /// What the turn that just ended leaves besides its state.
    pub(super) left: Mutex<Option<Box<Effects>>>,
}

impl Home for TestHome {
    fn actor_type(&self) -> ActorTypeName {
        self.actor_type
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn host(&self) -> HostHandle {
        let host = self.host.upgrade();
        HostHandle::new(host.expect("a test's actors end with its TestContext"))
    }

    fn deactivate(&self) {
        self.deactivation.store(true, Ordering::Relaxed);
    }

    fn timer_id(&self) -> TimerId {
        TimerId(self.timers.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn tenure(&self) -> Tenure {
        Tenure { view: 1, sequence: 1 }
    }
}

/// What a turn is given as its way home.
pub(super) struct WayHome(pub(super) Arc<TestHome>);

impl AsHome for WayHome {
    fn to_home(&self) -> Arc<dyn Home> {
        Arc::clone(&self.0) as Arc<dyn Home>
    }

    fn unsaved(&self) -> Option<Ticket> {
        None
    }

    fn keep(&self, effects: Box<Effects>) {
        *self.0.left.lock() = Some(effects);
    }
}
