use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use tenure_actor::Target;
use tenure_actor::host::QueuedCall;
use tenure_runtime::{LostBy, Seat};
use tenure_types::{Incarnation, Instant, Tenure};

use super::Host;
use super::life::{Local, name_of};

/// What a runtime asks of its node. It only passes on: the node looks at it in its turn.
pub(super) struct NodeSeat {
    pub(super) incarnation: Incarnation,
    pub(super) lease_until: Arc<AtomicU64>,
    pub(super) host: Weak<Host>,
}

impl NodeSeat {
    fn pass(&self, local: Local) {
        if let Some(host) = self.host.upgrade() {
            host.pass(self.incarnation, local);
        }
    }
}

impl Seat for NodeSeat {
    fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    fn lease_until(&self) -> Instant {
        Instant::from_nanos(self.lease_until.load(Ordering::Relaxed))
    }

    fn absent(&self, target: &Target, call: Arc<dyn QueuedCall>) {
        self.pass(Local::Absent { target: target.clone(), call });
    }

    fn leaving(&self, target: &Target, tenure: Tenure) {
        self.pass(Local::Leaving { actor: name_of(target), tenure });
    }

    fn lost(&self, target: &Target, tenure: Tenure, by: LostBy) {
        if by == LostBy::Conflict
            && let Some(host) = self.host.upgrade()
        {
            let (actor, now) = (name_of(target), host.outer.sim.now());
            let alarm =
                format!("{actor} {tenure} lost its record to another activation at {now:?}");
            host.outer.alarms.lock().push(alarm);
        }
        self.pass(Local::Lost { actor: name_of(target), tenure });
    }

    fn store_lost(&self, _: &str) {}

    fn reminds(&self, target: &Target) -> bool {
        let Some(host) = self.host.upgrade() else { return false };
        host.is_owner_of(&name_of(target))
    }
}
