//! One actor's events on this node: the driver of [`Topic`].

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use tenure_actor::{CODEC_NAMED, EventBytes, Target, Ticket, Watcher};
use tenure_protocol::session::{Effect, Page, Position, TailBounds, Topic};
use tenure_types::CallError;

use super::kinds::Kind;
use super::published::{Event, Published};

/// Events that wait to be written for those who follow; past it they are read again.
const INBOX_EVENTS_MAX: usize = 1_024;

/// Who follows, for presence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) connection: String,
    pub(crate) user: Option<String>,
}

/// A client's end of following one topic. All of it only passes on.
pub(crate) trait Follower: Send + Sync {
    /// What follows comes after `at`; `events` is what was missed.
    fn answer(&self, at: Position, recovered: bool, events: &[Arc<Published>]);

    /// The next event.
    fn deliver(&self, event: &Arc<Published>);

    /// Nothing more comes: the client must begin anew.
    fn reset(&self);

    fn who(&self) -> Who;
}

/// Whoever reads for a topic, and runs its tasks.
pub(super) trait Driver: Send + Sync {
    /// Reads what comes after a position, for one follower or all.
    fn read(&self, name: &Arc<str>, reader: Option<u64>, after: Position);

    /// Gives what has been told of a topic to those who follow it.
    fn drain(&self, followed: Arc<Followed>);
}

pub(super) struct Followed {
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    pub(super) target: Target,
    driver: Weak<dyn Driver>,
    inbox: Mutex<Inbox>,
    state: Mutex<State>,
}

#[derive(Default)]
struct Inbox {
    events: VecDeque<(Position, EventBytes)>,
    has_gap: bool,
    /// A task writes what is here.
    is_drained: bool,
}

struct State {
    topic: Topic<u64, Event>,
    followers: BTreeMap<u64, Joined>,
}

struct Joined {
    follower: Arc<dyn Follower>,
    /// Settled well when it was answered, badly when it has to join again.
    answered: Ticket,
}

impl Followed {
    pub(super) fn new(
        name: Arc<str>,
        kind: Kind,
        target: Target,
        driver: Weak<dyn Driver>,
        bounds: TailBounds,
    ) -> Self {
        let state = State { topic: Topic::new(bounds), followers: BTreeMap::new() };
        Self { name, kind, target, driver, inbox: Mutex::default(), state: Mutex::new(state) }
    }

    pub(super) fn join(&self, id: u64, follower: Arc<dyn Follower>) -> Ticket {
        let answered = Ticket::new();
        let joined = Joined { follower, answered: answered.clone() };
        let mut state = self.state.lock();
        state.topic.handle_join(id);
        state.followers.insert(id, joined);
        answered
    }

    pub(super) fn attached(&self, id: u64, log: Position, resume: Option<Position>) {
        self.change(|topic| topic.handle_attached(id, log, resume));
    }

    /// Forgets a follower; says whether none is left.
    pub(super) fn leave(&self, id: u64) -> bool {
        let mut state = self.state.lock();
        state.topic.handle_leave(id);
        // Its destructor may take this lock: it runs after.
        let gone = state.followers.remove(&id);
        let is_empty = state.followers.is_empty();
        drop(state);
        drop(gone);
        is_empty
    }

    /// Who follows, at most `max`, and how many there are.
    pub(super) fn present(&self, max: usize) -> (Vec<Who>, usize) {
        let state = self.state.lock();
        let who = state.followers.values().take(max).map(|it| it.follower.who()).collect();
        (who, state.followers.len())
    }

    /// Tells the machine something, and does what it then says.
    fn change(&self, tell: impl FnOnce(&mut Topic<u64, Event>)) {
        let mut state = self.state.lock();
        tell(&mut state.topic);
        let mut reset = Vec::new();
        for effect in state.topic.take_effects() {
            self.obey(&mut state, effect, &mut reset);
        }
        drop(state);
        // These may take the lock again.
        for joined in reset {
            joined.follower.reset();
        }
    }

