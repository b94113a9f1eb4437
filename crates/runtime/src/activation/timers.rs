//! The timers of one activation. They end with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tenure_actor::host::{QueuedCall, TimerKey};
use tenure_actor::{Delivery, TimerId};
use tenure_types::Instant;

/// How many timers an activation has at most; further ones are not started.
pub(crate) const TIMERS_MAX: usize = 1_000;
/// Shorter periods are taken for this one: the clock that timers follow is no finer.
pub(crate) const PERIOD_MIN: Duration = Duration::from_millis(1);

/// Timers by their names.
#[derive(Default)]
pub(crate) struct Timers(Option<BTreeMap<TimerId, Timer>>);

/// A timer that runs.
pub(crate) struct Timer {
    pub(crate) period: Duration,
    pub(crate) once: bool,
    pub(crate) delivery: Delivery,
    /// When it fires next.
    pub(crate) due: Instant,
    /// Where the node's wheel has it.
    pub(crate) wish: TimerKey,
    /// The tick that was delivered last.
    pub(crate) last: Option<Weak<dyn QueuedCall>>,
}

impl Timers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The timers, to add to or to look at.
    pub(crate) fn all(&mut self) -> &mut BTreeMap<TimerId, Timer> {
        self.0.get_or_insert_default()
    }

    pub(crate) fn get(&mut self, id: TimerId) -> Option<&mut Timer> {
        self.0.as_mut()?.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: TimerId) -> Option<Timer> {
        let timers = self.0.as_mut()?;
        let timer = timers.remove(&id);
        if timers.is_empty() {
            self.0 = None;
        }
        timer
    }

    /// The timers that run.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TimerId, &Timer)> {
        self.0.iter().flatten()
    }

    /// The ticks that were delivered last, as far as they wait or run.
    pub(crate) fn ticks(&self) -> Vec<Arc<dyn QueuedCall>> {
        self.iter().filter_map(|(_, timer)| timer.last.as_ref()?.upgrade()).collect()
    }

    /// Takes all timers, to be forgotten.
    pub(crate) fn take_all(&mut self) -> Vec<TimerKey> {
        self.0
            .take()
            .into_iter()
            .flat_map(|timers| timers.into_values().map(|it| it.wish))
            .collect()
    }
}
