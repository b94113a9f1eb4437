use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::task::Waker;

use tenure_types::Instant;

/// Where a timer is kept: its slot, and its number to tell it from later ones there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerPlace {
    number: u64,
    slot: u32,
}

/// The timers of one process, by its own clock.
#[derive(Default)]
pub(crate) struct Timers {
    /// The earliest first. A place whose slot is another's, or empty, was forgotten.
    heap: BinaryHeap<Reverse<(Instant, TimerPlace)>>,
    slots: Vec<Option<(u64, Waker)>>,
    free: Vec<u32>,
    next: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, waker: Waker) -> TimerPlace {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("there are not so many timers")
        });
        let place = TimerPlace { number: self.next, slot };
        self.next += 1;
        self.slots[slot as usize] = Some((place.number, waker));
        self.heap.push(Reverse((at, place)));
        place
    }

    /// Forgets a timer, if it did not fire.
    pub(crate) fn forget(&mut self, place: TimerPlace) -> Option<Waker> {
        // There are no slots any more when the simulation has ended.
        let slot = self.slots.get_mut(place.slot as usize)?;
        let is_its = |(number, _): &mut (u64, Waker)| *number == place.number;
        let (_, waker) = slot.take_if(is_its)?;
        self.free.push(place.slot);
        Some(waker)
    }

    /// When the first timer is due.
    pub(crate) fn first(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, place))) = self.heap.peek() {
            let slot = &self.slots[place.slot as usize];
            if slot.as_ref().is_some_and(|(number, _)| *number == place.number) {
                return Some(*at);
            }
            self.heap.pop();
        }
        None
    }

    /// Takes the wakers of all that are due at `now`, the earliest first.
    pub(crate) fn take_due(&mut self, now: Instant, wakers: &mut Vec<Waker>) {
        while self.first().is_some_and(|at| at <= now) {
            let Some(Reverse((_, place))) = self.heap.pop() else { return };
            wakers.extend(self.forget(place));
        }
    }
}
