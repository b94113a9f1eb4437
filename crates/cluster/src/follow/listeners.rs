//! Actors that somebody at this node follows, and where each of them lives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tenure_actor::{WatchId, Watcher};
use tenure_types::{ActorId, Incarnation, Instant, Tenure};

use crate::following::{Following, News};

/// After how long a node that has not begun to tell is asked again; each time later, up to the longest pause.
const ASK_AGAIN: Duration = Duration::from_millis(100);
const ASK_AGAIN_MAX: Duration = Duration::from_secs(2);
/// How often a node that tells is asked to go on.
const RENEW_PERIOD: Duration = Duration::from_secs(10);
/// After how long an actor is attended to again for whose place there was no room.
const ATTEND_AGAIN: Duration = Duration::from_secs(10);

type Watchers = Vec<Arc<dyn Watcher>>;

/// The actors that are followed at one run of a node. There are as many as its sessions follow.
#[derive(Default)]
pub(crate) struct Listeners(Mutex<Table>);

#[derive(Default)]
struct Table {
    listeners: BTreeMap<ActorId, Listener>,
    /// Who was asked to tell, by the number of the question.
    asked: BTreeMap<u64, ActorId>,
    due: BTreeSet<(Instant, ActorId)>,
    numbers: u64,
}

struct Listener {
    watchers: Vec<(WatchId, Arc<dyn Watcher>)>,
    stands: Stands,
    /// The right of the last place that was known.
    last: Option<Tenure>,
    due: Option<Instant>,
}

/// Where an actor is.
enum Stands {
    /// Its place is awaited.
    Awaited,
    /// At this node.
    Here,
    /// At another one, which tells what it publishes, or was asked to.
    There { host: Incarnation, number: u64, heard: u64, asked: u32 },
}

/// Where an actor that is followed is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Nobody knows.
    Nowhere,
    /// At this node.
    Here,
    /// At another one.
    At(Incarnation),
}

/// What follows from news.
#[derive(Default)]
pub(super) struct Told {
    /// Whether anybody asked for it.
    pub(super) is_known: bool,
    /// Who is told what it says.
    pub(super) watchers: Watchers,
    /// Something before may have been missed.
    pub(super) has_gap: bool,
    /// Whose place is to be awaited now.
    pub(super) attend: Option<ActorId>,
}

/// What it is time for.
#[derive(Default)]
pub(super) struct Due {
    pub(super) asks: Vec<(Incarnation, Following)>,
    pub(super) attends: Vec<ActorId>,
}

impl Listeners {
    /// Somebody watches an actor. Whether nobody did before: then its place is to be awaited.
    pub(super) fn add(&self, actor: &ActorId, watch: WatchId, watcher: Arc<dyn Watcher>) -> bool {
        let mut table = self.0.lock();
        if let Some(listener) = table.listeners.get_mut(actor) {
            listener.watchers.push((watch, watcher));
            return false;
        }
        let watchers = vec![(watch, watcher)];
        let listener = Listener { watchers, stands: Stands::Awaited, last: None, due: None };
        table.listeners.insert(actor.clone(), listener);
        true
    }

    /// Somebody watches no more. `Some` where nobody is left: with who tells of the actor, if one does, and under
    /// which number.
    pub(super) fn remove(
        &self,
        actor: &ActorId,
        watch: WatchId,
    ) -> Option<Option<(Incarnation, u64)>> {
        let mut table = self.0.lock();
        let listener = table.listeners.get_mut(actor)?;
        let index = listener.watchers.iter().position(|(it, _)| *it == watch)?;
        let gone = listener.watchers.swap_remove(index);
        let told_by = match listener.stands {
            Stands::There { host, number, .. } => Some((host, number)),
            _ => None,
        };
        let told_by = listener.watchers.is_empty().then_some(told_by);
        if told_by.is_some() {
            table.rest(actor, Stands::Awaited);
            table.listeners.remove(actor);
        }
        drop(table);
        // Its destructor is not this table's.
        drop(gone);
        told_by
    }