    fn obey(&self, state: &mut State, effect: Effect<u64, Event>, reset: &mut Vec<Joined>) {
        match effect {
            Effect::Answer { to, at, recovered, events } => {
                if let Some(joined) = state.followers.get(&to) {
                    let events: Vec<_> = events.into_iter().map(|(_, event)| event.0).collect();
                    joined.follower.answer(at, recovered, &events);
                    joined.answered.settle(Ok(()));
                }
            }
            Effect::Deliver { to, event, .. } => {
                if let Some(joined) = state.followers.get(&to) {
                    joined.follower.deliver(&event.0);
                }
            }
            Effect::Read { reader, after } => {
                if let Some(driver) = self.driver.upgrade() {
                    driver.read(&self.name, reader, after);
                }
            }
            Effect::Reset { to, was_answered } => {
                let Some(joined) = state.followers.remove(&to) else { return };
                if was_answered {
                    reset.push(joined);
                } else {
                    let detail = "the actor's events began anew".into();
                    joined.answered.settle(Err(CallError::Unavailable { detail }));
                }
            }
        }
    }

    /// What was read after a position; `None` where that failed.
    pub(super) fn was_read(
        &self,
        reader: Option<u64>,
        after: Position,
        page: Option<tenure_actor::EventPage>,
    ) {
        let page = match page {
            None => Page { end: after, events: None },
            Some(page) => {
                let end = Position { epoch: page.epoch, offset: page.offset };
                let write = |(offset, bytes): (u64, EventBytes)| {
                    let at = Position { offset, ..end };
                    (offset, self.write(at, &bytes))
                };
                let events = page.recovered.then(|| page.events.into_iter().map(write).collect());
                Page { end, events }
            }
        };
        self.change(|topic| topic.handle_page(reader, after, page));
    }

    fn write(&self, at: Position, bytes: &[u8]) -> Event {
        Event(write_event(&self.name, self.kind, at, bytes))
    }

    /// Gives what has been told to those who follow; some at a time. Says whether there is more.
    pub(super) fn drain(&self, some: usize) -> bool {
        for _ in 0..some {
            let mut inbox = self.inbox.lock();
            if let Some((at, bytes)) = inbox.events.pop_front() {
                drop(inbox);
                let event = self.write(at, &bytes);
                self.change(|topic| topic.handle_event(at, &event));
            } else if std::mem::take(&mut inbox.has_gap) {
                drop(inbox);
                self.change(Topic::handle_gap);
            } else {
                inbox.is_drained = false;
                inbox.events = VecDeque::new();
                return false;
            }
        }
        true
    }
}

/// An event as clients read it. One that this program cannot read is null, not left out: its number is
/// there.
pub(super) fn write_event(
    topic: &Arc<str>,
    kind: Kind,
    at: Position,
    bytes: &[u8],
) -> Arc<Published> {
    // What writes it is the author's code.
    let written = catch_unwind(AssertUnwindSafe(|| (kind.event_json)(CODEC_NAMED, bytes)));
    let data = match written {
        Ok(Ok(json)) => Bytes::from(json),
        Ok(Err(error)) => {
            tracing::warn!(%topic, %at, %error, "an event cannot be shown");
            Bytes::from_static(b"null")
        }
        Err(_) => {
            tracing::error!(%topic, %at, "showing an event panicked");
            Bytes::from_static(b"null")
        }
    };
    Arc::new(Published::new(Arc::clone(topic), at, data))
}

/// What the node's actors tell of one of them.
pub(super) struct Ears(pub(super) Arc<Followed>);

impl Watcher for Ears {
    fn published(&self, epoch: u64, offset: u64, event: &EventBytes) {
        self.put(|inbox| {
            if inbox.has_gap || inbox.events.len() >= INBOX_EVENTS_MAX {
                inbox.has_gap = true;
            } else {
                inbox.events.push_back((Position { epoch, offset }, Arc::clone(event)));
            }
        });
    }

    fn missed(&self) {
        self.put(|inbox| inbox.has_gap = true);
    }
}

impl Ears {
    fn put(&self, put: impl FnOnce(&mut Inbox)) {
        let followed = &self.0;
        let mut inbox = followed.inbox.lock();
        put(&mut inbox);
        if std::mem::replace(&mut inbox.is_drained, true) {
            return;
        }
        drop(inbox);
        if let Some(driver) = followed.driver.upgrade() {
            driver.drain(Arc::clone(followed));
        }
    }
}
