use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use tenure_actor::Target;
use tenure_actor::host::QueuedCall;
use tenure_runtime::{LostBy, Seat};
use tenure_types::{ActorId, ActorTypeName, FeedName, Incarnation, Instant, Key, Tenure};

use crate::driver::Driver;
use crate::life::{Local, name_of};
use crate::world::World;

/// What a runtime asks of its node. It only passes on: the node looks at it in its turn.
pub(crate) struct NodeSeat<W: World> {
    pub(crate) incarnation: Incarnation,
    pub(crate) lease_until: Arc<AtomicU64>,
    /// Members agree on views by a table: then no two activations of an actor write.
    pub(crate) has_table: bool,
    pub(crate) driver: Weak<Driver<W>>,
}

impl<W: World> NodeSeat<W> {
    fn pass(&self, local: Local) {
        if let Some(driver) = self.driver.upgrade() {
            driver.pass(self.incarnation, local);
        }
    }
}

impl<W: World> Seat for NodeSeat<W> {
    fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    fn lease_until(&self) -> Instant {
        Instant::from_nanos(self.lease_until.load(Ordering::Relaxed))
    }

    fn absent(&self, target: &Target, call: Arc<dyn QueuedCall>) {
        if let Some(driver) = self.driver.upgrade()
            && let Some(call) = driver.hand_now(self.incarnation, target, call)
        {
            driver.pass(self.incarnation, Local::Absent { target: target.clone(), call });
        }
    }

    fn leaving(&self, target: &Target, tenure: Tenure) {
        self.pass(Local::Leaving { actor: name_of(target), tenure });
    }

    fn lost(&self, target: &Target, tenure: Tenure, by: LostBy) {
        if by == LostBy::Conflict
            && self.has_table
            && let Some(driver) = self.driver.upgrade()
        {
            let actor = name_of(target);
            driver.world.alarm(format!("{actor} {tenure} lost its record to another activation"));
        }
        self.pass(Local::Lost { actor: name_of(target), tenure });
    }

    fn orders_tenures(&self) -> bool {
        self.has_table
    }

    fn store_lost(&self, _: &str) {}

    fn reminds(&self, target: &Target) -> bool {
        let Some(driver) = self.driver.upgrade() else { return false };
        driver.is_owner_of(&name_of(target))
    }

    fn keeps_feed(&self, feed: &FeedName) -> bool {
        let Some(driver) = self.driver.upgrade() else { return false };
        // As if it were an actor: so feeds are spread over the nodes.
        let actor_type = ActorTypeName::new("feed").expect("it follows the rule");
        let key = Key::new(feed.as_str()).expect("a key may be longer than the name of a feed");
        driver.is_owner_of(&ActorId { actor_type, key })
    }
}
