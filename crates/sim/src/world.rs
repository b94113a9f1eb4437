use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_types::{BoxFuture, Clock, Instant};

use crate::clock::SimClock;
use crate::entropy::Dice;
use crate::trace::{Happening, Trace};

/// The number of the future that the simulation runs in the foreground.
pub(crate) const MAIN: u64 = 0;

/// What the parts of a simulation share: who is ready, who sleeps, and what time it is.
pub(crate) struct World {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) trace: Trace,
    inner: Mutex<Inner>,
    me: Weak<World>,
}

struct Inner {
    dice: Dice,
    tasks: BTreeMap<u64, Task>,
    ready: Vec<u64>,
    timers: BTreeMap<(Instant, u64), Waker>,
    next_task: u64,
    next_timer: u64,
    dead: BTreeSet<u32>,
    violation: Option<String>,
}

struct Task {
    name: &'static str,
    group: u32,
    /// `None` while it is polled, and always for the foreground.
    future: Option<BoxFuture<'static, ()>>,
    waker: Waker,
    is_ready: bool,
}

/// What comes next.
pub(crate) enum Next {
    /// Poll the foreground.
    Main(Waker),
    /// Poll this task, and give it back.
    Task(u64, BoxFuture<'static, ()>, Waker),
    /// Nobody is ready; the next timer is due then.
    Timer(Instant),
    /// Nobody is ready, and nobody sleeps.
    Nothing,
}

impl World {
    pub(crate) fn new(clock: Arc<SimClock>, dice: Dice) -> Arc<Self> {
        let inner = Inner {
            dice,
            tasks: BTreeMap::new(),
            ready: Vec::new(),
            timers: BTreeMap::new(),
            next_task: MAIN + 1,
            next_timer: 0,
            dead: BTreeSet::new(),
            violation: None,
        };
        Arc::new_cyclic(|me| Self {
            clock,
            trace: Trace::default(),
            inner: Mutex::new(inner),
            me: me.clone(),
        })
    }

    pub(crate) fn record(&self, what: Happening) {
        self.trace.push(self.clock.now(), what);
    }

