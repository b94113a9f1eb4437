//! Nodes that follow actors which live here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_actor::{EventBytes, Target, WatchId, Watcher};
use tenure_types::{ActorId, BoxFuture, Incarnation, Instant};

use super::inbox::Inbox;
use crate::following::Following;

/// The most followers of a node. Who comes later is not answered, and asks again.
const FOLLOWERS_MAX: usize = 1_048_576;
/// How long a node is told of an actor that it does not ask for any more.
pub(super) const FOLLOWED_FOR: Duration = Duration::from_secs(30);
/// How many bits of a batch's number count those of one follower.
const BATCH_BITS: u32 = 32;
/// How often those are looked for.
const SWEEP_PERIOD: Duration = Duration::from_secs(10);

/// The way from a follower to the node that it is told by.
pub(super) trait Way: Send + Sync {
    fn now(&self) -> Instant;

    /// Whether what the node produced may leave it.
    fn may_release(&self) -> bool;

    fn tell(&self, to: Incarnation, what: Following);

    fn spawn(&self, task: BoxFuture<'static, ()>);
}

/// A follower's node, and the number under which it asked.
type Name = (Incarnation, u64);

#[derive(Default)]
pub(crate) struct Followers {
    table: Mutex<Table>,
    /// Those that have something to tell, or to tell again.
    active: Mutex<Vec<Arc<Follower>>>,
}

#[derive(Default)]
struct Table {
    followers: BTreeMap<Name, Kept>,
    of: BTreeMap<ActorId, BTreeSet<Name>>,
    /// How many there were.
    made: u64,
    swept_at: Instant,
}

struct Kept {
    follower: Arc<Follower>,
    until: Instant,
}

/// One node that follows one actor.
pub(crate) struct Follower {
    name: Name,
    actor: ActorId,
    pub(super) target: Target,
    way: Weak<dyn Way>,
    followers: Weak<Followers>,
    watch: OnceLock<WatchId>,
    inbox: Mutex<Inbox>,
    /// Nobody is told anything by it any more: another one may have its name.
    is_gone: AtomicBool,
    is_active: AtomicBool,
    is_flushed: AtomicBool,
}

impl Followers {
    /// Adds a follower, who is to be watched for; `None` where it is known, which keeps it, and past the bound.
    pub(super) fn add(
        self: &Arc<Self>,
        now: Instant,
        way: Weak<dyn Way>,
        name: Name,
        (actor, target): (ActorId, &Target),
    ) -> Option<Arc<Follower>> {
        let until = now + FOLLOWED_FOR;
        let mut table = self.table.lock();
        if let Some(kept) = table.followers.get_mut(&name) {
            kept.until = until;
            return None;
        }
        if table.followers.len() >= FOLLOWERS_MAX {
            return None;
        }
        table.made += 1;
        let inbox = Inbox::after(table.made << BATCH_BITS);
        let follower = Arc::new(Follower {
            name,
            actor: actor.clone(),
            target: target.clone(),
            way,
            followers: Arc::downgrade(self),
            watch: OnceLock::new(),
            inbox: Mutex::new(inbox),
            is_gone: AtomicBool::new(false),
            is_active: AtomicBool::new(false),
            is_flushed: AtomicBool::new(false),
        });
        table.followers.insert(name, Kept { follower: Arc::clone(&follower), until });
        table.of.entry(actor).or_default().insert(name);
        Some(follower)
    }

    /// Forgets a follower, and gives it to be unwatched.
    pub(super) fn remove(&self, from: Incarnation, number: u64) -> Option<Arc<Follower>> {
        self.table.lock().remove((from, number))
    }

    /// A follower has heard a batch: it is told the next one. Gives one that has heard the last.
    pub(super) fn heard(
        &self,
        from: Incarnation,
        number: u64,
        batch: u64,
    ) -> Option<Arc<Follower>> {
        let name = (from, number);
        let known =
            self.table.lock().followers.get(&name).map(|kept| Arc::clone(&kept.follower))?;
        if known.inbox.lock().heard(batch) {
            return self.table.lock().remove(name);
        }
        known.flush();
        None
    }

    /// The actor lives here no more: all that follow it are told.
    pub(super) fn leave(&self, actor: &ActorId) {
        let table = self.table.lock();
        let names = table.of.get(actor).into_iter().flatten();
        let followers = names.filter_map(|name| table.followers.get(name));
        let followers: Vec<_> = followers.map(|kept| Arc::clone(&kept.follower)).collect();
        drop(table);
        for follower in followers {
            follower.inbox.lock().leave();
            follower.wake();
        }
    }

    /// Forgets the followers of members that are gone.
    pub(super) fn forget(&self, is_gone: impl Fn(Incarnation) -> bool) -> Vec<Arc<Follower>> {
        let mut table = self.table.lock();
        let gone: Vec<Name> =
            table.followers.keys().filter(|(node, _)| is_gone(*node)).copied().collect();
        gone.into_iter().filter_map(|name| table.remove(name)).collect()
    }

