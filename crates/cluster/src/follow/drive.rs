//! The node's part in it: what came is taken, and what follows is done.

use std::sync::{Arc, Weak};

use tenure_actor::{EventPage, Publications, Target, WatchId, Watcher};
use tenure_types::{ActorId, BoxFuture, CallError, Incarnation, Instant, Tenure};

use super::Follows;
use super::followers::{Ear, Follower, Way};
use super::listeners::Told;
use crate::driver::Driver;
use crate::following::{Following, News};
use crate::life::{Life, Local, name_of};
use crate::message::Body;
use crate::refusals::not_executed;
use crate::world::World;

impl<W: World> Way for Driver<W> {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn may_release(&self) -> bool {
        self.runtime().is_some_and(|runtime| runtime.may_release())
    }

    fn tell(&self, to: Incarnation, what: Following) {
        self.send(to, Body::Following(what));
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tasks.spawn("followers", task);
    }
}

/// What actors publish, wherever in the cluster they live, for those who follow at this node.
struct ClusterPublications<W: World> {
    driver: Weak<Driver<W>>,
    of: Incarnation,
}

impl<W: World> Driver<W> {
    /// What actors publish, for the followers of this node's present run; `None` while it has none. What is
    /// watched through it is forgotten with that run.
    pub fn publications(self: &Arc<Self>) -> Option<Arc<dyn Publications>> {
        let of = self.incarnation()?;
        self.runtime()?;
        Some(Arc::new(ClusterPublications { driver: Arc::downgrade(self), of }))
    }

    pub(crate) fn follows(&self) -> Option<Arc<Follows>> {
        self.core.lock().life.as_ref().map(|life| Arc::clone(&life.follows))
    }

    /// What was said of an actor that is followed.
    pub(crate) fn handle_following(self: &Arc<Self>, from: Incarnation, said: Following) {
        let Some(follows) = self.follows() else { return };
        match said {
            Following::Follow { number, actor } => {
                self.take_follower(&follows, from, number, &actor);
            }
            Following::Unfollow { number } => {
                let gone = follows.followers.remove(from, number);
                self.unwatch_all(gone);
            }
            Following::Heard { number, batch } => {
                if let Some(gone) = follows.followers.heard(from, number, batch) {
                    self.unwatch_all([gone]);
                }
            }
            Following::Told { number, batch, news } => {
                self.take_news(&follows, from, (number, batch), news);
            }
            Following::Read { number, actor, epoch, offset } => {
                self.read_for(from, number, &actor, (epoch, offset));
            }
            Following::Page { number, page } => follows.reads.came(number, page),
        }
    }

    /// Somebody wants to be told what an actor here publishes.
    fn take_follower(
        self: &Arc<Self>,
        follows: &Follows,
        from: Incarnation,
        number: u64,
        actor: &ActorId,
    ) {
        let now = self.clock.now();
        let is_here = |life: &mut Life| life.cluster.hosted(actor).is_some();
        let target = self.runtime().and_then(|runtime| runtime.target_of(actor));
        let (Some(true), Some(target)) = (self.with_life(is_here), target) else {
            return self.tell(from, Following::Told { number, batch: 1, news: News::Left });
        };
        let way = Arc::downgrade(self) as Weak<dyn Way>;
        let who = (actor.clone(), &target);
        let Some(follower) = follows.followers.add(now, way, (from, number), who) else { return };
        let Some(runtime) = self.runtime() else { return };
        follower.is_watched_as(runtime.watch(&target, Arc::new(Ear(Arc::clone(&follower)))));
        // The actor may have left between the two, and so may the follower.
        if self.with_life(is_here) != Some(true) {
            follows.followers.leave(actor);
        }
        if follower.is_gone() {
            self.unwatch_all([follower]);
        }
    }

    fn unwatch_all(&self, gone: impl IntoIterator<Item = Arc<Follower>>) {
        let Some(runtime) = self.runtime() else { return };
        for follower in gone {
            if let Some(watch) = follower.watch() {
                runtime.unwatch(&follower.target, watch);
            }
        }
    }

    /// The node where an actor lives has told something.
    fn take_news(
        self: &Arc<Self>,
        follows: &Follows,
        from: Incarnation,
        (number, batch): (u64, u64),
        news: News,
    ) {
        let now = self.clock.now();
        let Told { is_known, watchers, has_gap, attend } =
            follows.listeners.told(now, from, (number, batch), &news);
        let answer = match is_known {
            true => Following::Heard { number, batch },
            false => Following::Unfollow { number },
        };
        self.tell(from, answer);
        if has_gap {
            self.world.reached("events of another node missed or begun");
            watchers.iter().for_each(|watcher| watcher.missed());
        }
        if let News::Events { epoch, first, events } = news {
            self.world.reached("events told by another node");
            for (offset, event) in (first..).zip(&events) {
                watchers.iter().for_each(|watcher| watcher.published(epoch, offset, event));
            }
        }
        if let Some(actor) = attend {
            self.attend_later(actor);
        }
    }

