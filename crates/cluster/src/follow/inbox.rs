//! What one follower at another node is to be told.

use std::collections::VecDeque;
use std::time::Duration;

use tenure_actor::EventBytes;
use tenure_types::Instant;

use crate::following::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, News};

/// How many events wait for one follower; past it they are forgotten, and the follower reads them.
pub(super) const INBOX_EVENTS_MAX: usize = 1_024;
/// The most bytes of them, and of one event: a larger one is read.
pub(super) const INBOX_BYTES_MAX: usize = 1 << 20;
/// After how long what was not heard is told again; each time later, up to the longest pause.
const AGAIN: Duration = Duration::from_millis(200);
const AGAIN_MAX: Duration = Duration::from_secs(2);

/// Tells one thing at a time, in the order in which it happened, and each again until it is heard.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    has_begun: bool,
    events: VecDeque<(u64, u64, EventBytes)>,
    bytes: usize,
    has_gap: bool,
    /// The actor lives here no more, and whether that was told.
    left: Option<IsTold>,
    unheard: Option<Unheard>,
    batches: u64,
}

type IsTold = bool;

#[derive(Debug)]
struct Unheard {
    batch: u64,
    news: News,
    again_at: Instant,
    times: u32,
}

impl Inbox {
    /// One that counts its batches from there on: those of a later follower are later than those of an earlier one.
    pub(super) fn after(batches: u64) -> Self {
        Self { batches, ..Self::default() }
    }

    /// The actor has published something. Once something is missing nothing is kept until that was told.
    pub(super) fn publish(&mut self, epoch: u64, offset: u64, event: &EventBytes) {
        if self.left.is_some() {
            return;
        }
        let has_room = self.events.len() < INBOX_EVENTS_MAX
            && self.bytes + event.len() <= INBOX_BYTES_MAX
            && !self.has_gap;
        if has_room {
            self.bytes += event.len();
            self.events.push_back((epoch, offset, EventBytes::clone(event)));
        } else {
            self.has_gap = true;
        }
    }

    /// The actor lives here no more.
    pub(super) fn leave(&mut self) {
        self.left.get_or_insert(false);
    }

    /// What is to be told now, and the number under which it is heard.
    pub(super) fn next(&mut self, now: Instant) -> Option<(u64, News)> {
        if self.unheard.is_some() {
            return None;
        }
        let news = if !std::mem::replace(&mut self.has_begun, true) {
            News::Begun
        } else if let Some(events) = self.take_events() {
            events
        } else if std::mem::take(&mut self.has_gap) {
            News::Gap
        } else if self.left == Some(false) {
            self.left = Some(true);
            News::Left
        } else {
            return None;
        };
        self.batches += 1;
        let batch = self.batches;
        let unheard = Unheard { batch, news: news.clone(), again_at: now + AGAIN, times: 0 };
        self.unheard = Some(unheard);
        Some((batch, news))
    }

    fn take_events(&mut self) -> Option<News> {
        let (epoch, first, event) = self.events.pop_front()?;
        let mut bytes = event.len();
        let mut events = vec![event];
        while let Some((_, _, event)) = self.events.front().filter(|(its, offset, event)| {
            *its == epoch
                && *offset == first + events.len() as u64
                && events.len() < BATCH_EVENTS_MAX
                && bytes + event.len() <= BATCH_BYTES_MAX
        }) {
            bytes += event.len();
            events.push(EventBytes::clone(event));
            self.events.pop_front();
        }
        self.bytes -= bytes;
        Some(News::Events { epoch, first, events })
    }

    /// What was told is heard. Says whether that was the last thing.
    pub(super) fn heard(&mut self, batch: u64) -> bool {
        let heard = self.unheard.take_if(|it| it.batch == batch);
        heard.is_some_and(|it| it.news == News::Left)
    }

    /// What was told and is not heard, if it is time to tell it again.
    pub(super) fn again(&mut self, now: Instant) -> Option<(u64, News)> {
        let unheard = self.unheard.as_mut().filter(|it| it.again_at <= now)?;
        unheard.times += 1;
        unheard.again_at = now + (AGAIN * (1 << unheard.times.min(8))).min(AGAIN_MAX);
        Some((unheard.batch, unheard.news.clone()))
    }

