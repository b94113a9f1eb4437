use std::collections::VecDeque;

/// How large an event is where it is kept.
pub trait Weigh {
    /// Bytes.
    fn bytes(&self) -> usize;
}

/// How much of its last events a topic keeps for who comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TailBounds {
    /// Events.
    pub events_max: usize,
    /// Bytes of them. The last event is kept whatever it has.
    pub bytes_max: usize,
}

/// The last events of a log, without a gap.
#[derive(Debug)]
pub(super) struct Tail<E> {
    bounds: TailBounds,
    events: VecDeque<(u64, E)>,
    bytes: usize,
}

impl<E: Clone + Weigh> Tail<E> {
    pub(super) fn new(bounds: TailBounds) -> Self {
        Self { bounds, events: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.bytes = 0;
    }

    /// Adds the event that follows the last one.
    pub(super) fn push(&mut self, offset: u64, event: E) {
        debug_assert!(self.events.back().is_none_or(|(last, _)| last + 1 == offset));
        self.bytes += event.bytes();
        self.events.push_back((offset, event));
        while self.events.len() > 1 && !self.has_room(0, 0) {
            if let Some((_, first)) = self.events.pop_front() {
                self.bytes -= first.bytes();
            }
        }
    }

    /// Adds what was read of the events before the first one, or up to `head` if there is none, as
    /// far as there is room.
    pub(super) fn extend_back(&mut self, head: u64, events: &[(u64, E)]) {
        let next = self.events.front().map_or(head + 1, |(first, _)| *first);
        let mut next = next;
        for (offset, event) in events.iter().rev() {
            if *offset >= next {
                continue;
            }
            if offset + 1 != next || !self.has_room(1, event.bytes()) {
                return;
            }
            self.bytes += event.bytes();
            self.events.push_front((*offset, event.clone()));
            next = *offset;
        }
    }

    /// The events after `offset`, if none of them is missing.
    pub(super) fn after(&self, offset: u64) -> Option<impl Iterator<Item = &(u64, E)>> {
        let (first, _) = self.events.front()?;
        let skipped = (offset + 1).checked_sub(*first)?;
        Some(self.events.iter().skip(usize::try_from(skipped).ok()?))
    }

    fn has_room(&self, events: usize, bytes: usize) -> bool {
        self.events.len() + events <= self.bounds.events_max
            && self.bytes + bytes <= self.bounds.bytes_max
    }
}
