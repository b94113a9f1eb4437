use tenure_types::{ActorId, Incarnation, Instant};

/// A move as its source knows it.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) actor: ActorId,
    pub(crate) target: Incarnation,
    pub(crate) step: Step,
    /// When the current step is asked for again.
    pub(crate) ask_at: Instant,
    /// How often it was asked for.
    pub(crate) asked: u32,
    /// When the move is given up, if it was not shipped and decided by then.
    pub(crate) until: Instant,
    /// To whom it was reported last, as the owner of the actor's slot.
    pub(crate) reported_to: Option<Incarnation>,
}

/// How far a move has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// The target was asked whether it takes the actor. Nothing is sealed.
    Offered,
    /// The activation is being sealed and its last unit resolved.
    Sealing,
    /// Its memory is on the way to the target.
    Shipped,
    /// The target has it: the slot owner was asked to decide.
    Asked,
    /// The slot owner was asked to take the move back.
    Cancelling,
}