    /// Whose place is to be awaited: a place later than this one. `None` where it is known, or nobody watches.
    pub(super) fn awaits(&self, actor: &ActorId) -> Option<Option<Tenure>> {
        let table = self.0.lock();
        let listener = table.listeners.get(actor)?;
        matches!(listener.stands, Stands::Awaited).then_some(listener.last)
    }

    /// The actor is to be attended to later.
    pub(super) fn attend_again(&self, now: Instant, actor: &ActorId) {
        self.0.lock().put(actor, now + ATTEND_AGAIN);
    }

    /// The actor runs at this node. Gives who watches it.
    pub(super) fn stands_here(&self, actor: &ActorId, tenure: Tenure) -> Watchers {
        let mut table = self.0.lock();
        table.rest(actor, Stands::Here);
        let Some(listener) = table.listeners.get_mut(actor) else { return Vec::new() };
        listener.last = Some(tenure);
        listener.watchers()
    }

    /// The actor runs at another node. Gives what that node is asked.
    pub(super) fn stands_there(
        &self,
        now: Instant,
        actor: &ActorId,
        host: Incarnation,
        tenure: Tenure,
    ) -> Option<Following> {
        let mut table = self.0.lock();
        if !table.listeners.contains_key(actor) {
            return None;
        }
        table.numbers += 1;
        let number = table.numbers;
        table.rest(actor, Stands::There { host, number, heard: 0, asked: 1 });
        table.listeners.get_mut(actor)?.last = Some(tenure);
        table.asked.insert(number, actor.clone());
        table.put(actor, now + ASK_AGAIN);
        Some(Following::Follow { number, actor: actor.clone() })
    }

    /// An activation has left this node. Whether its next place is to be awaited.
    pub(super) fn left_here(&self, actor: &ActorId) -> bool {
        let mut table = self.0.lock();
        let is_here =
            table.listeners.get(actor).is_some_and(|it| matches!(it.stands, Stands::Here));
        if is_here {
            table.rest(actor, Stands::Awaited);
        }
        is_here
    }

    /// Members are gone. Gives the actors whose next places are to be awaited.
    pub(super) fn forget_hosts(&self, is_gone: impl Fn(Incarnation) -> bool) -> Vec<ActorId> {
        let mut table = self.0.lock();
        let at_gone = |it: &Listener| match it.stands {
            Stands::There { host, .. } => is_gone(host),
            _ => false,
        };
        let gone = table.listeners.iter().filter(|(_, it)| at_gone(it));
        let gone: Vec<ActorId> = gone.map(|(actor, _)| actor.clone()).collect();
        gone.iter().for_each(|actor| table.rest(actor, Stands::Awaited));
        gone
    }

    /// Where an actor is that somebody watches; `None` where nobody does.
    pub(super) fn place(&self, actor: &ActorId) -> Option<Place> {
        let table = self.0.lock();
        Some(match table.listeners.get(actor)?.stands {
            Stands::Awaited => Place::Nowhere,
            Stands::Here => Place::Here,
            Stands::There { host, .. } => Place::At(host),
        })
    }

    /// A node tells something. What was told before is known, and nobody is told again.
    pub(super) fn told(
        &self,
        now: Instant,
        from: Incarnation,
        (number, batch): (u64, u64),
        news: &News,
    ) -> Told {
        let mut table = self.0.lock();
        let Some(actor) = table.asked.get(&number).cloned() else { return Told::default() };
        let Some(listener) = table.listeners.get_mut(&actor) else { return Told::default() };
        let Stands::There { host, heard, asked, .. } = &mut listener.stands else {
            return Told::default();
        };
        if *host != from {
            return Told::default();
        }
        // Whoever does not have the actor says so at once, and counts nothing.
        if *news == News::Left {
            table.rest(&actor, Stands::Awaited);
            return Told { is_known: true, attend: Some(actor), ..Told::default() };
        }
        if batch <= *heard {
            return Told { is_known: true, ..Told::default() };
        }
        let is_next = batch == *heard + 1;
        *heard = batch;
        *asked = 0;
        let has_gap = !is_next || matches!(news, News::Begun | News::Gap);
        let watchers = listener.watchers();
        table.put(&actor, now + RENEW_PERIOD);
        Told { is_known: true, watchers, has_gap, attend: None }
    }

