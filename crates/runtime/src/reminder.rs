//! Reminders: what is due is delivered, late rather than never.
//!
//! The store lists what is due; its list is a hint, and what is kept with the actor decides. The
//! next reminders of the horizon lie in memory; everything else is found when the horizon moves
//! on. A reminder that was not handled comes again after a pause, and after a restart.

mod deliver;
mod firing;

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::Duration;

use tenure_store::Due;

use crate::sync::Mutex;

/// How far ahead reminders are kept in memory, and how often the store is asked.
const HORIZON: Duration = Duration::from_secs(60);
const LOOK_PERIOD: Duration = Duration::from_secs(30);
/// How soon the store is asked again where somebody wants it to be: a node that keeps more actors than before.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How many reminders are kept in memory, delivered and not yet handled ones included; the others
/// stay in the store until there is room.
const REMINDERS_MAX: usize = 65_536;
/// How many are read from the store at once.
const PAGE: usize = 1_024;
/// How many are on their way to their actors at once.
const IN_FLIGHT_MAX: usize = 1_024;
/// The pause before one that failed is tried again, doubling up to the second.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(60);

/// The reminders that are near.
#[derive(Default)]
pub(crate) struct Reminders {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By the time of delivery, which is later than the due time after a failure.
    waiting: BTreeSet<(u64, Due)>,
    /// Those on their way, with how often they failed.
    in_flight: BTreeMap<Due, u32>,
    failed: BTreeMap<Due, u32>,
    /// What is due until then was read from the store.
    read_until_ms: u64,
    /// There was no room for all that was read.
    is_behind: bool,
    driver: Option<Waker>,
    /// The store is to be asked soon.
    is_look_wanted: bool,
    reader: Option<Waker>,
}

impl Reminders {
    /// A turn has set a reminder. What is near is put in even before the first look into the store:
    /// that may come before the turn's unit is there.
    pub(crate) fn set(&self, due: Due, now_ms: u64) {
        let mut inner = self.inner.lock();
        let near_ms = now_ms.saturating_add(HORIZON.as_millis() as u64);
        if due.due_ms > inner.read_until_ms.max(near_ms) {
            return;
        }
        inner.add(due);
        let driver = inner.driver.take();
        drop(inner);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Takes what is due at `now_ms`, as far as it may be on its way; gives when to look again.
    fn take_due(&self, now_ms: u64, driver: &Waker) -> (Vec<Due>, Option<u64>) {
        let mut inner = self.inner.lock();
        let mut due = Vec::new();
        while inner.in_flight.len() < IN_FLIGHT_MAX {
            match inner.waiting.first() {
                Some((at, _)) if *at <= now_ms => {}
                _ => break,
            }
            let Some((_, reminder)) = inner.waiting.pop_first() else { break };
            let attempts = inner.failed.remove(&reminder).unwrap_or(0);
            inner.in_flight.insert(reminder.clone(), attempts);
            due.push(reminder);
        }
        inner.driver = Some(driver.clone());
        let next = inner.waiting.first().map(|(at, _)| *at).filter(|_| due.is_empty());
        (due, next)
    }

    /// A delivery has ended: well, or to be tried again.
    fn done(&self, due: &Due, handled: bool, now_ms: u64) {
        let mut inner = self.inner.lock();
        let Some(attempts) = inner.in_flight.remove(due) else { return };
        if !handled {
            let pause = (AGAIN_AFTER * (1 << attempts.min(6))).min(AGAIN_AFTER_MAX);
            inner.failed.insert(due.clone(), attempts + 1);
            inner.waiting.insert((now_ms + pause.as_millis() as u64, due.clone()));
        }
        let driver = inner.driver.take();
        drop(inner);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Lets the store be asked soon.
    fn want_look(&self) {
        let mut inner = self.inner.lock();
        inner.is_look_wanted = true;
        let reader = inner.reader.take();
        drop(inner);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Whether the store is to be asked soon; else `reader` is woken when it is. Asked once.
    fn takes_look(&self, reader: &Waker) -> bool {
        let mut inner = self.inner.lock();
        inner.reader = Some(reader.clone());
        std::mem::take(&mut inner.is_look_wanted)
    }

    /// How many are waiting or on their way.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().len()
    }
}

impl Inner {
    fn len(&self) -> usize {
        self.waiting.len() + self.in_flight.len()
    }

    fn add(&mut self, due: Due) {
        if self.in_flight.contains_key(&due) || self.failed.contains_key(&due) {
            return;
        }
        if self.len() >= REMINDERS_MAX {
            self.is_behind = true;
            return;
        }
        self.waiting.insert((due.due_ms, due));
    }
}
