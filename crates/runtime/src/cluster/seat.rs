use std::sync::Arc;

use tenure_actor::Target;
use tenure_actor::host::QueuedCall;
use tenure_types::{FeedName, Incarnation, Instant, Tenure};

/// Why an activation is gone that did not ask to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LostBy {
    /// Another one's unit or tenure is stored where this one's was to be. In `consensus` that must
    /// not be: it is an alarm.
    Conflict,
    /// It could not be loaded. Its callers were told why.
    Load,
}

/// A runtime's place in a cluster, as the runtime needs it. What implements it decides nothing
/// about turns, and the runtime nothing about members.
///
/// Its methods must not block. They may call the runtime back at once.
pub trait Seat: Send + Sync + 'static {
    /// The number under which this run of the node has joined the cluster.
    fn incarnation(&self) -> Incarnation;

    /// Until when the node may release what its actors produce, by the node's clock. Asked with
    /// every release: an atomic load.
    fn lease_until(&self) -> Instant;

    /// Takes a call whose actor has no activation here, to find where it has one. Whoever takes it
    /// ends it, exactly once: with [`QueuedCall::settle`], or by [`Runtime::take`] of its host.
    ///
    /// [`Runtime::take`]: crate::Runtime::take
    fn absent(&self, target: &Target, call: Arc<dyn QueuedCall>);

    /// An activation wants to leave memory. No turn runs on it and everything of it is durable; calls
    /// wait until [`Runtime::left`] says that the keeper of its actor knows.
    ///
    /// [`Runtime::left`]: crate::Runtime::left
    fn leaving(&self, target: &Target, tenure: Tenure);

    /// An activation is gone.
    fn lost(&self, target: &Target, tenure: Tenure, by: LostBy);

    /// The store refuses this incarnation, or cannot be used: perhaps it was fenced. The runtime
    /// goes on trying to join it again, until it is discarded or stopped.
    fn store_lost(&self, reason: &str);

    /// Whether an actor's tenures follow each other over all members. Where they need not (`gossip`), a stored one above
    /// that which was granted says nothing, and the record's version alone keeps two activations apart.
    fn orders_tenures(&self) -> bool {
        true
    }

    /// Whether this node delivers reminders of this actor. Where two do, a reminder comes twice.
    fn reminds(&self, target: &Target) -> bool {
        let _ = target;
        true
    }

    /// Whether this node removes the entries of this feed that need not be kept. Where two do, nothing
    /// is removed that should stay.
    fn keeps_feed(&self, feed: &FeedName) -> bool {
        let _ = feed;
        true
    }
}