    /// What it is time for at `now`.
    pub(super) fn due(&self, now: Instant) -> Due {
        let mut due = Due::default();
        let mut table = self.0.lock();
        while table.due.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, actor)) = table.due.pop_first() else { break };
            let Some(listener) = table.listeners.get_mut(&actor) else { continue };
            listener.due = None;
            match &mut listener.stands {
                Stands::Here => {}
                Stands::Awaited => due.attends.push(actor),
                Stands::There { host, number, heard, asked } => {
                    let ask = Following::Follow { number: *number, actor: actor.clone() };
                    due.asks.push((*host, ask));
                    let pause = match *heard {
                        0 => (ASK_AGAIN * (1 << (*asked).min(8))).min(ASK_AGAIN_MAX),
                        _ => RENEW_PERIOD,
                    };
                    *asked = asked.saturating_add(1);
                    table.put(&actor, now + pause);
                }
            }
        }
        due
    }
}

impl Table {
    /// Forgets what the actor's last place was asked, and says where it is now.
    fn rest(&mut self, actor: &ActorId, stands: Stands) {
        let Some(listener) = self.listeners.get_mut(actor) else { return };
        if let Stands::There { number, .. } = std::mem::replace(&mut listener.stands, stands) {
            self.asked.remove(&number);
        }
        if let Some(at) = listener.due.take() {
            self.due.remove(&(at, actor.clone()));
        }
    }

    fn put(&mut self, actor: &ActorId, at: Instant) {
        let Some(listener) = self.listeners.get_mut(actor) else { return };
        if let Some(before) = listener.due.replace(at) {
            self.due.remove(&(before, actor.clone()));
        }
        self.due.insert((at, actor.clone()));
    }
}

impl Listener {
    fn watchers(&self) -> Watchers {
        self.watchers.iter().map(|(_, watcher)| Arc::clone(watcher)).collect()
    }
}

#[cfg(test)]
mod tests {
    use tenure_actor::EventBytes;
    use tenure_types::{ActorTypeName, Key};

    use super::*;

    struct Deaf;

    impl Watcher for Deaf {
        fn published(&self, _: u64, _: u64, _: &EventBytes) {}

        fn missed(&self) {}
    }

    const HOST: Incarnation = Incarnation(7);

    fn actor() -> ActorId {
        ActorId { actor_type: ActorTypeName::new("cart").unwrap(), key: Key::new("a").unwrap() }
    }

    fn tenure(sequence: u64) -> Tenure {
        Tenure { view: 2, sequence }
    }

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    /// One that watches an actor at the host, asked for under number 1.
    fn listening() -> Listeners {
        let listeners = Listeners::default();
        assert!(listeners.add(&actor(), WatchId(1), Arc::new(Deaf)));
        assert_eq!(listeners.awaits(&actor()), Some(None));
        let ask = listeners.stands_there(at(0), &actor(), HOST, tenure(1));
        assert_eq!(ask, Some(Following::Follow { number: 1, actor: actor() }));
        listeners
    }

    fn heard(listeners: &Listeners, batch: u64, news: &News) -> (bool, usize, bool) {
        let told = listeners.told(at(50), HOST, (1, batch), news);
        (told.is_known, told.watchers.len(), told.has_gap)
    }

    fn asks(listeners: &Listeners, millis: u64) -> usize {
        listeners.due(at(millis)).asks.len()
    }

