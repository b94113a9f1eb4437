//! The last events of an actor, for clients who resume: where events leave before they are stored.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tenure_types::Instant;

/// Shares the bytes of an event with all who read it.
pub(crate) type EventBytes = Arc<[u8]>;

/// How many events a window holds.
pub(crate) const WINDOW_EVENTS_MAX: u64 = 1_000;
/// How long a window in memory holds an event.
const WINDOW_AGE_MAX: Duration = Duration::from_secs(120);
/// The bytes of a window in memory.
const WINDOW_BYTES_MAX: usize = 4 << 20;

/// Events in memory, oldest first.
#[derive(Default)]
pub(crate) struct Window {
    events: VecDeque<(u64, Instant, EventBytes)>,
    bytes: usize,
}

impl Window {
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

    /// The events after `after`, at most `limit`; `None` if the first of them is gone.
    pub(crate) fn after(&self, after: u64, limit: usize) -> Option<Vec<(u64, EventBytes)>> {
        let first = self.events.front().map(|(offset, ..)| *offset);
        if first.is_some_and(|first| after + 1 < first) {
            return None;
        }
        let later = self.events.iter().filter(|(offset, ..)| *offset > after);
        Some(later.take(limit).map(|(offset, _, event)| (*offset, event.clone())).collect())
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
        assert_eq!(window.after(0, 10), Some(Vec::new()));
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
}
