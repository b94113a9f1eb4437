use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use tenure_types::{BoxFuture, Clock, Instant};

use crate::clock::SimClock;
use crate::timers::{TimerPlace, Timers};

/// Something that happens at its time outside of all tasks: a frame arrives, a fault begins.
pub(crate) type Act = Box<dyn FnOnce(Owner) + Send>;

/// What has become of the process that an act belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// It runs, or there is none.
    Runs,
    /// It ended before the act's time.
    Dead,
}

/// Where a task is kept: its slot, and its number to tell it from later tasks there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskPlace {
    slot: u32,
    id: u64,
}

impl TaskPlace {
    /// The task's number.
    pub(crate) fn id(self) -> u64 {
        self.id
    }
}

pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    pub(crate) group: u32,
    /// `None` while it is polled, and always for the foreground.
    pub(crate) future: Option<BoxFuture<'static, ()>>,
    pub(crate) is_ready: bool,
}

struct Kept {
    task: Task,
    waker: Waker,
}

/// The tasks of one process, and its timers.
struct Group {
    clock: Arc<SimClock>,
    timers: Timers,
    /// When the first of its timers is due, in true time; `NEVER` while it stands.
    due: Instant,
    /// By how many it was paused.
    pauses: u32,
    is_dead: bool,
    /// Who became ready, and what happened, during a pause.
    ready: Vec<TaskPlace>,
    acts: Vec<Act>,
}

/// Something that will happen.
struct Planned {
    at: Instant,
    order: u64,
    owner: u32,
    act: Act,
}

/// Who is ready, who sleeps, and what is due, over all processes.
pub(crate) struct Schedule {
    truth: Arc<SimClock>,
    tasks: Vec<Option<Kept>>,
    free: Vec<u32>,
    ready: Vec<TaskPlace>,
    groups: Vec<Group>,
    /// When groups have timers due, the earliest first. An entry that is not its group's `due` is
    /// out of date.
    alarms: BinaryHeap<Reverse<(Instant, u32)>>,
    acts: BinaryHeap<Reverse<Planned>>,
    next_order: u64,
    live: usize,
}

impl Schedule {
    /// Nobody yet but the group 0, whose time is true.
    pub(crate) fn new(truth: Arc<SimClock>) -> Self {
        let mut schedule = Self {
            truth: Arc::clone(&truth),
            tasks: Vec::new(),
            free: Vec::new(),
            ready: Vec::new(),
            groups: Vec::new(),
            alarms: BinaryHeap::new(),
            acts: BinaryHeap::new(),
            next_order: 0,
            live: 0,
        };
        schedule.begin_group(truth);
        schedule
    }

    pub(crate) fn begin_group(&mut self, clock: Arc<SimClock>) -> u32 {
        self.groups.push(Group {
            clock,
            timers: Timers::default(),
            due: Instant::NEVER,
            pauses: 0,
            is_dead: false,
            ready: Vec::new(),
            acts: Vec::new(),
        });
        u32::try_from(self.groups.len() - 1).expect("there are not so many processes")
    }

    fn group(&mut self, group: u32) -> &mut Group {
        &mut self.groups[group as usize]
    }

    pub(crate) fn is_dead(&self, group: u32) -> bool {
        self.groups[group as usize].is_dead
    }

    pub(crate) fn is_paused(&self, group: u32) -> bool {
        self.groups[group as usize].pauses > 0
    }

