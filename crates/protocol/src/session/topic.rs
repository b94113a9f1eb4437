//! One actor's events on one node, and everybody there who follows them.

mod event;
mod join;
mod page;
mod tail;

use std::collections::BTreeMap;

use super::position::Position;
use tail::Tail;
pub use tail::{TailBounds, Weigh};

/// What the driver of a [`Topic`] is to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<S, E> {
    /// Answer a subscriber that joined: it stands at `at` after `events`, and what follows comes.
    Answer {
        /// Whom.
        to: S,
        /// Where it stands after these events.
        at: Position,
        /// It goes on where it was before. Otherwise it has to take the actor's state afresh.
        recovered: bool,
        /// What it missed.
        events: Vec<(u64, E)>,
    },
    /// Give an event to a subscriber.
    Deliver {
        /// To whom.
        to: S,
        /// The event's number.
        offset: u64,
        /// The event.
        event: E,
    },
    /// Read the events after `after` and give them to [`Topic::handle_page`] with `reader`. Where
    /// that fails, too, a page without events.
    Read {
        /// Who needs them: one subscriber, or all (`None`).
        reader: Option<S>,
        /// From where on.
        after: Position,
    },
    /// A subscriber cannot go on where it is; the topic has forgotten it. One that was not answered
    /// may join again, one that was has to be told.
    Reset {
        /// Whom.
        to: S,
        /// Whether it was answered before.
        was_answered: bool,
    },
}

/// What a log had after some position when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<E> {
    /// The end of the log.
    pub end: Position,
    /// The first events after the position, without a gap; `None` where they cannot follow it.
    pub events: Option<Vec<(u64, E)>>,
}

/// One actor's events on one node and who follows them.
///
/// A subscriber gets each event of one log (epoch) once and in order, from where it stood when it
/// joined; or it is reset. Events are told by [`Topic::handle_event`] in their order, perhaps again,
/// and perhaps with gaps, which are then read.
#[derive(Debug)]
pub struct Topic<S, E> {
    /// The last event that was told, or where the log stood when the first subscriber joined.
    head: Option<Position>,
    /// The last events up to the head.
    tail: Tail<E>,
    subscribers: BTreeMap<S, Subscriber<E>>,
    /// Events after the head are being read for all.
    is_reading: bool,
    /// More was missed meanwhile.
    reads_again: bool,
    /// Something was missed before it was known where the log stands.
    is_behind: bool,
    /// Counts the logs that were seen, so that what was read of an earlier one is told from the
    /// present one.
    generation: u64,
    effects: Vec<Effect<S, E>>,
}

#[derive(Debug)]
struct Subscriber<E> {
    at: Position,
    phase: Phase<E>,
}

#[derive(Debug)]
enum Phase<E> {
    /// Its `#[attach]` turn has not answered.
    Joining,
    /// It is behind the head: what it misses is being read.
    Filling(Filling<E>),
    /// It takes what comes.
    Live,
}

#[derive(Debug)]
struct Filling<E> {
    /// What to answer; `None` once it was answered.
    answer: Option<Answer<E>>,
    /// The topic's generation when the page was asked for.
    generation: u64,
    /// How many pages were asked for.
    reads: u32,
}

#[derive(Debug)]
struct Answer<E> {
    recovered: bool,
    /// Where the log stood when the subscriber was let in.
    log: Position,
    events: Vec<(u64, E)>,
}

impl<S: Copy + Ord, E: Clone + Weigh> Topic<S, E> {
    /// A topic that nobody follows.
    #[must_use]
    pub fn new(bounds: TailBounds) -> Self {
        Self {
            head: None,
            tail: Tail::new(bounds),
            subscribers: BTreeMap::new(),
            is_reading: false,
            reads_again: false,
            is_behind: false,
            generation: 0,
            effects: Vec::new(),
        }
    }

    /// What is to be done since this was asked last.
    pub fn take_effects(&mut self) -> Vec<Effect<S, E>> {
        std::mem::take(&mut self.effects)
    }

    /// How many follow the topic or are about to.
    #[must_use]
    pub fn len(&self) -> usize {
        self.subscribers.len()
    }

    /// Whether nobody follows the topic.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// Forgets a subscriber. Nothing is delivered to it after that.
    pub fn handle_leave(&mut self, id: S) {
        self.subscribers.remove(&id);
    }

    /// The log is another one, and `head` is known of it: who followed the old one cannot go on.
    fn turn_to(&mut self, head: Position) {
        self.head = Some(head);
        self.tail.clear();
        self.generation += 1;
        self.reset_where(|it| matches!(it.phase, Phase::Live) && it.at.epoch != head.epoch);
    }

    fn reset_where(&mut self, is_lost: impl Fn(&Subscriber<E>) -> bool) {
        let lost = self.subscribers.extract_if(.., |_, it| is_lost(it));
        self.effects.extend(lost.map(|(to, _)| Effect::Reset { to, was_answered: true }));
    }
}

#[cfg(test)]
mod tests;
