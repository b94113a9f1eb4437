use std::future::poll_fn;
use std::sync::{Arc, OnceLock, Weak};

use tenure_actor::host::Home;
use tenure_actor::wire::{Answer, ReplyTo};
use tenure_actor::{Ticket, WaitSlot};
use tenure_types::{ActorId, Clock as _, Incarnation, Tasks as _, Tenure};

use crate::cast;
use crate::frame::Body;
use crate::node::Host;
use crate::noted::noted;
use crate::stage;

/// The way back to the caller of a call that runs here: what its turn leaves goes over the network.
pub(crate) struct Proxy {
    number: u64,
    origin: Incarnation,
    host: Weak<Host>,
    node: Incarnation,
    /// The activation here that ran it; unset while none has, and when an earlier reply was given again.
    ran: OnceLock<(ActorId, Tenure)>,
}

impl Proxy {
    pub(crate) fn new(
        (origin, number): (Incarnation, u64),
        (host, node): (Weak<Host>, Incarnation),
    ) -> Self {
        Self { number, origin, host, node, ran: OnceLock::new() }
    }
}

impl ReplyTo for Proxy {
    /// One that was handed on from here runs elsewhere.
    fn runs(&self, home: &dyn Home) {
        let Some(host) = self.host.upgrade() else { return };
        let (actor_type, tenure) = (home.actor_type(), home.tenure());
        let actor = ActorId { actor_type, key: home.key().clone() };
        if host.is_home_of(&actor, tenure) {
            self.ran.get_or_init(|| (actor, tenure));
        }
    }

    fn around(&self, turn: impl FnOnce() -> bool) -> bool {
        stage::from_elsewhere(turn)
    }

    fn reply(&self, answer: Answer, ticket: Option<Ticket>) {
        let Some(host) = self.host.upgrade() else { return };
        let (number, origin) = (self.number, self.origin);
        let process = Arc::clone(host.process());
        let Some(ticket) = ticket else {
            if let (Some((actor, tenure)), true) = (self.ran.get(), answer.is_reply()) {
                cast::released(actor, self.node, *tenure, stage::now());
            }
            let answer = answer.encode(process.clock().now());
            return host.send(origin, Body::Settled { number, answer });
        };
        let (ran, node) = (self.ran.get().cloned(), self.node);
        let tasks = Arc::clone(&process);
        let reply = async move {
            let mut slot = WaitSlot::default();
            let (end, at) = noted(poll_fn(|cx| ticket.poll(&mut slot, cx))).await;
            let answer = match end {
                Ok(()) => {
                    if let Some((actor, tenure)) = ran {
                        cast::released(&actor, node, tenure, at);
                    }
                    answer
                }
                Err(error) => Answer::failed(error),
            };
            let answer = answer.encode(process.clock().now());
            host.send(origin, Body::Settled { number, answer });
        };
        tasks.spawn("reply", Box::pin(reply));
    }
}