    /// Draws from the sequence that decides the schedule.
    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut Dice) -> T) -> T {
        draw(&mut self.inner.lock().dice)
    }

    /// Says that a rule was broken; the simulation stops with the first one.
    pub(crate) fn violated(&self, what: String) {
        self.inner.lock().violation.get_or_insert(what);
    }

    pub(crate) fn take_violation(&self) -> Option<String> {
        self.inner.lock().violation.take()
    }

    /// Adds a task, unless its group is dead.
    pub(crate) fn spawn(&self, group: u32, name: &'static str, future: BoxFuture<'static, ()>) {
        let mut inner = self.inner.lock();
        if inner.dead.contains(&group) {
            drop(inner);
            drop(future);
            return;
        }
        let id = inner.next_task;
        inner.next_task += 1;
        let waker = self.waker_of(id);
        let task = Task { name, group, future: Some(future), waker, is_ready: true };
        inner.tasks.insert(id, task);
        inner.ready.push(id);
        drop(inner);
        self.record(Happening::Spawned { task: id, name });
    }

    /// Makes the foreground a task, ready to be polled.
    pub(crate) fn begin_main(&self) {
        let mut inner = self.inner.lock();
        let waker = self.waker_of(MAIN);
        let task = Task { name: "main", group: 0, future: None, waker, is_ready: true };
        inner.tasks.insert(MAIN, task);
        inner.ready.push(MAIN);
    }

    pub(crate) fn end_main(&self) {
        let mut inner = self.inner.lock();
        inner.tasks.remove(&MAIN);
        inner.ready.retain(|&id| id != MAIN);
    }

    /// Wakes the timers that are due, and picks who is polled next.
    pub(crate) fn next(&self) -> Next {
        self.fire_timers();
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        loop {
            if inner.ready.is_empty() {
                let first = inner.timers.first_key_value();
                return first.map_or(Next::Nothing, |(&(at, _), _)| Next::Timer(at));
            }
            let at = inner.dice.below(inner.ready.len() as u64) as usize;
            let id = inner.ready.swap_remove(at);
            let Some(task) = inner.tasks.get_mut(&id) else { continue };
            task.is_ready = false;
            let waker = task.waker.clone();
            self.record(Happening::Polled { task: id, name: task.name });
            if id == MAIN {
                return Next::Main(waker);
            }
            let future = task.future.take().expect("a task is polled by one at a time");
            return Next::Task(id, future, waker);
        }
    }

    /// Takes back a task that is still pending.
    pub(crate) fn put_back(&self, id: u64, future: BoxFuture<'static, ()>) {
        let mut inner = self.inner.lock();
        match inner.tasks.get_mut(&id) {
            Some(task) => task.future = Some(future),
            None => {
                // Its node was killed while it ran.
                drop(inner);
                drop(future);
            }
        }
    }

    pub(crate) fn ended(&self, id: u64) {
        self.inner.lock().tasks.remove(&id);
        self.record(Happening::Ended { task: id });
    }

    /// Drops every task of a group, and all that are spawned into it from now on.
    pub(crate) fn kill(&self, group: u32) {
        self.record(Happening::Killed { group });
        let mut killed = Vec::new();
        {
            let mut inner = self.inner.lock();
            inner.dead.insert(group);
            let all = inner.tasks.iter().filter(|(id, task)| **id != MAIN && task.group == group);
            let ids: Vec<u64> = all.map(|(id, _)| *id).collect();
            killed.extend(ids.iter().filter_map(|id| inner.tasks.remove(id)));
        }
        // Destructors may wake, spawn and forget timers: not under the lock.
        drop(killed);
    }

    pub(crate) fn set_timer(&self, at: Instant, waker: Waker) -> u64 {
        let mut inner = self.inner.lock();
        let id = inner.next_timer;
        inner.next_timer += 1;
        inner.timers.insert((at, id), waker);
        drop(inner);
        self.record(Happening::Slept { until: at });
        id
    }

    pub(crate) fn forget_timer(&self, at: Instant, id: u64) {
        let forgotten = self.inner.lock().timers.remove(&(at, id));
        drop(forgotten);
    }

    fn fire_timers(&self) {
        let now = self.clock.now();
        loop {
            let mut inner = self.inner.lock();
            let Some(first) = inner.timers.first_entry().filter(|it| it.key().0 <= now) else {
                return;
            };
            let waker = first.remove();
            drop(inner);
            waker.wake();
        }
    }

    /// The names of all live tasks, the most frequent ones counted.
    pub(crate) fn describe_live(&self) -> String {
        let inner = self.inner.lock();
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for task in inner.tasks.values() {
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
        self.inner.lock().tasks.keys().filter(|&&id| id != MAIN).count()
    }

    pub(crate) fn live_of(&self, group: u32, name: &str) -> usize {
        let inner = self.inner.lock();
        inner.tasks.values().filter(|task| task.group == group && task.name == name).count()
    }

    fn waker_of(&self, task: u64) -> Waker {
        Waker::from(Arc::new(TaskWaker { task, world: self.me.clone() }))
    }

    /// A random part of `most` passes.
    pub(crate) fn pass_time(&self, most: Duration) {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        if nanos > 0 {
            let passed = self.draw(|dice| dice.below(nanos));
            self.clock.advance(Duration::from_nanos(passed));
        }
    }
}

struct TaskWaker {
    task: u64,
    world: Weak<World>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(world) = self.world.upgrade() else { return };
        let mut inner = world.inner.lock();
        let Some(task) = inner.tasks.get_mut(&self.task) else { return };
        if !std::mem::replace(&mut task.is_ready, true) {
            inner.ready.push(self.task);
        }
    }
}
