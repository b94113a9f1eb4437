use std::time::Duration;

use tenure_actor::{Actor, Context};
use tenure_sim::UNIX_MS_AT_START;
use tenure_sim::judge::{ActorNo, Appended, Firing};
use tenure_types::{ActorId, ActorTypeName, Instant, Version};

use super::role::Role;
use crate::build::{self, Build};
use crate::stage;

/// The feed to which all stored actors append.
pub const FEED: &str = "told";

/// What an addition appends to the feed.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// How many turns had changed the actor.
    pub version: u64,
    /// Which entry of that turn.
    pub index: u32,
    /// What the turn was asked for.
    pub effect: u64,
}

/// Something was added.
#[tenure::data]
pub struct Told {
    /// What was asked for.
    pub(crate) effect: u64,
    /// How many turns had changed the actor.
    pub(crate) version: u64,
}

/// A reminder that was handled.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Rung {
    /// Its number.
    pub name: u64,
    /// When it was due, in Unix milliseconds.
    pub due_ms: u64,
    /// True time when the turn began, in nanoseconds.
    pub at: u64,
}

/// What came of what earlier turns had left to begin.
#[tenure::data]
#[derive(Clone, Debug, Default)]
pub struct Later {
    /// Reminders, in the order of their turns.
    pub rung: Vec<Rung>,
    /// Effects whose work beside the turns has ended.
    pub worked: Vec<u64>,
    /// How many additions the newer build has made, since an older one wrote last.
    #[serde(default, skip_serializing_if = "build::is_left_out", deserialize_with = "build::read")]
    pub lately: u64,
}

impl Later {
    /// Something was added.
    pub(super) fn added(&mut self) {
        self.lately += u64::from(Build::now() == Build::Newer);
    }
}

/// What an addition of `by` appends: one entry less than it adds.
pub fn entries(version: u64, effect: u64, by: u64) -> impl Iterator<Item = Entry> {
    let indexes = 0..u32::try_from(by.saturating_sub(1)).unwrap_or(0);
    indexes.map(move |index| Entry { version, index, effect })
}

/// An entry as the jury is told of it, at this time.
#[must_use]
pub fn appended(actor: ActorNo, entry: &Entry, at: Instant) -> Appended {
    let Entry { version, index, effect } = *entry;
    Appended { feed: 0, actor, version: Version(version), index, content: effect, at }
}

/// The name of a reminder.
pub(super) fn name(number: u64) -> String {
    format!("r{number}")
}

/// How long it is until a time of the wall clock.
pub(super) fn until<A: Actor>(cx: &Context<A>, due_ms: u64) -> Duration {
    Duration::from_millis(due_ms.saturating_sub(cx.unix_ms()))
}

/// The time of a wall clock as true time.
#[must_use]
pub fn true_time(unix_ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(unix_ms.saturating_sub(UNIX_MS_AT_START))
}

impl Rung {
    /// The turn of a reminder begins.
    pub(super) fn begins<A: Actor>(
        cx: &Context<A>,
        role: Role,
        (name, due_ms): (u64, u64),
    ) -> Self {
        let actor_type = ActorTypeName::new(role.name()).expect("a good name");
        let id = ActorId { actor_type, key: cx.key().clone() };
        stage::tell(|jury, _| {
            let actor = jury.cast.number(&id, role.mode());
            let firing = Firing { actor, name: name as u32, due: true_time(due_ms) };
            if jury.reminders.began(firing) > 1 {
                jury.rare.reached("reminder fired twice");
            }
        });
        Self { name, due_ms, at: stage::now().as_nanos() }
    }
}
