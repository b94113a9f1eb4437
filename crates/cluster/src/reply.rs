use std::future::poll_fn;
use std::sync::{Arc, OnceLock, Weak};

use tenure_actor::host::Home;
use tenure_actor::wire::{Answer, ReplyTo};
use tenure_actor::{Ticket, WaitSlot};
use tenure_types::{ActorId, Incarnation, Instant, Tenure};

use crate::driver::Driver;
use crate::message::{Body, Part};
use crate::world::World;

/// The way back to the caller of a call that runs here: what its turn leaves goes to another node.
pub(crate) struct Reply<W: World> {
    number: u64,
    origin: Incarnation,
    driver: Weak<Driver<W>>,
    node: Incarnation,
    /// The activation here that ran it, where the world wants to know; unset while none has, and when an earlier
    /// reply was given again.
    ran: OnceLock<(ActorId, Tenure)>,
}

impl<W: World> Reply<W> {
    pub(crate) fn new(
        (origin, number): (Incarnation, u64),
        (driver, node): (Weak<Driver<W>>, Incarnation),
    ) -> Self {
        Self { number, origin, driver, node, ran: OnceLock::new() }
    }
}

impl<W: World> ReplyTo for Reply<W> {
    /// One that was handed on from here runs elsewhere.
    fn runs(&self, home: &dyn Home) {
        if !W::IS_WITNESS {
            return;
        }
        let Some(driver) = self.driver.upgrade() else { return };
        let (actor_type, tenure) = (home.actor_type(), home.tenure());
        let actor = ActorId { actor_type, key: home.key().clone() };
        if driver.is_home_of(&actor, tenure) {
            self.ran.get_or_init(|| (actor, tenure));
        }
    }

    fn around(&self, turn: impl FnOnce() -> bool) -> bool {
        match self.driver.upgrade() {
            Some(driver) if W::IS_WITNESS => driver.world.around(turn),
            _ => turn(),
        }
    }

    fn reply(&self, answer: Answer, ticket: Option<Ticket>) {
        let Some(driver) = self.driver.upgrade() else { return };
        let (number, origin) = (self.number, self.origin);
        let Some(ticket) = ticket else {
            if let (Some((actor, tenure)), true) = (self.ran.get(), answer.is_reply()) {
                driver.world.released(actor, self.node, *tenure, None);
            }
            let answer = answer.encode(driver.now_for(&answer));
            return driver.send(origin, Body::Settled { number, answer: Part::Made(answer) });
        };
        let (ran, node) = (self.ran.get().cloned(), self.node);
        let tasks = Arc::clone(&driver.tasks);
        let reply = async move {
            let mut slot = WaitSlot::default();
            let (end, at) = driver.world.noted(poll_fn(|cx| ticket.poll(&mut slot, cx))).await;
            let answer = match end {
                Ok(()) => {
                    if let Some((actor, tenure)) = ran {
                        driver.world.released(&actor, node, tenure, Some(at));
                    }
                    answer
                }
                Err(error) => Answer::failed(error),
            };
            let answer = answer.encode(driver.now_for(&answer));
            driver.send(origin, Body::Settled { number, answer: Part::Made(answer) });
        };
        tasks.spawn("reply", Box::pin(reply));
    }
}

impl<W: World> Driver<W> {
    /// When an answer leaves, where its caller wants to know.
    fn now_for(&self, answer: &Answer) -> Instant {
        if answer.tells_time() { self.clock.now() } else { Instant::ZERO }
    }
}
