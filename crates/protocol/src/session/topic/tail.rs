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

#[cfg(test)]
mod tests {
    use super::*;

    /// As large as it says.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Large(usize);

    impl Weigh for Large {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    fn offsets(tail: &Tail<Large>) -> Vec<u64> {
        tail.events.iter().map(|(offset, _)| *offset).collect()
    }

    #[test]
    fn a_tail_is_bounded_by_count_and_bytes_and_keeps_the_last_event_whatever_it_has() {
        let bounds = TailBounds { events_max: 3, bytes_max: 10 };
        for (sizes, kept) in [
            (&[1, 1, 1, 1][..], &[7, 8, 9][..]),
            (&[4, 4, 4], &[8, 9]),
            (&[5, 5], &[8, 9]),
            (&[5, 6], &[9]),
            (&[1, 99], &[9]),
        ] {
            let mut tail = Tail::new(bounds);
            let first = 10 - sizes.len() as u64;
            (first..).zip(sizes).for_each(|(offset, size)| tail.push(offset, Large(*size)));
            assert_eq!(offsets(&tail), kept, "{sizes:?}");
            let bytes: usize = tail.events.iter().map(|(_, event)| event.0).sum();
            assert_eq!(tail.bytes, bytes, "{sizes:?}: what has left is not counted");
            assert!(tail.after(9).is_some_and(|mut after| after.next().is_none()));
            assert!(tail.after(kept[0] - 2).is_none(), "{sizes:?}: one of them is gone");
            tail.clear();
            assert_eq!((tail.bytes, tail.after(9).is_none()), (0, true));
        }
    }

    #[test]
    fn what_was_read_goes_before_as_far_as_there_is_room() {
        let bounds = TailBounds { events_max: 3, bytes_max: 10 };
        let page = |sizes: &[usize]| -> Vec<_> {
            (1..).zip(sizes.iter().map(|size| Large(*size))).collect()
        };
        for (sizes, kept) in [
            (&[1, 1, 1, 1, 1][..], &[4, 5, 6][..]),
            (&[1, 1, 1, 9, 1], &[5, 6]),
            (&[1, 1, 1, 1, 10], &[6]),
            (&[1, 1, 1], &[6]),                   // 4 and 5 are missing
            (&[1, 1, 1, 1, 1, 9, 9], &[4, 5, 6]), // 6 and 7 are not read anew
        ] {
            let mut tail = Tail::new(bounds);
            tail.push(6, Large(1));
            tail.extend_back(6, &page(sizes));
            assert_eq!(offsets(&tail), kept, "{sizes:?}");
            assert!(tail.bytes <= bounds.bytes_max, "{sizes:?}");
        }
        let mut empty = Tail::new(bounds);
        empty.extend_back(2, &page(&[1, 1, 1]));
        assert_eq!(offsets(&empty), [1, 2], "up to the head, and no further");
    }
}
