//! The last events of an actor, for clients who resume: where events leave before they are stored.

use std::collections::VecDeque;
use std::time::Duration;

use tenure_actor::EventBytes;
use tenure_types::Instant;

/// How many events a window holds.
pub(crate) const WINDOW_EVENTS_MAX: u64 = 1_000;
/// How long a window in memory holds an event.
pub(crate) const WINDOW_AGE_MAX: Duration = Duration::from_secs(120);
/// The bytes of a window in memory.
const WINDOW_BYTES_MAX: usize = 4 << 20;
/// The bytes of a window that is stored when its activation leaves in order.
const STORED_BYTES_MAX: usize = 1 << 20;

/// Events in memory, oldest first.
#[derive(Clone, Default)]
pub(crate) struct Window {
    events: VecDeque<(u64, Instant, EventBytes)>,
    bytes: usize,
}

impl Window {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the event with the next offset.
    pub(crate) fn push(&mut self, offset: u64, now: Instant, event: EventBytes) {
        self.bytes += event.len();
        self.events.push_back((offset, now, event));
        while self.events.len() > 1 && self.has_too_much(now) {
            if let Some((_, _, event)) = self.events.pop_front() {
                self.bytes -= event.len();
            }
        }
    }

    /// The events after `after`, at most `limit`; `None` if the first of them is gone, or was never
    /// there.
    pub(crate) fn after(&self, after: u64, limit: usize) -> Option<Vec<(u64, EventBytes)>> {
        let (first, ..) = self.events.front()?;
        if after + 1 < *first {
            return None;
        }
        let later = self.events.iter().filter(|(offset, ..)| *offset > after);
        Some(later.take(limit).map(|(offset, _, event)| (*offset, event.clone())).collect())
    }

    /// The newest events, as many as are stored when an activation leaves in order.
    pub(crate) fn to_store(&self) -> impl Iterator<Item = (u64, &EventBytes)> {
        let mut bytes = 0;
        let mut first = self.events.len();
        for (index, (_, _, event)) in self.events.iter().enumerate().rev() {
            bytes += event.len();
            if bytes > STORED_BYTES_MAX {
                break;
            }
            first = index;
        }
        self.events.iter().skip(first).map(|(offset, _, event)| (*offset, event))
    }

    /// The events and how old they are at `now`, oldest first.
    pub(crate) fn ages(
        &self,
        now: Instant,
    ) -> impl ExactSizeIterator<Item = (Duration, &EventBytes)> {
        self.events.iter().map(move |(_, at, event)| (now.saturating_since(*at), event))
    }

    /// The events are as old at `now` as they were at `then`, on another node's clock.
    pub(crate) fn move_clock(&mut self, then: Instant, now: Instant) {
        for (_, at, _) in &mut self.events {
            let age = then.saturating_since(*at).as_nanos() as u64;
            *at = Instant::from_nanos(now.as_nanos().saturating_sub(age));
        }
    }

    fn has_too_much(&self, now: Instant) -> bool {
        let is_old =
            |(_, at, _): &(u64, Instant, EventBytes)| now.saturating_since(*at) > WINDOW_AGE_MAX;
        self.events.len() as u64 > WINDOW_EVENTS_MAX
            || self.bytes > WINDOW_BYTES_MAX
            || self.events.front().is_some_and(is_old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_bounded_by_count_and_age_and_tells_a_gap() {
        let mut window = Window::default();
        assert_eq!(window.after(0, 10), None, "who knows what was before");
        for offset in 1..=WINDOW_EVENTS_MAX + 2 {
            window.push(offset, Instant::from_nanos(0), vec![1].into());
        }
        assert!(window.after(1, 10).is_none(), "2 is gone");
        let two = window.after(2, 2).expect("3 is there");
        assert_eq!(two.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [3, 4]);
        let late = Instant::from_nanos(0) + WINDOW_AGE_MAX + Duration::from_secs(1);
        window.push(WINDOW_EVENTS_MAX + 3, late, vec![1].into());
        assert!(window.after(WINDOW_EVENTS_MAX + 1, 10).is_none(), "all others are too old");
        assert_eq!(window.after(WINDOW_EVENTS_MAX + 2, 10).map(|it| it.len()), Some(1));
    }

    #[test]
    fn a_window_is_bounded_in_bytes_and_keeps_the_last_event() {
        let mut window = Window::default();
        for offset in 1..=9 {
            window.push(offset, Instant::from_nanos(0), vec![0; WINDOW_BYTES_MAX / 4].into());
            assert!(window.bytes <= WINDOW_BYTES_MAX);
        }
        assert!(window.after(4, 10).is_none(), "5 is gone");
        assert_eq!(window.after(5, 10).map(|it| it.len()), Some(4));
        window.push(10, Instant::from_nanos(0), vec![0; 2 * WINDOW_BYTES_MAX].into());
        assert!(window.after(8, 10).is_none());
        assert_eq!(window.after(9, 10).map(|it| it.len()), Some(1), "whatever it has");
    }

    #[test]
    fn on_another_clock_events_are_as_old_as_they_were() {
        let at = |seconds: u64| Instant::from_nanos(seconds * 1_000_000_000);
        let mut window = Window::default();
        window.push(7, at(100), vec![1].into());
        window.push(8, at(130), vec![2].into());
        window.move_clock(at(140), at(1_000));
        let ages = |window: &Window, now| -> Vec<u64> {
            window.ages(now).map(|(age, _)| age.as_secs()).collect()
        };
        assert_eq!(ages(&window, at(1_005)), [45, 15]);
        // That clock has just begun: they are no older than it.
        window.move_clock(at(1_005), at(20));
        assert_eq!(ages(&window, at(20)), [20, 15]);
    }

    #[test]
    fn of_a_large_window_the_newest_events_are_stored() {
        let mut window = Window::default();
        for offset in 1..=4 {
            window.push(offset, Instant::from_nanos(0), vec![0; STORED_BYTES_MAX / 2].into());
        }
        assert_eq!(window.to_store().map(|(offset, _)| offset).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(Window::default().to_store().count(), 0);
    }
}
