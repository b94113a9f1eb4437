//! A hashed timing wheel (Varghese and Lauck 1987, scheme 6): insert and cancel in constant time.
//!
//! Nearly every deadline is cancelled long before it is due, so a wish is taken out of its
//! bucket's list at once and its place is used again.

use std::task::Waker;
use std::time::Duration;

use tenure_actor::host::TimerKey;
use tenure_types::Instant;

/// How late a wish may come true, besides the clock's own coarseness.
pub(crate) const TICK: Duration = Duration::from_millis(8);
const TICK_NANOS: u64 = TICK.as_nanos() as u64;
/// With the tick this makes a turn of the wheel 32.8 s: a default deadline is met in its first.
const BUCKETS: usize = 4096;
const NONE: u32 = u32::MAX;

/// The wheel. Pure: the driver tells it the time.
pub(crate) struct Wheel {
    wishes: Vec<Wish>,
    free: u32,
    /// The first wish of each bucket's list.
    buckets: Vec<u32>,
    /// One bit a bucket: whether its list has any wish.
    occupied: Vec<u64>,
    /// The tick up to which every wish was looked at.
    done: u64,
    len: usize,
}

struct Wish {
    at: Instant,
    waker: Option<Waker>,
    generation: u32,
    previous: u32,
    next: u32,
}

impl Wheel {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            wishes: Vec::new(),
            free: NONE,
            buckets: vec![NONE; BUCKETS],
            occupied: vec![0; BUCKETS / 64],
            done: tick_of(now),
            len: 0,
        }
    }

    /// Keeps a wish.
    pub(crate) fn insert(&mut self, at: Instant, waker: Waker) -> TimerKey {
        let index = self.take_place();
        let bucket = self.bucket_of(at);
        let first = self.buckets[bucket];
        let wish = &mut self.wishes[index as usize];
        (wish.at, wish.waker, wish.previous, wish.next) = (at, Some(waker), NONE, first);
        let key = TimerKey { index, generation: wish.generation };
        if first != NONE {
            self.wishes[first as usize].previous = index;
        }
        self.buckets[bucket] = index;
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
        self.len += 1;
        key
    }

    /// Forgets a wish; one that came true already is not there.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<Waker> {
        let wish = self.wishes.get(key.index as usize)?;
        (wish.generation == key.generation && wish.waker.is_some())
            .then(|| self.remove(key.index))
            .flatten()
    }

    /// Takes every wish that is due at `now`, oldest ticks first, at most `max` of them. Fewer
    /// than `max` means that no more are due.
    pub(crate) fn take_due(&mut self, now: Instant, max: usize) -> Vec<Waker> {
        let mut due = Vec::new();
        let target = tick_of(now);
        // A wheel that was asleep for a whole turn looks at each bucket once.
        let mut tick = self.done.max(target.saturating_sub(BUCKETS as u64 - 1));
        loop {
            let bucket = (tick % BUCKETS as u64) as usize;
            let mut index = self.buckets[bucket];
            while index != NONE {
                if due.len() >= max {
                    self.done = tick;
                    return due;
                }
                let next = self.wishes[index as usize].next;
                if self.wishes[index as usize].at <= now {
                    due.extend(self.remove(index));
                }
                index = next;
            }
            if tick >= target {
                self.done = target;
                return due;
            }
            tick += 1;
        }
    }

    /// When the driver should look again: `None` while there is no wish. May be early, never late.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        if self.len == 0 {
            return None;
        }
        let start = (self.done % BUCKETS as u64) as usize;
        let offset = (0..=BUCKETS / 64).find_map(|step| {
            let word_index = (start / 64 + step) % (BUCKETS / 64);
            let mut word = self.occupied[word_index];
            if step == 0 {
                word &= u64::MAX << (start % 64);
            }
            let bucket = word_index * 64 + word.trailing_zeros() as usize;
            (word != 0).then(|| (bucket + BUCKETS - start) % BUCKETS)
        });
        let tick = self.done + offset.unwrap_or(0) as u64;
        Some(Instant::from_nanos((tick + 1).saturating_mul(TICK_NANOS)))
    }

    fn bucket_of(&self, at: Instant) -> usize {
        // A wish for the past goes where the driver looks next.
        (tick_of(at).max(self.done) % BUCKETS as u64) as usize
    }

    fn take_place(&mut self) -> u32 {
        if self.free != NONE {
            let index = self.free;
            self.free = self.wishes[index as usize].next;
            return index;
        }
        let index = u32::try_from(self.wishes.len()).expect("fewer wishes than calls in flight");
        let at = Instant::ZERO;
        self.wishes.push(Wish { at, waker: None, generation: 0, previous: NONE, next: NONE });
        index
    }

    fn remove(&mut self, index: u32) -> Option<Waker> {
        let Wish { previous, next, .. } = self.wishes[index as usize];
        if next != NONE {
            self.wishes[next as usize].previous = previous;
        }
        if previous == NONE {
            self.unlink_first(index, next);
        } else {
            self.wishes[previous as usize].next = next;
        }
        let wish = &mut self.wishes[index as usize];
        wish.generation = wish.generation.wrapping_add(1);
        wish.next = self.free;
        self.free = index;
        self.len -= 1;
        wish.waker.take()
    }

    fn unlink_first(&mut self, index: u32, next: u32) {
        // The bucket a wish was put into follows from its time, or from `done` at that moment,
        // which lay behind the present one: then the wish is found by looking at its neighbours.
        let at = self.wishes[index as usize].at;
        let likely = (tick_of(at) % BUCKETS as u64) as usize;
        let bucket = if self.buckets[likely] == index {
            likely
        } else {
            self.buckets.iter().position(|&first| first == index).expect("a wish is in a bucket")
        };
        self.buckets[bucket] = next;
        if next == NONE {
            self.occupied[bucket / 64] &= !(1 << (bucket % 64));
        }
    }
}

