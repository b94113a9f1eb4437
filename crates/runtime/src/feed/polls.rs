use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tenure_types::FeedName;

use crate::sync::Mutex;

/// Who waits for the next entry of a feed. Clones are the same.
#[derive(Clone)]
pub(crate) struct Polls {
    inner: Arc<Mutex<Inner>>,
    max: usize,
}

#[derive(Default)]
struct Inner {
    waiting: BTreeMap<(FeedName, u64), Waiting>,
    next: u64,
    /// Somebody looks for what others append.
    is_looking: bool,
    /// Nobody is to wait any more.
    has_ended: bool,
}

#[derive(Default)]
struct Waiting {
    is_woken: bool,
    waker: Option<Waker>,
}

/// One who waits, from now until it is dropped.
pub(crate) struct Poller {
    polls: Polls,
    place: (FeedName, u64),
}

impl Polls {
    /// At most `max` may wait at a time.
    pub(crate) fn new(max: usize) -> Self {
        Self { inner: Arc::default(), max }
    }

    /// One more who waits for entries of `feed`; `None` if there are too many. To be called before
    /// the feed is read: who finds nothing then misses no entry that comes meanwhile.
    pub(crate) fn enter(&self, feed: &FeedName) -> Option<Poller> {
        let mut inner = self.inner.lock();
        if inner.waiting.len() >= self.max {
            return None;
        }
        inner.next += 1;
        let place = (feed.clone(), inner.next);
        inner.waiting.insert(place.clone(), Waiting::default());
        Some(Poller { polls: self.clone(), place })
    }

    /// Wakes who waits for entries of `feed`: some are durable.
    pub(crate) fn wake(&self, feed: &FeedName) {
        let mut inner = self.inner.lock();
        let of = (feed.clone(), 0)..=(feed.clone(), u64::MAX);
        let woken: Vec<_> = inner.waiting.range_mut(of).filter_map(|(_, it)| it.wake()).collect();
        drop(inner);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Whether who waits is to begin to look for what others append: nobody does.
    pub(crate) fn begin_look(&self) -> bool {
        !std::mem::replace(&mut self.inner.lock().is_looking, true)
    }

    /// The feeds that somebody waits for; `None` where nobody waits: the look is over then.
    pub(crate) fn looked_for(&self) -> Option<Vec<FeedName>> {
        let mut inner = self.inner.lock();
        let mut feeds: Vec<_> = inner.waiting.keys().map(|(feed, _)| feed.clone()).collect();
        feeds.dedup();
        inner.is_looking = !feeds.is_empty();
        inner.is_looking.then_some(feeds)
    }

    /// Wakes everybody, to look again.
    pub(crate) fn wake_all(&self) {
        let mut inner = self.inner.lock();
        let woken: Vec<_> = inner.waiting.values_mut().filter_map(Waiting::wake).collect();
        drop(inner);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Lets nobody wait any more.
    pub(crate) fn end(&self) {
        self.inner.lock().has_ended = true;
        self.wake_all();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.inner.lock().has_ended
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().waiting.len()
    }
}

impl Waiting {
    fn wake(&mut self) -> Option<Waker> {
        self.is_woken = true;
        self.waker.take()
    }
}

impl Poller {
    /// Ready once after each time it was woken.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut inner = self.polls.inner.lock();
        let waiting = inner.waiting.entry(self.place.clone()).or_default();
        if std::mem::take(&mut waiting.is_woken) {
            return Poll::Ready(());
        }
        waiting.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        let gone = self.polls.inner.lock().waiting.remove(&self.place);
        // A waker may run code of others: not under the lock.
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(name: &str) -> FeedName {
        FeedName::new(name).expect("a good name")
    }

    #[test]
    fn a_poller_hears_of_its_feed_alone_and_of_what_came_since_it_entered() {
        let polls = Polls::new(9);
        let cx = Context::from_waker(Waker::noop());
        let (a, longer) = (polls.enter(&feed("a")).unwrap(), polls.enter(&feed("a-")).unwrap());
        polls.wake(&feed("a"));
        assert_eq!((a.poll(&cx), a.poll(&cx)), (Poll::Ready(()), Poll::Pending));
        assert_eq!(longer.poll(&cx), Poll::Pending);
        polls.wake(&feed("none"));
        assert_eq!(a.poll(&cx), Poll::Pending);
        polls.wake_all();
        assert_eq!((a.poll(&cx), longer.poll(&cx)), (Poll::Ready(()), Poll::Ready(())));
        assert!(!polls.has_ended());
        polls.end();
        assert!(polls.has_ended() && a.poll(&cx).is_ready());
    }

    #[test]
    fn one_looks_for_others_while_somebody_waits() {
        let polls = Polls::new(9);
        let waiting = [polls.enter(&feed("b")), polls.enter(&feed("a")), polls.enter(&feed("b"))];
        assert!(polls.begin_look() && !polls.begin_look());
        assert_eq!(polls.looked_for(), Some(vec![feed("a"), feed("b")]));
        drop(waiting);
        assert!(!polls.begin_look());
        assert_eq!(polls.looked_for(), None);
        assert!(polls.begin_look(), "the next one who waits begins again");
    }

    #[test]
    fn pollers_are_bounded_and_leave() {
        let polls = Polls::new(2);
        let (first, second) = (polls.enter(&feed("a")), polls.enter(&feed("b")));
        assert!(first.is_some() && polls.enter(&feed("a")).is_none());
        drop(second);
        assert!(polls.enter(&feed("a")).is_some());
        drop(first);
        assert_eq!(polls.len(), 0);
    }
}
