use tenure_types::{ActorId, Incarnation, Slot, Tenure, ViewNumber};

use crate::directory::Wish;
use crate::migration::MoveId;
use crate::slot::SlotReport;

/// A question for no more slots than this is answered at once: somebody waits. Larger ones are answered piece by piece.
pub const URGENT_SLOTS_MAX: usize = 16;

/// What members tell each other about slots, directory entries and moves.
///
/// Every one may be lost, repeated or overtaken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// The owner of slots asks a member what it has there.
    AskReport {
        /// The view in which the sender keeps them.
        view: ViewNumber,
        /// Which slots.
        slots: Vec<Slot>,
    },
    /// What the member has. From now on it takes no grant of an earlier view there.
    Report {
        /// The view it was asked in.
        view: ViewNumber,
        /// Slot by slot.
        slots: Vec<SlotReport>,
    },
    /// The receiver's view is older than this one.
    Behind {
        /// The sender's view.
        view: ViewNumber,
    },
    /// Where is this actor? It is placed if it is nowhere.
    LookUp {
        /// The sender's view.
        view: ViewNumber,
        /// Whose place is asked for.
        actor: ActorId,
        /// How it wants to be placed.
        wish: Wish,
        /// Where it was said to be, and was not.
        not_at: Option<(Incarnation, Tenure)>,
    },
    /// Tell me when this actor is at a place later than that. It is not placed for this.
    AwaitPlace {
        /// The sender's view.
        view: ViewNumber,
        /// Whose place is awaited.
        actor: ActorId,
        /// The right of the last place that the sender knows.
        later_than: Option<Tenure>,
    },
    /// The actor is there.
    Found {
        /// Who was looked up.
        actor: ActorId,
        /// Its host.
        host: Incarnation,
        /// The right it runs under.
        tenure: Tenure,
    },
    /// The sender does not keep the directory of this actor.
    WrongOwner {
        /// Which actor.
        actor: ActorId,
        /// The sender's view.
        view: ViewNumber,
    },
    /// Too many look-ups wait, or no member takes the actor.
    Busy {
        /// Which actor.
        actor: ActorId,
    },
    /// The receiver may run this actor.
    Grant {
        /// The sender's view.
        view: ViewNumber,
        /// Which actor.
        actor: ActorId,
        /// The number of the right.
        tenure: Tenure,
        /// Whether its replies wait for the store.
        durable: bool,
        /// The move that brought its memory, if one did.
        arrived: Option<MoveId>,
    },
    /// The sender runs the actor.
    Granted {
        /// Which actor.
        actor: ActorId,
        /// Under which right.
        tenure: Tenure,
        /// How many activations it has.
        load: u32,
    },
    /// The sender does not run the actor under this right, and never will.
    Refused {
        /// Which actor.
        actor: ActorId,
        /// Which right.
        tenure: Tenure,
        /// Why.
        why: Refusal,
        /// How many activations it has.
        load: u32,
    },
    /// The sender has sealed the activation and saved its last unit.
    Unregister {
        /// Which actor.
        actor: ActorId,
        /// Its right.
        tenure: Tenure,
    },
    /// The directory lists the activation no more: it may leave memory.
    Unregistered {
        /// Which actor.
        actor: ActorId,
        /// Its right.
        tenure: Tenure,
    },
    /// Would the receiver take this actor?
    Offer {
        /// The move.
        id: MoveId,
        /// Which actor.
        actor: ActorId,
    },
    /// The sender would take it.
    Accept {
        /// The move.
        id: MoveId,
    },
    /// It would not.
    Decline {
        /// The move.
        id: MoveId,
    },
    /// The actor's memory has arrived at the sender.
    Arrived {
        /// The move.
        id: MoveId,
    },
    /// The slot owner shall let the actor move.
    AskMove {
        /// The move.
        id: MoveId,
        /// Which actor.
        actor: ActorId,
        /// The right of the sender.
        tenure: Tenure,
        /// Where its memory is.
        to: Incarnation,
    },
    /// The right of the receiver has ended: the actor has moved, or starts from what is stored.
    Moved {
        /// The move.
        id: MoveId,
        /// Who has it now, where that is known.
        to: Option<(Incarnation, Tenure)>,
    },
    /// The slot owner shall see to it that the move does not happen.
    AskCancel {
        /// The move.
        id: MoveId,
        /// Which actor.
        actor: ActorId,
        /// The right of the sender.
        tenure: Tenure,
        /// Where its memory is: what members of former builds decide by.
        to: Incarnation,
    },
    /// The move will not happen.
    Cancelled {
        /// The move.
        id: MoveId,
    },
    /// The move was taken back: its memory is not needed.
    Forget {
        /// The move.
        id: MoveId,
    },
    /// A message between two that have no lane.
    Relay {
        /// Who wrote it.
        origin: Incarnation,
        /// For whom.
        to: Incarnation,
        /// What.
        message: Box<Message>,
    },
}

