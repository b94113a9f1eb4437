use std::collections::BTreeMap;
use std::time::Duration;

use tenure_types::{Incarnation, Instant};

/// A move that was planned.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    pub(super) load: u64,
    pub(super) from: Incarnation,
    pub(super) to: Incarnation,
    pub(super) began: Instant,
    pub(super) is_done: bool,
}

/// The actors that moved lately or are moving: they stay where they are.
#[derive(Clone, Debug)]
pub(super) struct Memory<A> {
    moved: BTreeMap<A, Moved>,
}

impl<A> Default for Memory<A> {
    fn default() -> Self {
        Self { moved: BTreeMap::new() }
    }
}

impl<A: Ord> Memory<A> {
    /// Forgets whoever has moved and rested long enough. A move ends when one of its members is gone.
    pub(super) fn forget(
        &mut self,
        now: Instant,
        rest: Duration,
        is_listed: impl Fn(Incarnation) -> bool,
    ) {
        for moved in self.moved.values_mut() {
            moved.is_done |= !is_listed(moved.from) || !is_listed(moved.to);
        }
        self.moved.retain(|_, moved| !moved.is_done || now.saturating_since(moved.began) < rest);
    }

    pub(super) fn knows(&self, actor: &A) -> bool {
        self.moved.contains_key(actor)
    }

    pub(super) fn remember(&mut self, actor: A, moved: Moved) {
        self.moved.insert(actor, moved);
    }

    pub(super) fn end(&mut self, actor: &A) {
        if let Some(moved) = self.moved.get_mut(actor) {
            moved.is_done = true;
        }
    }

    /// Load, source and target of each move that has not ended.
    pub(super) fn under_way(&self) -> impl Iterator<Item = (u64, Incarnation, Incarnation)> {
        let under_way = self.moved.values().filter(|moved| !moved.is_done);
        under_way.map(|moved| (moved.load, moved.from, moved.to))
    }

    pub(super) fn len(&self) -> usize {
        self.moved.len()
    }
}
