//! What the clients of a run have in common.

use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_sim::judge::{self, ClientNo};

use crate::cast::Who;
use crate::stage::Stage;

/// How many follow the events of every actor.
pub const SUBSCRIBERS: u32 = 2;
/// How many read the feed.
pub const FEED_READERS: u32 = 2;

/// What the clients of a run have in common.
pub struct Crowd {
    /// Where they tell what they were told.
    pub stage: Stage,
    /// Whom they ask.
    pub actors: Vec<Who>,
    /// The numbers of the machines of nodes.
    pub nodes: Vec<u32>,
    /// The mean time that a client thinks.
    pub think: Duration,
    /// What they ask for.
    pub taste: Taste,
    /// They ask for nothing that takes long: an actor that is busy with it would look dead.
    pub is_brief: AtomicBool,
    /// They begin nothing new.
    pub is_over: AtomicBool,
    /// Nothing changes any more: who follows reads to the end.
    pub is_quiet: AtomicBool,
    /// How many reminders were set.
    pub reminders: AtomicU32,
    /// Who has read to the end.
    pub ends: Mutex<Ends>,
}

/// What clients ask for.
#[derive(Clone, Copy, Debug)]
pub struct Taste {
    /// How much of it is to read.
    pub read_percent: u64,
    /// How much of what is to change a ledger also tells a board.
    pub tell_percent: u64,
    /// How much of it is to leave memory.
    pub leave_percent: u64,
    /// One turn in so many takes its time; 0 for none.
    pub slow_one_in: u64,
    /// How much of it is for the first two actors.
    pub hot_percent: u64,
}

impl Taste {
    /// Nothing that takes its time.
    #[must_use]
    pub fn brief() -> Self {
        Self { read_percent: 50, tell_percent: 0, leave_percent: 0, slow_one_in: 0, hot_percent: 0 }
    }
}

/// Who has read to the end.
#[derive(Default)]
pub struct Ends {
    /// Readers of the feed.
    pub readers: Vec<ClientNo>,
    /// Subscribers, with whom they follow.
    pub subscribers: Vec<(ClientNo, Who)>,
}

impl Crowd {
    /// A crowd that has not begun.
    #[must_use]
    pub fn new(
        stage: Stage,
        actors: Vec<Who>,
        nodes: Vec<u32>,
        (think, taste): (Duration, Taste),
    ) -> Self {
        Self {
            stage,
            actors,
            nodes,
            think,
            taste,
            is_brief: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            is_quiet: AtomicBool::new(false),
            reminders: AtomicU32::new(0),
            ends: Mutex::default(),
        }
    }

    /// The number of an actor.
    pub fn number(&self, who: Who) -> judge::ActorNo {
        self.stage.tell(|jury| jury.cast.number(&who.id(), who.role.mode()))
    }
}
