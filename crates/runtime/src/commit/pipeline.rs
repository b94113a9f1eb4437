//! The commit of one activation: one unit in flight, one pending, and who waits for which.
//!
//! Turns do not wait for the store: a turn's encoded state replaces the pending one, and the next
//! turn starts. Replies wait, by ticket. When a unit is settled the pending one goes out. This is
//! the pipelined group commit of DESIGN section 6; the machine is pure, and its driver submits
//! what it gives.

use std::sync::Arc;

use tenure_actor::Ticket;
use tenure_store::{Unit, UnitOutcome};
use tenure_types::{Token, Version};

/// What the driver must do after an outcome.
#[derive(Debug)]
pub(crate) enum Settled {
    /// The ticket's turns are durable; submit the next unit, if there is one. Without one nothing
    /// is unsaved any more.
    Durable { ticket: Ticket, next: Option<Arc<Unit>> },
    /// The outcome is not known: pause the activation and submit the same unit again, after a
    /// pause that grows with `attempts`.
    Again { unit: Arc<Unit>, attempts: u32 },
    /// The unit did not and will not commit: the state in memory is lost. The first ticket's
    /// turns were in flight, the second's never left.
    Lost { in_flight: Ticket, pending: Option<Ticket>, why: Loss },
    /// The outcome is not that of the unit in flight: a late answer to one that was settled.
    Stale,
}

/// Why a unit was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Another writer's unit is stored.
    Overtaken { stored: Version, by: Token },
    /// The engine refused the unit for its size.
    TooLarge { bytes: usize, bytes_max: usize },
    /// The incarnation is fenced; the unit may have committed before.
    Fenced { reason: Box<str> },
}

/// The units of one activation that are on their way.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    in_flight: Option<InFlight>,
    pending: Option<Pending>,
    /// Turns and reads whose replies are held.
    held: usize,
}

#[derive(Debug)]
struct InFlight {
    unit: Arc<Unit>,
    ticket: Ticket,
    attempts: u32,
    held: usize,
}

#[derive(Debug)]
struct Pending {
    unit: Unit,
    ticket: Ticket,
    held: usize,
}

impl Pipeline {
    /// Takes the state that a turn left behind. `unit.expected` is the version before the turn;
    /// where a unit is in flight or pending the version it will leave behind takes its place.
    ///
    /// Gives what the turn's reply waits for, and a unit to submit now.
    pub(crate) fn turn_ended(&mut self, unit: Unit) -> (Ticket, Option<Arc<Unit>>) {
        self.held += 1;
        if let Some(pending) = &mut self.pending {
            let expected = pending.unit.expected;
            pending.unit = Unit { expected, ..unit };
            pending.held += 1;
            return (pending.ticket.clone(), None);
        }
        let ticket = Ticket::new();
        if let Some(in_flight) = &self.in_flight {
            let expected = in_flight.unit.version;
            let unit = Unit { expected, ..unit };
            self.pending = Some(Pending { unit, ticket: ticket.clone(), held: 1 });
            return (ticket, None);
        }
        let unit = Arc::new(unit);
        self.in_flight = Some(InFlight {
            unit: Arc::clone(&unit),
            ticket: ticket.clone(),
            attempts: 1,
            held: 1,
        });
        (ticket, Some(unit))
    }

    /// What a reply waits for that saw the newest state; `None` if that is durable.
    pub(crate) fn newest(&self) -> Option<Ticket> {
        let pending = self.pending.as_ref().map(|pending| &pending.ticket);
        pending.or(self.in_flight.as_ref().map(|in_flight| &in_flight.ticket)).cloned()
    }

    /// As [`Pipeline::newest`], for a read whose reply is held: it counts.
    pub(crate) fn hold_read(&mut self) -> Option<Ticket> {
        let (ticket, held) = match (&mut self.pending, &mut self.in_flight) {
            (Some(pending), _) => (&pending.ticket, &mut pending.held),
            (None, Some(in_flight)) => (&in_flight.ticket, &mut in_flight.held),
            (None, None) => return None,
        };
        *held += 1;
        self.held += 1;
        Some(ticket.clone())
    }

    /// How many replies are held.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_none()
    }

    /// Takes the outcome of a submission.
    pub(crate) fn settled(&mut self, token: Token, outcome: UnitOutcome) -> Settled {
        let ours = self.in_flight.as_ref().is_some_and(|f| f.unit.token == token);
        let Some(mut in_flight) = self.in_flight.take_if(|_| ours) else {
            return Settled::Stale;
        };
        match outcome {
            UnitOutcome::Committed => self.durable(in_flight),
            // An earlier submission of this very unit had committed.
            UnitOutcome::Conflict { token: stored, .. } if stored == token => {
                self.durable(in_flight)
            }
            UnitOutcome::Unknown { .. } => {
                in_flight.attempts = in_flight.attempts.saturating_add(1);
                let (unit, attempts) = (Arc::clone(&in_flight.unit), in_flight.attempts);
                self.in_flight = Some(in_flight);
                Settled::Again { unit, attempts }
            }
            UnitOutcome::Conflict { version, token } => {
                self.lost(in_flight, Loss::Overtaken { stored: version, by: token })
            }
            UnitOutcome::TooLarge { bytes, bytes_max } => {
                self.lost(in_flight, Loss::TooLarge { bytes, bytes_max })
            }
            UnitOutcome::Fenced { reason } => self.lost(in_flight, Loss::Fenced { reason }),
        }
    }

    fn durable(&mut self, done: InFlight) -> Settled {
        self.held -= done.held;
        let next = self.pending.take().map(|pending| {
            let unit = Arc::new(pending.unit);
            self.in_flight = Some(InFlight {
                unit: Arc::clone(&unit),
                ticket: pending.ticket,
                attempts: 1,
                held: pending.held,
            });
            unit
        });
        Settled::Durable { ticket: done.ticket, next }
    }

    fn lost(&mut self, in_flight: InFlight, why: Loss) -> Settled {
        self.held = 0;
        let pending = self.pending.take().map(|pending| pending.ticket);
        Settled::Lost { in_flight: in_flight.ticket, pending, why }
    }
}
