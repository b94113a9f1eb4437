//! What a handler leaves besides its state.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tenure_types::{FeedName, NUMBER_MAX};

use super::{Context, Left};
use crate::cause::check_name;
use crate::cell::CallCell;
use crate::host::{CallHead, QueuedCall};
use crate::{
    Actor, Appended, CodecError, Delivery, Effects, Emits, Handler, IsStored, Message, MethodInfo,
    Records, ReminderChange, Spawned, TimerChange, TimerId, encode_named,
};

/// The shortest time between two ticks of a timer, and between two times of a reminder.
const PERIOD_MIN: Duration = Duration::from_millis(1);

impl<A: Actor> Context<A> {
    /// Publishes an event. Subscribers see it in order, with an offset by which they can resume.
    /// A durable actor's events leave when the turn is durable.
    ///
    /// An event that cannot be encoded rolls the turn back.
    #[expect(clippy::needless_pass_by_value, reason = "an event that happened is gone")]
    pub fn emit(&mut self, event: A::Event)
    where
        A: Emits,
    {
        self.left().keep_event(&event);
    }

    /// Records an event of an event-sourced actor. It is applied to the state, in order with others,
    /// when the command has answered `Ok`; a command that answers `Err` has recorded nothing.
    ///
    /// An event that cannot be encoded rolls the turn back.
    pub fn record(&mut self, event: A::Event)
    where
        A: Records,
    {
        self.left().recorded.push(event);
    }

    /// Appends an entry to a feed, which other services read in order. It is there if and only if
    /// what the turn changes is: a turn that is rolled back, panics or is lost appends nothing, and
    /// the reply to a repeated call appends nothing again. In a `write_behind` type it goes with
    /// the flush. A handler's `Err`, also that of an event-sourced command, keeps what it appended.
    ///
    /// The entry is encoded as JSON, here and once. A feed begins with its first entry; its name
    /// has 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`, and begins with neither `_` nor `.`. Another
    /// name, and an entry that cannot be encoded, roll the turn back, as do entries that have with
    /// all else that the turn leaves more than 1 MiB.
    ///
    /// # Examples
    /// ```ignore
    /// cx.append("answers", &Answered { question: 7, answer: "yes" });
    /// ```
    pub fn append(&mut self, feed: &str, entry: &(impl Serialize + ?Sized))
    where
        A: IsStored,
    {
        let name = FeedName::new(feed).map_err(|wrong| format!("{wrong}: {feed:?}"));
        let entry = name.and_then(|feed| {
            let data = serde_json::to_vec(entry);
            let data = data.map_err(|wrong| format!("an entry of the feed {feed}: {wrong}"))?;
            Ok(Appended { feed, data })
        });
        match entry {
            Ok(entry) => self.effects().entries.push(entry),
            Err(wrong) => self.fail(CodecError::new(wrong)),
        }
    }

    /// Sets a reminder: `message` is delivered to this actor after `after`, even if the node
    /// restarts meanwhile; late rather than never. It replaces a reminder of the same name.
    ///
    /// It is delivered at least once. The turn that handles it removes it in the same commit, so
    /// that its effect on this actor is one; [`Context::reminder`] names it for other effects.
    ///
    /// A name has 1 to 256 bytes without control characters; another one, and a message that cannot
    /// be encoded, roll the turn back.
    pub fn remind<M: Message>(&mut self, name: &str, after: Duration, message: M)
    where
        A: Handler<M> + IsStored,
    {
        self.set_reminder(name, after, None, message);
    }

    /// As [`Context::remind`], and again every `every` until it is cancelled. What was missed while
    /// no node ran is delivered once. Less than a millisecond counts as one.
    pub fn remind_every<M: Message>(&mut self, name: &str, every: Duration, message: M)
    where
        A: Handler<M> + IsStored,
    {
        let every = every.max(PERIOD_MIN);
        self.set_reminder(name, every, Some(every), message);
    }

    /// Removes the reminder of this name, if there is one.
    pub fn cancel_reminder(&mut self, name: &str)
    where
        A: IsStored,
    {
        self.effects().reminders.push(ReminderChange::Cancel(name.into()));
    }