fn tick_of(at: Instant) -> u64 {
    at.as_nanos() / TICK_NANOS
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use proptest::prelude::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn ms(n: u64) -> Instant {
        Instant::from_nanos(n * 1_000_000)
    }

    proptest! {
        /// Against a sorted list: every wish comes true once, not before its time, not later than
        /// the first look after it, and never after it was cancelled.
        #[test]
        fn behaves_as_a_sorted_list(
            steps in prop::collection::vec((0_u64..120_000, any::<bool>(), 0_u64..5_000), 1..200)
        ) {
            let mut wheel = Wheel::new(ms(0));
            let mut now = 0;
            let mut model: Vec<(u64, TimerKey, Arc<Count>)> = Vec::new();
            for (after, cancel, advance) in steps {
                let count = Arc::new(Count::default());
                let key = wheel.insert(ms(now + after), Waker::from(Arc::clone(&count)));
                model.push((now + after, key, count));
                if cancel {
                    let (_, key, _) = model.swap_remove(model.len() / 2);
                    prop_assert!(wheel.cancel(key).is_some());
                    prop_assert!(wheel.cancel(key).is_none());
                }
                now += advance;
                for waker in wheel.take_due(ms(now), usize::MAX) {
                    waker.wake();
                }
                for (at, _, count) in &model {
                    prop_assert_eq!(count.0.load(Ordering::Relaxed), usize::from(*at <= now));
                }
                model.retain(|(at, ..)| *at > now);
                let look = wheel.next_look();
                prop_assert_eq!(look.is_none(), model.is_empty());
                if let Some(look) = look {
                    let first = model.iter().map(|(at, ..)| *at).min().unwrap_or(0);
                    prop_assert!(look <= ms(first) + TICK, "{:?} for {}", look, first);
                }
            }
        }
    }

    #[test]
    fn a_bounded_look_goes_on_where_it_stopped() {
        let mut wheel = Wheel::new(ms(0));
        let waker = || Waker::from(Arc::new(Count::default()));
        for _ in 0..10 {
            wheel.insert(ms(16), waker());
        }
        assert_eq!(wheel.take_due(ms(100), 4).len(), 4);
        assert_eq!(wheel.take_due(ms(100), 4).len(), 4);
        assert_eq!(wheel.take_due(ms(100), 4).len(), 2);
        assert_eq!(wheel.next_look(), None);
    }
}
