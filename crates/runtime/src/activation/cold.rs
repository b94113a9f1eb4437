//! What an activation needs only now and then.

use std::sync::Arc;

use tenure_actor::{Cause, Effects};
use tenure_types::Instant;

use super::kept::Kept;
use super::timers::Timers;
use crate::cluster::packed::Moving;
use crate::commit::dirty::Dirty;
use crate::commit::pipeline::Pipeline;
use crate::mailbox::Mailbox;

/// What an activation needs only while calls wait, state is unsaved, or its actor uses more than
/// its state. Made when it is needed, freed when it is empty.
#[derive(Default)]
pub(crate) struct Cold {
    pub(crate) mailbox: Mailbox,
    pub(crate) pipeline: Pipeline,
    /// A task will run the mailbox: nobody else needs to.
    pub(crate) handed_over: bool,
    /// What the running turn leaves.
    pub(crate) effects: Option<Box<Effects>>,
    /// What stands behind the exclusive turn that runs and may suspend.
    pub(crate) running: Option<Arc<Cause>>,
    /// What was acknowledged and not encoded.
    pub(crate) dirty: Option<Box<Dirty>>,
    /// What is kept beside the state.
    pub(crate) kept: Option<Box<Kept>>,
    /// Timers that run.
    pub(crate) timers: Timers,
    /// Work outside of turns that has not ended.
    pub(crate) spawned: u32,
    /// The turn before leaving waits or has run: `#[deactivate]`.
    pub(crate) farewell: bool,
    /// The first turn panicked: nobody who waits is served.
    pub(crate) greeting_failed: bool,
    /// The packed tenure under which it will be live. In a cluster, until it is.
    pub(crate) granted: Option<u64>,
    /// Who waits for it to be packed. In a cluster.
    pub(crate) moving: Option<Box<Moving>>,
    /// Another writer's unit was met. In a cluster.
    pub(crate) overtaken: bool,
    /// It leaves memory, and nobody can call that off. In a cluster.
    pub(crate) leaving: bool,
}

impl Cold {
    pub(crate) fn is_empty(&self) -> bool {
        self.mailbox.is_empty()
            && self.pipeline.is_idle()
            && !self.handed_over
            && self.effects.is_none()
            && self.running.is_none()
            && self.dirty.is_none()
            && self.kept.is_none()
            && self.timers.is_empty()
            && self.spawned == 0
            && !self.farewell
            && !self.greeting_failed
            && self.granted.is_none()
            && self.moving.is_none()
            && !self.overtaken
            && !self.leaving
    }

    /// When the oldest acknowledged turn that is not durable ended.
    pub(crate) fn oldest_unsaved(&self) -> Option<Instant> {
        let dirty = self.dirty.as_ref().map(|dirty| dirty.since);
        dirty.into_iter().chain(self.pipeline.oldest()).min()
    }
}
