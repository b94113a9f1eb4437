use tenure_types::{ActorId, Incarnation, Tenure, ViewNumber};

use super::Message;
use crate::migration::MoveId;

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Send a message. It need not arrive.
    Send {
        /// To whom.
        to: Incarnation,
        /// What.
        message: Message,
    },
    /// Somebody knows a view with this number, which is newer: look at the member table now. With gossip, its own view
    /// is to reach this number soon: what was promised for it is kept by nobody below.
    Refresh(ViewNumber),
    /// Fence the incarnation in the state store, until that has succeeded, and tell
    /// [`Cluster::handle_fenced`](super::Cluster::handle_fenced).
    Fence(Incarnation),
    /// The member withholds its report: condemn it.
    Accuse(Incarnation),
    /// Run the actor under this right.
    Activate {
        /// Which actor.
        actor: ActorId,
        /// Under which right.
        tenure: Tenure,
        /// From the memory that this move brought; `None`: from the store.
        arrived: Option<MoveId>,
    },
    /// The activation is listed nowhere any more: drop it.
    Drop {
        /// Which actor.
        actor: ActorId,
        /// Its right.
        tenure: Tenure,
    },
    /// The actor is there: send its calls.
    Found {
        /// Who was looked up.
        actor: ActorId,
        /// Its host.
        host: Incarnation,
        /// Its right.
        tenure: Tenure,
    },
    /// The actor whose place was awaited is there. It is awaited no longer.
    Stands {
        /// Which actor.
        actor: ActorId,
        /// Its host.
        host: Incarnation,
        /// Its right.
        tenure: Tenure,
    },
    /// The actor cannot be placed now.
    Nowhere {
        /// Who was looked up.
        actor: ActorId,
        /// Why.
        why: Nowhere,
    },
    /// Seal the activation at a turn boundary, resolve its last unit and pack it; then tell
    /// [`Cluster::handle_packed`](super::Cluster::handle_packed).
    Seal {
        /// The move.
        id: MoveId,
        /// Which actor.
        actor: ActorId,
        /// Its right.
        tenure: Tenure,
    },
    /// Send what was packed. The receiver tells
    /// [`Cluster::handle_shipped`](super::Cluster::handle_shipped).
    Ship {
        /// The move.
        id: MoveId,
        /// Which actor.
        actor: ActorId,
        /// To whom.
        to: Incarnation,
    },
    /// The move was taken back: the activation goes on here.
    Unseal {
        /// The move.
        id: MoveId,
        /// Which actor.
        actor: ActorId,
        /// Its right.
        tenure: Tenure,
    },
    /// The actor runs elsewhere: drop the activation, and look up again for the calls that wait.
    Moved {
        /// Which actor.
        actor: ActorId,
        /// The right that has ended.
        tenure: Tenure,
        /// Where it is now, where that is known.
        to: Option<(Incarnation, Tenure)>,
    },
    /// Another member runs the actor too, under a higher right: let this activation leave memory, and tell
    /// [`Cluster::leave`](super::Cluster::leave). Only where views are not agreed on.
    Evict {
        /// Which actor.
        actor: ActorId,
        /// Its right here.
        tenure: Tenure,
    },
    /// The memory that this move brought is not needed.
    DropArrived(MoveId),
    /// Something that the rules exclude.
    Alarm(Alarm),
}

/// Why an actor is nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nowhere {
    /// Too many look-ups are on their way from this node.
    LookupsFull,
    /// The slot owner has too many that wait, or no member takes actors.
    Busy,
}

/// Something that the rules exclude. The node goes on; people should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Alarm {
    /// Two members reported one actor as running.
    TwoLive {
        /// Which actor.
        actor: ActorId,
        /// The one with the higher tenure.
        kept: (Incarnation, Tenure),
        /// The other.
        other: (Incarnation, Tenure),
    },
    /// A grant came for an actor that runs here.
    GrantedTwice {
        /// Which actor.
        actor: ActorId,
        /// The right it runs under.
        has: Tenure,
        /// The right it was granted.
        granted: Tenure,
    },
}
