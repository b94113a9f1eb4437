//! Which incarnations may commit: what an engine knows of fences where one thread orders everything.

use std::collections::BTreeSet;

use tenure_types::{Incarnation, Planted};

/// Which incarnations may commit. Alone it makes nothing durable: an engine that keeps more than memory
/// writes [`Fences::highest`] before a change counts, and begins [`Fences::after`] it.
#[derive(Clone, Debug, Default)]
pub struct Fences {
    /// The highest that was ever handed out or has joined.
    last: Incarnation,
    /// All below it are fenced: the store was opened as it by one node alone.
    floor: Incarnation,
    /// Those that are open. One that was closed is among them until it is fenced: its number is used.
    live: BTreeSet<Incarnation>,
    /// Those from `floor` on that are fenced, seen or not. A number each for every run of a node
    /// since one opened the store alone.
    fenced: BTreeSet<Incarnation>,
}

impl Fences {
    /// None may commit, and none up to `last` ever will.
    #[must_use]
    pub fn after(last: Incarnation) -> Self {
        let floor = Incarnation(last.0 + 1);
        Self { last, floor, live: BTreeSet::new(), fenced: BTreeSet::new() }
    }

    /// The highest that was ever handed out, has joined or was fenced.
    #[must_use]
    pub fn highest(&self) -> Incarnation {
        self.fenced.last().copied().unwrap_or_default().max(self.last)
    }

    /// Hands out the next incarnation and fences all others.
    pub fn open(&mut self) -> Incarnation {
        // One that was fenced before it was ever handed out is passed over.
        let next = Incarnation(self.highest().0 + 1);
        (self.last, self.floor) = (next, next);
        // Every earlier incarnation is fenced by being below the floor.
        self.fenced.clear();
        self.live = BTreeSet::from([next]);
        next
    }

    /// Hands out the next incarnation for a run that will join as it. Fences nobody.
    pub fn number(&mut self) -> Incarnation {
        self.last = Incarnation(self.highest().0 + 1);
        self.last
    }

    /// Lets `incarnation` commit beside others.
    ///
    /// # Errors
    /// Why it may not; nothing was changed.
    pub fn join(&mut self, incarnation: Incarnation) -> Result<(), Box<str>> {
        if incarnation == Incarnation::default() {
            return Err("incarnations begin above zero".into());
        }
        if let Some(reason) = self.fence_of(incarnation) {
            return Err(reason);
        }
        if !self.live.insert(incarnation) {
            return Err(format!("incarnation {incarnation} is used by another run already").into());
        }
        self.last = self.last.max(incarnation);
        Ok(())
    }

    /// Ends `incarnation` for ever, seen or not.
    pub fn fence(&mut self, incarnation: Incarnation) {
        if Planted::Fence.is_planted() {
            return;
        }
        if incarnation >= self.floor {
            self.fenced.insert(incarnation);
        }
        self.live.remove(&incarnation);
    }

    /// Why `incarnation` can neither load nor commit, if so.
    #[must_use]
    pub fn refusal(&self, incarnation: Incarnation) -> Option<Box<str>> {
        if self.live.contains(&incarnation) {
            return None;
        }
        let never = || format!("incarnation {incarnation} has not joined the store").into();
        Some(self.fence_of(incarnation).unwrap_or_else(never))
    }

    /// Whether what it has written is complete.
    #[must_use]
    pub fn is_over(&self, incarnation: Incarnation) -> bool {
        !self.live.contains(&incarnation)
    }

    /// One that may read, if any ever could.
    #[must_use]
    pub fn reader(&self) -> Option<Incarnation> {
        let last = Some(self.last).filter(|last| *last > Incarnation::default());
        self.live.last().copied().or(last)
    }

    fn fence_of(&self, incarnation: Incarnation) -> Option<Box<str>> {
        if self.fenced.contains(&incarnation) {
            return Some(format!("incarnation {incarnation} was fenced").into());
        }
        let by = self.floor;
        let is_below = incarnation < by;
        is_below.then(|| format!("incarnation {incarnation} was superseded by {by}").into())
    }
}
