use std::collections::BTreeMap;

use tenure_types::Instant;

use super::cast::ActorNo;
use super::violation::{JudgeName, Record, Violations};

/// Names a turn that runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TurnId(u64);

#[derive(Clone, Copy, Debug)]
struct Turn {
    activation: u64,
    is_exclusive: bool,
    began: Instant,
}

/// An exclusive turn never overlaps another turn of its activation. Keeps only the turns that run.
#[derive(Clone, Debug)]
pub struct Turns {
    running: BTreeMap<TurnId, Turn>,
    by_activation: BTreeMap<u64, Vec<TurnId>>,
    next: u64,
    found: Violations,
}

impl Default for Turns {
    fn default() -> Self {
        let found = Violations::new(JudgeName::Turns);
        Self { running: BTreeMap::new(), by_activation: BTreeMap::new(), next: 0, found }
    }
}

impl Turns {
    /// A turn begins. `activation` is a number of the run that no other activation has.
    pub fn began(
        &mut self,
        actor: ActorNo,
        activation: u64,
        is_exclusive: bool,
        at: Instant,
    ) -> TurnId {
        let turn = Turn { activation, is_exclusive, began: at };
        let beside = self.by_activation.entry(activation).or_default();
        let others = beside.iter().filter_map(|id| self.running.get(id));
        if let Some(other) = others.into_iter().find(|other| other.is_exclusive || is_exclusive) {
            let (one, other) = (Record::new(other.began, other), Record::new(at, &turn));
            self.found.add(actor, "an exclusive turn overlaps another turn", one, other);
        }
        let id = TurnId(self.next);
        self.next += 1;
        beside.push(id);
        self.running.insert(id, turn);
        id
    }

    /// A turn has ended. One that was dropped with its activation is not known any more.
    pub fn ended(&mut self, id: TurnId) {
        let Some(turn) = self.running.remove(&id) else { return };
        if let Some(beside) = self.by_activation.get_mut(&turn.activation) {
            beside.retain(|&other| other != id);
            if beside.is_empty() {
                self.by_activation.remove(&turn.activation);
            }
        }
    }

    /// An activation died with the turns that ran.
    pub fn dropped(&mut self, activation: u64) {
        for id in self.by_activation.remove(&activation).unwrap_or_default() {
            self.running.remove(&id);
        }
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

    #[test]
    fn turns_overlap_only_where_both_are_shared() {
        for (first, second, expected) in
            [(false, false, 0), (false, true, 1), (true, false, 1), (true, true, 1)]
        {
            let mut turns = Turns::default();
            let one = turns.began(A, 1, first, at(1));
            turns.began(A, 2, true, at(1));
            let two = turns.began(A, 1, second, at(2));
            assert_eq!(turns.found().count(), expected, "{first} {second}");
            turns.ended(one);
            turns.ended(two);
            turns.began(A, 1, true, at(3));
            assert_eq!(turns.found().count(), expected, "both have ended");
        }
    }

    #[test]
    fn a_dead_activation_is_forgotten() {
        let mut turns = Turns::default();
        let turn = turns.began(A, 1, true, at(1));
        turns.dropped(1);
        turns.ended(turn);
        assert!(turns.running.is_empty() && turns.by_activation.is_empty());
        turns.began(A, 1, true, at(2));
        assert_eq!(turns.found().count(), 0);
    }
}
