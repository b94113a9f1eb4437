//! Following actors that live at other nodes.
//!
//! The node that follows (`listeners`) awaits the place of each actor that somebody here watches, asks the node
//! there to tell what the actor publishes, and begins anew elsewhere when the actor has left. The node where it lives
//! (`followers`) tells one batch after the other, each again until it is heard: so nothing that is lost on the way
//! stays unknown, and a slow follower is told less often, not more. What does not fit is not kept: the
//! follower is told that something is missing, and reads it ([`Publications::events`]).

mod drive;
mod followers;
mod inbox;
mod listeners;
mod reading;
mod reads;

use std::sync::Arc;

use followers::Followers;
use listeners::Listeners;
use reads::Reads;

/// What one run of a node knows of those who follow.
pub(crate) struct Follows {
    pub(crate) listeners: Listeners,
    pub(crate) followers: Arc<Followers>,
    pub(crate) reads: Reads,
}

impl Follows {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            listeners: Listeners::default(),
            followers: Arc::default(),
            reads: Reads::default(),
        })
    }
}
