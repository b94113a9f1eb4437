use std::fmt;

use tenure_types::Instant;

use super::cast::ActorNo;

/// How many violations one judge keeps. Later ones are counted.
pub const VIOLATIONS_MAX: usize = 64;

macro_rules! judges {
    ($($(#[doc = $doc:literal])+ $judge:ident = $name:literal;)*) => {
        /// Which judge it is.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum JudgeName {
            $($(#[doc = $doc])+ $judge,)*
        }

        impl JudgeName {
            /// Every judge, in the order of the list.
            pub const ALL: &'static [JudgeName] = &[$(JudgeName::$judge,)*];

            /// Its name in reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(JudgeName::$judge => $name,)*
                }
            }
        }
    };
}

judges! {
    /// P1: one exclusive turn at a time.
    Turns = "turns";
    /// P2: one releasing activation.
    Releases = "releases";
    /// P2: one copy in memory, as clients see it.
    Copies = "copies";
    /// P4: nothing acknowledged is lost, nothing happens twice, nothing refused happens.
    Durable = "durable";
    /// P4: replies fit one order of an actor's turns that fits real time.
    Linearizable = "linearizable";
    /// P4: the same by a search that believes no version, on small histories.
    Samples = "samples";
    /// P5: what a write-behind type loses is young.
    Behind = "behind";
    /// Events are delivered once, in order, or their epoch changes.
    Events = "events";
    /// Readers of feeds miss nothing.
    Feeds = "feeds";
    /// Reminders fire, not before they are due, and with one effect.
    Reminders = "reminders";
    /// P6: an answer by every deadline.
    Answers = "answers";
    /// P6: one effect and one reply for one idempotency key.
    Keys = "keys";
    /// P9: calm heals.
    Healing = "healing";
    /// P7: sizes stay below their maxima.
    Bounds = "bounds";
}

impl fmt::Display for JudgeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One of the things that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it happened, in true time; of a call, when it was sent.
    pub at: Instant,
    /// What it was.
    pub what: Box<str>,
}

impl Record {
    /// The record `what`, shown as Rust shows it.
    pub fn new(at: Instant, what: &impl fmt::Debug) -> Self {
        Self { at, what: format!("{what:?}").into() }
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Who found it.
    pub judge: JudgeName,
    /// What is wrong.
    pub what: Box<str>,
    /// Whose promise it was, if one actor's.
    pub actor: Option<ActorNo>,
    /// A record.
    pub one: Record,
    /// What it contradicts; `None` where something is missing.
    pub other: Option<Record>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.judge)?;
        if let Some(actor) = self.actor {
            write!(f, "{actor}: ")?;
        }
        write!(f, "{}\n    {:?} {}", self.what, self.one.at, self.one.what)?;
        match &self.other {
            Some(other) => write!(f, "\n    {:?} {}", other.at, other.what),
            None => Ok(()),
        }
    }
}

/// What one judge found: the first [`VIOLATIONS_MAX`], and how many there were.
#[derive(Clone, Debug)]
pub struct Violations {
    judge: JudgeName,
    first: Vec<Violation>,
    count: u64,
}

impl Violations {
    /// None yet.
    #[must_use]
    pub fn new(judge: JudgeName) -> Self {
        Self { judge, first: Vec::new(), count: 0 }
    }

    /// Adds one.
    pub fn add(
        &mut self,
        actor: impl Into<Option<ActorNo>>,
        what: impl Into<Box<str>>,
        one: Record,
        other: impl Into<Option<Record>>,
    ) {
        self.count += 1;
        if self.first.len() < VIOLATIONS_MAX {
            let (actor, what, other) = (actor.into(), what.into(), other.into());
            self.first.push(Violation { judge: self.judge, what, actor, one, other });
        }
    }

    /// Who found them.
    #[must_use]
    pub fn judge(&self) -> JudgeName {
        self.judge
    }

    /// How many there were, those that were not kept included.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first ones.
    #[must_use]
    pub fn first(&self) -> &[Violation] {
        &self.first
    }

    /// Takes the first ones out.
    #[must_use]
    pub fn into_first(self) -> Vec<Violation> {
        self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_kept_and_all_are_counted() {
        let mut found = Violations::new(JudgeName::Bounds);
        for number in 0..=VIOLATIONS_MAX {
            let record = Record::new(Instant::from_nanos(number as u64), &number);
            found.add(ActorNo(3), "too many", record.clone(), record);
        }
        assert_eq!(found.count(), VIOLATIONS_MAX as u64 + 1);
        assert_eq!(found.first().len(), VIOLATIONS_MAX);
        let text = found.first()[1].to_string();
        let expected = "bounds: actor 3: too many\n    0.000000001s 1\n    0.000000001s 1";
        assert_eq!(text, expected);
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<&str> =
            JudgeName::ALL.iter().map(|judge| judge.as_str()).collect();
        assert_eq!(names.len(), JudgeName::ALL.len());
    }
}