    /// Tells again what was not heard. Gives those who have not asked for long.
    pub(super) fn look(&self, now: Instant) -> Vec<Arc<Follower>> {
        let active = std::mem::take(&mut *self.active.lock());
        for follower in active {
            follower.is_active.store(false, Ordering::Release);
            if follower.is_told_again(now) {
                follower.activate();
            }
        }
        let mut table = self.table.lock();
        if now < table.swept_at + SWEEP_PERIOD {
            return Vec::new();
        }
        table.swept_at = now;
        let silent = table.followers.iter().filter(|(_, kept)| kept.until <= now);
        let silent: Vec<Name> = silent.map(|(name, _)| *name).collect();
        silent.into_iter().filter_map(|name| table.remove(name)).collect()
    }
}

impl Table {
    fn remove(&mut self, name: Name) -> Option<Arc<Follower>> {
        let follower = self.followers.remove(&name)?.follower;
        follower.is_gone.store(true, Ordering::Release);
        if let Some(names) = self.of.get_mut(&follower.actor) {
            names.remove(&name);
            if names.is_empty() {
                self.of.remove(&follower.actor);
            }
        }
        Some(follower)
    }
}

impl Follower {
    /// It hears what the actor publishes from now on, and is told so.
    pub(super) fn is_watched_as(self: &Arc<Self>, watch: WatchId) {
        self.watch.get_or_init(|| watch);
        self.wake();
    }

    /// Whether it was forgotten.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    pub(super) fn watch(&self) -> Option<WatchId> {
        self.watch.get().copied()
    }

    /// Keeps it among those that are looked after.
    fn activate(self: &Arc<Self>) {
        if !self.is_active.swap(true, Ordering::AcqRel)
            && let Some(followers) = self.followers.upgrade()
        {
            followers.active.lock().push(Arc::clone(self));
        }
    }

    /// Tells what there is to tell, soon and elsewhere: who calls this may hold locks.
    fn wake(self: &Arc<Self>) {
        self.activate();
        if self.is_flushed.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(way) = self.way.upgrade() {
            let follower = Arc::clone(self);
            way.spawn(Box::pin(async move {
                follower.is_flushed.store(false, Ordering::Release);
                follower.flush();
            }));
        }
    }

    /// Tells the next thing, if the one before was heard.
    fn flush(&self) {
        let Some(way) = self.way.upgrade().filter(|way| way.may_release()) else { return };
        if self.is_gone() {
            return;
        }
        let next = self.inbox.lock().next(way.now());
        if let Some((batch, news)) = next {
            way.tell(self.name.0, Following::Told { number: self.name.1, batch, news });
        }
    }

    /// Tells again what was not heard. Says whether it is to be looked after further.
    fn is_told_again(&self, now: Instant) -> bool {
        let Some(way) = self.way.upgrade() else { return false };
        if self.is_gone() {
            return false;
        }
        if !way.may_release() {
            return true;
        }
        let mut inbox = self.inbox.lock();
        if inbox.is_quiet() {
            return false;
        }
        let again = inbox.again(now).or_else(|| inbox.next(now));
        drop(inbox);
        if let Some((batch, news)) = again {
            way.tell(self.name.0, Following::Told { number: self.name.1, batch, news });
        }
        true
    }
}

/// Hears what an actor here publishes. On the thread of a turn, which only passes it on.
pub(super) struct Ear(pub(super) Arc<Follower>);

impl Watcher for Ear {
    fn published(&self, epoch: u64, offset: u64, event: &EventBytes) {
        self.0.inbox.lock().publish(epoch, offset, event);
        self.0.wake();
    }

    /// Nothing of an actor that lives here is missed.
    fn missed(&self) {}
}

#[cfg(test)]
mod tests {
    use tenure_types::{ActorTypeName, Key};

    use super::*;
    use crate::following::News;

    const PEER: Incarnation = Incarnation(7);
    /// Before the first batch of the first follower.
    const FIRST: u64 = 1 << BATCH_BITS;

    /// Keeps what is told, and runs what is spawned when it is asked to.
    #[derive(Default)]
    struct Desk {
        now: Mutex<Instant>,
        is_closed: AtomicBool,
        told: Mutex<Vec<(u64, News)>>,
        tasks: Mutex<Vec<BoxFuture<'static, ()>>>,
    }

    impl Way for Desk {
        fn now(&self) -> Instant {
            *self.now.lock()
        }

        fn may_release(&self) -> bool {
            !self.is_closed.load(Ordering::Relaxed)
        }

        fn tell(&self, to: Incarnation, what: Following) {
            let Following::Told { batch, news, .. } = what else { panic!("{what:?}") };
            assert_eq!(to, PEER);
            self.told.lock().push((batch - FIRST, news));
        }

        fn spawn(&self, task: BoxFuture<'static, ()>) {
            self.tasks.lock().push(task);
        }
    }

    impl Desk {
        /// What is told until nothing more is done.
        fn told(&self) -> Vec<(u64, News)> {
            let tasks = std::mem::take(&mut *self.tasks.lock());
            for mut task in tasks {
                let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
                assert!(task.as_mut().poll(&mut cx).is_ready());
            }
            std::mem::take(&mut *self.told.lock())
        }

