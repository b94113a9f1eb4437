//! The commit of one activation: one unit in flight, one pending, and who waits for which.
//!
//! Turns do not wait for the store: a turn's encoded state replaces the pending one, and the next
//! turn starts. Replies wait, by ticket. When a unit is settled the pending one goes out. This is
//! the pipelined group commit of DESIGN section 6; the machine is pure, and its driver submits
//! what it gives.

use std::sync::Arc;
use std::time::Duration;

use tenure_actor::Ticket;
use tenure_store::{Unit, UnitOutcome};
use tenure_types::{Instant, Token, Version};

/// What the driver must do after an outcome.
#[derive(Debug)]
pub(crate) enum Settled {
    /// The ticket's turns are durable; submit the next unit, if there is one. Without one nothing
    /// is unsaved any more. The unit `done` took `took` from its first submission.
    /// `behind` names what is not unsaved any more.
    Durable {
        done: Arc<Unit>,
        ticket: Ticket,
        next: Option<Arc<Unit>>,
        took: Duration,
        behind: Vec<u64>,
    },
    /// The outcome is not known: pause the activation and submit the same unit again, after a
    /// pause that grows with `attempts`.
    Again { unit: Arc<Unit>, attempts: u32 },
    /// The unit did not and will not commit: the state in memory is lost. The first ticket's
    /// turns were in flight, the second's never left. Where the unit was submitted before with an
    /// outcome that nobody knows, it may have committed then.
    Lost {
        in_flight: Ticket,
        pending: Option<Ticket>,
        submitted_before: bool,
        why: Loss,
        behind: Vec<u64>,
    },
    /// The outcome is not that of the unit in flight: a late answer to one that was settled.
    Stale,
}

/// What was on its way and was given up.
#[derive(Debug)]
pub(crate) struct GivenUp {
    /// Of a unit that may have committed, or may yet.
    pub(crate) in_flight: Option<Ticket>,
    /// Of one that was never submitted.
    pub(crate) pending: Option<Ticket>,
    /// Names what is not unsaved any more.
    pub(crate) behind: Vec<u64>,
}

/// Why a unit was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Another writer's unit is stored.
    Overtaken { stored: Version, by: Token },
    /// The engine refused the unit for its size.
    TooLarge { bytes: usize, bytes_max: usize },
    /// The engine says that the unit breaks a rule.
    Invalid { reason: Box<str> },
    /// What is stored cannot be read.
    Damaged { reason: Box<str> },
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
    since: Instant,
    bytes: usize,
    behind: Vec<(Instant, u64)>,
}

#[derive(Debug)]
struct Pending {
    unit: Unit,
    ticket: Ticket,
    held: usize,
    behind: Vec<(Instant, u64)>,
}