    /// Starts a timer: `message` is delivered to this actor every `period`, until it is stopped
    /// or the activation ends. A tick that finds the one before still waiting is left out. Ticks
    /// do not keep an activation in memory. Less than a millisecond counts as one.
    ///
    /// The first tick comes after one period. A message that cannot be encoded rolls the turn back.
    pub fn every<M: Message>(&mut self, period: Duration, message: M) -> TimerId
    where
        A: Handler<M>,
    {
        self.start_timer(period.max(PERIOD_MIN), false, message)
    }

    /// Starts a timer that delivers `message` to this activation once.
    pub fn once<M: Message>(&mut self, after: Duration, message: M) -> TimerId
    where
        A: Handler<M>,
    {
        self.start_timer(after, true, message)
    }

    /// Stops a timer of this activation, if it runs. A tick that waits already is delivered.
    pub fn stop_timer(&mut self, timer: TimerId) {
        self.effects().timers.push(TimerChange::Stop(timer));
    }

    /// Runs `work` outside of the turn, beside later turns, and delivers what `message` makes of
    /// its result to this actor. It begins when this turn has ended and what it saw is durable,
    /// and keeps the activation in memory. It is lost with the node, and when it panics.
    ///
    /// The work owns what it needs: it calls other actors through [`Context::detached`] and waits
    /// with [`Context::sleep`], both made before.
    pub fn spawn<T, M: Message>(
        &mut self,
        work: impl Future<Output = T> + Send + 'static,
        message: impl FnOnce(T) -> M + Send + 'static,
    ) where
        A: Handler<M>,
        T: Send + 'static,
    {
        let host = self.host().clone();
        let future = async move {
            let message = message(work.await);
            let deadline = host.clock().coarse() + host.deadline_default();
            let head = CallHead::to_self(MethodInfo::of::<A, M>(), deadline);
            CallCell::<A, M>::new(head, message) as Arc<dyn QueuedCall>
        };
        self.effects().spawned.push(Spawned::new(Box::pin(future)));
    }

    /// Deletes this actor with this turn: its state, events, reminders and remembered keys, and its
    /// timers. The next call finds it as one that never was.
    pub fn delete(&mut self) {
        self.effects().delete = true;
    }

    fn set_reminder<M: Message>(
        &mut self,
        name: &str,
        after: Duration,
        every: Option<Duration>,
        message: M,
    ) {
        if let Err(wrong) = check_name("a reminder's name", name) {
            self.fail(CodecError::new(wrong));
            return;
        }
        let due_ms = self.due_in(after);
        if let Some(delivery) = self.delivery(message) {
            let change = ReminderChange::Set { name: name.into(), due_ms, every, delivery };
            self.effects().reminders.push(change);
        }
    }

    /// Keeps a message as a reminder that comes once.
    pub(crate) fn keep_message(&mut self, name: Box<str>, after: Duration, delivery: Delivery) {
        let due_ms = self.due_in(after);
        let change = ReminderChange::Set { name, due_ms, every: None, delivery };
        self.effects().reminders.push(change);
    }

    /// Unix milliseconds, rounded up: it never comes too early.
    fn due_in(&self, after: Duration) -> u64 {
        let millis = u64::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        self.unix_ms().saturating_add(millis).min(NUMBER_MAX)
    }

    fn start_timer<M: Message>(&mut self, period: Duration, once: bool, message: M) -> TimerId {
        let id = self.turn().home.timer_id();
        if let Some(delivery) = self.delivery(message) {
            self.effects().timers.push(TimerChange::Start { id, period, once, delivery });
        }
        id
    }

    #[expect(clippy::needless_pass_by_value, reason = "a message that was sent is gone")]
    fn delivery<M: Message>(&mut self, message: M) -> Option<Delivery> {
        let mut body = Vec::new();
        match encode_named(&message, &mut body) {
            Ok(()) => Some(Delivery { method: M::METHOD.into(), body: body.into() }),
            Err(error) => {
                self.fail(error);
                None
            }
        }
    }

    /// Rolls the turn back; of several reasons the first is told.
    fn fail(&mut self, error: CodecError) {
        self.effects().failed.get_or_insert(error);
    }

    fn effects(&mut self) -> &mut Effects {
        &mut self.left().effects
    }

    fn left(&mut self) -> &mut Left<A> {
        self.left.get_or_insert_default()
    }
}