    /// Keeps a task, whose waker `waker` makes.
    pub(crate) fn add(&mut self, task: Task, waker: impl FnOnce(TaskPlace) -> Waker) -> TaskPlace {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.tasks.push(None);
            u32::try_from(self.tasks.len() - 1).expect("there are not so many tasks")
        });
        let place = TaskPlace { slot, id: task.id };
        let group = task.group;
        self.tasks[slot as usize] = Some(Kept { waker: waker(place), task });
        self.live += 1;
        self.make_ready(group, place);
        place
    }

    fn kept(&mut self, place: TaskPlace) -> Option<&mut Kept> {
        self.tasks[place.slot as usize].as_mut().filter(|kept| kept.task.id == place.id)
    }

    fn make_ready(&mut self, group: u32, place: TaskPlace) {
        let group = &mut self.groups[group as usize];
        match group.pauses {
            0 => self.ready.push(place),
            _ => group.ready.push(place),
        }
    }

    /// Wakes a task, if it lives.
    pub(crate) fn wake(&mut self, place: TaskPlace) {
        let Some(kept) = self.kept(place) else { return };
        if !mem::replace(&mut kept.task.is_ready, true) {
            let group = kept.task.group;
            self.make_ready(group, place);
        }
    }

    pub(crate) fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// Takes the ready task at `at`, to be polled; `None` if it has ended.
    pub(crate) fn pick(
        &mut self,
        at: usize,
    ) -> Option<(TaskPlace, &'static str, Option<BoxFuture<'static, ()>>, Waker)> {
        let place = self.ready.swap_remove(at);
        let kept = self.kept(place)?;
        kept.task.is_ready = false;
        Some((place, kept.task.name, kept.task.future.take(), kept.waker.clone()))
    }

    /// Takes back a task that is still pending; gives its future back if it was killed meanwhile.
    pub(crate) fn put_back(
        &mut self,
        place: TaskPlace,
        future: BoxFuture<'static, ()>,
    ) -> Option<BoxFuture<'static, ()>> {
        match self.kept(place) {
            Some(kept) => {
                kept.task.future = Some(future);
                None
            }
            None => Some(future),
        }
    }

    /// Forgets a task. What is given back must be dropped where no lock is held.
    #[must_use]
    pub(crate) fn remove(&mut self, place: TaskPlace) -> Option<(Task, Waker)> {
        self.kept(place)?;
        let kept = self.tasks[place.slot as usize].take()?;
        self.free.push(place.slot);
        self.live -= 1;
        Some((kept.task, kept.waker))
    }

    /// Ends a group: its tasks go, and nothing is added to it any more. What is given back must be
    /// dropped where no lock is held.
    #[must_use]
    pub(crate) fn kill(&mut self, group: u32) -> Vec<(Task, Waker)> {
        self.group(group).is_dead = true;
        let of_group = |kept: &&Kept| kept.task.group == group;
        let mut places: Vec<TaskPlace> = Vec::new();
        for (kept, slot) in self.tasks.iter().zip(0..) {
            let kept = kept.as_ref().filter(of_group);
            places.extend(kept.map(|kept| TaskPlace { slot, id: kept.task.id }));
        }
        // In the order of their birth, whatever slots they were given.
        places.sort_unstable_by_key(|place| place.id);
        self.ready.retain(|place| !places.contains(place));
        let killed = places.into_iter().filter_map(|place| self.remove(place)).collect();
        self.release(group);
        killed
    }

    /// Stops a process where it stands, once more.
    pub(crate) fn pause(&mut self, group: u32) {
        let it = &mut self.groups[group as usize];
        it.pauses += 1;
        if it.pauses > 1 || it.is_dead {
            return;
        }
        let tasks = &self.tasks;
        let is_of = |place: &TaskPlace| {
            let kept = tasks[place.slot as usize].as_ref();
            kept.is_some_and(|kept| kept.task.id == place.id && kept.task.group == group)
        };
        it.ready.extend(self.ready.extract_if(.., |place| is_of(place)));
        it.due = Instant::NEVER;
    }

    /// Takes one pause back.
    pub(crate) fn resume(&mut self, group: u32) {
        let it = self.group(group);
        it.pauses = it.pauses.saturating_sub(1);
        if it.pauses == 0 && !it.is_dead {
            self.release(group);
        }
    }

    /// Lets happen what a pause held up.
    fn release(&mut self, group: u32) {
        let it = self.group(group);
        let (ready, acts) = (mem::take(&mut it.ready), mem::take(&mut it.acts));
        self.ready.extend(ready);
        let now = self.truth.true_now();
        for act in acts {
            self.plan(now, group, act);
        }
        self.arm(group);
    }

    /// Lets `act` happen at the true time `at`; while the process `owner` is paused it waits.
    pub(crate) fn plan(&mut self, at: Instant, owner: u32, act: Act) {
        let order = self.next_order;
        self.next_order += 1;
        self.acts.push(Reverse(Planned { at, order, owner, act }));
    }

    /// What happens next of all that is due.
    pub(crate) fn take_act(&mut self, now: Instant) -> Option<(Act, Owner)> {
        while self.acts.peek().is_some_and(|next| next.0.at <= now) {
            let Reverse(Planned { owner, act, .. }) = self.acts.pop()?;
            let group = self.group(owner);
            match (group.is_dead, group.pauses) {
                (true, _) => return Some((act, Owner::Dead)),
                (false, 0) => return Some((act, Owner::Runs)),
                (false, _) => group.acts.push(act),
            }
        }
        None
    }

    /// The wakers of the timers that are due, none while nothing is.
    pub(crate) fn take_wakers(&mut self, now: Instant, wakers: &mut Vec<Waker>) {
        while let Some(&Reverse((at, group))) = self.alarms.peek() {
            if at > now {
                return;
            }
            self.alarms.pop();
            let it = &mut self.groups[group as usize];
            if it.due == at {
                it.due = Instant::NEVER;
                it.timers.take_due(it.clock.now(), wakers);
                self.arm(group);
            }
        }
    }

    /// When the next thing is due, if anything is.
    pub(crate) fn next_due(&mut self) -> Option<Instant> {
        let act = self.acts.peek().map(|next| next.0.at);
        while let Some(&Reverse((at, group))) = self.alarms.peek() {
            let it = &mut self.groups[group as usize];
            if it.due == at && it.due_of_timers() == at {
                return Some(act.map_or(at, |act| act.min(at)));
            }
            // The timer was forgotten, or the clock was changed.
            self.alarms.pop();
            if it.due == at {
                it.due = Instant::NEVER;
                self.arm(group);
            }
        }
        act
    }

    /// Sees to it that the group is looked at when its first timer is due.
    pub(crate) fn arm(&mut self, group: u32) {
        let it = &mut self.groups[group as usize];
        let due = if it.pauses > 0 && !it.is_dead { Instant::NEVER } else { it.due_of_timers() };
        if due != it.due {
            it.due = due;
            if due != Instant::NEVER {
                self.alarms.push(Reverse((due, group)));
            }
        }
    }

    pub(crate) fn set_timer(&mut self, group: u32, at: Instant, waker: Waker) -> TimerPlace {
        let it = &mut self.groups[group as usize];
        let place = it.timers.set(at, waker);
        if it.timers.first() == Some(at) {
            self.arm(group);
        }
        place
    }

    /// Forgets a timer. What is given back must be dropped where no lock is held.
    #[must_use]
    pub(crate) fn forget_timer(&mut self, group: u32, place: TimerPlace) -> Option<Waker> {
        self.group(group).timers.forget(place)
    }

    /// All tasks that live, the foreground apart.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().flatten().map(|kept| &kept.task)
    }

    /// Everybody and everything, to be dropped where no lock is held.
    pub(crate) fn end(&mut self) -> impl Sized + use<> {
        let groups: Vec<u32> = (0..).take(self.groups.len()).collect();
        let tasks: Vec<_> = groups.into_iter().flat_map(|group| self.kill(group)).collect();
        let timers: Vec<_> = self.groups.iter_mut().map(|it| mem::take(&mut it.timers)).collect();
        (tasks, timers, mem::take(&mut self.acts))
    }
}

impl Group {
    /// When its first timer is due, in true time.
    fn due_of_timers(&mut self) -> Instant {
        self.timers.first().and_then(|at| self.clock.true_at(at)).unwrap_or(Instant::NEVER)
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}