impl Pipeline {
    /// Takes the state that a turn left behind. `unit.expected` is the version before the turn;
    /// where a unit is in flight or pending the version it will leave behind takes its place.
    ///
    /// `behind` is when the oldest turn of it was acknowledged, if one was, and its entry in the
    /// list of what is unsaved.
    ///
    /// Gives what the turn's reply waits for, and a unit to submit now.
    pub(crate) fn turn_ended(
        &mut self,
        mut unit: Unit,
        now: Instant,
        behind: Option<(Instant, u64)>,
    ) -> (Ticket, Option<Arc<Unit>>) {
        self.held += 1;
        if let Some(pending) = &mut self.pending {
            // What the turns before have left goes with the newest state.
            let mut rows = std::mem::take(&mut pending.unit.rows);
            rows.append(&mut unit.rows);
            let mut entries = std::mem::take(&mut pending.unit.entries);
            entries.append(&mut unit.entries);
            let expected = pending.unit.expected;
            pending.unit = Unit { expected, rows, entries, ..unit };
            pending.behind.extend(behind);
            pending.held += 1;
            return (pending.ticket.clone(), None);
        }
        let behind = Vec::from_iter(behind);
        let ticket = Ticket::new();
        if let Some(in_flight) = &self.in_flight {
            let expected = in_flight.unit.version;
            let unit = Unit { expected, ..unit };
            self.pending = Some(Pending { unit, ticket: ticket.clone(), held: 1, behind });
            return (ticket, None);
        }
        let unit = Arc::new(unit);
        self.in_flight = Some(InFlight {
            bytes: unit.bytes(),
            unit: Arc::clone(&unit),
            ticket: ticket.clone(),
            attempts: 1,
            held: 1,
            since: now,
            behind,
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

    /// When the oldest acknowledged turn that is on its way ended.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        let in_flight = self.in_flight.iter().flat_map(|it| &it.behind);
        let pending = self.pending.iter().flat_map(|it| &it.behind);
        in_flight.chain(pending).map(|(since, _)| *since).min()
    }

    /// Bytes, and rows and entries, that wait for the unit in flight.
    pub(crate) fn pending(&self) -> (usize, usize) {
        let unit = self.pending.as_ref().map(|pending| &pending.unit);
        unit.map_or((0, 0), |unit| (unit.bytes(), unit.len_beside()))
    }

    /// Bytes of the unit in flight.
    pub(crate) fn in_flight_bytes(&self) -> usize {
        self.in_flight.as_ref().map_or(0, |in_flight| in_flight.bytes)
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_none()
    }

    /// Takes the outcome of a submission.
    pub(crate) fn settled(&mut self, token: Token, outcome: UnitOutcome, now: Instant) -> Settled {
        let ours = self.in_flight.as_ref().is_some_and(|f| f.unit.token == token);
        let Some(mut in_flight) = self.in_flight.take_if(|_| ours) else {
            return Settled::Stale;
        };
        match outcome {
            UnitOutcome::Committed => self.durable(in_flight, now),
            // An earlier submission of this very unit had committed.
            UnitOutcome::Conflict { token: stored, .. } if stored == token => {
                self.durable(in_flight, now)
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
            UnitOutcome::Invalid { reason } => self.lost(in_flight, Loss::Invalid { reason }),
            UnitOutcome::Corrupt { reason } => self.lost(in_flight, Loss::Damaged { reason }),
            UnitOutcome::Fenced { reason } => self.lost(in_flight, Loss::Fenced { reason }),
        }
    }

    /// Forgets everything on its way: nobody will ask for its outcome.
    pub(crate) fn give_up(&mut self) -> GivenUp {
        self.held = 0;
        let (in_flight, pending) = (self.in_flight.take(), self.pending.take());
        let units = in_flight.iter().map(|it| &it.behind);
        let behind = units.chain(pending.iter().map(|it| &it.behind));
        let behind = behind.flat_map(|it| entries(it)).collect();
        let (in_flight, pending) = (in_flight.map(|it| it.ticket), pending.map(|it| it.ticket));
        GivenUp { in_flight, pending, behind }
    }

    fn durable(&mut self, done: InFlight, now: Instant) -> Settled {
        self.held -= done.held;
        let next = self.pending.take().map(|pending| {
            let unit = Arc::new(pending.unit);
            self.in_flight = Some(InFlight {
                bytes: unit.bytes(),
                unit: Arc::clone(&unit),
                ticket: pending.ticket,
                attempts: 1,
                held: pending.held,
                since: now,
                behind: pending.behind,
            });
            unit
        });
        let behind = entries(&done.behind).collect();
        let took = now.saturating_since(done.since);
        Settled::Durable { done: done.unit, ticket: done.ticket, next, took, behind }
    }

    fn lost(&mut self, in_flight: InFlight, why: Loss) -> Settled {
        self.held = 0;
        let pending = self.pending.take();
        let later = pending.as_ref().map_or(&[][..], |pending| &pending.behind);
        let behind = entries(&in_flight.behind).chain(entries(later)).collect();
        let submitted_before = in_flight.attempts > 1;
        let pending = pending.map(|pending| pending.ticket);
        Settled::Lost { in_flight: in_flight.ticket, pending, submitted_before, why, behind }
    }
}

fn entries(behind: &[(Instant, u64)]) -> impl Iterator<Item = u64> {
    behind.iter().map(|(_, entry)| *entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

    use proptest::prelude::*;
    use tenure_actor::WaitSlot;
    use tenure_store::{Content, Encoded, EventLog};
    use tenure_types::{ActorId, ActorTypeName, Incarnation, Key, Tenure};

    fn unit(version: u64, sequence: u64) -> Unit {
        let actor_type = ActorTypeName::new("ledger").unwrap();
        Unit {
            actor: ActorId { actor_type, key: Key::new("a").unwrap() },
            expected: Version(version - 1),
            version: Version(version),
            tenure: Tenure::default(),
            token: Token { incarnation: Incarnation(1), sequence },
            written_at_ms: 0,
            log: EventLog::default(),
            content: content(version),
            rows: Vec::new(),
            entries: Vec::new(),
        }
    }

    fn content(version: u64) -> Content {
        let bytes = version.to_le_bytes().to_vec();
        Content::State(Encoded { schema: 1, codec: 1, bytes })
    }

    fn is_settled(ticket: &Ticket) -> bool {
        let cx = Context::from_waker(Waker::noop());
        matches!(ticket.poll(&mut WaitSlot::default(), &cx), Poll::Ready(Ok(())))
    }

    fn unknown() -> UnitOutcome {
        UnitOutcome::Unknown { reason: "a test".into() }
    }

    fn overtaken() -> UnitOutcome {
        let token = Token { incarnation: Incarnation(9), sequence: 9 };
        UnitOutcome::Conflict { version: Version(99), token }
    }

    #[test]
    fn an_outcome_of_another_submission_changes_nothing() {
        let mut pipeline = Pipeline::default();
        let stale = Token { incarnation: Incarnation(1), sequence: 7 };
        assert!(matches!(
            pipeline.settled(stale, UnitOutcome::Committed, Instant::from_nanos(7)),
            Settled::Stale
        ));
        let (ticket, first) = pipeline.turn_ended(unit(1, 1), Instant::from_nanos(0), None);
        assert!(matches!(
            pipeline.settled(stale, UnitOutcome::Committed, Instant::from_nanos(7)),
            Settled::Stale
        ));
        let token = first.unwrap().token;
        let Settled::Durable { ticket: durable, next: None, .. } =
            pipeline.settled(token, UnitOutcome::Committed, Instant::from_nanos(7))
        else {
            panic!("the unit in flight is committed");
        };
        assert!(durable.is(&ticket) && pipeline.is_idle());
        assert!(matches!(
            pipeline.settled(token, UnitOutcome::Committed, Instant::from_nanos(7)),
            Settled::Stale
        ));
    }

    #[test]
    fn a_conflict_with_ones_own_token_is_a_commit() {
        let mut pipeline = Pipeline::default();
        let token = pipeline.turn_ended(unit(1, 1), Instant::from_nanos(0), None).1.unwrap().token;
        assert!(matches!(
            pipeline.settled(token, unknown(), Instant::from_nanos(7)),
            Settled::Again { attempts: 2, .. }
        ));
        assert!(matches!(
            pipeline.settled(token, unknown(), Instant::from_nanos(7)),
            Settled::Again { attempts: 3, .. }
        ));
        let own = UnitOutcome::Conflict { version: Version(1), token };
        assert!(matches!(
            pipeline.settled(token, own, Instant::from_nanos(7)),
            Settled::Durable { next: None, .. }
        ));
    }

    #[test]
    fn a_lost_unit_takes_the_pending_one_with_it() {
        let mut pipeline = Pipeline::default();
        let (first, submitted) = pipeline.turn_ended(unit(1, 1), Instant::from_nanos(0), None);
        let (second, none) = pipeline.turn_ended(unit(2, 2), Instant::from_nanos(0), None);
        assert!(none.is_none() && pipeline.hold_read().unwrap().is(&second));
        assert_eq!(pipeline.held(), 3);
        let lost = pipeline.settled(submitted.unwrap().token, overtaken(), Instant::from_nanos(7));
        let Settled::Lost {
            in_flight, pending: Some(pending), why: Loss::Overtaken { .. }, ..
        } = lost
        else {
            panic!("{lost:?}");
        };
        assert!(in_flight.is(&first) && pending.is(&second));
        assert!(pipeline.is_idle() && pipeline.held() == 0 && pipeline.newest().is_none());
    }

    #[test]
    fn damage_loses_the_unit_and_only_an_earlier_submission_may_have_stored_it() {
        for unknowns in 0..3 {
            let mut pipeline = Pipeline::default();
            let (ticket, submitted) = pipeline.turn_ended(unit(1, 1), Instant::from_nanos(0), None);
            let token = submitted.unwrap().token;
            for _ in 0..unknowns {
                assert!(matches!(
                    pipeline.settled(token, unknown(), Instant::from_nanos(7)),
                    Settled::Again { .. }
                ));
            }
            let corrupt = UnitOutcome::Corrupt { reason: "a test".into() };
            let lost = pipeline.settled(token, corrupt.clone(), Instant::from_nanos(7));
            let Settled::Lost { in_flight, pending: None, submitted_before, why, .. } = lost else {
                panic!("{lost:?}");
            };
            assert_eq!(why, Loss::Damaged { reason: "a test".into() });
            assert_eq!(submitted_before, unknowns > 0);
            assert!(in_flight.is(&ticket) && pipeline.is_idle() && pipeline.held() == 0);
            assert!(matches!(
                pipeline.settled(token, corrupt, Instant::from_nanos(7)),
                Settled::Stale
            ));
        }
    }

    proptest! {
        /// Against a store in a variable: units leave one at a time and in order, each continues
        /// what is stored, and a ticket is settled exactly when its turns are stored.
        #[test]
        fn every_unit_continues_the_one_before(
            steps in prop::collection::vec(0_u8..6, 1..100)
        ) {
            let mut pipeline = Pipeline::default();
            let (mut stored, mut made, mut held) = (0, 0, 0);
            let mut in_flight: Option<Arc<Unit>> = None;
            let mut tickets: Vec<(u64, Ticket)> = Vec::new();
            for step in steps {
                match step {
                    0..3 => {
                        made += 1;
                        let (ticket, submit) = pipeline.turn_ended(unit(made, made), Instant::from_nanos(0), None);
                        prop_assert_eq!(submit.is_some(), in_flight.is_none());
                        in_flight = in_flight.or(submit);
                        tickets.push((made, ticket));
                        held += 1;
                    }
                    3 => {
                        let read = pipeline.hold_read();
                        prop_assert_eq!(read.is_none(), stored == made);
                        held += usize::from(read.is_some());
                        tickets.extend(read.map(|ticket| (made, ticket)));
                    }
                    _ => {
                        let Some(unit) = in_flight.take() else { continue };
                        prop_assert_eq!(unit.expected, Version(stored));
                        prop_assert_eq!(&unit.content, &content(unit.version.0));
                        if step == 4 {
                            let again = pipeline.settled(unit.token, unknown(), Instant::from_nanos(7));
                            let is_again = matches!(again, Settled::Again { .. });
                            prop_assert!(is_again);
                            in_flight = Some(unit);
                            continue;
                        }
                        stored = unit.version.0;
                        let settled = pipeline.settled(unit.token, UnitOutcome::Committed, Instant::from_nanos(7));
                        let Settled::Durable { ticket, next, .. } = settled else {
                            return Err(TestCaseError::fail("a committed unit is durable"));
                        };
                        ticket.settle(Ok(()));
                        in_flight = next;
                        held = tickets.iter().filter(|(version, _)| *version > stored).count();
                    }
                }
                prop_assert_eq!(pipeline.held(), held);
                prop_assert_eq!(pipeline.is_idle(), in_flight.is_none());
                for (version, ticket) in &tickets {
                    prop_assert_eq!(is_settled(ticket), *version <= stored);
                }
            }
        }
    }
}