    /// Whether everything is told and heard.
    pub(super) fn is_quiet(&self) -> bool {
        let has_told = self.has_begun && self.events.is_empty() && !self.has_gap;
        self.unheard.is_none() && has_told && self.left != Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_nanos(5_000_000_000);

    fn event(len: usize) -> EventBytes {
        vec![7; len].into()
    }

    fn begun() -> Inbox {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.next(NOW), Some((1, News::Begun)));
        assert!(!inbox.heard(1) && inbox.is_quiet());
        inbox
    }

    fn told(inbox: &mut Inbox) -> News {
        let (batch, news) = inbox.next(NOW).expect("there is something to tell");
        inbox.heard(batch);
        news
    }

    fn events(epoch: u64, first: u64, sizes: &[usize]) -> News {
        News::Events { epoch, first, events: sizes.iter().map(|len| event(*len)).collect() }
    }

    #[test]
    fn one_thing_is_told_at_a_time_and_again_until_it_is_heard() {
        let mut inbox = begun();
        inbox.publish(9, 1, &event(1));
        let first = Some((2, events(9, 1, &[1])));
        assert_eq!(inbox.next(NOW), first);
        inbox.publish(9, 2, &event(2));
        inbox.publish(9, 3, &event(3));
        assert_eq!(inbox.next(NOW), None, "the first one is not heard yet");
        assert_eq!(inbox.again(NOW), None, "there was no time to hear it");
        assert!(!inbox.heard(1), "that was heard before");
        for pause in [200, 400, 800, 1_600, 2_000, 2_000] {
            let later = inbox.unheard.as_ref().unwrap().again_at;
            assert_eq!(inbox.again(later), first);
            let next = inbox.unheard.as_ref().unwrap().again_at;
            assert_eq!(next, later + (2 * Duration::from_millis(pause)).min(AGAIN_MAX));
        }
        assert!(!inbox.heard(2) && !inbox.is_quiet());
        assert_eq!(told(&mut inbox), events(9, 2, &[2, 3]), "what waited goes together");
        assert!(inbox.is_quiet());
    }

    #[test]
    fn a_batch_is_of_one_log_without_a_gap_and_bounded() {
        let mut inbox = begun();
        for (epoch, offset, len) in
            [(9, 1, 1), (9, 2, 1), (9, 4, 1), (8, 5, BATCH_BYTES_MAX), (8, 6, 1), (8, 7, 1)]
        {
            inbox.publish(epoch, offset, &event(len));
        }
        assert_eq!(told(&mut inbox), events(9, 1, &[1, 1]));
        assert_eq!(told(&mut inbox), events(9, 4, &[1]));
        assert_eq!(told(&mut inbox), events(8, 5, &[BATCH_BYTES_MAX]));
        assert_eq!(told(&mut inbox), events(8, 6, &[1, 1]));
        for offset in 1..=300 {
            inbox.publish(7, offset, &event(0));
        }
        assert_eq!(told(&mut inbox), events(7, 1, &[0; BATCH_EVENTS_MAX]));
        assert_eq!(told(&mut inbox), events(7, 257, &[0; 44]));
        assert_eq!((inbox.bytes, inbox.is_quiet()), (0, true));
    }

    #[test]
    fn what_does_not_fit_is_a_gap_after_what_was_kept() {
        for (sizes, kept) in [
            (vec![0; INBOX_EVENTS_MAX + 2], INBOX_EVENTS_MAX),
            (vec![INBOX_BYTES_MAX / 2, INBOX_BYTES_MAX / 2, 1], 2),
            (vec![INBOX_BYTES_MAX + 1, 1], 0),
        ] {
            let mut inbox = begun();
            for (offset, len) in (1..).zip(&sizes) {
                inbox.publish(9, offset, &event(*len));
            }
            let mut count = 0;
            let last = loop {
                match told(&mut inbox) {
                    News::Events { events, .. } => count += events.len(),
                    other => break other,
                }
            };
            assert_eq!((count, last), (kept, News::Gap));
            inbox.publish(9, 5_000, &event(1));
            assert_eq!(told(&mut inbox), events(9, 5_000, &[1]), "then it goes on");
        }
    }

    #[test]
    fn the_last_thing_is_that_it_has_left() {
        let mut inbox = begun();
        inbox.publish(9, 1, &event(1));
        inbox.leave();
        assert_eq!(told(&mut inbox), events(9, 1, &[1]));
        assert_eq!(inbox.next(NOW), Some((3, News::Left)));
        assert!(!inbox.heard(2));
        inbox.publish(9, 2, &event(1));
        assert!(inbox.heard(3), "it may be forgotten");
        assert_eq!((inbox.next(NOW), inbox.is_quiet()), (None, true), "nothing follows");
    }
}
