//! What a turn leaves besides its state: rows for its unit, and what begins after it.

use std::sync::Arc;

use tenure_actor::{Cause, Effects, Persist, ReminderChange, ReminderId, Ticket};
use tenure_store::{Append, Due, RowChange, RowKey};
use tenure_types::{CallError, NUMBER_MAX, Planted};

use super::answer::{Ended, encoded, unencodable};
use super::contain;
use super::left::{LEFT_BYTES_MAX, LEFT_ROWS_MAX, Later, Left};
use super::word::LEFT;
use crate::activation::kept::Kept;
use crate::activation::opening::Opening;
use crate::activation::reminder_row::Reminder;
use crate::activation::window::WINDOW_EVENTS_MAX;
use crate::activation::{Activation, reminder_row};
use crate::runtime::Runtime;

impl Runtime {
    /// Takes what the turn leaves. Where it cannot be kept the turn is rolled back.
    pub(super) fn take_left(
        &self,
        activation: &Arc<Activation>,
        ended: Ended<'_>,
    ) -> Result<Left, CallError> {
        // Of a method that only reads the key is ignored.
        let cause = ended
            .head
            .cause
            .as_deref()
            .filter(|cause| ended.head.method.exclusive || matches!(cause, Cause::Reminder(_)));
        if cause.is_none() && !activation.word.read().has(LEFT) {
            return Ok(Left::default());
        }
        let taken = self.take_checked(activation, ended, cause);
        if taken.is_err() {
            self.start_over(activation);
        }
        taken
    }

    fn take_checked(
        &self,
        activation: &Arc<Activation>,
        ended: Ended<'_>,
        cause: Option<&Cause>,
    ) -> Result<Left, CallError> {
        let effects = activation.with_cold(|cold| {
            activation.word.clear(LEFT);
            cold.effects.take()
        });
        let mut effects = effects.unwrap_or_default();
        if let Some(error) = &effects.failed {
            return Err(unencodable(activation, &error.to_string()));
        }
        let reply = match (cause, ended.call) {
            (Some(Cause::Key(key)), Some(call)) if !Planted::Dedup.is_planted() => {
                let outcome = contain(|| call.outcome())
                    .map_err(|panic| unencodable(activation, &panic))?
                    .map_err(|error| unencodable(activation, &error.to_string()))?;
                outcome.map(|outcome| (key, outcome))
            }
            _ => None,
        };
        let bytes = bytes_of(&effects) + reply.as_ref().map_or(0, |(_, reply)| reply.len());
        let rows = effects.events.len() + effects.reminders.len() + effects.entries.len();
        if bytes > LEFT_BYTES_MAX || rows > LEFT_ROWS_MAX {
            return Err(CallError::TooLarge {
                detail: format!(
                    "the turn of {} leaves {rows} events, reminders and entries and {bytes} bytes of \
                     them and its reply, more than {LEFT_ROWS_MAX} or {LEFT_BYTES_MAX}; it was rolled back",
                    activation.id()
                )
                .into(),
            });
        }
        if !effects.spawned.is_empty() {
            let mine = activation.with_cold(|cold| cold.spawned as usize);
            self.check_spawned(mine, effects.spawned.len())?;
        }
        let fired = match cause {
            Some(Cause::Reminder(id)) => Some(id),
            _ => None,
        };
        let mut left = Left { is_deleted: effects.delete, ..Left::default() };
        let entries = std::mem::take(&mut effects.entries).into_iter();
        left.beside.entries = entries.map(|it| Append { feed: it.feed, data: it.data }).collect();
        let mut later = Later {
            timers: std::mem::take(&mut effects.timers),
            spawned: std::mem::take(&mut effects.spawned),
            reminders: Vec::new(),
        };
        activation.with_kept(|kept| {
            self.keep_events(activation, kept, &mut effects, &mut left);
            self.keep_reminders(activation, kept, &mut effects, fired, &mut left, &mut later);
            if let Some((key, reply)) = reply {
                let (row, forgotten) = kept.outcomes.remember(key, self.clock.unix_ms(), &reply);
                let value = encoded(activation, row);
                left.put(RowKey::Outcome(key.key.clone()), value, None);
                left.beside.rows.extend(
                    forgotten.into_iter().map(|key| RowChange::Delete(RowKey::Outcome(key))),
                );
            }
        });
        if !(later.timers.is_empty() && later.spawned.is_empty() && later.reminders.is_empty()) {
            left.later = Some(Box::new(later));
        }
        Ok(left)
    }