        fn later(&self, secs: u64) -> Instant {
            let mut now = self.now.lock();
            *now = *now + Duration::from_secs(secs);
            *now
        }
    }

    fn actor() -> ActorId {
        ActorId { actor_type: ActorTypeName::new("cart").unwrap(), key: Key::new("a").unwrap() }
    }

    fn follow(desk: &Arc<Desk>, followers: &Arc<Followers>, number: u64) -> Option<Arc<Follower>> {
        let target = Target { slot: 0, hash: 3, type_name: "cart", key: Key::new("a").unwrap() };
        let way = Arc::downgrade(desk) as Weak<dyn Way>;
        followers.add(desk.now(), way, (PEER, number), (actor(), &target))
    }

    fn events(first: u64, len: usize) -> News {
        News::Events { epoch: 9, first, events: vec![EventBytes::from(vec![1]); len] }
    }

    #[test]
    fn a_follower_is_told_in_order_and_again_until_it_hears_and_last_that_the_actor_left() {
        let (desk, followers) = (Arc::<Desk>::default(), Arc::<Followers>::default());
        let follower = follow(&desk, &followers, 1).expect("it is new");
        assert!(follow(&desk, &followers, 1).is_none(), "it is known");
        follower.is_watched_as(WatchId(5));
        assert_eq!(desk.told(), [(1, News::Begun)]);
        let ear = Ear(Arc::clone(&follower));
        (1..=3).for_each(|offset| ear.published(9, offset, &vec![1].into()));
        assert_eq!(desk.told(), [], "it has not heard that it begins");
        assert!(followers.heard(PEER, 1, FIRST + 1).is_none());
        assert_eq!(desk.told(), [(2, events(1, 3))]);
        assert!(followers.look(desk.later(1)).is_empty());
        assert_eq!(desk.told(), [(2, events(1, 3))], "again");
        followers.leave(&actor());
        assert!(followers.heard(PEER, 1, FIRST + 2).is_none());
        assert_eq!(desk.told(), [(3, News::Left)]);
        let gone = followers.heard(PEER, 1, FIRST + 3).expect("it has heard the last");
        assert_eq!(gone.watch(), Some(WatchId(5)));
        assert!(gone.is_gone() && followers.table.lock().of.is_empty());
        assert!(followers.look(desk.later(1)).is_empty() && followers.active.lock().is_empty());
        assert_eq!(desk.told(), []);
    }

    #[test]
    fn nothing_is_told_outside_of_the_lease_and_everything_after() {
        let (desk, followers) = (Arc::<Desk>::default(), Arc::<Followers>::default());
        desk.is_closed.store(true, Ordering::Relaxed);
        let follower = follow(&desk, &followers, 1).expect("it is new");
        follower.is_watched_as(WatchId(5));
        assert_eq!(desk.told(), []);
        followers.look(desk.later(1));
        assert_eq!(desk.told(), []);
        desk.is_closed.store(false, Ordering::Relaxed);
        followers.look(desk.later(1));
        assert_eq!(desk.told(), [(1, News::Begun)]);
    }

    /// Met in the simulation: what an earlier one told again was taken for what the later one had told, and that for known.
    #[test]
    fn one_that_is_forgotten_says_nothing_and_the_next_one_counts_on() {
        let (desk, followers) = (Arc::<Desk>::default(), Arc::<Followers>::default());
        let before = follow(&desk, &followers, 1).expect("it is new");
        before.is_watched_as(WatchId(5));
        assert_eq!(desk.told(), [(1, News::Begun)]);
        assert!(followers.remove(PEER, 1).is_some());
        Ear(Arc::clone(&before)).published(9, 1, &vec![1].into());
        followers.look(desk.later(1));
        assert_eq!(desk.told(), [], "it is forgotten");
        let after = follow(&desk, &followers, 1).expect("it is new");
        after.is_watched_as(WatchId(6));
        assert_eq!(desk.told(), [(FIRST + 1, News::Begun)], "later than all before");
    }

    #[test]
    fn who_does_not_ask_for_long_or_is_gone_is_forgotten() {
        let (desk, followers) = (Arc::<Desk>::default(), Arc::<Followers>::default());
        let numbers = |gone: Vec<Arc<Follower>>| -> Vec<u64> {
            gone.iter().map(|follower| follower.name.1).collect()
        };
        desk.later(100);
        for number in 1..=2 {
            follow(&desk, &followers, number).expect("it is new");
        }
        assert_eq!(numbers(followers.look(desk.later(20))), [0; 0]);
        assert!(follow(&desk, &followers, 2).is_none(), "it asks again");
        assert_eq!(numbers(followers.look(desk.later(10))), [1]);
        assert_eq!(numbers(followers.forget(|node| node != PEER)), [0; 0]);
        assert_eq!(numbers(followers.forget(|node| node == PEER)), [2]);
        assert!(followers.remove(PEER, 2).is_none());
    }
}
