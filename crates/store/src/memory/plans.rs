use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tenure_types::ActorId;

use crate::StoreError;

/// What goes wrong with a unit. Decided when it is submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitFault {
    /// It is handled as ever and answered `Unknown`.
    UnknownCommitted,
    /// It is not looked at and answered `Unknown`.
    UnknownAbsent,
    /// It is handled as ever and answered after this long. Others do not wait for it.
    Late(Duration),
    /// It is handled as ever and never answered.
    SilentCommitted,
    /// It is not looked at and never answered.
    SilentAbsent,
}

impl UnitFault {
    /// Whether the unit never reaches the disk.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, UnitFault::UnknownAbsent | UnitFault::SilentAbsent)
    }
}

/// What goes wrong with a load. Decided when it is first polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadFault {
    /// It is answered after this long.
    Late(Duration),
    /// It fails.
    Fail(StoreError),
    /// It is never answered.
    Silent,
}

/// Which of a kind of operation go wrong, and how. The next ones come first, then an actor's,
/// then all.
#[derive(Debug)]
pub(super) struct Plan<F> {
    pub(super) next: VecDeque<F>,
    pub(super) actors: BTreeMap<ActorId, F>,
    pub(super) all: Option<F>,
}

impl<F> Default for Plan<F> {
    fn default() -> Self {
        Self { next: VecDeque::new(), actors: BTreeMap::new(), all: None }
    }
}

impl<F: Clone> Plan<F> {
    pub(super) fn take(&mut self, actor: &ActorId) -> Option<F> {
        self.next.pop_front().or_else(|| self.actors.get(actor).or(self.all.as_ref()).cloned())
    }
}

/// Everything that was asked to go wrong.
#[derive(Debug, Default)]
pub(super) struct Plans {
    pub(super) units: Plan<UnitFault>,
    pub(super) loads: Plan<LoadFault>,
    pub(super) batch_delay: Option<Duration>,
    pub(super) open_delay: Option<Duration>,
    /// Whether the next batch fails, and if so whether it is stored all the same.
    pub(super) failing_batch: Option<bool>,
    pub(super) failing_opens: u64,
}
