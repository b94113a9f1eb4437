//! Calls that wait: queueing, and running a mailbox.

use std::sync::Arc;
use std::time::Duration;

use tenure_actor::host::{CallHead, PendingCall, QueuedCall, Started};
use tenure_types::{CallError, Instant, Outcome};

use super::answer::Ended;
use super::contain;
use super::depth::{Depth, Running};
use super::inline::needs_alone;
use super::known::Before;
use super::word::{MOVING, QUEUED, RESET, SEALED, Word};
use crate::activation::{Activation, Here, Hold};
use crate::mailbox::Mailbox;
use crate::runtime::Runtime;

/// How many waiting turns whoever ends a turn runs, before a task takes over.
const RUN_MAX: usize = 32;
/// How long whoever ends a turn runs waiting turns, before a task takes over.
const RUN_TIME_MAX: Duration = Duration::from_micros(50);

type TurnHold<'a> = Hold<&'a Arc<Activation>>;

impl Runtime {
    /// Puts a call into the mailbox; `None` if the activation has left memory.
    pub(crate) fn enqueue(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        call: &mut dyn PendingCall,
    ) -> Option<Started> {
        let now = self.clock.coarse();
        let one_way = call.head().one_way;
        let mut queued = None;
        let (started, runnable) = activation.with_cold(|cold| {
            if activation.word.read().has(SEALED) {
                return (None, false);
            }
            let waiting = cold.mailbox.len();
            let room = self.check_room(activation, &mut cold.mailbox, call.head(), now);
            if room.is_ok() {
                let shared = call.share();
                queued = shared.head().chain.is_some().then(|| Arc::clone(&shared));
                cold.mailbox.push(shared, now);
            }
            self.count_waiting(waiting, cold.mailbox.len());
            if let Err(error) = room {
                return (Some(Started::Refused(error)), false);
            }
            let word = activation.word.set(QUEUED);
            // Whoever held it may have left before the mark was set: then nobody else comes.
            (Some(Started::Queued), !word.is_held() && !cold.handed_over)
        });
        // Looked for when it is visible to others: of two that close a circle at once, one sees it.
        if let Some(call) = queued.filter(|_| !runnable)
            && let Some(path) = self.find_circle(activation, call.head())
        {
            // Its turn may have begun meanwhile: then those who were looked at wait no more.
            if call.refuse(CallError::Cycle { path }) {
                activation.kind.count_error(tenure_types::CallErrorCode::Cycle);
            }
            return started;
        }
        if runnable && (one_way || Depth::enter().is_none()) {
            self.hand_over(activation);
        } else if runnable {
            self.go_on(activation);
        }
        started
    }

    /// Whether one more call may wait: the mailbox is short, empties in time, and the node has room.
    fn check_room(
        &self,
        activation: &Activation,
        mailbox: &mut Mailbox,
        head: &CallHead,
        now: Instant,
    ) -> Result<(), CallError> {
        let len_max = activation.kind.mailbox_len_max;
        if !mailbox.has_room(len_max) {
            let detail = format!("{len_max} calls wait for {} already", activation.id());
            return Err(actor_full(detail, Duration::from_millis(50)));
        }
        let (wait, wait_max) = (mailbox.foretell(now), self.config.queue_time_max);
        if wait > wait_max {
            let (calls, id) = (mailbox.len(), activation.id());
            let detail = format!("{calls} calls wait for {id}, for {wait:.1?} at its pace");
            return Err(actor_full(detail, wait - wait_max));
        }
        self.check_waiting(head)
    }

    /// Keeps the gauge of waiting calls: a mailbox had `before` and has `after`.
    pub(crate) fn count_waiting(&self, before: usize, after: usize) {
        self.meters.queued.add(after as i64 - before as i64);
    }

    /// Lets a task run the mailbox, unless one is about to.
    pub(crate) fn hand_over(self: &Arc<Self>, activation: &Arc<Activation>) {
        let already = activation.with_cold(|cold| std::mem::replace(&mut cold.handed_over, true));
        if already {
            return;
        }
        let (runtime, activation) = (Arc::clone(self), Arc::clone(activation));
        let run = async move {
            activation.with_cold(|cold| cold.handed_over = false);
            runtime.go_on(&activation);
        };
        self.tasks.spawn("mailbox", Box::pin(run));
    }

    /// What comes after a turn: the next one, or a fresh start.
    pub(crate) fn go_on(self: &Arc<Self>, activation: &Arc<Activation>) {
        let word = activation.word.read();
        if word.has(RESET) {
            self.try_reset(activation);
        } else if word.has(MOVING) {
            self.try_seal(activation);
        } else {
            self.run_mailbox(activation);
        }
    }

    /// Ends a hold, and goes on with who waits.
    pub(crate) fn release(self: &Arc<Self>, activation: &Arc<Activation>, hold: TurnHold<'_>) {
        let word = hold.release();
        self.after_release(activation, word);
    }

