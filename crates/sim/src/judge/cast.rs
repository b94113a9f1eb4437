use std::collections::BTreeMap;
use std::fmt;

use tenure_types::ActorId;

/// The number that a run gives an actor: records stay small with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ActorNo(pub u32);

/// The number of a client, subscriber or reader of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientNo(pub u32);

/// How an actor's state is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mode {
    /// Stored before the reply.
    WriteThrough,
    /// Stored before the reply, as events.
    EventSourced,
    /// Stored after the reply.
    WriteBehind,
    /// Never stored.
    Volatile,
}

impl Mode {
    /// Whether every acknowledged turn is durable (P4).
    #[must_use]
    pub const fn is_durable(self) -> bool {
        matches!(self, Mode::WriteThrough | Mode::EventSourced)
    }
}

/// The actors of a run: their numbers, names and modes.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    numbers: BTreeMap<ActorId, ActorNo>,
    actors: Vec<(ActorId, Mode)>,
}

impl Cast {
    /// The number of `id`, given out when it is named first. The mode is that of the first time.
    pub fn number(&mut self, id: &ActorId, mode: Mode) -> ActorNo {
        if let Some(&number) = self.numbers.get(id) {
            return number;
        }
        let number = ActorNo(self.actors.len() as u32);
        self.numbers.insert(id.clone(), number);
        self.actors.push((id.clone(), mode));
        number
    }

    /// The name of an actor; `None` when it has no number here.
    #[must_use]
    pub fn name(&self, actor: ActorNo) -> Option<&ActorId> {
        self.actors.get(actor.0 as usize).map(|(id, _)| id)
    }

    /// The mode of an actor; `None` when it has no number here.
    #[must_use]
    pub fn mode(&self, actor: ActorNo) -> Option<Mode> {
        self.actors.get(actor.0 as usize).map(|&(_, mode)| mode)
    }

    /// Every actor, in the order of the numbers.
    pub fn iter(&self) -> impl Iterator<Item = (ActorNo, &ActorId, Mode)> {
        let numbered = self.actors.iter().enumerate();
        numbered.map(|(at, (id, mode))| (ActorNo(at as u32), id, *mode))
    }
}

impl fmt::Display for ActorNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "actor {}", self.0)
    }
}

impl fmt::Display for ClientNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use tenure_types::{ActorTypeName, Key};

    use super::*;

    #[test]
    fn an_actor_keeps_its_number() {
        let id = |key: &str| ActorId {
            actor_type: ActorTypeName::new("counter").expect("a name"),
            key: Key::new(key).expect("a key"),
        };
        let mut cast = Cast::default();
        let one = cast.number(&id("1"), Mode::Volatile);
        let two = cast.number(&id("2"), Mode::WriteThrough);
        assert_eq!(cast.number(&id("1"), Mode::Volatile), one);
        assert_ne!(one, two);
        assert_eq!(cast.name(two), Some(&id("2")));
        assert_eq!(cast.mode(one), Some(Mode::Volatile));
        assert_eq!(cast.iter().count(), 2);
        assert_eq!(cast.name(ActorNo(2)), None);
    }
}
