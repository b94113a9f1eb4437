use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_types::{BoxFuture, Instant};

use crate::clock::SimClock;
use crate::entropy::Dice;
use crate::schedule::{Act, Owner, Schedule, Task, TaskPlace};
use crate::timers::TimerPlace;
use crate::trace::{Happening, Keep, Trace};

/// The number of the future that the simulation runs in the foreground.
pub(crate) const MAIN: u64 = 0;
/// The group of the foreground, and of what belongs to no node.
pub(crate) const NOBODY: u32 = 0;

/// What the parts of a simulation share: who is ready, who sleeps, and what time it is.
pub(crate) struct World {
    /// True time.
    pub(crate) clock: Arc<SimClock>,
    pub(crate) trace: Trace,
    inner: Mutex<Inner>,
    is_violated: AtomicBool,
    me: Weak<World>,
}

struct Inner {
    dice: Dice,
    schedule: Schedule,
    main: Option<TaskPlace>,
    next_task: u64,
    next_machine: u32,
    violation: Option<String>,
    is_over: bool,
}

/// What comes next.
pub(crate) enum Next {
    /// Poll the foreground.
    Main(Waker),
    /// Poll this task, and give it back.
    Task(TaskPlace, BoxFuture<'static, ()>, Waker),
    /// Something outside of all tasks happens; its owner is in that state.
    Act(Act, Owner),
    /// Nobody is ready; the next timer is due then.
    Timer(Instant),
    /// Nobody is ready, and nobody sleeps.
    Nothing,
}

impl World {
    pub(crate) fn new(clock: Arc<SimClock>, dice: Dice, keep: Keep) -> Arc<Self> {
        let inner = Inner {
            dice,
            schedule: Schedule::new(Arc::clone(&clock)),
            main: None,
            next_task: MAIN + 1,
            next_machine: 0,
            violation: None,
            is_over: false,
        };
        Arc::new_cyclic(|me| Self {
            clock,
            trace: Trace::new(keep),
            inner: Mutex::new(inner),
            is_violated: AtomicBool::new(false),
            me: me.clone(),
        })
    }

    pub(crate) fn record(&self, what: Happening) {
        self.trace.push(self.clock.true_now(), what);
    }

    /// Records what a part of the world did.
    pub(crate) fn mark(&self, what: &'static str, of: &'static str, numbers: [u64; 3]) {
        self.record(Happening::Marked { what, of, numbers });
    }

