use std::collections::{BTreeMap, VecDeque};

use tenure_types::Instant;

use super::cast::{ActorNo, ClientNo};
use super::violation::{JudgeName, Record, Violations};

/// How many events of a run are compared between subscribers. Later ones are counted.
const CONTENTS_MAX: usize = 1 << 19;
/// How many ended epochs of one subscription are remembered.
const EPOCHS_MAX: usize = 256;

/// A subscriber was told where it stands: the next event is the one after `offset`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Begun {
    /// Who.
    pub subscriber: ClientNo,
    /// Whose events it follows.
    pub actor: ActorNo,
    /// The epoch.
    pub epoch: u64,
    /// The last event that it has, or that the value it begins with has seen.
    pub offset: u64,
    /// Whether it was told that it goes on where it had stopped.
    pub is_recovered: bool,
    /// When.
    pub at: Instant,
}

/// A subscriber was given an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Who.
    pub subscriber: ClientNo,
    /// Whose event.
    pub actor: ActorNo,
    /// The epoch, as the subscriber knows it.
    pub epoch: u64,
    /// Its number.
    pub offset: u64,
    /// A digest of what it says.
    pub content: u64,
    /// When.
    pub at: Instant,
}

#[derive(Clone, Debug)]
struct Follow {
    epoch: u64,
    offset: u64,
    last: Told,
    ended: VecDeque<u64>,
}

/// The last thing that a subscriber was told. Written out only for a violation.
#[derive(Clone, Copy, Debug)]
enum Told {
    Begun(Begun),
    Delivered(Delivery),
}

impl Told {
    fn record(self) -> Record {
        match self {
            Told::Begun(begun) => Record::new(begun.at, &begun),
            Told::Delivered(event) => Record::new(event.at, &event),
        }
    }
}

/// Each subscriber gets each (epoch, offset) once and in order, or is told to begin anew; an epoch that goes on
/// has lost nothing, one that has ended never comes back, and no two subscribers are told different things
/// under one number.
#[derive(Clone, Debug)]
pub struct Events {
    follows: BTreeMap<(ClientNo, ActorNo), Follow>,
    contents: BTreeMap<(ActorNo, u64, u64), (u64, ClientNo, Instant)>,
    not_compared: u64,
    delivered: u64,
    found: Violations,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            follows: BTreeMap::new(),
            contents: BTreeMap::new(),
            not_compared: 0,
            delivered: 0,
            found: Violations::new(JudgeName::Events),
        }
    }
}

impl Events {
    /// A subscription begins, goes on, or begins anew.
    pub fn begun(&mut self, begun: Begun) {
        let (told, Begun { epoch, offset, .. }) = (Told::Begun(begun), begun);
        let fresh = Follow { epoch, offset, last: told, ended: VecDeque::new() };
        let follow = match self.follows.get_mut(&(begun.subscriber, begun.actor)) {
            Some(follow) => follow,
            None => {
                self.follows.insert((begun.subscriber, begun.actor), fresh);
                return;
            }
        };
        let is_same = (epoch, offset) == (follow.epoch, follow.offset);
        let what = if begun.is_recovered && !is_same {
            Some("told that it goes on, elsewhere than it had stopped")
        } else if epoch == follow.epoch && offset < follow.offset {
            Some("an epoch went on without events that were seen")
        } else if follow.ended.contains(&epoch) {
            Some("an epoch that had ended came back")
        } else {
            None
        };
        if let Some(what) = what {
            self.found.add(begun.actor, what, follow.last.record(), told.record());
        }
        if epoch != follow.epoch {
            follow.ended.push_back(follow.epoch);
            if follow.ended.len() > EPOCHS_MAX {
                follow.ended.pop_front();
            }
        }
        (follow.epoch, follow.offset, follow.last) = (epoch, offset, told);
    }

    /// An event arrives.
    pub fn delivered(&mut self, event: Delivery) {
        self.delivered += 1;
        let told = Told::Delivered(event);
        let Some(follow) = self.follows.get_mut(&(event.subscriber, event.actor)) else {
            self.found.add(event.actor, "an event before the beginning", told.record(), None);
            return;
        };
        let what = if event.epoch != follow.epoch {
            Some("an event of another epoch, which the subscriber was not told to begin")
        } else if event.offset <= follow.offset {
            Some("an event a second time, or out of order")
        } else if event.offset > follow.offset + 1 {
            Some("an event is left out")
        } else {
            None
        };
        if let Some(what) = what {
            self.found.add(event.actor, what, follow.last.record(), told.record());
        }
        if event.epoch == follow.epoch && event.offset > follow.offset {
            (follow.offset, follow.last) = (event.offset, told);
        }
        self.compare(event);
    }

