use tenure_types::{CallError, Instant, Outcome, Tenure, Version};

use super::cast::{ActorNo, ClientNo, Mode};
use super::violation::{Record, VIOLATIONS_MAX};

/// How many calls a history keeps. Later ones are counted, and the verdict says so.
pub const CALLS_MAX: usize = 1 << 18;

/// The number of an attempt: a call that is made again is another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallId(pub u32);

/// What a changing turn does to the number that the actor holds. Numbers begin at zero and wrap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    /// Adds to it.
    Add(u64),
    /// Replaces it.
    Set(u64),
    /// Does what no judge follows: the value is a digest of the state.
    Opaque,
}

impl Op {
    /// The number after `before`; `None` when nobody can say.
    #[must_use]
    pub const fn after(self, before: u64) -> Option<u64> {
        match self {
            Op::Add(by) => Some(before.wrapping_add(by)),
            Op::Set(to) => Some(to),
            Op::Opaque => None,
        }
    }
}

/// What a call asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// A turn that changes nothing.
    Read,
    /// A turn that changes its actor, the version included.
    Write {
        /// What it does.
        op: Op,
        /// Names the effect: unique in the run, and the same in every attempt with one idempotency key.
        effect: u64,
    },
}

/// What a client asks. Turns that no client waits for (sends, reminders, timers) are asked by a client of
/// their own and never ended, so that judges expect that they may have happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask {
    /// Who asks.
    pub client: ClientNo,
    /// Whom.
    pub actor: ActorNo,
    /// The actor's mode.
    pub mode: Mode,
    /// For what.
    pub kind: Kind,
    /// The idempotency key.
    pub key: Option<u64>,
    /// Whether the reply of a write-behind type is asked to wait until it is durable.
    pub waits_durable: bool,
    /// When the client sent it.
    pub sent_at: Instant,
    /// By when it wants an answer; [`Instant::NEVER`] for those that nobody waits for.
    pub deadline: Instant,
}

impl Ask {
    /// Whether an acknowledgement of it promises durability.
    #[must_use]
    pub const fn is_durable(&self) -> bool {
        self.mode.is_durable() || (self.waits_durable && matches!(self.mode, Mode::WriteBehind))
    }

    /// The effect that it names, if it changes something.
    #[must_use]
    pub const fn effect(&self) -> Option<u64> {
        match self.kind {
            Kind::Read => None,
            Kind::Write { effect, .. } => Some(effect),
        }
    }
}

/// What a reply says: the state that the turn saw at its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Under which right the turn ran.
    pub tenure: Tenure,
    /// The version after the turn: of a write, the one that it made.
    pub version: Version,
    /// The number that the actor holds, or a digest of its state.
    pub value: u64,
    /// A random number that an activation draws when it is made, and takes along when it moves; zero if
    /// the reply does not say.
    pub memory: u64,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// With a reply.
    Acked(Answer),
    /// With an error that says that it had no effect.
    NotExecuted,
    /// With an error that says nothing of its effect.
    Unknown,
    /// Refused at a bound: no effect.
    Overloaded,
    /// The client itself went away.
    Abandoned,
}

impl End {
    /// What an error says. An application's own error counts as unknown: the turn ran, and what it changed
    /// is not in the answer.
    #[must_use]
    pub fn of_error<E>(error: &CallError<E>) -> Self {
        match (error, error.outcome()) {
            (CallError::Overloaded { .. }, _) => End::Overloaded,
            (_, Outcome::NotExecuted) => End::NotExecuted,
            (_, Outcome::Executed | Outcome::Unknown) => End::Unknown,
        }
    }

    /// Whether it says that nothing happened.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, End::NotExecuted | End::Overloaded)
    }
}

/// One attempt of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// Its number.
    pub id: CallId,
    /// What was asked.
    pub ask: Ask,
    /// When and how it ended; `None` while it runs.
    pub ended: Option<(Instant, End)>,
}

impl Call {
    /// When a reply came, and what it says.
    #[must_use]
    pub fn acked(&self) -> Option<(Instant, Answer)> {
        match self.ended {
            Some((at, End::Acked(answer))) => Some((at, answer)),
            _ => None,
        }
    }

    /// Whether nobody can say if it had its effect.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ended.is_none_or(|(_, end)| matches!(end, End::Unknown | End::Abandoned))
    }

    pub(super) fn record(&self) -> Record {
        Record::new(self.ask.sent_at, self)
    }
}

/// The calls of a run, in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    calls: Vec<Call>,
    dropped: u32,
    again: Vec<(CallId, Instant)>,
}

impl Calls {
    /// A client asks.
    pub fn begin(&mut self, ask: Ask) -> CallId {
        let id = CallId(self.calls.len() as u32 + self.dropped);
        if self.calls.len() < CALLS_MAX {
            self.calls.push(Call { id, ask, ended: None });
        } else {
            self.dropped += 1;
        }
        id
    }

    /// A client is answered. A second answer is kept for the judge of answers; the first one counts.
    pub fn end(&mut self, id: CallId, at: Instant, end: End) {
        let Some(call) = self.calls.get_mut(id.0 as usize) else { return };
        if call.ended.is_none() {
            call.ended = Some((at, end));
        } else if self.again.len() < VIOLATIONS_MAX {
            self.again.push((id, at));
        }
    }

    /// Every call that was kept.
    pub fn iter(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }

    /// The call with this number, if it was kept.
    #[must_use]
    pub fn get(&self, id: CallId) -> Option<&Call> {
        self.calls.get(id.0 as usize)
    }

    /// How many calls were not kept.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// The first [`VIOLATIONS_MAX`] times that a call was answered again, and when.
    #[must_use]
    pub fn answered_again(&self) -> &[(CallId, Instant)] {
        &self.again
    }
}

#[cfg(test)]
mod tests {
    use super::super::staging::{ask, at};
    use super::*;

    #[test]
    fn errors_say_what_can_be_relied_on() {
        for (error, expected) in [
            (CallError::App(1), End::Unknown),
            (CallError::NotFound { detail: "x".into() }, End::NotExecuted),
            (CallError::Deadline { outcome: Outcome::NotExecuted }, End::NotExecuted),
            (CallError::Deadline { outcome: Outcome::Unknown }, End::Unknown),
            (
                CallError::Overloaded { detail: "x".into(), retry_after_ms: 1, actor: true },
                End::Overloaded,
            ),
        ] {
            assert_eq!(End::of_error(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn a_history_is_bounded_and_says_so() {
        let mut calls = Calls::default();
        for _ in 0..CALLS_MAX {
            calls.begin(ask(0, Mode::Volatile, Kind::Read, 1));
        }
        assert_eq!(calls.dropped(), 0);
        let late = calls.begin(ask(0, Mode::Volatile, Kind::Read, 1));
        calls.end(late, at(2), End::Unknown);
        assert_eq!((calls.dropped(), calls.get(late)), (1, None));
        assert_eq!(calls.iter().count(), CALLS_MAX);
    }

    #[test]
    fn the_first_answer_counts() {
        let mut calls = Calls::default();
        let id = calls.begin(ask(0, Mode::Volatile, Kind::Read, 1));
        assert!(calls.get(id).is_some_and(Call::is_open));
        calls.end(id, at(2), End::NotExecuted);
        calls.end(id, at(3), End::Unknown);
        assert_eq!(calls.get(id).and_then(|call| call.ended), Some((at(2), End::NotExecuted)));
        assert_eq!(calls.answered_again(), [(id, at(3))]);
    }
}
