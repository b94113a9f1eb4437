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

    /// What is waited for before they may; `None` as well where that is not handed over yet.
    pub(crate) fn unsettled(&self) -> Option<&Ticket> {
        match self {
            Self::Written(ticket) if !ticket.is_well() => Some(ticket),
            _ => None,
        }
    }

    /// The record that `ticket` stands for is stored.
    pub(crate) fn note_stored(&mut self, ticket: &Ticket) {
        if matches!(self, Self::Written(it) if it.is(ticket)) {
            *self = Self::Over;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_leave_once_the_record_is_stored_that_says_so() {
        let (ticket, other) = (Ticket::new(), Ticket::new());
        assert!(Opening::default().is_over());
        assert!(!Opening::Numbered.is_over() && Opening::Numbered.unsettled().is_none());
        let mut opening = Opening::Written(ticket.clone());
        assert!(!opening.is_over() && opening.unsettled().is_some_and(|it| it.is(&ticket)));
        opening.note_stored(&other);
        assert!(!opening.is_over(), "that was another record");
        ticket.settle(Ok(()));
        assert!(opening.is_over() && opening.unsettled().is_none());
        // Stored, though its replies were kept back: later events leave all the same.
        let mut withheld = Opening::Written(other.clone());
        withheld.note_stored(&other);
        assert!(withheld.is_over());
    }
}