    /// Nobody is told two things under one number.
    fn compare(&mut self, event: Delivery) {
        let place = (event.actor, event.epoch, event.offset);
        if let Some(&(content, first, at)) = self.contents.get(&place) {
            if content != event.content {
                let what = "two subscribers were told different things under one number";
                self.found.add(
                    event.actor,
                    what,
                    Record::new(at, &(first, content)),
                    Record::new(event.at, &event),
                );
            }
        } else if self.contents.len() < CONTENTS_MAX {
            self.contents.insert(place, (event.content, event.subscriber, event.at));
        } else {
            self.not_compared += 1;
        }
    }

    /// At the end of a run: where a subscriber that was connected all along should stand.
    pub fn stands(
        &mut self,
        subscriber: ClientNo,
        actor: ActorNo,
        epoch: u64,
        offset: u64,
        at: Instant,
    ) {
        let end = Record::new(at, &(subscriber, epoch, offset));
        match self.follows.get(&(subscriber, actor)) {
            Some(follow) if (follow.epoch, follow.offset) == (epoch, offset) => {}
            Some(follow) => {
                let what = "a subscriber was not told everything";
                self.found.add(actor, what, follow.last.record(), end);
            }
            None => self.found.add(actor, "a subscription never began", end, None),
        }
    }

    /// A subscriber goes away for good.
    pub fn left(&mut self, subscriber: ClientNo, actor: ActorNo) {
        self.follows.remove(&(subscriber, actor));
    }

    /// How many events arrived.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.delivered
    }

    /// How many events were not compared with those of other subscribers.
    #[must_use]
    pub fn not_compared(&self) -> u64 {
        self.not_compared
    }

    /// What was found so far.
    #[must_use]
    pub fn found(&self) -> &Violations {
        &self.found
    }
}

#[cfg(test)]
mod tests {
    use super::super::staging::{A, at};
    use super::*;

    const S: ClientNo = ClientNo(1);
    const T: ClientNo = ClientNo(2);

    type Play = fn(&mut Events);

    fn begun(events: &mut Events, subscriber: ClientNo, epoch: u64, offset: u64, on: bool) {
        events.begun(Begun { subscriber, actor: A, epoch, offset, is_recovered: on, at: at(1) });
    }

    fn tell(events: &mut Events, subscriber: ClientNo, epoch: u64, offset: u64) {
        let content = epoch * 100 + offset;
        events.delivered(Delivery { subscriber, actor: A, epoch, offset, content, at: at(2) });
    }

    #[track_caller]
    fn finds(expected: &str, play: impl FnOnce(&mut Events)) {
        let mut events = Events::default();
        play(&mut events);
        let found: Vec<_> = events.found().first().iter().map(|one| &*one.what).collect();
        if expected.is_empty() {
            assert_eq!(found, [""; 0]);
        } else {
            assert!(found.iter().any(|what| what.contains(expected)), "{expected}: {found:?}");
        }
    }

    #[test]
    fn good_subscriptions_pass() {
        finds("", |events| {
            begun(events, S, 1, 4, false);
            begun(events, T, 1, 5, false);
            tell(events, S, 1, 5);
            tell(events, S, 1, 6);
            tell(events, T, 1, 6);
            begun(events, S, 1, 6, true);
            tell(events, S, 1, 7);
            // Some are not kept any more; then an epoch ends.
            begun(events, S, 1, 20, false);
            begun(events, S, 2, 0, false);
            tell(events, S, 2, 1);
            events.stands(S, A, 2, 1, at(3));
            events.left(T, A);
            begun(events, T, 1, 2, false);
        });
    }

    #[test]
    fn broken_subscriptions_are_found() {
        finds("before the beginning", |events| tell(events, S, 1, 1));
        let cases: [(&str, Play); 11] = [
            ("second time", |events| tell(events, S, 1, 2)),
            ("second time", |events| tell(events, S, 1, 1)),
            ("left out", |events| tell(events, S, 1, 4)),
            ("another epoch", |events| tell(events, S, 2, 3)),
            ("elsewhere", |events| begun(events, S, 1, 1, true)),
            ("elsewhere", |events| begun(events, S, 2, 0, true)),
            ("without events", |events| begun(events, S, 1, 1, false)),
            ("not told everything", |events| events.stands(S, A, 1, 3, at(3))),
            ("never began", |events| events.stands(T, A, 1, 2, at(3))),
            ("came back", |events| {
                begun(events, S, 2, 0, false);
                begun(events, S, 1, 2, false);
            }),
            ("different things", |events| {
                begun(events, T, 1, 1, false);
                let (subscriber, actor) = (T, A);
                let (epoch, offset, content) = (1, 2, 7);
                events.delivered(Delivery { subscriber, actor, epoch, offset, content, at: at(3) });
            }),
        ];
        for (expected, play) in cases {
            finds(expected, |events| {
                begun(events, S, 1, 0, false);
                tell(events, S, 1, 1);
                tell(events, S, 1, 2);
                assert_eq!(events.found().count(), 0);
                play(events);
            });
        }
    }
}