    /// Draws from the sequence that decides the schedule.
    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut Dice) -> T) -> T {
        draw(&mut self.inner.lock().dice)
    }

    /// Says that a rule was broken; the simulation stops with the first one.
    pub(crate) fn violated(&self, what: String) {
        self.inner.lock().violation.get_or_insert(what);
        self.is_violated.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take_violation(&self) -> Option<String> {
        if !self.is_violated.swap(false, Ordering::Relaxed) {
            return None;
        }
        self.inner.lock().violation.take()
    }

    /// A new group of tasks, whose time is told by `clock`.
    pub(crate) fn begin_group(&self, clock: Arc<SimClock>) -> u32 {
        self.inner.lock().schedule.begin_group(clock)
    }

    /// The number of a new machine; they are counted from 0.
    pub(crate) fn begin_machine(&self) -> u32 {
        let mut inner = self.inner.lock();
        inner.next_machine += 1;
        inner.next_machine - 1
    }

    /// Adds a task, unless its group is dead.
    pub(crate) fn spawn(&self, group: u32, name: &'static str, future: BoxFuture<'static, ()>) {
        let mut inner = self.inner.lock();
        if inner.is_over || inner.schedule.is_dead(group) {
            drop(inner);
            drop(future);
            return;
        }
        let id = inner.next_task;
        inner.next_task += 1;
        self.add(&mut inner, Task { id, name, group, future: Some(future), is_ready: true });
        drop(inner);
        self.record(Happening::Spawned { task: id, name });
    }

    fn add(&self, inner: &mut Inner, task: Task) -> TaskPlace {
        // A task keeps its world alive, as its world does the task, until the world ends.
        let world = self.me.upgrade().expect("it is used");
        inner.schedule.add(task, |place| Waker::from(Arc::new(TaskWaker { place, world })))
    }

    /// Makes the foreground a task, ready to be polled.
    pub(crate) fn begin_main(&self) {
        let mut inner = self.inner.lock();
        let task = Task { id: MAIN, name: "main", group: NOBODY, future: None, is_ready: true };
        let place = self.add(&mut inner, task);
        inner.main = Some(place);
    }

    pub(crate) fn end_main(&self) {
        let mut inner = self.inner.lock();
        if let Some(place) = inner.main.take() {
            drop(inner.schedule.remove(place));
        }
    }

    /// Does what is due, and picks who is polled next.
    pub(crate) fn next(&self) -> Next {
        let mut wakers = Vec::new();
        loop {
            let mut guard = self.inner.lock();
            let inner = &mut *guard;
            let now = self.clock.true_now();
            if let Some((act, owner)) = inner.schedule.take_act(now) {
                return Next::Act(act, owner);
            }
            inner.schedule.take_wakers(now, &mut wakers);
            if !wakers.is_empty() {
                // A waker may be anybody's: not under the lock.
                drop(guard);
                wakers.drain(..).for_each(Waker::wake);
                continue;
            }
            let ready = inner.schedule.ready_len();
            if ready == 0 {
                return inner.schedule.next_due().map_or(Next::Nothing, Next::Timer);
            }
            let at = inner.dice.below(ready as u64) as usize;
            let Some((place, name, future, waker)) = inner.schedule.pick(at) else { continue };
            self.record(Happening::Polled { task: place.id(), name });
            return match future {
                Some(future) => Next::Task(place, future, waker),
                None => Next::Main(waker),
            };
        }
    }

    /// Takes back a task that was polled, `None` where it has ended, and lets a random part of
    /// `most` pass.
    pub(crate) fn polled(
        &self,
        place: TaskPlace,
        future: Option<BoxFuture<'static, ()>>,
        most: Duration,
    ) {
        let mut inner = self.inner.lock();
        self.pass_time(&mut inner, most);
        let Some(future) = future else {
            let removed = inner.schedule.remove(place);
            drop(inner);
            drop(removed);
            return self.record(Happening::Ended { task: place.id() });
        };
        // It is given back where its node was killed while it ran.
        let killed = inner.schedule.put_back(place, future);
        drop(inner);
        drop(killed);
    }

    /// A random part of `most` passes.
    pub(crate) fn take_time(&self, most: Duration) {
        self.pass_time(&mut self.inner.lock(), most);
    }

    fn pass_time(&self, inner: &mut Inner, most: Duration) {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        if nanos > 0 {
            let passed = inner.dice.below(nanos);
            self.clock.advance(Duration::from_nanos(passed));
        }
    }

    /// Lets `act` happen at the true time `at`. While the process `owner` is paused it waits, and
    /// it is told if that process has ended; [`NOBODY`] has no process.
    pub(crate) fn plan(&self, at: Instant, owner: u32, act: impl FnOnce(Owner) + Send + 'static) {
        let act: Act = Box::new(act);
        let mut inner = self.inner.lock();
        if inner.is_over {
            drop(inner);
            return drop(act);
        }
        inner.schedule.plan(at, owner, act);
    }

    /// Drops every task of a group, and all that are spawned into it from now on.
    pub(crate) fn kill(&self, group: u32) {
        self.record(Happening::Killed { group });
        let killed = self.inner.lock().schedule.kill(group);
        // Destructors may wake, spawn and forget timers: not under the lock.
        drop(killed);
    }

    /// Polls no task of the group until it is resumed as often. Its clock goes on.
    pub(crate) fn pause(&self, group: u32) {
        self.inner.lock().schedule.pause(group);
        self.mark("pause", "group", [u64::from(group), 0, 0]);
    }

    /// Takes one pause of the group back.
    pub(crate) fn resume(&self, group: u32) {
        self.inner.lock().schedule.resume(group);
        self.mark("resume", "group", [u64::from(group), 0, 0]);
    }

    pub(crate) fn is_dead(&self, group: u32) -> bool {
        self.inner.lock().schedule.is_dead(group)
    }

    pub(crate) fn is_paused(&self, group: u32) -> bool {
        self.inner.lock().schedule.is_paused(group)
    }

    /// To be called when the clock of a group was changed.
    pub(crate) fn clock_changed(&self, group: u32) {
        self.inner.lock().schedule.arm(group);
    }

    pub(crate) fn set_timer(&self, group: u32, at: Instant, waker: Waker) -> TimerPlace {
        let place = self.inner.lock().schedule.set_timer(group, at, waker);
        self.record(Happening::Slept { until: at });
        place
    }

    pub(crate) fn forget_timer(&self, group: u32, place: TimerPlace) {
        let forgotten = self.inner.lock().schedule.forget_timer(group, place);
        drop(forgotten);
    }

    /// Ends the simulation: drops everybody and everything that will happen.
    pub(crate) fn end(&self) {
        let mut inner = self.inner.lock();
        inner.is_over = true;
        let ended = inner.schedule.end();
        drop(inner);
        drop(ended);
    }

    /// The names of all live tasks, the most frequent ones counted.
    pub(crate) fn describe_live(&self) -> String {
        let inner = self.inner.lock();
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for task in inner.schedule.tasks() {
            *names.entry(task.name).or_default() += 1;
        }
        let mut text = String::new();
        for (name, count) in names {
            let _ = match count {
                1 => write!(text, " {name}"),
                _ => write!(text, " {name}*{count}"),
            };
        }
        text.trim_start().to_owned()
    }

    /// How many tasks live, the foreground apart.
    pub(crate) fn live(&self) -> usize {
        self.inner.lock().schedule.tasks().filter(|task| task.id != MAIN).count()
    }

    pub(crate) fn live_of(&self, group: u32, name: &str) -> usize {
        let inner = self.inner.lock();
        let is_wanted = |task: &&Task| task.group == group && task.name == name;
        inner.schedule.tasks().filter(is_wanted).count()
    }
}

struct TaskWaker {
    place: TaskPlace,
    world: Arc<World>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.world.inner.lock().schedule.wake(self.place);
    }
}
