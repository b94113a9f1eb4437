//! Whether the store knows that events of an activation may be lost.

use tenure_actor::Ticket;

/// What is between the events of an activation and those who follow them. Types that are written behind
/// begin at [`Opening::Numbered`] with the first event that may be lost; for all others nothing is.
#[derive(Clone, Default)]
pub(crate) enum Opening {
    /// Nothing: no event of it can be lost, or the record says that some may be.
    #[default]
    Over,
    /// The turn that has numbered the first of them has not handed over the record that says so.
    Numbered,
    /// It has: once this is settled well they may leave.
    Written(Ticket),
}

impl Opening {
    /// Whether events may leave, and who follows them may be told where they stand.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Over => true,
            Self::Numbered => false,
            Self::Written(ticket) => ticket.is_well(),
        }
    }

    /// The record that `ticket` stands for is stored.
    pub(crate) fn is_stored(&mut self, ticket: &Ticket) {
        if matches!(self, Self::Written(it) if it.is(ticket)) {
            *self = Self::Over;
        }
    }

    /// What is waited for, where something is; `None` inside while that is not known yet.
    pub(crate) fn pending(&self) -> Option<Option<Ticket>> {
        match self {
            _ if self.is_over() => None,
            Self::Written(ticket) => Some(Some(ticket.clone())),
            _ => Some(None),
        }
    }
}
