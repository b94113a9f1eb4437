//! What an instance has before it: reminders, timers, and what its turns left to be looked at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::host::{Appended, QueuedCall};
use crate::{Delivery, ReminderId, TimerId};

/// A reminder of the actor under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestReminder {
    /// Its name.
    pub name: String,
    /// How long from now until it is due; zero if it waits to be delivered.
    pub after: Duration,
    /// After how long it comes again, if it does.
    pub every: Option<Duration>,
    /// The method that it calls.
    pub method: String,
}

#[derive(Default)]
pub(super) struct Agenda {
    pub(super) events: Vec<Vec<u8>>,
    pub(super) entries: Vec<Appended>,
    /// The names that were cancelled, whether there was such a reminder or not.
    pub(super) cancelled: Vec<String>,
    /// Whether a turn has deleted the actor.
    pub(super) deleted: bool,
    reminders: BTreeMap<Box<str>, Reminder>,
    timers: BTreeMap<TimerId, Timer>,
}

struct Reminder {
    due_ms: u64,
    every: Option<Duration>,
    delivery: Delivery,
    /// Its message is on its way, and not handled yet.
    fired: bool,
}

struct Timer {
    once: bool,
    delivery: Delivery,
    /// The latest tick.
    tick: Option<Arc<dyn QueuedCall>>,
}

/// What a timer does when its time has come.
pub(super) enum Tick {
    /// It was stopped.
    Gone,
    /// The tick before still waits.
    LeftOut,
    Deliver(Delivery),
}

impl Agenda {
    pub(super) fn set_reminder(
        &mut self,
        name: Box<str>,
        due_ms: u64,
        every: Option<Duration>,
        delivery: Delivery,
    ) {
        self.reminders.insert(name, Reminder { due_ms, every, delivery, fired: false });
    }

    pub(super) fn cancel_reminder(&mut self, name: &str) {
        self.reminders.remove(name);
        self.cancelled.push(name.to_owned());
    }

    /// What a reminder delivers that is due; `None` if it is another one by now.
    pub(super) fn fire(&mut self, id: &ReminderId) -> Option<Delivery> {
        let reminder = self.reminders.get_mut(&id.name)?;
        if reminder.due_ms != id.due_ms || reminder.fired {
            return None;
        }
        reminder.fired = true;
        Some(reminder.delivery.clone())
    }

    /// Removes a reminder whose message was handled, or gives the time at which it comes again.
    pub(super) fn handled(&mut self, id: &ReminderId, now_ms: u64) -> Option<u64> {
        let reminder = self.reminders.get_mut(&id.name).filter(|it| it.due_ms == id.due_ms)?;
        let Some(every) = reminder.every else {
            self.reminders.remove(&id.name);
            return None;
        };
        // What was missed meanwhile is delivered once.
        let every_ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1);
        let periods = now_ms.saturating_sub(reminder.due_ms) / every_ms + 1;
        reminder.due_ms = reminder.due_ms.saturating_add(every_ms.saturating_mul(periods));
        reminder.fired = false;
        Some(reminder.due_ms)
    }

    /// The reminders that are set, the next one first.
    pub(super) fn reminders(&self, now_ms: u64) -> Vec<TestReminder> {
        let mut reminders: Vec<_> = self.reminders.iter().collect();
        reminders.sort_by_key(|(_, reminder)| reminder.due_ms);
        let shown = reminders.into_iter().map(|(name, reminder)| TestReminder {
            name: name.to_string(),
            after: Duration::from_millis(reminder.due_ms.saturating_sub(now_ms)),
            every: reminder.every,
            method: reminder.delivery.method.to_string(),
        });
        shown.collect()
    }

    pub(super) fn start_timer(&mut self, id: TimerId, once: bool, delivery: Delivery) {
        self.timers.insert(id, Timer { once, delivery, tick: None });
    }

    pub(super) fn stop_timer(&mut self, id: TimerId) {
        self.timers.remove(&id);
    }

    pub(super) fn tick(&mut self, id: TimerId) -> Tick {
        let Some(timer) = self.timers.get(&id) else {
            return Tick::Gone;
        };
        if timer.tick.as_ref().is_some_and(|tick| tick.is_waiting()) {
            return Tick::LeftOut;
        }
        let delivery = timer.delivery.clone();
        if timer.once {
            self.timers.remove(&id);
        }
        Tick::Deliver(delivery)
    }

    pub(super) fn ticked(&mut self, id: TimerId, tick: Arc<dyn QueuedCall>) {
        if let Some(timer) = self.timers.get_mut(&id) {
            timer.tick = Some(tick);
        }
    }

    /// The activation has ended.
    pub(super) fn drop_timers(&mut self) {
        self.timers.clear();
    }

    /// The actor was deleted.
    pub(super) fn delete(&mut self) {
        self.deleted = true;
        self.reminders.clear();
        self.timers.clear();
    }
}