    pub(super) fn after_release(self: &Arc<Self>, activation: &Arc<Activation>, word: Word) {
        if word.has(QUEUED | RESET | MOVING) && !word.is_held() && !Running::is_of(activation) {
            self.go_on(activation);
        }
    }

    /// Runs waiting turns, within bounds.
    pub(crate) fn run_mailbox(self: &Arc<Self>, activation: &Arc<Activation>) {
        let Some(_depth) = Depth::enter() else {
            return self.hand_over(activation);
        };
        let running = Running::mailbox_of(activation);
        let began = self.clock.now();
        let mut turns = 0;
        while let Some((hold, call)) = self.take_next(activation) {
            self.run_queued(activation, hold, call);
            turns += 1;
            if turns >= RUN_MAX || self.clock.now() - began > RUN_TIME_MAX {
                if activation.word.read().has(QUEUED) {
                    self.hand_over(activation);
                }
                break;
            }
        }
        drop(running);
        // A turn may have asked for a fresh start, or somebody for a move, and nobody else looks while
        // a mailbox runs.
        let word = activation.word.read();
        if word.has(RESET) {
            self.try_reset(activation);
        } else if word.has(MOVING) {
            self.try_seal(activation);
        }
    }

    /// The call at the head of the mailbox and the hold for its turn, if it can start now.
    fn take_next<'a>(
        &self,
        activation: &'a Arc<Activation>,
    ) -> Option<(TurnHold<'a>, Arc<dyn QueuedCall>)> {
        if !activation.word.read().has(QUEUED) || self.is_suspended() {
            return None;
        }
        activation.with_cold(|cold| {
            let waiting = cold.mailbox.len();
            let head = cold.mailbox.head().map(|call| needs_alone(activation, call.head()));
            let taken = head.and_then(|exclusive| {
                let hold = Hold::enter_next(activation, exclusive)?;
                Some((hold, cold.mailbox.pop(self.clock.coarse())?))
            });
            self.count_waiting(waiting, cold.mailbox.len());
            if cold.mailbox.is_empty() {
                activation.word.clear(QUEUED);
            }
            taken
        })
    }

    /// Runs a call that waited, or was taken out of its caller's future.
    pub(super) fn run_queued(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        hold: TurnHold<'_>,
        call: Arc<dyn QueuedCall>,
    ) {
        if !call.head().one_way && call.head().deadline <= self.clock.coarse() {
            self.release(activation, hold);
            activation.kind.count_error(tenure_types::CallErrorCode::Deadline);
            call.settle(Err(CallError::Deadline { outcome: Outcome::NotExecuted }));
        } else {
            self.run_shared_out(activation, hold, call);
        }
    }

    /// Runs a call that lies outside its caller's future.
    pub(super) fn run_shared_out(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        mut hold: TurnHold<'_>,
        call: Arc<dyn QueuedCall>,
    ) {
        let call = match self.before_turn(activation, &call) {
            Before::Run => call,
            Before::Become(other) => other,
            Before::Nothing => return self.release(activation, hold),
            Before::Replayed => {
                let ended = Ended { head: call.head(), call: None };
                let answer = self.hold_replayed(activation, &mut hold, ended);
                self.release(activation, hold);
                return self.settle(activation, &*call, answer);
            }
            Before::Answer(answer) => {
                self.release(activation, hold);
                return self.settle(activation, &*call, answer);
            }
        };
        if let Err(error) = self.check_state(activation, call.head()) {
            self.release(activation, hold);
            return self.settle(activation, &*call, Err(error));
        }
        if call.head().method.may_suspend {
            return self.begin_detachable(hold.own(), call);
        }
        let ended = match contain(|| call.run(hold.state(), &Here(activation))) {
            // Taken back at the last moment: nothing ran.
            Ok(false) => return self.release(activation, hold),
            Ok(true) => {
                self.said_farewell(activation, call.head());
                let ended = Ended { head: call.head(), call: Some(&*call) };
                self.end_turn(activation, &mut hold, ended)
            }
            Err(panic) => {
                self.said_farewell(activation, call.head());
                self.greeting_panicked(activation, call.head().method);
                Err(self.panicked(activation, &hold, &panic))
            }
        };
        self.release(activation, hold);
        self.settle(activation, &*call, ended);
    }

    pub(super) fn settle(
        &self,
        activation: &Activation,
        call: &dyn QueuedCall,
        ended: Result<Option<tenure_actor::Ticket>, CallError>,
    ) {
        let ended = self.released(activation, call.head().method.exclusive, ended);
        if let Err(error) = &ended {
            activation.kind.count_error(error.code());
        }
        call.settle(ended);
    }
}

fn actor_full(detail: String, retry_after: Duration) -> CallError {
    let retry_after_ms = u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX);
    CallError::Overloaded {
        detail: detail.into(),
        retry_after_ms: retry_after_ms.max(1),
        actor: true,
    }
}
