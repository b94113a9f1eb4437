use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use tenure_actor::host::{CallHead, QueuedCall};
use tenure_actor::{Cause, Delivery, ReminderId, WaitSlot};
use tenure_store::{Due, StoreError};
use tenure_types::{BoxFuture, CallError, Planted};

use super::firing::{FIRING, Firing, Handling};
use super::{AGAIN_AFTER, HORIZON, LOOK_AGAIN, LOOK_PERIOD, PAGE};
use crate::activation::Activation;
use crate::runtime::Runtime;

impl Runtime {
    /// Delivers reminders until the runtime has stopped.
    pub(crate) async fn remind(weak: Weak<Self>) {
        let Some((tasks, ended)) =
            weak.upgrade().map(|it| (Arc::clone(&it.tasks), it.ended.clone()))
        else {
            return;
        };
        let mut slot = WaitSlot::default();
        let reader = weak.clone();
        tasks.spawn("reminders-read", Box::pin(Self::read_reminders(reader)));
        let mut sleep: Option<BoxFuture<'static, ()>> = None;
        poll_fn(|cx| {
            if ended.poll(&mut slot, cx).is_ready() {
                return Poll::Ready(());
            }
            loop {
                let Some(runtime) = weak.upgrade() else {
                    return Poll::Ready(());
                };
                let now_ms = runtime.clock.unix_ms();
                let (due, next) = runtime.reminders.take_due(now_ms, cx.waker());
                let is_idle = due.is_empty();
                for due in &due {
                    runtime.fire(due);
                }
                if !is_idle {
                    continue;
                }
                let Some(at_ms) = next else {
                    sleep = None;
                    return Poll::Pending;
                };
                // The wall clock may jump: never sleep for long by it.
                let wait = Duration::from_millis(at_ms.saturating_sub(now_ms)).min(AGAIN_AFTER);
                let until = runtime.clock.now() + wait;
                let future = sleep.get_or_insert_with(|| tasks.sleep_until(until));
                std::task::ready!(future.as_mut().poll(cx));
                sleep = None;
            }
        })
        .await;
    }

    /// This node may keep actors now whose reminders others have delivered: the store is asked within a second, and
    /// not only when the horizon moves on.
    pub fn look_for_reminders(&self) {
        self.reminders.want_look();
    }

    /// Moves the horizon on.
    async fn read_reminders(weak: Weak<Self>) {
        loop {
            let Some(runtime) = weak.upgrade().filter(|it| !it.is_stopped()) else { return };
            let began = runtime.clock.now();
            let (tasks, ended) = (Arc::clone(&runtime.tasks), runtime.ended.clone());
            let was_read = runtime.read_horizon().await;
            if let Err(error) = was_read {
                tracing::warn!(%error, "reminders could not be read");
            }
            drop(runtime);
            let (mut sleep, mut slot) =
                (tasks.sleep_until(began + LOOK_PERIOD), WaitSlot::default());
            poll_fn(|cx| {
                let Some(runtime) = weak.upgrade() else { return Poll::Ready(()) };
                if ended.poll(&mut slot, cx).is_ready() {
                    return Poll::Ready(());
                }
                if runtime.reminders.takes_look(cx.waker()) {
                    sleep = tasks.sleep_until(began + LOOK_AGAIN);
                }
                sleep.as_mut().poll(cx)
            })
            .await;
        }
    }

    async fn read_horizon(&self) -> Result<(), StoreError> {
        let until_ms = self.clock.unix_ms() + HORIZON.as_millis() as u64;
        // From now on turns put in what they set; what they set before is found in the store.
        {
            let mut inner = self.reminders.inner.lock();
            inner.read_until_ms = inner.read_until_ms.max(until_ms);
            inner.is_behind = false;
        }
        let mut after = None;
        loop {
            let page = self.store.due(until_ms, after.clone(), PAGE).await?;
            let is_last = page.len() < PAGE;
            after = page.last().cloned();
            let mut inner = self.reminders.inner.lock();
            page.into_iter().filter(|due| self.reminds(due)).for_each(|due| inner.add(due));
            let driver = inner.driver.take();
            let is_full = inner.is_behind;
            drop(inner);
            if let Some(driver) = driver {
                driver.wake();
            }
            if is_last || is_full {
                return Ok(());
            }
        }
    }

    /// Whether this node delivers what is due: alone it does.
    fn reminds(&self, due: &Due) -> bool {
        let Some(cluster) = &self.cluster else { return true };
        if Planted::RemindOwn.is_planted() {
            return false;
        }
        let mut kinds = self.kinds.iter().flatten();
        let kind = kinds.find(|it| it.actor_type.name.as_str() == &*due.type_name);
        kind.is_some_and(|kind| cluster.seat().reminds(&kind.target(&due.key)))
    }

    fn fire(self: &Arc<Self>, due: &Due) {
        if let Err(error) = self.try_fire(due) {
            let actor = format_args!("{}/{}", due.type_name, due.key);
            tracing::warn!(%actor, reminder = %due.reminder, %error, "not delivered");
            self.reminders.done(due, false, self.clock.unix_ms());
        }
    }

    fn try_fire(self: &Arc<Self>, due: &Due) -> Result<(), CallError> {
        let name = &*due.type_name;
        let kind = self.kinds.iter().flatten().find(|it| it.actor_type.name.as_str() == name);
        let kind = kind.ok_or_else(|| CallError::NotFound {
            detail: format!("this node does not run the actor type `{name}`").into(),
        })?;
        let target = kind.target(&due.key);
        let id = ReminderId { name: due.reminder.clone(), due_ms: due.due_ms };
        let deadline = self.clock.coarse() + self.config.deadline;
        let cause = Some(Arc::new(Cause::Reminder(id)));
        let call = Firing {
            head: CallHead { cause, ..CallHead::to_self(&FIRING, deadline) },
            due: due.clone(),
            runtime: Arc::downgrade(self),
        };
        self.deliver(&target, Arc::new(call))
    }

    /// The call that a firing becomes when its turn has come: what is delivered is kept with the
    /// actor.
    pub(crate) fn handling(
        &self,
        activation: &Activation,
        firing: &Arc<dyn QueuedCall>,
        cause: &Arc<Cause>,
        delivery: &Delivery,
    ) -> Result<Arc<dyn QueuedCall>, CallError> {
        let inner = self.make_delivery(&activation.kind, delivery, Some(Arc::clone(cause)))?;
        Ok(Arc::new(Handling { inner, firing: Arc::clone(firing) }))
    }
}