    #[test]
    fn each_batch_is_taken_once_and_what_is_missing_between_two_is_seen() {
        let listeners = listening();
        let events = News::Events { epoch: 9, first: 1, events: vec![vec![1].into()] };
        assert_eq!(heard(&listeners, 1, &News::Begun), (true, 1, true));
        assert_eq!(heard(&listeners, 2, &events), (true, 1, false));
        assert_eq!(heard(&listeners, 2, &events), (true, 0, false), "it is told again, and known");
        assert_eq!(heard(&listeners, 3, &News::Gap), (true, 1, true));
        assert_eq!(heard(&listeners, 5, &events), (true, 1, true), "one was left out");
        assert_eq!(heard(&listeners, 1, &News::Begun), (true, 0, false), "it is late");
        assert_eq!(heard(&listeners, 90, &News::Begun), (true, 1, true), "it begins anew");
        assert_eq!(heard(&listeners, 6, &events), (true, 0, false), "one before that said so");
        assert_eq!(heard(&listeners, 91, &events), (true, 1, false));
        let stranger = listeners.told(at(50), Incarnation(8), (1, 3), &events);
        let unknown = listeners.told(at(50), HOST, (2, 3), &events);
        assert!(!stranger.is_known && !unknown.is_known);
    }

    #[test]
    fn a_host_is_asked_until_it_tells_and_now_and_then_to_go_on() {
        let listeners = listening();
        let silent: Vec<usize> =
            [99, 100, 299, 300, 700].map(|millis| asks(&listeners, millis)).into();
        assert_eq!(silent, [0, 1, 0, 1, 1]);
        assert!(heard(&listeners, 1, &News::Begun).0);
        assert_eq!([asks(&listeners, 10_000), asks(&listeners, 10_050)], [0, 1]);
        assert_eq!([asks(&listeners, 20_049), asks(&listeners, 20_050)], [0, 1]);
    }

    #[test]
    fn an_actor_that_has_left_is_awaited_elsewhere() {
        let listeners = listening();
        assert!(heard(&listeners, 7, &News::Begun).0);
        let told = listeners.told(at(50), HOST, (1, 1), &News::Left);
        assert_eq!((told.is_known, told.attend), (true, Some(actor())));
        assert_eq!(listeners.awaits(&actor()), Some(Some(tenure(1))));
        assert_eq!(listeners.place(&actor()), Some(Place::Nowhere));
        assert_eq!(asks(&listeners, 60_000), 0, "nobody is asked");
        assert_eq!(listeners.stands_here(&actor(), tenure(2)).len(), 1);
        assert_eq!(
            (listeners.place(&actor()), listeners.awaits(&actor())),
            (Some(Place::Here), None)
        );
        assert!(listeners.left_here(&actor()) && !listeners.left_here(&actor()));
        assert!(listeners.stands_there(at(0), &actor(), HOST, tenure(3)).is_some());
        assert_eq!(listeners.forget_hosts(|it| it != HOST), []);
        assert_eq!(listeners.forget_hosts(|it| it == HOST), [actor()]);
        assert_eq!(listeners.awaits(&actor()), Some(Some(tenure(3))));
        listeners.attend_again(at(0), &actor());
        assert_eq!(listeners.due(at(10_000)).attends, [actor()], "there was no room for it");
    }

    #[test]
    fn the_last_one_who_leaves_ends_it() {
        let listeners = listening();
        assert!(!listeners.add(&actor(), WatchId(2), Arc::new(Deaf)));
        assert_eq!(listeners.remove(&actor(), WatchId(9)), None);
        assert_eq!(listeners.remove(&actor(), WatchId(1)), None, "one is left");
        assert_eq!(listeners.remove(&actor(), WatchId(2)), Some(Some((HOST, 1))));
        assert_eq!(listeners.remove(&actor(), WatchId(2)), None);
        assert_eq!((listeners.place(&actor()), asks(&listeners, 60_000)), (None, 0));
        let table = listeners.0.lock();
        assert!(table.asked.is_empty() && table.due.is_empty() && table.listeners.is_empty());
    }
}
