use std::fmt;
use std::time::Duration;

use tenure_types::Instant;

/// The most machines that a set can name.
pub const PLACES_MAX: u32 = 64;

/// A set of machines by number, the first [`PLACES_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Places(pub u64);

impl Places {
    /// All of them.
    pub const ALL: Places = Places(u64::MAX);

    /// This one alone.
    #[must_use]
    pub fn one(place: u32) -> Self {
        Self(if place < PLACES_MAX { 1 << place } else { 0 })
    }

    /// These.
    #[must_use]
    pub fn of(places: impl IntoIterator<Item = u32>) -> Self {
        places.into_iter().fold(Self::default(), |all, place| Self(all.0 | Self::one(place).0))
    }

    /// All but these.
    #[must_use]
    pub fn others(self) -> Self {
        Self(!self.0)
    }

    /// Whether `place` is among them.
    #[must_use]
    pub fn has(self, place: u32) -> bool {
        self.0 & Self::one(place).0 != 0
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// What is wrong on the way between machines, in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ill {
    /// Nothing comes through.
    Cut,
    /// Nothing comes through every other period of this length.
    Flaps(Duration),
    /// Everything takes up to so much longer.
    Slow(Duration),
    /// So many of a million are lost. On a connection they are sent again, which takes its time.
    Loses(u32),
    /// So many of a million datagrams arrive twice.
    Doubles(u32),
    /// New connections are refused, although somebody listens.
    Refuses,
}

/// Something that is wrong on all ways from one set of machines to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The machines that send.
    pub from: Places,
    /// The machines that would hear.
    pub to: Places,
    /// What is wrong.
    pub ill: Ill,
}

/// What is wrong now, by the number under which it was begun.
#[derive(Default)]
pub(crate) struct Troubles {
    begun: Vec<(u64, Trouble)>,
    next: u64,
}

impl Troubles {
    pub(crate) fn begin(&mut self, trouble: Trouble) -> u64 {
        self.next += 1;
        self.begun.push((self.next, trouble));
        self.next
    }

    pub(crate) fn end(&mut self, number: u64) {
        self.begun.retain(|(begun, _)| *begun != number);
    }

    fn ills(&self, from: u32, to: u32) -> impl Iterator<Item = Ill> {
        let is_on_the_way = move |it: &&(u64, Trouble)| it.1.from.has(from) && it.1.to.has(to);
        self.begun.iter().filter(is_on_the_way).map(|(_, trouble)| trouble.ill)
    }

    pub(crate) fn is_cut(&self, now: Instant, from: u32, to: u32) -> bool {
        self.ills(from, to).any(|ill| match ill {
            Ill::Cut => true,
            Ill::Flaps(period) => {
                let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX).max(1);
                now.as_nanos() / period % 2 == 1
            }
            _ => false,
        })
    }

    pub(crate) fn refuses(&self, from: u32, to: u32) -> bool {
        self.ills(from, to).any(|ill| ill == Ill::Refuses)
    }

    /// By how much messages are slower, at most.
    pub(crate) fn slower(&self, from: u32, to: u32) -> Duration {
        let slower = |ill| if let Ill::Slow(by) = ill { by } else { Duration::ZERO };
        self.ills(from, to).map(slower).max().unwrap_or_default()
    }

    /// How many of a million are lost, besides those that always are.
    pub(crate) fn losing(&self, from: u32, to: u32) -> u32 {
        let losing = |ill| if let Ill::Loses(millionths) = ill { millionths } else { 0 };
        self.ills(from, to).map(losing).max().unwrap_or(0)
    }

    pub(crate) fn doubling(&self, from: u32, to: u32) -> u32 {
        let doubling = |ill| if let Ill::Doubles(millionths) = ill { millionths } else { 0 };
        self.ills(from, to).map(doubling).max().unwrap_or(0)
    }
}