    fn keep_events(
        &self,
        activation: &Activation,
        kept: &mut Kept,
        effects: &mut Effects,
        left: &mut Left,
    ) {
        if effects.events.is_empty() {
            return;
        }
        let persist = activation.kind.actor_type.persist;
        if kept.log.epoch == 0 {
            kept.log.epoch = self.new_epoch();
        }
        if matches!(persist, Persist::WriteBehind { .. }) && kept.log.open.is_none() {
            // Before the first event leaves that may be lost, the record says so.
            kept.log.open = Some(self.tenure_of(activation, self.incarnation()));
            kept.opening = Opening::Numbered;
            (left.is_urgent, left.opens_log) = (true, true);
            // From now on the stored window says less than the one in memory.
            if let Some((first, last)) = kept.stored_window.take() {
                let delete = |offset| RowChange::Delete(RowKey::Event(offset));
                left.beside.rows.extend((first..=last).map(delete));
            }
        }
        left.has_events = true;
        for event in std::mem::take(&mut effects.events) {
            kept.log.offset += 1;
            let offset = kept.log.offset;
            match persist {
                Persist::EventSourced { .. } => {
                    left.put(RowKey::Journal(offset), encoded(activation, event), None);
                }
                Persist::WriteThrough => {
                    left.put(RowKey::Event(offset), encoded(activation, event), None);
                    if let Some(old) = offset.checked_sub(WINDOW_EVENTS_MAX).filter(|&it| it > 0) {
                        left.beside.rows.push(RowChange::Delete(RowKey::Event(old)));
                    }
                }
                _ => kept.window.push(offset, self.clock.coarse(), event.into()),
            }
        }
    }

    fn keep_reminders(
        &self,
        activation: &Activation,
        kept: &mut Kept,
        effects: &mut Effects,
        fired: Option<&ReminderId>,
        left: &mut Left,
        later: &mut Later,
    ) {
        let mut changes = std::mem::take(&mut effects.reminders);
        if let Some(fired) = fired {
            let is_changed = changes.iter().any(|change| name_of(change) == &*fired.name);
            let is_changed = is_changed || Planted::RingAgain.is_planted();
            changes.extend((!is_changed).then(|| self.after_fired(kept, fired)).flatten());
        }
        left.is_urgent |= !changes.is_empty();
        for change in changes {
            match change {
                ReminderChange::Set { name, due_ms, every, delivery } => {
                    let reminder = Reminder { due_ms, every, delivery };
                    let value = encoded(activation, reminder_row::encode(&reminder));
                    left.put(RowKey::Reminder(name.clone()), value, Some(due_ms));
                    later.reminders.push((due_ms, name.clone()));
                    kept.reminders.insert(name, reminder);
                }
                ReminderChange::Cancel(name) => {
                    if kept.reminders.remove(&name).is_some() {
                        left.beside.rows.push(RowChange::Delete(RowKey::Reminder(name)));
                    }
                }
            }
        }
    }

    /// A reminder that was handled goes, or comes again.
    fn after_fired(&self, kept: &Kept, fired: &ReminderId) -> Option<ReminderChange> {
        let reminder = kept.reminders.get(&fired.name).filter(|it| it.due_ms == fired.due_ms)?;
        let name = fired.name.clone();
        Some(match reminder.every {
            None => ReminderChange::Cancel(name),
            Some(every) => {
                // What was missed is delivered once: the next time lies ahead.
                let period = (every.as_millis() as u64).max(1);
                let now = self.clock.unix_ms();
                let missed = now.saturating_sub(fired.due_ms) / period;
                let due_ms =
                    fired.due_ms.saturating_add(period.saturating_mul(missed + 1)).min(NUMBER_MAX);
                let delivery = reminder.delivery.clone();
                ReminderChange::Set { name, due_ms, every: Some(every), delivery }
            }
        })
    }

    /// Begins what a turn has left to begin, once `ticket` is settled well.
    pub(super) fn begin_later(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        later: Later,
        ticket: Option<&Ticket>,
    ) {
        for change in later.timers {
            self.change_timer(activation, change);
        }
        for (due_ms, name) in later.reminders {
            let due = Due {
                due_ms,
                type_name: activation.kind.actor_type.name.as_str().into(),
                key: activation.key.clone(),
                reminder: name,
            };
            self.reminders.set(due, self.clock.unix_ms());
        }
        for spawned in later.spawned {
            self.spawn_work(activation, spawned.into_work(), ticket.cloned());
        }
    }
}

fn name_of(change: &ReminderChange) -> &str {
    match change {
        ReminderChange::Set { name, .. } | ReminderChange::Cancel(name) => name,
    }
}

fn bytes_of(effects: &Effects) -> usize {
    let events: usize = effects.events.iter().map(Vec::len).sum();
    let reminders: usize = effects
        .reminders
        .iter()
        .map(|change| match change {
            ReminderChange::Set { delivery, .. } => delivery.body.len(),
            ReminderChange::Cancel(_) => 0,
        })
        .sum();
    let entries: usize = effects.entries.iter().map(|entry| entry.data.len()).sum();
    events + reminders + entries
}
