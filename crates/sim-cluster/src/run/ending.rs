//! The last part of a run: nothing is asked any more, and what was promised for later comes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tenure_sim::judge::Firing;
use tenure_store::RowKey;

use super::Cluster;
use crate::cast::Who;
use crate::crowd::{FEED_READERS, SUBSCRIBERS};
use crate::ears::Ear;
use crate::verdict;

/// How long it may take until every reminder has come: a node looks for those of others every 30 s, and
/// tries one that fails again after at most a minute.
const REMINDERS_WITHIN: Duration = Duration::from_secs(120);
/// How long followers may take to read to the end.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// How often the ending is looked at.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

impl Cluster {
    /// Waits for reminders, and for followers to read to the end.
    pub(super) fn settle(&mut self) {
        let until = self.sim.now() + REMINDERS_WITHIN;
        while self.sim.now() < until && self.has_reminders() {
            self.advance_to(self.sim.now() + LOOK_PERIOD);
        }
        self.crowd.is_quiet.store(true, Ordering::Relaxed);
        let until = self.sim.now() + ENDS_WITHIN;
        while self.sim.now() < until && !self.have_ended() {
            self.advance_to(self.sim.now() + LOOK_PERIOD);
        }
        if !self.have_ended() {
            let ends = self.crowd.ends.lock();
            let (readers, followed) = (&ends.readers, &ends.subscribers);
            self.stage.odd(&format!(
                "not all who follow could read to the end: these could: {readers:?}, {followed:?}; these did not hear it: {:?}",
                self.deaf()
            ));
        }
    }

    /// Whether some reminder is to come, as far as what is stored says: one that was promised, or one whose
    /// asker never heard of it.
    fn has_reminders(&self) -> bool {
        let disk = self.outer.store.disk();
        let is_stored = |who: &Who| {
            let stored = disk.stored(&who.id()).ok().flatten();
            stored
                .is_some_and(|it| it.rows.iter().any(|row| matches!(row.key, RowKey::Reminder(_))))
        };
        if self.crowd.actors.iter().any(is_stored) {
            return true;
        }
        let rung: BTreeSet<Firing> = self
            .crowd
            .actors
            .iter()
            .flat_map(|&who| verdict::rung(&self.crowd, &disk, who))
            .collect();
        self.stage.tell(|jury| jury.reminders.promised().any(|firing| !rung.contains(&firing)))
    }

    fn have_ended(&self) -> bool {
        let ends = self.crowd.ends.lock();
        let durable = self.crowd.actors.iter().filter(|who| who.role.mode().is_durable()).count();
        ends.readers.len() == FEED_READERS as usize
            && ends.subscribers.len() == durable * SUBSCRIBERS as usize
            && self.deaf().is_empty()
    }

    /// The ears that have not heard the last event of a durable actor.
    fn deaf(&self) -> Vec<String> {
        let disk = self.outer.store.disk();
        let durable = self.ears.iter().filter(|ear| ear.who.role.mode().is_durable());
        let is_deaf = |ear: &&Arc<Ear>| {
            let stored = disk.stored(&ear.who.id()).ok().flatten();
            stored
                .is_some_and(|it| it.log.epoch != 0 && !ear.stands_at(it.log.epoch, it.log.offset))
        };
        durable.filter(is_deaf).map(|ear| ear.explain()).collect()
    }
}
