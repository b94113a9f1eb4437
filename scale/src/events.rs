//! What happens later, by time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

use tenure_protocol::cluster::Message;
use tenure_protocol::view::membership::{Death, Timer};
use tenure_protocol::view::table::{TableAnswer, TableRequest};
use tenure_types::{ActorId, Incarnation, Instant, Tenure, ViewNumber};

/// Something that happens to a node (a place in the world's list) or to the table.
#[derive(Debug)]
pub(crate) enum Event {
    /// The process starts and asks for a row.
    Start { node: usize },
    /// A message arrives.
    Deliver { from: Incarnation, node: usize, message: Message },
    /// Somebody says that there is a view with this number.
    Number { node: usize, number: ViewNumber },
    /// Something speaks for a death.
    Death { node: usize, dead: Incarnation, death: Death },
    /// A request reaches the table; its answer takes `back`.
    Ask { node: usize, request: u64, ask: TableRequest, back: Duration },
    /// The table's answer arrives.
    Answer { node: usize, request: u64, answer: TableAnswer },
    /// The membership's timer.
    Timer { node: usize, timer: Timer },
    /// The cluster machine wants to know the time.
    Due { node: usize },
    /// The store has fenced an incarnation.
    Fenced { node: usize, dead: Incarnation },
    /// A caller got no answer from where the actor was said to be.
    Missed { node: usize, actor: ActorId, at: (Incarnation, Tenure) },
}

/// Events by time; those of one time in the order in which they were put.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    put: u64,
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    number: u64,
    event: Event,
}

impl Queue {
    pub(crate) fn put(&mut self, at: Instant, event: Event) {
        self.put += 1;
        self.heap.push(Reverse(Entry { at, number: self.put, event }));
    }

    /// The next event that is not after `until`, with its time.
    pub(crate) fn take(&mut self, until: Instant) -> Option<(Instant, Event)> {
        if self.heap.peek().is_none_or(|entry| entry.0.at > until) {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}