    fn attend_later(&self, actor: ActorId) {
        if let Some(me) = self.incarnation() {
            self.pass(me, Local::Attend(actor));
        }
    }

    /// Awaits the place of an actor that is watched here and whose place is not known; or does not, where nobody
    /// watches it any more.
    pub(crate) fn attend(&self, actor: &ActorId) {
        let now = self.clock.now();
        self.with_life(|life| match life.follows.listeners.awaits(actor) {
            Some(later_than) => {
                if !life.cluster.await_place(now, actor, later_than) {
                    life.follows.listeners.attend_again(now, actor);
                }
            }
            None => life.cluster.give_up_await(actor),
        });
    }

    /// The place of an actor that is watched here is known.
    pub(crate) fn take_place(&self, actor: &ActorId, host: Incarnation, tenure: Tenure) {
        let now = self.clock.now();
        let Some((follows, me)) = self.follows().zip(self.incarnation()) else { return };
        if host == me {
            // What it published elsewhere before was perhaps not heard.
            let watchers = follows.listeners.stands_here(actor, tenure);
            watchers.iter().for_each(|watcher| watcher.missed());
            // It may have left before this was heard, when nobody here asked where it went.
            let runs = self.with_life(|life| life.cluster.hosted(actor)).flatten();
            if runs != Some(tenure) && follows.listeners.left_here(actor) {
                self.attend(actor);
            }
            return;
        }
        if let Some(ask) = follows.listeners.stands_there(now, actor, host, tenure) {
            self.tell(host, ask);
        }
    }

    /// An activation is gone from here: those who follow it elsewhere are told, and who follows it here asks where it is.
    pub(crate) fn follow_away(self: &Arc<Self>, actor: &ActorId) {
        let Some(follows) = self.follows() else { return };
        follows.followers.leave(actor);
        if follows.listeners.left_here(actor) {
            self.attend(actor);
        }
    }

    /// There is a newer view: who followed somebody at a member that is gone looks elsewhere.
    pub(crate) fn look_after_hosts(&self, is_gone: impl Fn(Incarnation) -> bool) {
        let Some(follows) = self.follows() else { return };
        let gone = follows.followers.forget(&is_gone);
        self.unwatch_all(gone);
        for actor in follows.listeners.forget_hosts(is_gone) {
            self.attend(&actor);
        }
    }

    /// What has to be said again, and who has not asked for long.
    pub(crate) fn look_after_followers(self: &Arc<Self>) {
        let now = self.clock.now();
        let Some(follows) = self.follows() else { return };
        let gone = follows.followers.look(now);
        self.unwatch_all(gone);
        let due = follows.listeners.due(now);
        for (to, ask) in due.asks {
            self.tell(to, ask);
        }
        for actor in due.attends {
            self.attend(&actor);
        }
    }

    pub(super) fn watch(
        self: &Arc<Self>,
        target: &Target,
        watcher: Arc<dyn Watcher>,
    ) -> Option<WatchId> {
        let watch = self.runtime()?.watch(target, Arc::clone(&watcher));
        let actor = name_of(target);
        let is_new = self.follows()?.listeners.add(&actor, watch, watcher);
        if is_new {
            self.attend_later(actor);
        }
        Some(watch)
    }

    pub(super) fn unwatch(self: &Arc<Self>, target: &Target, watch: WatchId) {
        let Some((runtime, follows)) = self.runtime().zip(self.follows()) else { return };
        runtime.unwatch(target, watch);
        let actor = name_of(target);
        let Some(gone) = follows.listeners.remove(&actor, watch) else { return };
        if let Some((host, number)) = gone {
            self.tell(host, Following::Unfollow { number });
        }
        self.attend_later(actor);
    }
}

impl<W: World> Publications for ClusterPublications<W> {
    fn watch(&self, target: &Target, watcher: Arc<dyn Watcher>) -> WatchId {
        let driver = self.driver.upgrade().filter(|it| it.incarnation() == Some(self.of));
        // Nothing is published where the node has lost its place, and no watch has this number.
        driver.and_then(|it| it.watch(target, watcher)).unwrap_or(WatchId(0))
    }

    fn unwatch(&self, target: &Target, watch: WatchId) {
        let driver = self.driver.upgrade().filter(|it| it.incarnation() == Some(self.of));
        if let Some(driver) = driver {
            driver.unwatch(target, watch);
        }
    }

    fn events(
        &self,
        target: Target,
        epoch: u64,
        offset: u64,
    ) -> BoxFuture<'static, Result<EventPage, CallError>> {
        let driver = self.driver.upgrade().filter(|it| it.incarnation() == Some(self.of));
        Box::pin(async move {
            match driver {
                Some(driver) => driver.read_events(target, (epoch, offset)).await,
                None => Err(not_executed()),
            }
        })
    }
}
