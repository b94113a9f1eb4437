//! What a turn leaves besides its state, on the virtual clock.

use std::sync::Arc;
use std::time::Duration;

use tenure_types::{Clock, Tasks};

use super::Instance;
use crate::host::{CallHead, QueuedCall};
use crate::testing::agenda::{Agenda, Tick};
use crate::{
    CODEC_NAMED, Cause, DEADLINE_DEFAULT, Delivery, Effects, Method, ReminderChange, ReminderId,
    Spawned, TimerChange, TimerId,
};

impl Instance {
    /// Looks at, or takes from, what the turns have left.
    pub(in crate::testing) fn agenda<T>(&self, look: impl FnOnce(&mut Agenda) -> T) -> T {
        look(&mut self.inner.lock().agenda)
    }

    /// Takes what a turn has left.
    ///
    /// # Panics
    /// If it cannot be kept: a node would roll the turn back.
    pub(in crate::testing) fn take(self: &Arc<Self>, effects: Effects) {
        if let Some(error) = &effects.failed {
            panic!("what a turn of {self} leaves cannot be kept: {error}");
        }
        self.agenda(|agenda| {
            agenda.events.extend(effects.events);
            agenda.entries.extend(effects.entries);
        });
        for change in effects.reminders {
            match change {
                ReminderChange::Set { name, due_ms, every, delivery } => {
                    let id = ReminderId { name: name.clone(), due_ms };
                    self.agenda(|agenda| agenda.set_reminder(name, due_ms, every, delivery));
                    self.arm(id);
                }
                ReminderChange::Cancel(name) => {
                    self.agenda(|agenda| agenda.cancel_reminder(&name));
                }
            }
        }
        for change in effects.timers {
            match change {
                TimerChange::Start { id, period, once, delivery } => {
                    self.agenda(|agenda| agenda.start_timer(id, once, delivery));
                    self.start_timer(id, period);
                }
                TimerChange::Stop(id) => self.agenda(|agenda| agenda.stop_timer(id)),
            }
        }
        for work in effects.spawned {
            self.spawn(work);
        }
        if effects.delete {
            self.agenda(Agenda::delete);
        }
    }

    /// After the turn of a call: a reminder behind it is done, or comes again.
    pub(super) fn handled(self: &Arc<Self>, head: &CallHead) {
        let Some(Cause::Reminder(id)) = head.cause.as_deref() else { return };
        let now_ms = self.executor.unix_ms();
        if let Some(due_ms) = self.agenda(|agenda| agenda.handled(id, now_ms)) {
            self.arm(ReminderId { name: id.name.clone(), due_ms });
        }
    }

    fn arm(self: &Arc<Self>, id: ReminderId) {
        let (this, due) = (Arc::downgrade(self), self.executor.at_unix_ms(id.due_ms));
        let due = self.executor.sleep_until(due);
        let reminder = async move {
            due.await;
            if let Some(this) = this.upgrade()
                && let Some(delivery) = this.agenda(|agenda| agenda.fire(&id))
            {
                this.deliver(&delivery, Some(Cause::Reminder(id)));
            }
        };
        self.executor.spawn("reminder", Box::pin(reminder));
    }

    fn start_timer(self: &Arc<Self>, id: TimerId, period: Duration) {
        let (this, executor) = (Arc::downgrade(self), Arc::downgrade(&self.executor));
        let mut at = self.executor.now() + period;
        let timer = async move {
            while let Some(due) = executor.upgrade().map(|it| it.sleep_until(at)) {
                due.await;
                let Some(this) = this.upgrade() else { return };
                match this.agenda(|agenda| agenda.tick(id)) {
                    Tick::Gone => return,
                    Tick::LeftOut => {}
                    Tick::Deliver(delivery) => {
                        let tick = this.deliver(&delivery, None);
                        this.agenda(|agenda| agenda.ticked(id, tick));
                    }
                }
                at = at + period;
            }
        };
        self.executor.spawn("timer", Box::pin(timer));
    }

    fn spawn(self: &Arc<Self>, spawned: Spawned) {
        let (this, work) = (Arc::downgrade(self), spawned.into_work());
        let work = async move {
            let call = work.await;
            if let Some(this) = this.upgrade() {
                this.enqueue(call);
            }
        };
        self.executor.spawn("spawned work", Box::pin(work));
    }

    /// Sends the actor a message of its own.
    fn deliver(self: &Arc<Self>, delivery: &Delivery, cause: Option<Cause>) -> Arc<dyn QueuedCall> {
        let mut methods = self.actor_type.methods.iter();
        let method = methods.find(|method| *method.info.name == *delivery.method);
        let method = method.expect("a message is made of a method");
        let call = self.message(method, &delivery.body, cause);
        self.enqueue(Arc::clone(&call));
        call
    }

    /// A message of the actor to itself.
    pub(super) fn message(
        &self,
        method: &Method,
        body: &[u8],
        cause: Option<Cause>,
    ) -> Arc<dyn QueuedCall> {
        let deadline = self.executor.now_in(DEADLINE_DEFAULT);
        let mut head = CallHead::to_self(method.info, deadline);
        head.cause = cause.map(Arc::new);
        (method.deliver)(head, CODEC_NAMED, body).unwrap_or_else(|error| {
            let name = method.info.name;
            panic!("the message of `{name}` does not survive encoding: {error}")
        })
    }
}