/// Why a host does not take a grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It reported the slot for this later view.
    OldView(ViewNumber),
    /// It was granted as high a tenure in this slot before.
    OldTenure,
    /// It takes no new actors.
    NotAccepting,
    /// The memory that should have arrived is not there.
    NothingArrived,
}

impl Message {
    /// What kind of message it is, for counters and traces.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::AskReport { .. } => "ask-report",
            Self::Report { .. } => "report",
            Self::Behind { .. } => "behind",
            Self::LookUp { .. } => "look-up",
            Self::AwaitPlace { .. } => "await-place",
            Self::Found { .. } => "found",
            Self::WrongOwner { .. } => "wrong-owner",
            Self::Busy { .. } => "busy",
            Self::Grant { .. } => "grant",
            Self::Granted { .. } => "granted",
            Self::Refused { .. } => "refused",
            Self::Unregister { .. } => "unregister",
            Self::Unregistered { .. } => "unregistered",
            Self::Offer { .. } => "offer",
            Self::Accept { .. } => "accept",
            Self::Decline { .. } => "decline",
            Self::Arrived { .. } => "arrived",
            Self::AskMove { .. } => "ask-move",
            Self::Moved { .. } => "moved",
            Self::AskCancel { .. } => "ask-cancel",
            Self::Cancelled { .. } => "cancelled",
            Self::Forget { .. } => "forget",
            Self::Relay { .. } => "relay",
        }
    }

    /// About how many bytes it takes on the wire, its frame included.
    #[must_use]
    pub fn wire_bytes(&self) -> usize {
        const FRAME: usize = 24;
        const ENTRY: usize = 28;
        let actor_bytes =
            |actor: &ActorId| actor.actor_type.as_str().len() + actor.key.as_str().len() + 3;
        FRAME
            + match self {
                Self::AskReport { slots, .. } => 8 + 2 * slots.len(),
                Self::Report { slots, .. } => {
                    let entries = slots.iter().flat_map(|slot| &slot.entries);
                    8 + 18 * slots.len()
                        + entries.map(|it| ENTRY + actor_bytes(&it.actor)).sum::<usize>()
                }
                Self::LookUp { actor, .. } | Self::Grant { actor, .. } => 44 + actor_bytes(actor),
                Self::AwaitPlace { actor, .. }
                | Self::Found { actor, .. }
                | Self::WrongOwner { actor, .. }
                | Self::Busy { actor }
                | Self::Granted { actor, .. }
                | Self::Refused { actor, .. }
                | Self::Unregister { actor, .. }
                | Self::Unregistered { actor, .. }
                | Self::Offer { actor, .. }
                | Self::AskMove { actor, .. }
                | Self::AskCancel { actor, .. } => ENTRY + actor_bytes(actor),
                Self::Behind { .. }
                | Self::Accept { .. }
                | Self::Decline { .. }
                | Self::Arrived { .. }
                | Self::Moved { .. }
                | Self::Cancelled { .. }
                | Self::Forget { .. } => ENTRY,
                Self::Relay { message, .. } => 16 + message.wire_bytes(),
            }
    }
}
